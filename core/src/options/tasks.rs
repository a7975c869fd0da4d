//! Settings of task workers.

use std::path::PathBuf;

use super::settings::{MAX_WORKERS, WORKERS_PER_CPU, adjusted};
use super::{Env, Warning};
use crate::error::Error;

/// How tasks reach task workers (`task_ipc_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskIpc {
    /// Shared memory.
    #[default]
    Memory,
    /// A System V message queue.
    Queue,
    /// The same, and each task is for whoever is free.
    SharedQueue,
}

/// Task workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSettings {
    /// 0 is none.
    pub worker_num: u32,
    pub ipc: TaskIpc,
    /// As `max_request`, of task workers.
    pub max_request: u32,
    pub max_request_grace: u32,
    /// For what does not fit into a System V message.
    pub tmpdir: PathBuf,
    pub enable_coroutine: bool,
    /// onTask gets an object.
    pub object: bool,
    /// 0 is a queue without a key.
    pub message_queue_key: i64,
}

impl TaskSettings {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.enable_coroutine && self.ipc != TaskIpc::Memory {
            return Err(Error::option(
                "task_ipc_mode",
                if self.ipc == TaskIpc::Queue { "2" } else { "3" }.to_owned(),
                "it must be 1 with task_enable_coroutine: cannot use msgqueue when `task_enable_coroutine` is enable",
            ));
        }
        Ok(())
    }
}

pub(super) fn resolve_task_workers(given: u32, env: &Env, warnings: &mut Vec<Warning>) -> u32 {
    let cpus = env.cpu_num.max(1);
    let most = cpus.saturating_mul(WORKERS_PER_CPU).min(MAX_WORKERS);
    if given > most {
        let text = format!(
            "option [task_worker_num] is {given}: too many processes for {cpus} CPUs, {most} are started"
        );
        adjusted(warnings, "task_worker_num", text);
    }
    given.min(most)
}
