//! Running a pool: the start, and user code's callbacks.

use super::super::callback::{self, Callback, Pending, Spawned};
use super::super::convert::{set_bool, set_bytes, set_long, set_object};
use super::super::coroutine;
use super::super::event_loop as php_loop;
use super::super::ffi::*;
use super::super::method::{Frame, Stop, parse, protect, trampolines};
use super::super::process::child;
use super::super::properties;
use super::{CURRENT, Event, NEEDS_PIPES, POOL, Pool, Property, state, warning};
use std::rc::Rc;
use swoole_core::error::{self, codes};
use swoole_core::log;
use swoole_core::options;
use swoole_core::process_pool::{Flow, Handler, Ipc};
use swoole_core::reactor::event_loop;
use swoole_core::sys::SysError;
use swoole_core::sys::process::{Forked, getpid};

trampolines! {
    start => do_start;
}

fn do_start(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let pool = state(frame)?;
    if pool.core.is_started() {
        return Err(warning("process pool is started"));
    }
    if let Some(code) = refuse_start(&pool)? {
        error::set_last(code);
        set_bool(place, false);
        return Ok(());
    }
    let was_running = event_loop::existing().is_some_and(|event_loop| event_loop.is_running());
    let coroutines = options::process().enable_coroutine;
    let former = CURRENT.with_borrow_mut(|current| current.replace(Rc::clone(&pool)));
    let user = UserCode {
        pool: &pool,
        object: frame.this(),
    };
    set_coroutines(false);
    let result = pool.core.run(&user);
    set_coroutines(coroutines);
    CURRENT.with_borrow_mut(|current| *current = former);
    if !was_running {
        // What user code has left in the master's loop was for the time of the pool.
        php_loop::discard();
        coroutine::loop_ended(true);
    }
    php_loop::hand_over()?;
    if let Err(error) = result {
        error::set_last(error.code());
        return Err(Stop::Warning(format!("the process pool ended: {error}")));
    }
    Ok(())
}

/// Whether callbacks of the loop run in coroutines in this process.
fn set_coroutines(on: bool) {
    options::change_process(|settings| settings.enable_coroutine = on);
}

/// A code: the pool does not start, which the log says.
fn refuse_start(pool: &Pool) -> Result<Option<i32>, Stop> {
    let settings = pool.core.settings();
    let has = |event| pool.callback(event).is_some();
    child::refuse_in_coroutine()?;
    if settings.bus && pool.core.ipc() != Ipc::Pipes {
        log::warning(
            "not support, ipc_mode must be SW_IPC_UNIXSOCK: enable_message_bus sends through pipes",
        );
        return Ok(Some(codes::OPERATION_NOT_SUPPORT));
    }
    if !has(Event::WorkerStart) && !has(Event::Message) {
        if settings.coroutines {
            return Err(Stop::Fatal("require 'onWorkerStart' callback".to_owned()));
        }
        if pool.core.ipc() != Ipc::None {
            return Err(Stop::Fatal("require 'onMessage' callback".to_owned()));
        }
    }
    if has(Event::WorkerExit) && !settings.coroutines {
        return Err(Stop::exception(
            i64::from(codes::INVALID_PARAMS),
            "cannot set `onWorkerExit` without enable_coroutine",
        ));
    }
    if settings.coroutines && has(Event::Message) && pool.core.ipc() != Ipc::Pipes {
        return Err(Stop::error(NEEDS_PIPES));
    }
    if pool.core.ipc() == Ipc::Socket && !pool.core.is_listening() {
        log::warning("must first listen to an tcp port: call listen() before start()");
        return Ok(Some(codes::WRONG_OPERATION));
    }
    Ok(None)
}

/// The callbacks, called with the pool's object first.
struct UserCode<'a> {
    pool: &'a Rc<Pool>,
    object: *mut zend_object,
}

/// What the object shows.
#[derive(Clone, Copy)]
enum Shown {
    Flag(Property, bool),
    Int(Property, i64),
}

