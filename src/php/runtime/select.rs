//! `stream_select()`: other coroutines run until one of the streams is ready.

use super::flags::{Hook, applies};
use super::nonblocking;
use super::ready::{self, Deadline, Waited, Way};
use super::streams::pair::valid_stream;
use super::take_over::taken;
use crate::php::callback;
use crate::php::convert::{Key, for_each, set_bool, set_copy, set_long, set_new_array};
use crate::php::ffi::*;
use crate::php::method::{Bailout, Frame, Stop, parse, protect};
use std::collections::HashSet;
use std::os::fd::RawFd;
use std::time::Duration;
use swoole_core::{error, log};

taken! {
    SELECT = c"stream_select", select, applies(Hook::StreamFunction) => do_select;
}

pub fn take_over() {
    SELECT.take();
}

/// `PHP_STREAM_AS_FD_FOR_SELECT` and `PHP_STREAM_CAST_INTERNAL`
const FOR_SELECT: i32 = 3 | 0x2000_0000;

/// One of the three arrays.
struct Set {
    /// The variable; null: none was given.
    array: *mut zval,
    /// What was in it: kept, while others run that may change the variable.
    held: Value,
    way: Way,
    streams: Vec<Member>,
}

impl Drop for Set {
    fn drop(&mut self) {
        // SAFETY: the reference that `read_set` took.
        if protect(|| unsafe { zval_ptr_dtor(self.held.ptr()) }).is_err() {
            callback::note_bailout();
        }
    }
}

struct Member {
    /// In the array that is held.
    value: *mut zval,
    stream: *mut php_stream,
    fd: RawFd,
}

impl Set {
    fn events(&self) -> i16 {
        match self.way {
            Way::Read => libc::POLLIN,
            Way::Write => libc::POLLOUT,
            Way::Urgent => libc::POLLPRI,
        }
    }

    /// As select(2) has it: what has failed is readable and writable.
    fn is_ready(&self, told: i16) -> bool {
        let wanted = match self.way {
            Way::Read => libc::POLLIN | libc::POLLHUP | libc::POLLERR | libc::POLLNVAL,
            Way::Write => libc::POLLOUT | libc::POLLERR | libc::POLLNVAL,
            Way::Urgent => libc::POLLPRI,
        };
        told & wanted != 0
    }
}

fn do_select(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut arrays: [*mut zval; 3] = [std::ptr::null_mut(); 3];
    let [mut read, mut write, mut except] = arrays;
    let (mut seconds, mut no_seconds) = (0_i64, false);
    let (mut us, mut no_us) = (0_i64, true);
    parse!(
        frame,
        c"a!a!a!l!|l!",
        read,
        write,
        except,
        seconds,
        no_seconds,
        us,
        no_us
    )?;
    arrays.copy_from_slice(&[read, write, except]);
    let is_wrong = (!no_seconds && seconds < 0) || us < 0 || (no_seconds && us != 0);
    if is_wrong || (no_us && us != 0) {
        // PHP itself is to say so.
        return SELECT.original(frame, place);
    }
    let time = (!no_seconds).then(|| {
        Duration::from_secs(seconds.unsigned_abs()) + Duration::from_micros(us.unsigned_abs())
    });
    let mut sets = Vec::with_capacity(3);
    for (array, way) in arrays.into_iter().zip([Way::Read, Way::Write, Way::Urgent]) {
        sets.push(read_set(array, way)?);
    }
    // SAFETY: a word of the engine's globals; what is no stream has thrown.
    let has_thrown = unsafe { !(*eg()).exception.is_null() };
    if sets.iter().all(|set| set.streams.is_empty()) {
        if has_thrown {
            // SAFETY: the exception is thrown again at once.
            protect(|| unsafe { zend_clear_exception() })?;
        }
        return SELECT.original(frame, place);
    }
    if has_thrown {
        return Err(Stop::Thrown);
    }
    let answer = wait(&sets, Deadline::after(time))?;
    match answer {
        Answer::Ready(ready) => {
            let count = count(&sets, &ready);
            for (set, ready) in sets.iter().zip(&ready) {
                write_back(set, ready)?;
            }
            set_long(place, i64::try_from(count).unwrap_or(i64::MAX));
        }
        Answer::Canceled => {
            error::set_last(libc::ECANCELED);
            set_bool(place, false);
        }
    }
    Ok(())
}

fn read_set(array: *mut zval, way: Way) -> Result<Set, Bailout> {
    let mut set = Set {
        array,
        held: undef(),
        way,
        streams: Vec::new(),
    };
    if array.is_null() {
        return Ok(set);
    }
    set_copy(set.held.place(), array);
    let mut values: Vec<*mut zval> = Vec::new();
    // SAFETY: an array, as the arguments were parsed.
    for_each(unsafe { (*array).value.arr }, |_, value| values.push(value));
    for value in values {
        // SAFETY: a live value; what is no stream makes the engine throw.
        let stream = protect(|| unsafe { valid_stream(value) })?;
        let Some(stream) = stream else {
            continue;
        };
        let mut fd: RawFd = -1;
        // SAFETY: a live stream; the answer is an int. It may warn.
        let cast =
            protect(|| unsafe { _php_stream_cast(stream, FOR_SELECT, (&raw mut fd).cast(), 1) })?;
        if cast == 0 && fd >= 0 {
            set.streams.push(Member { value, stream, fd });
        }
    }
    Ok(set)
}

