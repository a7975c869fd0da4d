//! Replacing the workers of a running server.

use super::Manager;
use crate::log;

impl Manager {
    pub(super) fn reload_task_workers(&mut self) {
        let slots = self.shared.event_workers()..self.shared.core_workers();
        if slots.is_empty() {
            return log::warning(format_args!(
                "cannot reload task workers, task workers is not started"
            ));
        }
        self.begin_reload_of(slots, "task workers");
    }

    /// Processes of user code stay: they know best when to end.
    pub(super) fn begin_reload(&mut self) {
        self.begin_reload_of(0..self.shared.core_workers(), "all workers");
    }

    fn begin_reload_of(&mut self, slots: std::ops::Range<usize>, what: &str) {
        if self.shutting_down {
            return;
        }
        if self.reload.active {
            return log::notice(format_args!(
                "the server is reloading already; this request is taken as part of it"
            ));
        }
        log::info(format_args!("Server is reloading {what} now"));
        self.reload.active = true;
        self.context.note(self.handler.on_before_reload());
        self.reload.waiting = slots.collect();
        self.advance_reload();
    }

    /// Tells the next workers to stop: all at once with `reload_async`, else one after the other.
    pub(super) fn advance_reload(&mut self) {
        if !self.reload.active {
            return;
        }
        let slots = &self.slots;
        self.reload
            .replacing
            .retain(|(index, epoch)| slots[*index].epoch == *epoch);
        let at_once = self.shared.settings.reload_async;
        while at_once || self.reload.replacing.is_empty() {
            let Some(index) = self.reload.waiting.pop_front() else {
                break;
            };
            if self.slots[index].pid > 0 {
                self.reload.replacing.push((index, self.slots[index].epoch));
                self.stop(index);
            }
        }
        if self.reload.waiting.is_empty() && self.reload.replacing.is_empty() {
            self.reload.active = false;
            self.context.note(self.handler.on_after_reload());
        }
    }
}
