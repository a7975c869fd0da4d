//! Tasks, their results and messages from other workers, handed to PHP callbacks.

use super::methods::{self, COROUTINE, Latest, SERIALIZE, set_latest};
use super::objects;
use super::waits::{self, Ended};
use crate::php::callback::{self, CallOutcome, Callback, Spawned};
use crate::php::convert::{set_long, set_object};
use crate::php::coroutine;
use crate::php::ffi::*;
use crate::php::handler::{self, outcome};
use crate::php::method::{Stop, docref, protect};
use crate::php::owned::Owned;
use crate::php::serialize;
use swoole_core::error::codes;
use swoole_core::log::{self, Level};
use swoole_core::server::serving::Serving;
use swoole_core::server::{self, Event, FinishEvent, MessageEvent, Outcome, TaskEvent, TaskRef};

/// How callbacks are called in this process.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub server: *mut zend_object,
    pub in_coroutines: bool,
    /// Callbacks get one object rather than several values.
    pub as_object: bool,
}

/// Whether `sendMessage()` reaches anybody.
#[must_use]
pub fn has_pipe_message() -> bool {
    server::current().is_some_and(|context| context.listens_to(Event::PipeMessage))
}

/// The value that came. `Err`: there is none, and this is what becomes of the process.
fn value_of(data: &[u8], flags: u16) -> Result<Value, Outcome> {
    match serialize::unpack(data, flags & SERIALIZE != 0) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(at)) => match callback::settle_exception() {
            CallOutcome::Returned => {
                methods::log_broken(at, data.len());
                Err(Outcome::Done)
            }
            ended => Err(outcome(ended)),
        },
        Err(_) => {
            callback::note_bailout();
            Err(outcome(CallOutcome::Bailout))
        }
    }
}

/// Gives back what a callback was called with, but the server. Destructors may run, and end the process.
fn release(args: &mut [Value], so_far: Outcome) -> Outcome {
    for arg in args.iter_mut().skip(1) {
        if objects::release(arg).is_err() {
            callback::note_bailout();
            return outcome(CallOutcome::Bailout);
        }
    }
    so_far
}

/// Makes the arguments of a callback: the server, and what `fill` writes.
fn arguments<const N: usize>(
    caller: Caller,
    fill: impl FnOnce(&mut [Value; N]),
) -> Result<[Value; N], Outcome> {
    let mut args = [undef(); N];
    let filled = protect(|| {
        if let Some(first) = args.first_mut() {
            set_object(first.place(), caller.server);
        }
        fill(&mut args);
    });
    match filled {
        Ok(()) => Ok(args),
        Err(_) => {
            callback::note_bailout();
            Err(outcome(CallOutcome::Bailout))
        }
    }
}

/// Calls, in a coroutine where callbacks run in such.
fn call(caller: Caller, callback: &Callback, args: &[Value], serving: Option<Serving>) -> Outcome {
    if !caller.in_coroutines {
        return outcome(callback::call_borrowed(callback, args));
    }
    match callback::spawn_borrowed(callback, args) {
        Spawned::Ended(ended) => outcome(ended),
        Spawned::Suspended(cid) => {
            if let Some(serving) = serving {
                coroutine::on_end(cid, Box::new(move || handler::finish(serving)));
            }
            Outcome::Suspended
        }
    }
}

/// `onTask`.
pub fn task(caller: Caller, callback: &Callback, event: &TaskEvent, data: &[u8]) -> Outcome {
    set_latest(Latest::Task(event.task));
    let mut value = match value_of(data, event.task.flags) {
        Ok(value) => value,
        Err(ended) => return ended,
    };
    if caller.as_object || caller.in_coroutines {
        let made = arguments(caller, |[_, object]: &mut [Value; 2]| {
            objects::new_task(object, event, &mut value);
        });
        let mut args = match made {
            Ok(args) => args,
            Err(ended) => return ended,
        };
        let [_, object] = &args;
        // SAFETY: `new_task` made it.
        objects::bind_task(unsafe { object.value.obj }, event.task);
        let ended = run_task(caller, callback, event, &args);
        release(&mut args, ended)
    } else {
        let made = arguments(caller, |[_, id, worker, data]: &mut [Value; 4]| {
            set_long(id.place(), event.task.id as i64);
            set_long(worker.place(), i64::from(event.task.worker_id));
            *data = value;
        });
        let mut args = match made {
            Ok(args) => args,
            Err(ended) => return ended,
        };
        let ended = run_task(caller, callback, event, &args);
        release(&mut args, ended)
    }
}

