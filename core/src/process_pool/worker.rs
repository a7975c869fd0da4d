//! A worker: user code's callbacks around a loop that takes messages and turns the event loop.
//!
//! Without coroutines one message is served at a time, and user code may run an event loop to its end
//! inside of a callback; so nothing of the pool is watched by callbacks of the loop, and what became ready
//! meanwhile is looked at again afterwards. With coroutines the loop runs until nothing is left in it.

use std::rc::Rc;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};

use super::source::Source;
use super::wiring::Wiring;
use super::{Flow, Handler, Pool, Role};
use crate::error::Error;
use crate::log;
use crate::reactor::{EventLoop, event_loop};
use crate::shm::atomic;
use crate::sys::process;
use crate::sys::signal::Signal;

/// How long clients that are sending or reading when a worker is told to end keep it.
const CLIENTS_LINGER: Duration = Duration::from_secs(1);
/// Messages in a row have the event loop look around this often.
const BETWEEN_TURNS: Duration = Duration::from_millis(1);
/// When no message can be taken now.
const FULL_PAUSE: Duration = Duration::from_millis(1);

/// Everything from the fork on.
pub(super) fn run(pool: &Pool, handler: &dyn Handler, worker_id: u32) -> ! {
    let own = process::getpid();
    // Set before the look at the parent, so that its end is not missed.
    if let Err(error) = process::set_parent_death_signal(Signal::KILL) {
        log::warning(format_args!(
            "worker#{worker_id} may outlive its master: {error}"
        ));
    }
    if process::getppid().as_raw() != pool.master_pid() {
        process::exit_now(0);
    }
    pool.role.set(Role::Worker(worker_id));
    pool.running.set(true);
    if let Some(record) = pool.workers.get(worker_id as usize) {
        record.pid.store(own.as_raw(), Release);
    }
    log::set_identity(log::Flag::Worker, worker_id);
    while pool.control.open.load(Acquire) == 0 {
        // However this ends, the word tells.
        let _ = atomic::futex_wait(&pool.control.open, 0, None);
    }
    let mut status = 0;
    if handler.on_worker_start(worker_id) == Flow::Go {
        let mut worker = Worker {
            pool,
            handler,
            worker_id,
            wiring: Wiring::new(&[]),
            source: Source::None,
            turned: Instant::now(),
            exits: false,
        };
        if let Err(error) = worker.work() {
            log::error(format_args!(
                "worker#{worker_id} of the process pool ends: {error}"
            ));
            status = 1;
        }
    }
    pool.running.set(false);
    if let Some(event_loop) = event_loop::existing() {
        // Nobody turns it any more: what user code sends now is sent at once, or waits for room.
        event_loop.set_running(false);
    }
    handler.on_worker_stop(worker_id);
    event_loop::discard();
    handler.end(status)
}

struct Worker<'a> {
    pool: &'a Pool,
    handler: &'a dyn Handler,
    worker_id: u32,
    wiring: Wiring,
    source: Source,
    turned: Instant,
    /// User code wants the loop to end.
    exits: bool,
}

