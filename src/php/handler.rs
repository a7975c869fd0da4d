//! The server's events, handed to PHP callbacks.

use super::callback::{self, CallOutcome, Callback, Pending, Spawned};
use super::convert::{set_bytes, set_long, set_object};
use super::coroutine;
use super::ffi::*;
use super::owned::OwnedCallback;
use super::process;
use super::properties;
use super::server_event::{self, PORT_EVENT_COUNT, PORT_EVENTS, SERVER_EVENT_COUNT, SERVER_EVENTS};
use super::server_state::ServerState;
use super::task::events::{self, Caller};
use std::cell::Cell;
use swoole_core::options::Settings;
use swoole_core::server::serving::Serving;
use swoole_core::server::{
    self, ConnectionEvent, Event, EventHandler, FaultPlace, FinishEvent, MessageEvent, Outcome,
    Payload, Role, TaskEvent, WorkerFault,
};
use swoole_core::sys::forks;

/// The callbacks as they stood when the server started; they cannot change after that. The views stay
/// valid because the state owns the references, and the state outlives `start()`.
#[derive(Debug)]
pub struct PhpHandler {
    server: *mut zend_object,
    server_callbacks: [Option<Callback>; SERVER_EVENT_COUNT],
    /// Per port, with the primary port's where the port has none of its own.
    port_callbacks: Vec<[Option<Callback>; PORT_EVENT_COUNT]>,
    event_object: bool,
    /// `enable_coroutine`, in a task worker `task_enable_coroutine`.
    coroutines: Cell<bool>,
    /// onTask gets an object.
    task_object: bool,
    task_coroutines: bool,
    /// Processes of user code.
    processes: Vec<*mut zend_object>,
    /// `package_length_func`.
    length_function: Option<OwnedCallback>,
    /// The process that knows which coroutines wait (see [`forks::generation`]).
    generation: Cell<u64>,
}

impl PhpHandler {
    #[must_use]
    pub fn new(
        state: &ServerState,
        settings: &Settings,
        length_function: Option<OwnedCallback>,
    ) -> Self {
        let primary = state.ports.first().map(|port| port.callbacks);
        let port_callbacks = state
            .ports
            .iter()
            .map(|port| {
                let mut callbacks = port.callbacks;
                for (own, fallback) in callbacks.iter_mut().zip(primary.into_iter().flatten()) {
                    *own = own.or(fallback);
                }
                callbacks
            })
            .collect();
        PhpHandler {
            server: state.object,
            server_callbacks: state.callbacks,
            port_callbacks,
            event_object: settings.event_object,
            coroutines: Cell::new(settings.enable_coroutine),
            task_object: settings.task.object,
            task_coroutines: settings.task.enable_coroutine,
            processes: state.processes.clone(),
            length_function,
            generation: Cell::new(forks::generation()),
        }
    }

    fn server_callback(&self, event: Event) -> Option<&Callback> {
        self.server_callbacks
            .get(server_event::index_of(&SERVER_EVENTS, event)?)?
            .as_ref()
    }

    #[inline]
    fn port_callback(&self, port: u16, index: usize) -> Option<&Callback> {
        self.port_callbacks
            .get(usize::from(port))?
            .get(index)?
            .as_ref()
    }

    /// Calls, in a coroutine where this event's callback runs in one.
    fn run<const N: usize>(
        &self,
        callback: &Callback,
        how: How,
        fill: impl FnOnce(&mut [Value; N]),
    ) -> Outcome {
        if how == How::Plain || !self.coroutines.get() {
            return outcome(callback::call(callback, fill));
        }
        match callback::spawn(callback, fill) {
            Spawned::Ended(ended) => outcome(ended),
            Spawned::Suspended(cid) => {
                if let How::InHand(serving) = how {
                    coroutine::on_end(cid, Box::new(move || finish(serving)));
                }
                Outcome::Suspended
            }
        }
    }

    fn caller(&self, as_object: bool) -> Caller {
        Caller {
            server: self.server,
            in_coroutines: self.coroutines.get(),
            as_object,
        }
    }

    /// A callback that gets the server alone.
    fn plain(&self, event: Event, how: How) -> Outcome {
        let Some(callback) = self.server_callback(event) else {
            return Outcome::Done;
        };
        self.run(callback, how, |[server]: &mut [Value; 1]| {
            set_object(server.place(), self.server);
        })
    }

    /// A callback that gets the server and a worker's id.
    fn with_worker(&self, event: Event, worker_id: u32, how: How) -> Outcome {
        let Some(callback) = self.server_callback(event) else {
            return Outcome::Done;
        };
        self.run(callback, how, |[server, id]: &mut [Value; 2]| {
            set_object(server.place(), self.server);
            set_long(id.place(), i64::from(worker_id));
        })
    }

