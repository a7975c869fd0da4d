//! Runs a transfer: libcurl says which sockets and timers it waits for, and is told of them.

use super::library::Library;
use crate::php::coroutine::{self, Woken};
use crate::php::method::{Stop, protect};
use crate::php::runtime::nonblocking;
use crate::php::runtime::ready::{self, Waited, Way};
use std::ffi::{c_int, c_long, c_void};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

/// `CURLMOPT_*`, `CURL_SOCKET_TIMEOUT`, `CURL_CSELECT_*`, `CURL_POLL_*` of curl/multi.h.
const OPT_SOCKETFUNCTION: c_int = 20_001;
const OPT_SOCKETDATA: c_int = 10_002;
const OPT_TIMERFUNCTION: c_int = 20_004;
const OPT_TIMERDATA: c_int = 10_005;
const SOCKET_TIMEOUT: c_int = -1;
const SELECT_IN: c_int = 1;
const SELECT_OUT: c_int = 2;
const SELECT_ERR: c_int = 4;
const POLL_IN: c_int = 1;
const POLL_OUT: c_int = 2;
const POLL_REMOVE: c_int = 4;

/// What libcurl wants to be told of.
#[derive(Default)]
struct Wishes {
    sockets: Vec<libc::pollfd>,
    timer: Option<Instant>,
}

type OnSocket = unsafe extern "C" fn(*mut c_void, RawFd, c_int, *mut c_void, *mut c_void) -> c_int;
type OnTimer = unsafe extern "C" fn(*mut c_void, c_long, *mut c_void) -> c_int;

/// From libcurl: owns nothing, and calls nobody.
unsafe extern "C" fn on_socket(
    _: *mut c_void,
    fd: RawFd,
    what: c_int,
    wishes: *mut c_void,
    _: *mut c_void,
) -> c_int {
    // SAFETY: the data that `drive` has set, which lives until it is unset, and which nobody looks at
    // while libcurl runs.
    let wishes = unsafe { &mut *wishes.cast::<Wishes>() };
    wishes.sockets.retain(|known| known.fd != fd);
    if what != POLL_REMOVE {
        wishes.sockets.push(libc::pollfd {
            fd,
            events: poll_events(what & POLL_IN != 0, what & POLL_OUT != 0),
            revents: 0,
        });
    }
    0
}

/// As [`on_socket`].
unsafe extern "C" fn on_timer(_: *mut c_void, ms: c_long, wishes: *mut c_void) -> c_int {
    let due = u64::try_from(ms)
        .ok()
        .and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)));
    // SAFETY: as in `on_socket`.
    unsafe { (*wishes.cast::<Wishes>()).timer = due };
    0
}

pub fn poll_events(read: bool, write: bool) -> i16 {
    let mut events = 0;
    if read {
        events |= libc::POLLIN;
    }
    if write {
        events |= libc::POLLOUT;
    }
    events
}

/// Runs the transfer of a multi handle. False: it was cut short.
pub fn drive(library: &Library, multi: *mut c_void) -> Result<bool, Stop> {
    let wishes = Box::into_raw(Box::<Wishes>::default());
    let data: *mut c_void = wishes.cast();
    // SAFETY: libcurl's own types for these options; the data lives until they are unset below.
    unsafe {
        (library.set_option)(multi, OPT_SOCKETFUNCTION, on_socket as OnSocket);
        (library.set_option)(multi, OPT_SOCKETDATA, data);
        (library.set_option)(multi, OPT_TIMERFUNCTION, on_timer as OnTimer);
        (library.set_option)(multi, OPT_TIMERDATA, data);
    }
    let mut transfer = Transfer {
        library,
        multi,
        wishes,
    };
    let result = transfer.run();
    // SAFETY: as above; the data is ours again then.
    unsafe {
        let none: *mut c_void = std::ptr::null_mut();
        (library.set_option)(multi, OPT_SOCKETFUNCTION, none);
        (library.set_option)(multi, OPT_SOCKETDATA, none);
        (library.set_option)(multi, OPT_TIMERFUNCTION, none);
        (library.set_option)(multi, OPT_TIMERDATA, none);
        drop(Box::from_raw(wishes));
    }
    result
}

