//! `curl_multi_select()`: how many descriptors are ready.

use super::busy::{self, Busy};
use super::drive::{NAP_MS, poll_events, wait};
use super::library::{Library, WaitFd};
use super::php::Kept;
use crate::php::convert::set_long;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse};
use crate::php::runtime::nonblocking;
use crate::php::runtime::take_over::Taken;
use std::ffi::{c_int, c_long, c_uint, c_void};

pub fn select(
    taken: &'static Taken,
    library: &Library,
    (object, multi): (&Kept, *mut c_void),
    frame: Frame,
    place: Place<'_>,
) -> Result<(), Stop> {
    let (mut given, mut timeout_s) = (std::ptr::null_mut::<zval>(), 1.0_f64);
    parse!(frame, c"o|d", given, timeout_s)?;
    busy::refuse(object.object())?;
    if !(0.0..=f64::from(c_int::MAX) / 1000.0).contains(&timeout_s) {
        // PHP itself is to say so.
        return taken.original(frame, place);
    }
    let mut sockets = sockets_of(library, multi);
    let fds = sockets.iter().map(|socket| socket.fd).collect();
    let _busy = Busy::with(object.object(), fds);
    nonblocking::poll_all(&mut sockets);
    if sockets.iter().all(|socket| socket.revents == 0) {
        let given_ms = (timeout_s * 1000.0) as u64;
        let mut wanted_ms: c_long = -1;
        // SAFETY: libcurl's handle, and a place for a long.
        unsafe { (library.timeout)(multi, &raw mut wanted_ms) };
        let limit_ms = u64::try_from(wanted_ms).map_or(given_ms, |ms| ms.min(given_ms));
        let limit_ms = if library.wait_fds.is_none() && has_high_descriptors() {
            limit_ms.min(NAP_MS)
        } else {
            limit_ms
        };
        wait(&sockets, Some(limit_ms))?;
        nonblocking::poll_all(&mut sockets);
    }
    let count = sockets.iter().filter(|socket| socket.revents != 0).count();
    set_long(place, i64::try_from(count).unwrap_or(i64::MAX));
    Ok(())
}

/// Whether there are descriptors beyond what an `fd_set` holds: libcurl does not tell of them, so it is looked
/// after by time.
fn has_high_descriptors() -> bool {
    // SAFETY: dup and close with integers touch no memory of ours; the copy is ours. The kernel gives the
    // smallest number that is free.
    unsafe {
        let free = libc::dup(0);
        if free >= 0 {
            libc::close(free);
        }
        usize::try_from(free).is_ok_and(|free| free >= libc::FD_SETSIZE)
    }
}

/// The descriptors that libcurl waits for.
fn sockets_of(library: &Library, multi: *mut c_void) -> Vec<libc::pollfd> {
    match library.wait_fds {
        Some(wait_fds) => listed(|list, size, count| {
            // SAFETY: libcurl's handle; it fills in up to `size`.
            unsafe { wait_fds(multi, list, size, count) };
        }),
        None => from_sets(library, multi),
    }
}

fn listed(wait_fds: impl Fn(*mut WaitFd, c_uint, *mut c_uint)) -> Vec<libc::pollfd> {
    /// `CURL_WAIT_POLLIN`, `CURL_WAIT_POLLOUT`
    const WAIT_IN: i16 = 1;
    const WAIT_OUT: i16 = 4;
    let empty = WaitFd {
        fd: -1,
        events: 0,
        revents: 0,
    };
    let mut list = vec![empty; 32];
    let mut count: c_uint = 0;
    wait_fds(list.as_mut_ptr(), list.len() as c_uint, &raw mut count);
    if count as usize > list.len() {
        list.resize(count as usize, empty);
        wait_fds(list.as_mut_ptr(), list.len() as c_uint, &raw mut count);
    }
    list.truncate(count as usize);
    let asked = |wanted: WaitFd| libc::pollfd {
        fd: wanted.fd,
        events: poll_events(wanted.events & WAIT_IN != 0, wanted.events & WAIT_OUT != 0),
        revents: 0,
    };
    list.into_iter()
        .map(asked)
        .filter(|socket| socket.events != 0)
        .collect()
}

fn from_sets(library: &Library, multi: *mut c_void) -> Vec<libc::pollfd> {
    let mut sockets = Vec::new();
    // SAFETY: sets of ours, which the library fills in up to `max`.
    unsafe {
        let mut sets: [libc::fd_set; 3] = std::mem::zeroed();
        let [reads, writes, errors] = &mut sets;
        let mut max: c_int = -1;
        (library.fd_set)(multi, reads, writes, errors, &raw mut max);
        for fd in 0..=max {
            let events = poll_events(libc::FD_ISSET(fd, reads), libc::FD_ISSET(fd, writes));
            if events != 0 {
                sockets.push(libc::pollfd {
                    fd,
                    events,
                    revents: 0,
                });
            }
        }
    }
    sockets
}