impl Worker<'_> {
    /// Until the worker is told to end or has nothing to do any more.
    fn work(&mut self) -> Result<(), Error> {
        let settings = self.pool.settings();
        if !settings.takes_messages && !settings.coroutines {
            return Ok(());
        }
        self.catch_signals();
        if settings.takes_messages {
            self.source = Source::open(self.pool)?;
        }
        while self.pool.running.get() && self.step()? {}
        if let Some(last) = self.source.stop()
            && hand_over(self.pool, self.handler, false, &last).0 == Flow::End
        {
            return Ok(());
        }
        if settings.coroutines {
            self.finish()
        } else {
            self.finish_clients()
        }
    }

    /// User code's own handlers, set when the worker was started, stay.
    fn catch_signals(&mut self) {
        self.wiring = Wiring::new(&[Signal::TERM, Signal::INT, Signal::WINCH, Signal::rtmin()]);
        self.wiring.leave_out_handled();
    }

    /// The event loop, with what is ours in it; None: user code has ended the process, or the loop.
    fn event_loop(&mut self) -> Result<Option<Rc<EventLoop>>, Error> {
        let (event_loop, is_new) = self.wiring.event_loop()?;
        if is_new {
            // With coroutines user code must not run the loop a second time.
            event_loop.set_running(self.pool.settings().coroutines);
            self.source
                .register(&event_loop)
                .map_err(|error| Error::os("epoll_ctl", "a worker of a process pool", &error))?;
        }
        if is_new || self.wiring.has_turned(&event_loop) {
            self.source.look_at_all();
        }
        let goes_on = event_loop.ended().is_none() && !self.exits;
        Ok(goes_on.then_some(event_loop))
    }

    /// At most one message, and one turn. False: nothing is left to do.
    fn step(&mut self) -> Result<bool, Error> {
        let Some(event_loop) = self.event_loop()? else {
            return Ok(false);
        };
        let coroutines = self.pool.settings().coroutines;
        if coroutines && self.handler.is_full() {
            self.turn(&event_loop, Some(FULL_PAUSE))?;
            return Ok(true);
        }
        let served = self.serve_one(&event_loop)?;
        if served == Some(Flow::End) {
            return Ok(false);
        }
        let Some(event_loop) = self.event_loop()? else {
            return Ok(false);
        };
        if !self.pool.running.get() {
            return Ok(true);
        }
        if coroutines && self.source.is_none() && !event_loop.has_work() {
            return Ok(false);
        }
        let limit = if served.is_none() {
            self.source.patience()
        } else if self.turned.elapsed() < BETWEEN_TURNS {
            return Ok(true);
        } else {
            Some(Duration::ZERO)
        };
        self.turn(&event_loop, limit)?;
        Ok(true)
    }

    /// None: there is no message.
    fn serve_one(&mut self, event_loop: &EventLoop) -> Result<Option<Flow>, Error> {
        let has_client = self.source.has_client();
        let Some(message) = self.source.take(event_loop)? else {
            return Ok(None);
        };
        let (flow, reply) = hand_over(self.pool, self.handler, has_client, &message);
        drop(message);
        if let Some(reply) = reply {
            let event_loop = event_loop::current()
                .map_err(|error| Error::os("make", "an event loop", &error))?;
            self.source.answer(&event_loop, &reply);
        }
        Ok(Some(flow))
    }

    fn turn(&mut self, event_loop: &EventLoop, limit: Option<Duration>) -> Result<(), Error> {
        let source = &mut self.source;
        let turned = self
            .wiring
            .turn(event_loop, limit, |token| source.note(token));
        self.turned = Instant::now();
        // Without coroutines there is no loop to exit from.
        if event_loop.take_exit() && self.pool.settings().coroutines {
            self.exits = true;
        }
        if self.wiring.came.stop.take() {
            self.pool.running.set(false);
        }
        if self.wiring.came.reopen.take() {
            super::reopen_log();
        }
        turned.map_err(|error| Error::os("epoll_wait", "a worker of a process pool", &error))
    }

    /// Told to end: what is under way in the loop comes to its end first. How long that may take is the
    /// master's to limit.
    fn finish(&mut self) -> Result<(), Error> {
        loop {
            let Some(event_loop) = self.event_loop()? else {
                return Ok(());
            };
            self.handler.on_worker_exit(self.worker_id);
            if event_loop.ended().is_some() || !event_loop.has_work_to_finish() {
                return Ok(());
            }
            self.turn(&event_loop, None)?;
        }
    }

    /// Told to end: clients that are in the middle of a message, or of an answer, are not cut off at once.
    fn finish_clients(&mut self) -> Result<(), Error> {
        let until = Instant::now() + CLIENTS_LINGER;
        while !self.source.is_idle() {
            let left = until.saturating_duration_since(Instant::now());
            let Some(event_loop) = self.event_loop()?.filter(|_| !left.is_zero()) else {
                return Ok(());
            };
            match self.serve_one(&event_loop)? {
                Some(Flow::End) => return Ok(()),
                Some(Flow::Go) => {}
                None => self.turn(&event_loop, Some(left))?,
            }
        }
        Ok(())
    }
}

/// Has user code serve a message; also gives the answer for the client, if there is one.
fn hand_over(
    pool: &Pool,
    handler: &dyn Handler,
    has_client: bool,
    message: &[u8],
) -> (Flow, Option<Vec<u8>>) {
    pool.reply.replace(has_client.then(Vec::new));
    let flow = handler.on_message(message);
    (flow, pool.reply.take())
}