struct Transfer<'a> {
    library: &'a Library,
    multi: *mut c_void,
    wishes: *mut Wishes,
}

impl Transfer<'_> {
    fn run(&mut self) -> Result<bool, Stop> {
        let mut goes_on = self.act(SOCKET_TIMEOUT, 0)?;
        while goes_on {
            // SAFETY: libcurl writes to it in `act` only.
            let (mut sockets, due) =
                unsafe { ((*self.wishes).sockets.clone(), (*self.wishes).timer) };
            nonblocking::poll_all(&mut sockets);
            if !any_ready(&sockets) {
                match wait(&sockets, Some(left_ms(due)))? {
                    Waited::Canceled => return Ok(false),
                    Waited::Ready | Waited::TimedOut | Waited::Closed => {}
                }
                nonblocking::poll_all(&mut sockets);
            }
            if !any_ready(&sockets) || due.is_some_and(|due| due <= Instant::now()) {
                // SAFETY: as above. It tells of its next one.
                unsafe { (*self.wishes).timer = None };
                goes_on = self.act(SOCKET_TIMEOUT, 0)?;
            }
            for socket in sockets.iter().filter(|socket| socket.revents != 0) {
                if goes_on {
                    goes_on = self.act(socket.fd, select_events(socket.revents))?;
                }
            }
        }
        Ok(true)
    }

    /// Tells libcurl. Whether the transfer goes on. Callbacks of the user's run in here, and may wait.
    fn act(&mut self, fd: RawFd, events: c_int) -> Result<bool, Stop> {
        let mut running: c_int = 1;
        // SAFETY: libcurl's handle, alive as long as PHP's object; a bailout in a callback passes through
        // libcurl as it does without us.
        let code = protect(|| unsafe {
            (self.library.socket_action)(self.multi, fd, events, &raw mut running)
        })?;
        Ok(code == 0 && running > 0)
    }
}

fn any_ready(sockets: &[libc::pollfd]) -> bool {
    sockets.iter().any(|socket| socket.revents != 0)
}

/// libcurl is looked after that often if it wants no time of its own.
const LOOK_MS: u64 = 1000;

fn left_ms(due: Option<Instant>) -> u64 {
    due.map_or(LOOK_MS, |due| {
        let left = due.saturating_duration_since(Instant::now());
        u64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    })
}

fn select_events(told: i16) -> c_int {
    let mut events = 0;
    if told & (libc::POLLIN | libc::POLLHUP) != 0 {
        events |= SELECT_IN;
    }
    if told & libc::POLLOUT != 0 {
        events |= SELECT_OUT;
    }
    if told & (libc::POLLERR | libc::POLLNVAL) != 0 {
        events |= SELECT_ERR;
    }
    events
}

/// With nothing to wait for: a look-up in a thread of libcurl's, perhaps.
pub const NAP_MS: u64 = 10;

pub fn wait(sockets: &[libc::pollfd], timeout_ms: Option<u64>) -> Result<Waited, Stop> {
    let mut targets: Vec<(RawFd, Way)> = Vec::with_capacity(sockets.len());
    for socket in sockets {
        if socket.events & libc::POLLIN != 0 {
            targets.push((socket.fd, Way::Read));
        }
        if socket.events & libc::POLLOUT != 0 {
            targets.push((socket.fd, Way::Write));
        }
    }
    if !targets.is_empty() {
        return ready::wait_many(&targets, timeout_ms);
    }
    match coroutine::suspend(Some(timeout_ms.unwrap_or(NAP_MS).min(NAP_MS))) {
        Woken::TimedOut => Ok(Waited::TimedOut),
        Woken::Ended => Err(Stop::Exit),
        Woken::Canceled | Woken::Resumed => Ok(Waited::Canceled),
    }
}
