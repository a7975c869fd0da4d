//! A task worker: takes tasks, its own and those that are for anybody, one at a time, or in coroutines as
//! many as there may be.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::context::Context;
use super::entry::{self, Incarnation, RequestLimit};
use super::farewell::{REST_MS, farewell};
use super::handler::{EventHandler, Outcome};
use super::incoming::{Arrived, key_of};
use super::posts::To;
use super::server_loop::{ServerLoop, between_turns};
use super::shared::{Shared, WorkerState};
use super::start::{LISTENER_TOKEN, Signals};
use super::tasks::TMPFILE;
use crate::error::Error;
use crate::ipc::message::{Header, Kind};
use crate::log;
use crate::options::TaskIpc;
use crate::reactor::clock;
use crate::sys::queue_receiver::QueueReceiver;

struct TaskWorker {
    context: Rc<Context>,
    who: Incarnation,
    server_loop: ServerLoop,
    limit: RequestLimit,
    /// With `task_ipc_mode` 2 and 3.
    receiver: Option<QueueReceiver>,
    /// When a worker that was told to stop waits no longer, monotonic milliseconds.
    rest_by_ms: Option<u64>,
}

/// Runs a task worker until it stops; answers the exit status of its process.
pub(super) fn run(
    shared: &Arc<Shared>,
    handler: &Rc<dyn EventHandler>,
    who: Incarnation,
    signals: Signals,
) -> Result<i32, Error> {
    entry::ignore_others()?;
    entry::drop_privileges(shared)?;
    let context = entry::enter(shared, handler, who, None)?;
    let server_loop = ServerLoop::enter(signals, &shared.worker_bells[who.lane()])?;
    let receiver = start_receiver(shared, who)?;
    if let Some(receiver) = &receiver {
        server_loop.watch(receiver.fd(), LISTENER_TOKEN)?;
    }
    let mut worker = TaskWorker {
        context,
        who,
        server_loop,
        limit: RequestLimit::of_tasks(shared),
        receiver,
        rest_by_ms: None,
    };
    worker.run()
}

fn start_receiver(shared: &Shared, who: Incarnation) -> Result<Option<QueueReceiver>, Error> {
    let Some(queue) = &shared.task_queue else {
        return Ok(None);
    };
    let index = who.worker_id as usize - shared.event_workers();
    let kind = match shared.settings.task.ipc {
        TaskIpc::SharedQueue => 0,
        _ => index as i64 + 1,
    };
    Ok(Some(QueueReceiver::start_of(queue, kind)?))
}

impl TaskWorker {
    fn run(&mut self) -> Result<i32, Error> {
        let id = self.who.worker_id;
        let context = Rc::clone(&self.context);
        context.note(context.handler.on_worker_start(id));
        while self.goes_on() {
            context.mail.flush();
            let busy = self.serve_one();
            if self.server_loop.is_signalled() {
                self.context.on_signals(&self.server_loop);
            }
            self.check_stop();
            if !self.goes_on() {
                break;
            }
            if busy {
                self.server_loop.glance()?;
                context.note_end(&self.server_loop);
            } else {
                self.sleep()?;
            }
        }
        self.end_receiver();
        let mut failed = None;
        let status = context.retire(self.who, || failed = self.finish().err());
        failed.map_or(Ok(status), Err)
    }

    /// Without coroutines nobody waits for timers: tasks that are done have nothing left to finish.
    fn finish(&self) -> Result<(), Error> {
        let settings = self.context.settings();
        if settings.task.enable_coroutine || self.context.mail.has_backlog() {
            return farewell(&self.context, self.who, &self.server_loop);
        }
        if self.server_loop.has_work(settings) {
            let exit = between_turns(|| self.context.handler.on_worker_exit(self.who.worker_id));
            self.context.note(exit);
        }
        Ok(())
    }

    fn goes_on(&self) -> bool {
        let rest = self
            .rest_by_ms
            .is_none_or(|by_ms| clock::monotonic_ms() < by_ms);
        !self.context.stop.get()
            || (self.context.end_status.get().is_none()
                && ((self.context.is_open() && rest) || self.drains()))
    }

    /// Whether the server ends: then there is no successor, and what was accepted is done first. The manager
    /// limits the time.
    fn drains(&self) -> bool {
        self.context.is_shutting_down() && self.context.has_posts()
    }

    /// Takes one message and runs user code for it; answers whether there was one. A worker that was told to
    /// stop only takes the rest of what it has begun.
    fn serve_one(&self) -> bool {
        if self.context.stop.get() && !self.drains() {
            return self.context.is_open() && self.serve_own();
        }
        if self.context.is_full() {
            return false;
        }
        self.context.serve_batch(&self.context.incoming.sources, 1) || self.serve_queued()
    }

