//! `socket_select()`, where sockets of ours are among those that it is asked about: other coroutines run
//! until one of them is ready.

use super::call::{is_ours, remember_last};
use crate::php::callback;
use crate::php::convert::{for_each, set_bool, set_copy, set_long};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, protect};
use crate::php::object;
use crate::php::php_socket;
use crate::php::runtime::nonblocking::poll_all;
use crate::php::runtime::ready::{self, Deadline, Waited, Way};
use crate::php::runtime::select::keep;
use crate::php::socket::Socket;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;
use swoole_core::sys::fd;

/// One of the three arrays.
struct Set {
    /// The variable; null: none was given.
    array: *mut zval,
    /// What was in it: kept, while others run that may change the variable.
    held: Value,
    way: Way,
    members: Vec<Member>,
}

impl Drop for Set {
    fn drop(&mut self) {
        // SAFETY: the reference that `Set::read` took.
        if protect(|| unsafe { zval_ptr_dtor(self.held.ptr()) }).is_err() {
            callback::note_bailout();
        }
    }
}

/// A socket, in the array that is held.
struct Member {
    value: *mut zval,
    /// None: one of PHP's own.
    ours: Option<Rc<Socket>>,
}

impl Member {
    fn of(value: *mut zval) -> Option<Member> {
        // SAFETY: a live value of an array.
        let socket = unsafe { deref(value) };
        if !is_ours(socket) {
            php_socket::descriptor(socket)?;
            return Some(Member { value, ours: None });
        }
        // SAFETY: a live object of the class.
        let ours = unsafe { object::state::<Socket>((*socket).value.obj) };
        Some(Member {
            value,
            ours: Some(ours?),
        })
    }

    /// Negative: it is closed.
    fn fd(&self) -> RawFd {
        match &self.ours {
            Some(ours) => ours.link.raw_fd(),
            // SAFETY: a value of the array that is held.
            None => php_socket::descriptor(unsafe { deref(self.value) }).unwrap_or(-1),
        }
    }

    /// Whether a method of the socket has read ahead.
    fn has_buffered(&self) -> bool {
        let ours = self.ours.as_ref();
        ours.is_some_and(|ours| ours.link.buffered_bytes() > 0)
    }
}

impl Set {
    /// None: it holds something else than sockets, which PHP is to refuse.
    fn read(array: *mut zval, way: Way) -> Option<Set> {
        let mut set = Set {
            array,
            held: undef(),
            way,
            members: Vec::new(),
        };
        if array.is_null() {
            return Some(set);
        }
        set_copy(set.held.place(), array);
        let mut are_sockets = true;
        // SAFETY: an array, as the arguments were parsed.
        for_each(unsafe { (*array).value.arr }, |_, value| {
            match Member::of(value) {
                Some(member) => set.members.push(member),
                None => are_sockets = false,
            }
        });
        are_sockets.then_some(set)
    }

    fn events(&self) -> i16 {
        match self.way {
            Way::Read => libc::POLLIN,
            Way::Write => libc::POLLOUT,
            Way::Urgent => libc::POLLPRI,
        }
    }

    /// As select(2) has it: what has failed is readable and writable.
    fn is_ready(&self, member: &Member, told: i16) -> bool {
        match self.way {
            Way::Read => {
                told & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) != 0 || member.has_buffered()
            }
            Way::Write => told & (libc::POLLOUT | libc::POLLERR) != 0,
            Way::Urgent => told & libc::POLLPRI != 0,
        }
    }
}

/// Whether an argument that was given has a socket of ours.
pub fn concerns(frame: Frame) -> bool {
    (0..3).filter_map(|index| frame.arg(index)).any(|array| {
        let mut found = false;
        // SAFETY: a live argument; the union member is read for the type that says so.
        unsafe {
            if u32::from(type_of(array)) == IS_ARRAY {
                for_each((*array).value.arr, |_, value| {
                    found |= is_ours(deref(value))
                });
            }
        }
        found
    })
}