/// Per set, which of its members are ready.
type Indexes = Vec<Vec<usize>>;

enum Answer {
    Ready(Indexes),
    Canceled,
}

fn wait(sets: &[Set], deadline: Deadline) -> Result<Answer, Stop> {
    if let Some(buffered) = buffered(sets) {
        return Ok(Answer::Ready(buffered));
    }
    if is_in_use(sets) {
        return Ok(Answer::Ready(vec![Vec::new(); sets.len()]));
    }
    loop {
        let ready = look(sets);
        if ready.iter().any(|ready| !ready.is_empty()) {
            return Ok(Answer::Ready(ready));
        }
        let mut targets: Vec<(RawFd, Way)> = Vec::new();
        for set in sets {
            for member in &set.streams {
                if !targets.contains(&(member.fd, set.way)) {
                    targets.push((member.fd, set.way));
                }
            }
        }
        match ready::wait_many(&targets, deadline.left_ms())? {
            Waited::Ready => {}
            Waited::TimedOut => return Ok(Answer::Ready(ready)),
            Waited::Canceled | Waited::Closed => return Ok(Answer::Canceled),
        }
    }
}

/// As the reference counts: descriptors, whatever they are ready for. (PHP's own counts a descriptor once
/// for each array.)
fn count(sets: &[Set], ready: &Indexes) -> usize {
    let mut fds: HashSet<RawFd> = HashSet::new();
    for (set, ready) in sets.iter().zip(ready) {
        fds.extend(
            ready
                .iter()
                .filter_map(|index| Some(set.streams.get(*index)?.fd)),
        );
    }
    fds.len()
}

/// Those with data that was read ahead: as in PHP, they alone are told of.
fn buffered(sets: &[Set]) -> Option<Indexes> {
    let mut ready: Indexes = vec![Vec::new(); sets.len()];
    let (set, ready_to_read) = sets.first().zip(ready.first_mut())?;
    for (index, member) in set.streams.iter().enumerate() {
        // SAFETY: a live stream.
        if unsafe { (*member.stream).writepos > (*member.stream).readpos } {
            ready_to_read.push(index);
        }
    }
    (!ready_to_read.is_empty()).then_some(ready)
}

/// A stream that another coroutine waits for cannot be selected: a warning in the log, in words of the
/// reference, and nothing is ready.
fn is_in_use(sets: &[Set]) -> bool {
    let members = sets
        .iter()
        .flat_map(|set| set.streams.iter().map(move |member| (set.way, member.fd)));
    for (way, fd) in members {
        if ready::is_bound(fd) {
            // SW_EVENT_READ, SW_EVENT_WRITE
            let events = if way == Way::Write { 1024 } else { 512 };
            log::warning(format_args!(
                "ReactorEpoll::add(): [Reactor#0] epoll_ctl(epfd=0, EPOLL_CTL_ADD, fd={fd}, fd_type=0, \
                 events={events}) failed, Error: File exists[{}]",
                libc::EEXIST
            ));
            return true;
        }
    }
    false
}

fn look(sets: &[Set]) -> Indexes {
    let mut asked: Vec<libc::pollfd> = Vec::new();
    for set in sets {
        asked.extend(set.streams.iter().map(|member| libc::pollfd {
            fd: member.fd,
            events: set.events(),
            revents: 0,
        }));
    }
    nonblocking::poll_all(&mut asked);
    let mut answers = asked.iter().map(|asked| asked.revents);
    let mut ready: Indexes = Vec::with_capacity(sets.len());
    for set in sets {
        let told = answers.by_ref().take(set.streams.len());
        let which = told.enumerate().filter(|(_, told)| set.is_ready(*told));
        ready.push(which.map(|(index, _)| index).collect());
    }
    ready
}

/// Leaves those that are ready in the variable, under their keys.
fn write_back(set: &Set, ready: &[usize]) -> Result<(), Bailout> {
    if set.array.is_null() {
        return Ok(());
    }
    let kept: Vec<*mut zval> = ready
        .iter()
        .filter_map(|index| Some(set.streams.get(*index)?.value))
        .collect();
    // SAFETY: an array, held by the set.
    keep(set.array, unsafe { set.held.value.arr }, &kept)
}

/// Leaves those members of an array in the variable, under their keys. `held`: what was in the variable,
/// which the caller keeps.
pub fn keep(array: *mut zval, held: *mut HashTable, kept: &[*mut zval]) -> Result<(), Bailout> {
    protect(|| {
        let mut left = undef();
        set_new_array(left.place(), kept.len());
        // SAFETY: the array that was read is held; the new one is ours, and goes into the variable, whose
        // place the arguments keep.
        unsafe {
            for_each(held, |key, value| {
                if kept.contains(&value) {
                    let mut copy = undef();
                    set_copy(copy.place(), value);
                    match key {
                        Key::Index(index) => {
                            let index = index.cast_unsigned();
                            zend_hash_index_update(left.value.arr, index, copy.ptr());
                        }
                        Key::Name(name) => {
                            let (name, len) = (name.as_ptr().cast(), name.len());
                            zend_hash_str_update(left.value.arr, name, len, copy.ptr());
                        }
                    }
                }
            });
            let mut former: Value = std::ptr::read(array.cast());
            std::ptr::copy_nonoverlapping(left.ptr(), array, 1);
            zval_ptr_dtor(former.ptr());
        }
    })
}
