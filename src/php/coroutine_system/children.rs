//! `wait()` and `waitPid()`: the end of child processes.
//!
//! While somebody waits, SIGCHLD is caught, and each time children are asked for: those that somebody waits
//! for by name, and then any, as many as there are who take any. A child that nobody waits for is left to
//! those who will, `Process::wait()` included. In the master and the manager of a server the role reaps
//! every child, and [`reaped`] has those that are not its own.

use super::{remember, remember_errno};
use crate::php::convert::{Item, return_array, set_bool};
use crate::php::coroutine::co::{Wait, Woken};
use crate::php::coroutine::{engine, methods, outside, required, waits};
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse};
use crate::php::process::signals;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;
use swoole_core::reactor::event_loop as core_loop;
use swoole_core::sys::process::ExitStatus;
use swoole_core::sys::signal::Signal;
use swoole_core::sys::user_process::wait_for;
use swoole_core::sys::{Errno, Pid, forks, reaped};

type Ended = Result<(Pid, ExitStatus), Errno>;

/// Any child, for waitpid(2).
const ANY: i32 = -1;

/// Somebody's interest in a child.
#[derive(Debug)]
pub struct Interest {
    pid: i32,
    /// How it came out.
    ended: Cell<Option<Ended>>,
    /// The coroutine that waits for it, and its wait; 0: nobody does at the moment.
    cid: Cell<i64>,
    wait: Cell<u64>,
}

struct Table {
    /// The process it belongs to (see [`forks::generation`]).
    born_in: u64,
    /// In the order of their coming.
    interests: Vec<Rc<Interest>>,
}

thread_local! {
    static TABLE: ManuallyDrop<RefCell<Table>> = const {
        ManuallyDrop::new(RefCell::new(Table { born_in: 0, interests: Vec::new() }))
    };
}

/// Calls with no borrow held by anybody else: `f` calls nobody.
fn with_table<R>(f: impl FnOnce(&mut Vec<Rc<Interest>>) -> R) -> R {
    TABLE.with(|table| {
        let mut table = table.borrow_mut();
        if table.born_in != forks::generation() {
            table.born_in = forks::generation();
            // Who waits there waits in the parent.
            std::mem::forget(std::mem::take(&mut table.interests));
        }
        f(&mut table.interests)
    })
}

fn is_empty() -> bool {
    with_table(|interests| interests.is_empty())
}

/// Whether the role of this process in a server reaps all children.
fn is_reaped_by_role() -> bool {
    core_loop::existing().is_some_and(|event_loop| event_loop.is_own_signal(Signal::CHLD))
        && signals::is_of_role(Signal::CHLD)
}

fn listen() -> Result<(), Stop> {
    let event_loop = event_loop::ready()?;
    if is_reaped_by_role() {
        reaped::on_news(Some(news_of_role));
    } else if !event_loop
        .handled_signals()
        .contains(&Signal::CHLD.number())
    {
        // Who waits keeps the loop alive, not the handler.
        event_loop.keep_alive_for_signals(false);
        event_loop.on_signal(Signal::CHLD, Some(Rc::new(|_| look())))?;
    }
    Ok(())
}

/// After user code has given its handler of SIGCHLD up.
pub fn listen_again() {
    if !is_empty() {
        // It was possible before.
        let _ = listen();
    }
}

fn stop_listening() {
    reaped::on_news(None);
    if !signals::has_handler(Some(Signal::CHLD))
        && !is_reaped_by_role()
        && let Some(event_loop) = core_loop::existing()
    {
        // Cannot fail: it was caught.
        let _ = event_loop.on_signal(Signal::CHLD, None);
    }
}

/// The role is in the middle of its duty: later.
fn news_of_role() {
    if let Some(event_loop) = core_loop::existing() {
        event_loop.defer(Box::new(look));
    }
}

/// Declares interest in a child before it can have been reaped by others. It lasts until [`ended`], or,
/// where nobody asks, until the child has ended.
pub fn begin(pid: i32) -> Result<Rc<Interest>, Stop> {
    listen()?;
    let interest = Rc::new(Interest {
        pid,
        ended: Cell::new(None),
        cid: Cell::new(0),
        wait: Cell::new(0),
    });
    with_table(|interests| interests.push(Rc::clone(&interest)));
    Ok(interest)
}

fn forget(interest: &Rc<Interest>) {
    let is_last = with_table(|interests| {
        let before = interests.len();
        interests.retain(|known| !Rc::ptr_eq(known, interest));
        before > 0 && interests.is_empty()
    });
    if is_last {
        stop_listening();
    }
}

