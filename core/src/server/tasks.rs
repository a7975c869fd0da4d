//! What the methods about tasks and messages between workers do.

use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::context::Context;
use super::handler::{Event, Role, TaskRef};
use super::incoming::{COROUTINE, NONBLOCK, NOREPLY, now_s};
use super::info::{StatValue, int};
use super::posts::{TaskKey, To, low_bits};
use super::shared::{WorkerRecord, WorkerState};
use crate::error::{Error, codes};
use crate::ipc::message::{Header, Kind};
use crate::log::{self, Level};
use crate::options::TaskIpc;
use crate::sys::Errno;
use crate::sys::message_queue::{MessageQueue, Wait};

/// `SWOOLE_TASK_TMPFILE`: the data is the name of a file with the data.
pub(super) const TMPFILE: u16 = 1;
/// The largest message of a System V queue, by the kernel's default limit (`kernel.msgmax`).
pub(super) const QUEUE_MESSAGE_BYTES: usize = 8192;
/// How long to sleep before looking at a full queue again.
const QUEUE_RETRY: Duration = Duration::from_millis(2);

impl Context {
    /// How many task workers there are.
    #[must_use]
    pub fn task_worker_num(&self) -> u32 {
        self.settings().task.worker_num
    }

    /// Sends a task to a task worker (counted from 0; `None`: whichever is free). `flags` are
    /// `SWOOLE_TASK_*`. Answers the number of the task.
    pub fn task(&self, data: &[u8], flags: u16, worker: Option<u32>) -> Result<u64, Error> {
        let id = self.mail.next_task();
        let header = self.mail.header(Kind::Task, id, data.len(), flags);
        self.warn_if_none_is_idle();
        // Before it is sent: it may be taken at once.
        self.shared.global.tasks.fetch_add(1, Relaxed);
        let sent = match &self.shared.task_queue {
            Some(queue) => self.push_to_queue(queue, header, data, worker),
            None => self.post_task(header, data, worker),
        };
        if sent.is_err() {
            self.shared.global.tasks.fetch_sub(1, Relaxed);
        }
        sent.map(|()| id)
    }

    fn post_task(&self, header: Header, data: &[u8], worker: Option<u32>) -> Result<(), Error> {
        let Some(posts) = &self.shared.posts else {
            return Err(no_task_workers());
        };
        let to = match worker {
            Some(index) => To::Worker(self.shared.event_workers() + index as usize),
            // All of its parts must come to the same one.
            None if !self.mail.fits_in_one(posts, data.len()) => {
                To::Worker(self.mail.choose_task_worker(posts))
            }
            None => To::AnyTaskWorker,
        };
        self.mail
            .post(to, header, data, || self.while_waiting_for_room())
    }

    /// What goes on while this process waits for room: it takes what others send to it, or two would wait for
    /// each other.
    fn while_waiting_for_room(&self) {
        if let Some(local) = &self.local {
            local.take_in(&self.shared);
        }
        self.take_in_posts();
    }

    /// Log readers look for this, once in a second at most.
    fn warn_if_none_is_idle(&self) {
        let workers = self.shared.task_workers();
        let is_free = |w: &WorkerRecord| {
            // One that is about to start will be.
            w.state() == WorkerState::Idle || w.pid.load(Relaxed) == 0
        };
        if workers.iter().any(is_free) {
            return;
        }
        let global = self.shared.global;
        let now = now_s().max(1);
        if global.no_idle_s.swap(now, Relaxed) != now {
            log::coded(
                Level::Warning,
                "Server::timer_callback()",
                codes::SERVER_NO_IDLE_WORKER,
                "No idle task worker is available",
            );
        }
    }

    // ---- System V queues ----