    /// connect and close.
    fn connection(&self, index: usize, event: &ConnectionEvent, how: How) -> Outcome {
        let Some(callback) = self.port_callback(event.port, index) else {
            return Outcome::Done;
        };
        if self.event_object {
            self.run(callback, how, |[server, object]: &mut [Value; 2]| {
                set_object(server.place(), self.server);
                server_event::new_event(object, event);
            })
        } else {
            self.run(callback, how, |[server, fd, reactor]: &mut [Value; 3]| {
                set_object(server.place(), self.server);
                set_long(fd.place(), event.session_id as i64);
                set_long(reactor.place(), i64::from(event.reactor_id));
            })
        }
    }

    /// bufferFull and bufferEmpty.
    fn buffer(&self, index: usize, event: &ConnectionEvent) -> Outcome {
        let Some(callback) = self.port_callback(event.port, index) else {
            return Outcome::Done;
        };
        outcome(callback::call(callback, |[server, fd]: &mut [Value; 2]| {
            set_object(server.place(), self.server);
            set_long(fd.place(), event.session_id as i64);
        }))
    }
}

/// How the callback of an event runs where `enable_coroutine` is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// Without a coroutine all the same: the process waits for it.
    Plain,
    Coroutine,
    /// In a coroutine whose end says that a message is no longer in hand.
    InHand(Serving),
}

/// A coroutine that had a message in hand has ended.
pub fn finish(serving: Serving) {
    if let Some(context) = server::current() {
        let outcome = match callback::pending() {
            Pending::None => Outcome::Done,
            Pending::Exit | Pending::Bailout => Outcome::EndProcess {
                status: callback::exit_status(),
            },
        };
        context.finish(serving, outcome);
    }
}

#[inline]
pub fn outcome(called: CallOutcome) -> Outcome {
    match called {
        CallOutcome::Returned => Outcome::Done,
        CallOutcome::Exit(status) => Outcome::EndProcess { status },
        CallOutcome::Exception | CallOutcome::Bailout => Outcome::EndProcess {
            status: callback::exit_status(),
        },
    }
}

/// Positions in `PORT_EVENTS`, so that the hot path does not search.
const CONNECT: usize = 0;
const RECEIVE: usize = 1;
const CLOSE: usize = 2;
const BUFFER_FULL: usize = 3;
const BUFFER_EMPTY: usize = 4;

impl EventHandler for PhpHandler {
    fn listens(&self, event: Event) -> bool {
        // These three fill the object's properties too.
        matches!(
            event,
            Event::Start | Event::ManagerStart | Event::WorkerStart
        ) || self.server_callback(event).is_some()
            || server_event::index_of(&PORT_EVENTS, event).is_some_and(|index| {
                self.port_callbacks
                    .iter()
                    .any(|callbacks| callbacks.get(index).is_some_and(Option::is_some))
            })
    }

    fn package_length(&self, head: &[u8]) -> Result<i64, Outcome> {
        match &self.length_function {
            Some(function) => callback::ask_for_int(function.callback(), head).map_err(outcome),
            None => Ok(-1),
        }
    }

    fn process_started(&self, role: Role) {
        if self.generation.replace(forks::generation()) != forks::generation() {
            process::child::forget_coroutines();
        }
        // A fork copies the generator's state: without this all workers draw the same numbers.
        // (`lcg_value()` has no such function; PHP's uniqid(more_entropy) mixes in the time.)
        // SAFETY: a setter of the engine's own generator, one thread.
        unsafe { php_mt_srand(seed()) };
        if let Role::TaskWorker { .. } = role {
            self.coroutines.set(self.task_coroutines);
        }
        properties::process_started(self.server, role);
    }

    fn on_start(&self) -> Outcome {
        properties::process_started(self.server, Role::Master);
        self.plain(Event::Start, How::Coroutine)
    }
    fn on_before_shutdown(&self) -> Outcome {
        self.plain(Event::BeforeShutdown, How::Coroutine)
    }
    fn on_shutdown(&self) -> Outcome {
        self.plain(Event::Shutdown, How::Plain)
    }
    fn on_manager_start(&self) -> Outcome {
        properties::process_started(self.server, Role::Manager);
        self.plain(Event::ManagerStart, How::Plain)
    }
    fn on_manager_stop(&self) -> Outcome {
        self.plain(Event::ManagerStop, How::Plain)
    }
    fn on_worker_start(&self, worker_id: u32) -> Outcome {
        if let Some(context) = server::current() {
            let role = context.role();
            drop(context);
            properties::process_started(self.server, role);
        }
        self.with_worker(Event::WorkerStart, worker_id, How::Coroutine)
    }
    fn on_worker_stop(&self, worker_id: u32) -> Outcome {
        self.with_worker(Event::WorkerStop, worker_id, How::Plain)
    }
    fn on_worker_exit(&self, worker_id: u32) -> Outcome {
        self.with_worker(Event::WorkerExit, worker_id, How::Plain)
    }