/// Asks after the children that somebody is interested in, and wakes who waits for one that has ended.
pub fn look() {
    let interests = with_table(|interests| interests.clone());
    let ended: Vec<_> = interests
        .iter()
        .filter(|interest| interest.pid != ANY && check(interest))
        .chain(
            interests
                .iter()
                .filter(|interest| interest.pid == ANY && check(interest)),
        )
        .collect();
    for interest in ended {
        forget(interest);
        if interest.cid.get() != 0 {
            waits::wake_from_loop(interest.cid.get(), interest.wait.get(), Woken::Resumed);
        }
    }
}

/// Whether the child has ended.
fn check(interest: &Interest) -> bool {
    if interest.ended.get().is_some() {
        return true;
    }
    let wanted = (interest.pid > 0).then(|| Pid::from_raw(interest.pid));
    loop {
        let known = if interest.pid == 0 {
            // Of the group of this process; who belonged to it is not known.
            None
        } else {
            reaped::take(wanted)
        };
        let ended = known.map_or_else(|| wait_for(interest.pid, false), Ok);
        match ended {
            Err(Errno::EAGAIN) => return false,
            Err(Errno::EINTR) => {}
            // It ended in between, and somebody waits for it by name.
            Ok((pid, _)) if interest.pid == ANY && hand_over(pid, ended) => {}
            ended => {
                interest.ended.set(Some(ended));
                return true;
            }
        }
    }
}

fn hand_over(pid: Pid, ended: Ended) -> bool {
    let theirs = with_table(|interests| {
        let is_theirs = |known: &&Rc<Interest>| known.pid == pid.as_raw();
        interests.iter().find(is_theirs).cloned()
    });
    let Some(theirs) = theirs else { return false };
    theirs.ended.set(Some(ended));
    // It is not looked at again before the next signal.
    if let Some(event_loop) = core_loop::existing() {
        event_loop.defer(Box::new(look));
    }
    true
}

/// How an interest came out.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    Ended(Pid, ExitStatus),
    /// ECHILD: there is no such child, or somebody else has reaped it.
    Failed(Errno),
    TimedOut,
    Canceled,
}

/// Leaves the running coroutine until the child has ended. With `gives_up` the interest is gone after that
/// in any case.
pub fn ended(
    interest: &Rc<Interest>,
    timeout_ms: Option<u64>,
    gives_up: bool,
) -> Result<Outcome, Stop> {
    let mut woken = Woken::Resumed;
    if !check(interest) {
        let co = engine::running().ok_or_else(outside)?;
        interest.cid.set(co.cid.get());
        interest.wait.set(co.waits.get() + 1);
        let hold = core_loop::existing().map(|event_loop| event_loop.hold());
        woken = engine::wait(Wait::Cancellable, timeout_ms).unwrap_or(Woken::Ended);
        drop(hold);
        interest.cid.set(0);
    }
    let outcome = match (interest.ended.get(), woken) {
        (Some(Ok((pid, status))), _) => Outcome::Ended(pid, status),
        (Some(Err(errno)), _) => Outcome::Failed(errno),
        (None, Woken::TimedOut) => Outcome::TimedOut,
        (None, _) => Outcome::Canceled,
    };
    if gives_up || interest.ended.get().is_some() {
        forget(interest);
    }
    if woken == Woken::Ended {
        return Err(Stop::Exit);
    }
    Ok(outcome)
}

pub fn do_wait(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut timeout_s = -1.0_f64;
    parse!(frame, c"|d", timeout_s)?;
    wait(ANY, timeout_s, place)
}

pub fn do_wait_pid(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut pid, mut timeout_s) = (0_i64, -1.0_f64);
    parse!(frame, c"l|d", pid, timeout_s)?;
    let pid = match i32::try_from(pid) {
        Ok(pid) => pid.max(ANY),
        Err(_) if pid < 0 => ANY,
        // No child has such a number.
        Err(_) => i32::MAX,
    };
    wait(pid, timeout_s, place)
}

fn wait(pid: i32, timeout_s: f64, place: Place<'_>) -> Result<(), Stop> {
    required()?;
    let interest = begin(pid)?;
    match ended(&interest, methods::timeout_ms(timeout_s), true)? {
        Outcome::Ended(pid, status) => {
            return Ok(return_array(
                place,
                &[
                    ("pid", Item::Long(i64::from(pid.as_raw()))),
                    ("code", Item::Long(i64::from(status.code))),
                    ("signal", Item::Long(i64::from(status.signal))),
                ],
            )?);
        }
        Outcome::Failed(errno) => remember_errno(errno as i32),
        Outcome::TimedOut => remember(Woken::TimedOut, libc::ETIMEDOUT),
        Outcome::Canceled => remember(Woken::Canceled, 0),
    }
    set_bool(place, false);
    Ok(())
}