    fn push_to_queue(
        &self,
        queue: &MessageQueue,
        mut header: Header,
        data: &[u8],
        worker: Option<u32>,
    ) -> Result<(), Error> {
        let count = self.task_worker_num().max(1);
        let index =
            worker.unwrap_or_else(|| self.shared.global.task_round.fetch_add(1, Relaxed) % count);
        let kind = match self.settings().task.ipc {
            TaskIpc::SharedQueue => 1,
            _ => i64::from(index) + 1,
        };
        header.asker_epoch = self.shared.run;
        let whole = [header.as_bytes(), data].concat();
        if whole.len() <= QUEUE_MESSAGE_BYTES {
            return self.push_message(queue, kind, &whole);
        }
        let path = self.write_to_file(data)?;
        header.port |= TMPFILE;
        header.len = path.len() as u32;
        let named = [header.as_bytes(), path.as_bytes()].concat();
        let sent = self.push_message(queue, kind, &named);
        if sent.is_err() {
            // Nobody else knows of it.
            let _ = std::fs::remove_file(&path);
        }
        sent
    }

    fn write_to_file(&self, data: &[u8]) -> Result<String, Error> {
        let folder = &self.settings().task.tmpdir;
        let failed = |error: std::io::Error| {
            Error::os(
                "write a task to task_tmpdir",
                folder.display().to_string(),
                &error,
            )
        };
        let file = tempfile::Builder::new()
            .prefix("swoole.task.")
            .tempfile_in(folder)
            .map_err(failed)?;
        file.as_file().write_all(data).map_err(failed)?;
        let (_, path) = file.keep().map_err(|error| failed(error.error))?;
        Ok(path.display().to_string())
    }

    fn push_message(&self, queue: &MessageQueue, kind: i64, bytes: &[u8]) -> Result<(), Error> {
        let (waited, pushed) = self.push_waiting(queue, kind, bytes);
        if waited {
            // What was taken in meanwhile and has to wait for the event loop: it looks once more.
            self.mail.bell().force();
        }
        pushed
    }

    /// Answers also whether it had to wait.
    fn push_waiting(
        &self,
        queue: &MessageQueue,
        kind: i64,
        bytes: &[u8],
    ) -> (bool, Result<(), Error>) {
        let limit = Duration::from_millis(self.settings().send_timeout_ms);
        let start = Instant::now();
        let mut waited = false;
        let pushed = loop {
            match queue.push(kind, bytes, Wait::No) {
                Ok(()) => break Ok(()),
                Err(Errno::EAGAIN) if start.elapsed() < limit => {
                    waited = true;
                    self.while_waiting_for_room();
                    std::thread::sleep(QUEUE_RETRY);
                }
                Err(Errno::EAGAIN) => {
                    break Err(Error::MessageNotTaken {
                        len: bytes.len() as u64,
                        waited_ms: limit.as_millis() as u64,
                    });
                }
                Err(errno) => {
                    break Err(Error::os(
                        "put a task into the message queue",
                        format!("queue {}", queue.id()),
                        &errno.into(),
                    ));
                }
            }
        };
        (waited, pushed)
    }

    // ---- results ----

    /// Sends the result of a task to the process that asked for it. `flags`: `SWOOLE_TASK_SERIALIZE` or 0.
    pub fn finish_task(&self, task: &TaskRef, data: &[u8], flags: u16) -> Result<(), Error> {
        if task.flags & NOREPLY != 0 {
            return Err(Error::WrongProcess(
                "Server::finish() can only be used in the worker process".to_owned(),
            ));
        }
        let kept = task.flags & !2;
        let mut header = self
            .mail
            .header(Kind::Finish, task.id, data.len(), kept | flags);
        header.asker_epoch = low_bits(task.epoch);
        let lane = usize::from(task.source);
        let is_gone = lane / 2 >= self.shared.event_workers();
        if is_gone
            || (self.is_shutting_down() && self.worker_pid(lane as u32 / 2).unwrap_or(0) == 0)
        {
            // It has no successor any more, or was a worker of another server.
            return Err(Error::WorkerTerminated {
                worker_id: task.worker_id,
            });
        }
        let is_awaited = task.flags & COROUTINE != 0 || task.flags & NONBLOCK == 0;
        let to = if !is_awaited {
            To::Worker(lane / 2)
        } else if self.shared.is_alive(lane, header.asker_epoch) {
            To::Lane(lane)
        } else {
            return Err(Error::WorkerTerminated {
                worker_id: task.worker_id,
            });
        };
        let sent = self
            .mail
            .post(to, header, data, || self.while_waiting_for_room());
        if let Err(Error::MessageNotTaken { .. }) = sent {
            log::coded(
                Level::Warning,
                "Server::finish()",
                codes::SERVER_SEND_TO_WOKER_TIMEOUT,
                "send result to worker timed out",
            );
        }
        sent
    }

