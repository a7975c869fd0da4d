//! What a dead process had in hand.

use super::Manager;
use crate::server::entry::Incarnation;
use crate::server::posts::TaskKey;

/// Connections or tasks that the log names one by one.
const LISTED_MAX: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Served {
    /// Of workers.
    pub sessions: Vec<u64>,
    /// Of task workers.
    pub tasks: Vec<TaskKey>,
    /// Messages to other workers that found no room in time.
    pub unsent: u32,
}

impl Served {
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.tasks.is_empty() && self.unsent == 0
    }

    /// For the log line about its end.
    pub fn describe(&self) -> String {
        let ids: Vec<u64> = self.tasks.iter().map(|task| task.id).collect();
        let mut text = listed("connection", &self.sessions, "is closed", "are closed");
        text += &listed("task", &ids, "is lost", "are lost");
        if self.unsent > 0 {
            let unsent = self.unsent;
            text += &format!("; {unsent} messages to other workers that found no room are lost");
        }
        text
    }
}

fn listed(what: &str, ids: &[u64], one: &str, many: &str) -> String {
    match ids {
        [] => String::new(),
        [id] => format!("; it was serving {what} {id}, which {one}"),
        ids if ids.len() <= LISTED_MAX => format!("; it was serving {what}s {ids:?}, which {many}"),
        ids => format!("; it was serving {} {what}s, which {many}", ids.len()),
    }
}

impl Manager {
    /// Tells who waits for a task of a dead task worker that there will be no result.
    pub(super) fn tell_askers(&self, who: Incarnation, tasks: &[TaskKey]) {
        for task in tasks {
            self.context.tell_lost(task, who.lane());
        }
    }
}