impl UserCode<'_> {
    fn show(&self, shown: &[Shown]) -> Flow {
        // A user's class may have anything but these: they are declared, and not readonly.
        let done = protect(|| {
            for shown in shown {
                match *shown {
                    Shown::Flag(name, on) => properties::set_flag(&POOL, self.object, name, on),
                    Shown::Int(name, number) => {
                        properties::set_int(&POOL, self.object, name, number);
                    }
                }
            }
        });
        if done.is_err() {
            callback::note_bailout();
        }
        flow()
    }

    fn show_running(&self, on: bool) {
        let both = [
            Shown::Flag(c"running", on),
            Shown::Flag(c"workerRunning", on),
        ];
        let _ = self.show(&both);
    }

    fn call<const N: usize>(
        &self,
        event: Event,
        in_coroutine: bool,
        fill: impl FnOnce(&mut [Value; N]),
    ) -> Flow {
        let Some(held) = self.pool.callback(event) else {
            return flow();
        };
        let callback: &Callback = held.callback();
        let ended = if in_coroutine {
            match callback::spawn(callback, fill) {
                Spawned::Ended(outcome) => outcome,
                Spawned::Suspended(_) => return flow(),
            }
        } else {
            callback::call(callback, fill)
        };
        php_loop::check(ended);
        flow()
    }

    fn call_alone(&self, event: Event) -> Flow {
        self.call(event, false, |[pool]: &mut [Value; 1]| {
            set_object(pool.place(), self.object);
        })
    }

    fn call_with_id(&self, event: Event, in_coroutine: bool, worker_id: u32) -> Flow {
        self.call(event, in_coroutine, |[pool, id]: &mut [Value; 2]| {
            set_object(pool.place(), self.object);
            set_long(id.place(), i64::from(worker_id));
        })
    }

    fn coroutines(&self) -> bool {
        self.pool.core.settings().coroutines
    }
}

fn flow() -> Flow {
    match callback::pending() {
        Pending::None => Flow::Go,
        Pending::Exit | Pending::Bailout => Flow::End,
    }
}

impl Handler for UserCode<'_> {
    fn fork(&self) -> Result<Forked, SysError> {
        child::fork_child()
    }

    fn on_start(&self) -> Flow {
        let shown = self.show(&[
            Shown::Int(c"master_pid", i64::from(getpid().as_raw())),
            Shown::Flag(c"running", true),
        ]);
        match shown {
            Flow::Go => self.call_alone(Event::Start),
            Flow::End => Flow::End,
        }
    }

    fn on_shutdown(&self) {
        self.show_running(false);
        let _ = self.call_alone(Event::Shutdown);
    }

    fn on_worker_start(&self, worker_id: u32) -> Flow {
        set_coroutines(self.coroutines());
        self.show_running(true);
        let shown = self.show(&[
            Shown::Int(c"workerPid", i64::from(getpid().as_raw())),
            Shown::Int(c"workerId", i64::from(worker_id)),
        ]);
        match shown {
            Flow::Go => self.call_with_id(Event::WorkerStart, self.coroutines(), worker_id),
            Flow::End => Flow::End,
        }
    }

    fn on_worker_stop(&self, worker_id: u32) {
        // After exit() or an uncaught exception there is still something to clean up; a fatal error has
        // left nothing to do that with.
        match callback::pending() {
            Pending::Bailout => return,
            Pending::Exit => drop(callback::take_pending()),
            Pending::None => {}
        }
        self.show_running(false);
        let _ = self.call_with_id(Event::WorkerStop, false, worker_id);
    }

    fn on_worker_exit(&self, worker_id: u32) {
        self.show_running(false);
        let _ = self.call_with_id(Event::WorkerExit, false, worker_id);
    }

    fn on_message(&self, message: &[u8]) -> Flow {
        self.call(
            Event::Message,
            self.coroutines(),
            |[pool, data]: &mut [Value; 2]| {
                set_object(pool.place(), self.object);
                set_bytes(data.place(), message);
            },
        )
    }

    fn is_full(&self) -> bool {
        self.coroutines() && coroutine::is_full()
    }

    fn end(&self, status: i32) -> ! {
        coroutine::loop_ended(true);
        child::leave(status)
    }
}