    /// Tells who waits for a task that there will be no result. `from` is the lane of the task worker.
    pub(super) fn tell_lost(&self, task: &TaskKey, from: usize) {
        let lane = usize::from(task.source);
        if !task.is_awaited || !self.shared.is_alive(lane, task.epoch_bits) {
            return;
        }
        let flags = if task.in_coroutine { COROUTINE } else { 0 };
        let mut header = self.mail.header(Kind::TaskLost, task.id, 0, flags);
        header.source = from as u16;
        header.asker_epoch = task.epoch_bits;
        if let Err(error) = self.mail.post(To::Lane(lane), header, &[], || {}) {
            log::warning(format_args!(
                "nobody can be told that task {} is lost: {error}",
                task.id
            ));
        }
    }

    /// Sends a message of user code to a worker or task worker. `flags`: `SWOOLE_TASK_SERIALIZE` or 0.
    pub fn send_message(&self, data: &[u8], flags: u16, worker_id: u32) -> Result<(), Error> {
        if self.shared.posts.is_none() || !self.has_worker(i64::from(worker_id)) {
            return Err(Error::InvalidWorkerId {
                given: i64::from(worker_id),
                last: self.shared.core_workers() as u32 - 1,
            });
        }
        let id = self.mail.next_task();
        let header = self.mail.header(Kind::PipeMessage, id, data.len(), flags);
        let to = To::Worker(worker_id as usize);
        self.mail
            .post(to, header, data, || self.while_waiting_for_room())
    }

    /// Whether user code listens to an event that is sent between processes.
    #[must_use]
    pub fn listens_to(&self, event: Event) -> bool {
        self.shared.listens.to(event)
    }

    /// Whether a worker or task worker has this number.
    #[must_use]
    pub fn has_worker(&self, worker_id: i64) -> bool {
        usize::try_from(worker_id).is_ok_and(|id| id < self.shared.core_workers())
    }

    /// At the end of the server: says so if tasks were not done. Those in a queue with a key stay there.
    pub(super) fn tell_left_tasks(&self) {
        let global = self.shared.global;
        let left = global
            .tasks
            .load(Relaxed)
            .saturating_sub(global.tasks_taken.load(Relaxed));
        let stays = self.shared.task_queue.is_some() && self.settings().task.message_queue_key != 0;
        if left > 0 && !stays {
            log::notice(format_args!(
                "the server ends with {left} tasks that no task worker has begun; raise max_wait_time to have more done"
            ));
        }
    }

    /// Whether results of tasks come to this process.
    #[must_use]
    pub fn gets_results(&self) -> bool {
        matches!(self.role, Role::Worker { .. }) && !self.is_copy()
    }

    /// What `stats()` tells of tasks, but for who is idle.
    pub(super) fn task_stats(&self) -> Vec<(&'static str, StatValue)> {
        let global = self.shared.global;
        let mut stats = Vec::new();
        if let Some(queue) = &self.shared.task_queue
            && let Ok(queued) = queue.stats()
        {
            stats.push(("task_queue_num", int(queued.messages)));
            stats.push(("task_queue_bytes", int(queued.bytes)));
        }
        if self.task_worker_num() > 0 {
            let (all, taken) = (global.tasks.load(Relaxed), global.tasks_taken.load(Relaxed));
            stats.push(("tasking_num", int(all.saturating_sub(taken))));
            stats.push(("task_count", int(all)));
        }
        stats
    }
}

fn no_task_workers() -> Error {
    Error::OperationNotSupport(
        "this server has no task workers: set the option task_worker_num".to_owned(),
    )
}