/// Runs the callback; what it returns is the task's result, unless it runs in a coroutine.
fn run_task(caller: Caller, callback: &Callback, event: &TaskEvent, args: &[Value]) -> Outcome {
    if caller.in_coroutines {
        return call(caller, callback, args, Some(event.serving));
    }
    let (called, mut result) = callback::call_returning(callback, args);
    let mut ended = outcome(called);
    // SAFETY: a value of our own.
    let kind = u32::from(unsafe { type_of(result.ptr()) });
    if ended == Outcome::Done && kind != IS_NULL && kind != IS_UNDEF {
        ended = give_result(&event.task, &mut result);
    }
    if objects::release(&mut result).is_err() {
        callback::note_bailout();
        return outcome(CallOutcome::Bailout);
    }
    ended
}

fn give_result(task: &TaskRef, result: &mut Value) -> Outcome {
    let mut place = undef();
    match methods::send_result(task, result.ptr(), place.place()) {
        Ok(()) => Outcome::Done,
        Err(Stop::Bailout) => {
            callback::note_bailout();
            outcome(CallOutcome::Bailout)
        }
        Err(_) => outcome(callback::settle_exception()),
    }
}

/// A result, or the news that there will be none.
pub fn finish(
    caller: Caller,
    on_finish: Option<&Callback>,
    event: &FinishEvent,
    data: Option<&[u8]>,
) -> Outcome {
    if event.flags & COROUTINE != 0 {
        return finish_waiting(event, data);
    }
    // A predecessor's tasks had the same numbers.
    let has_own = event.is_own && event.flags & methods::CALLBACK != 0;
    let own = has_own
        .then(|| waits::take_callback(event.task_id))
        .flatten();
    let Some(data) = data else {
        return Outcome::Done;
    };
    let Some(callback) = own.as_ref().map(|own| own.callback()).or(on_finish) else {
        return match docref(E_WARNING, "require 'onFinish' callback") {
            Ok(()) => Outcome::Done,
            Err(_) => {
                callback::note_bailout();
                outcome(CallOutcome::Bailout)
            }
        };
    };
    let mut value = match value_of(data, event.flags) {
        Ok(value) => value,
        Err(ended) => return ended,
    };
    if caller.as_object {
        let made = arguments(caller, |[_, object]: &mut [Value; 2]| {
            objects::new_result(object, event, &mut value);
        });
        deliver(caller, callback, made)
    } else {
        let made = arguments(caller, |[_, id, data]: &mut [Value; 3]| {
            set_long(id.place(), event.task_id as i64);
            *data = value;
        });
        deliver(caller, callback, made)
    }
}

/// Calls with these arguments, and gives them back.
fn deliver<const N: usize>(
    caller: Caller,
    callback: &Callback,
    args: Result<[Value; N], Outcome>,
) -> Outcome {
    match args {
        Ok(mut args) => {
            let ended = call(caller, callback, &args, None);
            release(&mut args, ended)
        }
        Err(ended) => ended,
    }
}

/// The result of a task that a coroutine waits for.
fn finish_waiting(event: &FinishEvent, data: Option<&[u8]>) -> Outcome {
    let id = event.task_id;
    let Some(data) = data else {
        waits::end(id, Ended::Lost);
        return Outcome::Done;
    };
    if !waits::is_awaited(id) {
        log::coded(
            Level::Warning,
            "Server::onFinish()",
            codes::TASK_TIMEOUT,
            format_args!("task[{id}] has expired"),
        );
        return Outcome::Done;
    }
    match value_of(data, event.flags) {
        Ok(mut value) => {
            let owned = Owned::new(value.ptr());
            let released = objects::release(&mut value);
            waits::end(id, Ended::Result(owned));
            if released.is_err() {
                callback::note_bailout();
            }
            Outcome::Done
        }
        Err(ended) => {
            waits::end(id, Ended::Lost);
            ended
        }
    }
}

/// `onPipeMessage`.
pub fn pipe_message(
    caller: Caller,
    callback: &Callback,
    event: &MessageEvent,
    data: &[u8],
) -> Outcome {
    set_latest(Latest::PipeMessage);
    let mut value = match value_of(data, event.flags) {
        Ok(value) => value,
        Err(ended) => return ended,
    };
    if caller.as_object {
        let made = arguments(caller, |[_, object]: &mut [Value; 2]| {
            objects::new_message(object, event, &mut value);
        });
        deliver(caller, callback, made)
    } else {
        let made = arguments(caller, |[_, worker, data]: &mut [Value; 3]| {
            set_long(worker.place(), i64::from(event.worker_id));
            *data = value;
        });
        deliver(caller, callback, made)
    }
}