    fn on_worker_error(&self, fault: &WorkerFault) -> Outcome {
        let Some(callback) = self.server_callback(Event::WorkerError) else {
            return Outcome::Done;
        };
        outcome(if self.event_object {
            callback::call(callback, |[server, object]: &mut [Value; 2]| {
                set_object(server.place(), self.server);
                server_event::new_status_info(object, fault);
            })
        } else {
            callback::call(callback, |args: &mut [Value; 5]| {
                let [server, id, pid, code, signal] = args;
                set_object(server.place(), self.server);
                set_long(id.place(), i64::from(fault.worker_id));
                set_long(pid.place(), i64::from(fault.pid));
                set_long(code.place(), i64::from(fault.exit_code));
                set_long(signal.place(), i64::from(fault.signal));
            })
        })
    }

    fn on_before_reload(&self) -> Outcome {
        self.plain(Event::BeforeReload, How::Plain)
    }
    fn on_after_reload(&self) -> Outcome {
        self.plain(Event::AfterReload, How::Plain)
    }

    fn on_connect(&self, event: &ConnectionEvent) -> Outcome {
        self.connection(CONNECT, event, How::InHand(event.serving))
    }

    fn on_receive(&self, event: &ConnectionEvent, payload: Payload<'_>) -> Outcome {
        let Some(callback) = self.port_callback(event.port, RECEIVE) else {
            return Outcome::Done;
        };
        // Outside of the closure, so that a bailout for want of memory still gives the space back.
        let mut payload = Some(payload);
        let take = |place: Place<'_>, payload: &mut Option<Payload<'_>>| {
            set_bytes(place, payload.as_ref().map_or(&[], Payload::bytes));
            // Before user code runs: the sender may reuse the space, and the message is taken.
            if let Some(payload) = payload.take() {
                payload.release();
            }
        };
        let how = How::InHand(event.serving);
        if self.event_object {
            self.run(callback, how, |[server, object]: &mut [Value; 2]| {
                set_object(server.place(), self.server);
                let data = server_event::new_event(object, event);
                take(data, &mut payload);
            })
        } else {
            self.run(
                callback,
                how,
                |[server, fd, reactor, data]: &mut [Value; 4]| {
                    set_object(server.place(), self.server);
                    set_long(fd.place(), event.session_id as i64);
                    set_long(reactor.place(), i64::from(event.reactor_id));
                    take(data.place(), &mut payload);
                },
            )
        }
    }

    fn on_close(&self, event: &ConnectionEvent) -> Outcome {
        self.connection(CLOSE, event, How::Coroutine)
    }
    fn on_buffer_full(&self, event: &ConnectionEvent) -> Outcome {
        self.buffer(BUFFER_FULL, event)
    }
    fn on_buffer_empty(&self, event: &ConnectionEvent) -> Outcome {
        self.buffer(BUFFER_EMPTY, event)
    }

    fn on_task(&self, event: &TaskEvent, data: &[u8]) -> Outcome {
        let Some(callback) = self.server_callback(Event::Task) else {
            return Outcome::Done;
        };
        let caller = self.caller(self.task_object);
        events::task(caller, callback, event, data)
    }
    fn on_finish(&self, event: &FinishEvent, data: Option<&[u8]>) -> Outcome {
        let callback = self.server_callback(Event::Finish);
        events::finish(self.caller(self.event_object), callback, event, data)
    }
    fn on_pipe_message(&self, event: &MessageEvent, data: &[u8]) -> Outcome {
        let Some(callback) = self.server_callback(Event::PipeMessage) else {
            return Outcome::Done;
        };
        events::pipe_message(self.caller(self.event_object), callback, event, data)
    }

    fn user_processes(&self) -> u32 {
        self.processes.len() as u32
    }
    fn run_user_process(&self, worker_id: u32, index: u32) -> Outcome {
        let Some(process) = self.processes.get(index as usize) else {
            return Outcome::Done;
        };
        outcome(process::run_in_server(*process, worker_id))
    }

    fn is_full(&self) -> bool {
        self.coroutines.get() && coroutine::is_full()
    }

    fn fault_place(&self) -> Option<FaultPlace> {
        callback::fault_place()
    }
}

/// A seed that differs between processes and in time.
pub fn seed() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    // RandomState draws its keys from the system once per thread and counts on from there, so after a
    // fork only what is hashed differs: the process id and the time.
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    (RandomState::new().hash_one((std::process::id(), now)) >> 16) as u32
}