    fn serve_own(&self) -> bool {
        let own = [To::Worker(self.who.worker_id as usize)];
        let taken = self.context.take_message(&own);
        if let Some(arrived) = taken {
            self.context.serve_arrived(arrived);
            return true;
        }
        false
    }

    // ---- the System V queue ----

    fn serve_queued(&self) -> bool {
        let Some(receiver) = &self.receiver else {
            return false;
        };
        receiver.ask();
        match receiver.take() {
            Some(Ok(bytes)) => {
                self.serve_message(&bytes);
                true
            }
            Some(Err(errno)) => {
                log::error(format_args!(
                    "the message queue of tasks cannot be read: {errno}; was it removed? the task worker ends"
                ));
                self.context.stop.set(true);
                if !self.context.is_shutting_down() {
                    // Its successors find nothing better: they are to come slower and slower.
                    self.context.note(Outcome::EndProcess { status: 1 });
                }
                true
            }
            None => false,
        }
    }

    /// Whoever else writes into the queue uses `Task::pack()`, which makes the same bytes.
    fn serve_message(&self, bytes: &[u8]) {
        let (mut header, kind, data) = match Header::read(bytes) {
            Ok(read) => read,
            Err(error) => {
                return log::warning(format_args!(
                    "a message of the queue of tasks is dropped: {error}; make such messages with Swoole\\Server\\Task::pack()"
                ));
            }
        };
        if kind != Kind::Task {
            return log::warning(format_args!(
                "a message {kind:?} of the queue of tasks is dropped: it is no task"
            ));
        }
        if header.asker_epoch != self.context.shared.run {
            // Left by an earlier server: who asked is gone, and others have its places by now.
            header.source = u16::MAX;
        }
        let key = key_of(&header);
        let serving = self.context.begin_serving(key.pack());
        let data = if header.port & TMPFILE == 0 {
            data.to_vec()
        } else {
            header.port &= !TMPFILE;
            match read_file(data) {
                Ok(data) => data,
                Err(error) => {
                    log::warning(format_args!("task {} is lost: {error}", header.session_id));
                    let taken = &self.context.shared.global.tasks_taken;
                    taken.fetch_add(1, Relaxed);
                    self.context.tell_lost(&key, self.who.lane());
                    return self.context.end_serving(serving);
                }
            }
        };
        self.context.serve_arrived(Arrived {
            header,
            kind,
            data,
            serving: Some(serving),
        });
    }

    /// What the receiver has taken goes back: it is not lost.
    fn end_receiver(&mut self) {
        let Some(receiver) = self.receiver.take() else {
            return;
        };
        let index = self.who.worker_id as usize - self.context.shared.event_workers();
        if let (Some(Ok(bytes)), Some(queue)) = (receiver.end(), &self.context.shared.task_queue)
            && let Err(errno) = queue.push(
                index as i64 + 1,
                &bytes,
                crate::sys::message_queue::Wait::No,
            )
        {
            log::error(format_args!(
                "a task is lost: it cannot go back into the message queue: {errno}"
            ));
        }
    }

    // ---- waiting ----

    fn sleep(&self) -> Result<(), Error> {
        let shared = &self.context.shared;
        let bell = &shared.worker_bells[self.who.lane()];
        let record = &shared.workers[self.who.worker_id as usize];
        let takes = !self.context.stop.get() && !self.context.is_full();
        if takes {
            // One that takes nothing must not be woken for what others could take.
            bell.prepare_sleep();
        }
        let has_posts = takes && self.context.has_posts();
        if !has_posts && (self.context.stop.get() || !self.context.is_asked_to_stop(self.who)) {
            record.set_state(WorkerState::Idle);
            let limit = self.rest_by_ms.map(|_| Duration::from_millis(10));
            let waited = self.server_loop.wait(limit, |_| {});
            record.set_state(WorkerState::Busy);
            bell.awake();
            waited?;
            self.server_loop.run_ready();
            self.context.note_end(&self.server_loop);
        } else {
            bell.awake();
        }
        Ok(())
    }

    fn check_stop(&mut self) {
        self.context.check_stop(self.who, &self.limit);
        if self.context.stop.get() && self.rest_by_ms.is_none() {
            self.rest_by_ms = Some(clock::monotonic_ms() + REST_MS);
        }
    }
}

/// The data of a large task, and the end of its file.
fn read_file(name: &[u8]) -> Result<Vec<u8>, Error> {
    let name = String::from_utf8_lossy(name).into_owned();
    let data = std::fs::read(&name)
        .map_err(|error| Error::os("read the data of a task", name.as_str(), &error))?;
    // It was read: that it cannot be removed is no reason to lose the task.
    let _ = std::fs::remove_file(&name);
    Ok(data)
}