/// None: PHP's own is to refuse the arguments.
pub fn do_select(frame: Frame, place: Place<'_>) -> Result<Option<()>, Stop> {
    let mut arrays: [*mut zval; 3] = [std::ptr::null_mut(); 3];
    let [mut read, mut write, mut except] = arrays;
    let (mut seconds, mut no_seconds, mut us) = (0_i64, false, 0_i64);
    parse!(
        frame,
        c"a!a!a!l!|l",
        read,
        write,
        except,
        seconds,
        no_seconds,
        us
    )?;
    arrays.copy_from_slice(&[read, write, except]);
    let mut sets = Vec::with_capacity(arrays.len());
    for (array, way) in arrays.into_iter().zip([Way::Read, Way::Write, Way::Urgent]) {
        match Set::read(array, way) {
            Some(set) => sets.push(set),
            None => return Ok(None),
        }
    }
    let time = match (no_seconds, u64::try_from(seconds), u64::try_from(us)) {
        (true, ..) => None,
        (false, Ok(seconds), Ok(us)) => {
            Some(Duration::from_secs(seconds).saturating_add(Duration::from_micros(us)))
        }
        _ => return failed(place, libc::EINVAL),
    };
    let ready = match wait(&sets, Deadline::after(time))? {
        Ok(ready) => ready,
        Err(errno) => return failed(place, errno),
    };
    let mut count = 0_i64;
    for (set, ready) in sets.iter().zip(&ready) {
        count += ready.len() as i64;
        if !set.array.is_null() {
            // SAFETY: an array, held.
            keep(set.array, unsafe { set.held.value.arr }, ready)?;
        }
    }
    set_long(place, count);
    Ok(Some(()))
}

fn failed(place: Place<'_>, errno: i32) -> Result<Option<()>, Stop> {
    remember_last(errno);
    set_bool(place, false);
    Ok(Some(()))
}

/// Per set, those that are ready.
type Found = Vec<Vec<*mut zval>>;

/// All empty: the time is over.
fn wait(sets: &[Set], deadline: Deadline) -> Result<Result<Found, i32>, Stop> {
    loop {
        let ready = look(sets);
        if ready.iter().any(|ready| !ready.is_empty()) || deadline.left_ms() == Some(0) {
            return Ok(Ok(ready));
        }
        // Copies: the sockets themselves are registered with the event loop by who reads and writes.
        let mut copies: Vec<OwnedFd> = Vec::new();
        let mut targets: Vec<(RawFd, Way)> = Vec::new();
        for set in sets {
            for member in &set.members {
                let copy = match fd::dup_raw(member.fd()) {
                    Ok(copy) => copy,
                    Err(error) => return Ok(Err(error.errno)),
                };
                targets.push((copy.as_raw_fd(), set.way));
                copies.push(copy);
            }
        }
        match ready::wait_many(&targets, deadline.left_ms())? {
            Waited::Ready => {}
            Waited::TimedOut => return Ok(Ok(look(sets))),
            Waited::Canceled | Waited::Closed => return Ok(Err(libc::ECANCELED)),
        }
    }
}

fn look(sets: &[Set]) -> Found {
    let mut asked: Vec<libc::pollfd> = Vec::new();
    for set in sets {
        asked.extend(set.members.iter().map(|member| libc::pollfd {
            fd: member.fd(),
            events: set.events(),
            revents: 0,
        }));
    }
    poll_all(&mut asked);
    let mut answers = asked.iter().map(|asked| asked.revents);
    let mut ready = Vec::with_capacity(sets.len());
    for set in sets {
        let told = answers.by_ref().take(set.members.len());
        let which = set.members.iter().zip(told);
        let which = which.filter(|(member, told)| set.is_ready(member, *told));
        ready.push(which.map(|(member, _)| member.value).collect());
    }
    ready
}
