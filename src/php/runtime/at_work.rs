//! Which coroutines are inside of an operation of a stream.
//!
//! PHP's own code knows one user of a stream at a time: it frees a stream that is closed, whoever is inside of
//! one of its operations, and computes where bytes that are read go to before it asks for them. So who waits
//! in an operation stands here: a second reader is refused, and closing goes on when the others have left.

use super::bound;
use super::ready::Way;
use crate::php::callback::{self, Pending};
use crate::php::coroutine;
use crate::php::coroutine::co::{Wait, Woken};
use crate::php::coroutine::engine::{self, PhpThread};
use crate::php::coroutine::waits;
use crate::php::ffi::php_stream;
use crate::php::method::Stop;
use std::cell::{Cell, RefCell};
use std::ffi::c_char;
use std::os::fd::RawFd;

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u64,
    /// The stream's address.
    stream: usize,
    cid: i64,
    /// None: neither reads nor writes.
    way: Option<Way>,
    /// The wait that the coroutine is in, which may be cut short: 0: none.
    wait: u64,
    /// The wait is over soon, and what it is for is lost if it is cut short.
    is_brief: bool,
}

/// Few at a time.
static ENTRIES: PhpThread<RefCell<Vec<Entry>>> = PhpThread::new(RefCell::new(Vec::new()));
static NEXT_ID: PhpThread<Cell<u64>> = PhpThread::new(Cell::new(0));
/// The streams that are being closed: nobody begins to wait in them.
static CLOSING: PhpThread<RefCell<Vec<usize>>> = PhpThread::new(RefCell::new(Vec::new()));

/// The running coroutine is inside of an operation until this goes.
#[derive(Debug)]
pub struct AtWork(u64);

impl AtWork {
    /// None: the stream is being closed, or no coroutine runs.
    #[must_use]
    pub fn begin(stream: *mut php_stream, way: Option<Way>) -> Option<AtWork> {
        let cid = coroutine::current()?;
        if CLOSING.get().borrow().contains(&stream.addr()) {
            return None;
        }
        let id = NEXT_ID.get().get() + 1;
        NEXT_ID.get().set(id);
        ENTRIES.get().borrow_mut().push(Entry {
            id,
            stream: stream.addr(),
            cid,
            way,
            wait: 0,
            is_brief: false,
        });
        Some(AtWork(id))
    }

    fn note(&self, wait: u64, is_brief: bool) {
        let mut entries = ENTRIES.get().borrow_mut();
        if let Some(entry) = entries.iter_mut().find(|entry| entry.id == self.0) {
            (entry.wait, entry.is_brief) = (wait, is_brief);
        }
    }

    fn during<R>(&self, is_brief: bool, f: impl FnOnce() -> R) -> R {
        self.note(
            engine::running().map_or(0, |co| co.waits.get() + 1),
            is_brief,
        );
        let result = f();
        self.note(0, false);
        result
    }

    /// Runs `f`, which waits once, for who knows how long: closing the stream cuts it short.
    pub fn waiting<R>(&self, f: impl FnOnce() -> R) -> R {
        self.during(false, f)
    }

    /// Runs `f`, which waits once, for a disk: closing the stream waits for it where it can.
    pub fn waiting_briefly<R>(&self, f: impl FnOnce() -> R) -> R {
        self.during(true, f)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut entries = ENTRIES.get().borrow_mut();
        if let Some(index) = entries.iter().position(|entry| entry.id == self.0) {
            entries.swap_remove(index);
        }
    }
}

/// In a child, outside of coroutines: its parent's are not there to leave what they are in.
pub fn forget() {
    ENTRIES.get().borrow_mut().clear();
    CLOSING.get().borrow_mut().clear();
}

/// The first of the others that is inside of an operation of the stream.
fn other(stream: *mut php_stream, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
    let cid = coroutine::current();
    let entries = ENTRIES.get().borrow();
    let found = entries
        .iter()
        .find(|entry| entry.stream == stream.addr() && Some(entry.cid) != cid && wanted(entry));
    found.copied()
}

/// Another coroutine that is at the same is a mistake, and ends the script as in the reference. `fd` is asked
/// for the descriptor then.
pub fn refuse(
    stream: *mut php_stream,
    way: Way,
    fd: impl FnOnce() -> Option<RawFd>,
) -> Result<(), Stop> {
    match other(stream, |entry| entry.way == Some(way)) {
        None => Ok(()),
        Some(entry) => Err(bound::error(
            fd().unwrap_or(-1),
            entry.cid,
            bound::doing(way),
            coroutine::current().unwrap_or(-1),
        )),
    }
}

/// The first and the longest time between two looks at who is still at work.
const FIRST_NAP_MS: u64 = 1;
const LAST_NAP_MS: u64 = 16;

/// The stream is about to be closed, and `told`, which is called first, tells those who wait for its
/// descriptor: the others have left its operations when this returns.
pub fn closing(stream: *mut php_stream, told: impl FnOnce()) {
    CLOSING.get().borrow_mut().push(stream.addr());
    told();
    let mut nap_ms = FIRST_NAP_MS;
    while other(stream, |_| true).is_some() {
        cut_short(stream, |entry| !entry.is_brief);
        if other(stream, |_| true).is_none() {
            break;
        }
        match engine::wait(Wait::Uncancellable, Some(nap_ms)) {
            Some(Woken::TimedOut) => nap_ms = (nap_ms * 2).min(LAST_NAP_MS),
            // Nothing may be waited for here: each goes on at once, and what it has given to a thread is
            // done there, with a copy of the descriptor.
            _ => {
                cut_short(stream, |_| true);
                break;
            }
        }
    }
    let mut closing = CLOSING.get().borrow_mut();
    if let Some(index) = closing.iter().rposition(|found| *found == stream.addr()) {
        closing.swap_remove(index);
    }
}

/// Lets the others go on that wait in an operation of the stream.
fn cut_short(stream: *mut php_stream, wanted: impl Fn(&Entry) -> bool) {
    let cid = coroutine::current();
    let found: Vec<Entry> = {
        let entries = ENTRIES.get().borrow();
        let others = entries.iter().filter(|entry| {
            entry.stream == stream.addr() && Some(entry.cid) != cid && entry.wait != 0
        });
        others.filter(|entry| wanted(entry)).copied().collect()
    };
    for entry in found {
        if callback::pending() == Pending::None {
            waits::wake_from_loop(entry.cid, entry.wait, Woken::Resumed);
        } else if let Some(co) = engine::find(entry.cid)
            && co.waits.get() == entry.wait
        {
            // The script ends: nothing else makes a coroutine go on.
            co.ended.set(true);
            engine::wake(co, Woken::Ended);
        }
    }
}

/// Where PHP wants what is read. It has computed that before it asked, and others may have used its buffer
/// since: writing to a file empties it, a filter that is added moves it.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    stream: *mut php_stream,
    buf: *mut c_char,
    count: usize,
    is_buffer: bool,
}

impl Room {
    /// # Safety
    /// What PHP passed to an operation of a stream, which lives as long as this is used.
    #[must_use]
    pub unsafe fn of(stream: *mut php_stream, buf: *mut c_char, count: usize) -> Room {
        // SAFETY: the caller's promise.
        let (start, len) = unsafe { ((*stream).readbuf.addr(), (*stream).readbuflen) };
        Room {
            stream,
            buf,
            count,
            is_buffer: start != 0 && (start..start + len).contains(&buf.addr()),
        }
    }

    /// Where it is to go now, and how much of it; None: there is no room, as there is enough to take already.
    #[must_use]
    pub fn now(self) -> Option<(*mut c_char, usize)> {
        if !self.is_buffer {
            return Some((self.buf, self.count));
        }
        // SAFETY: a live stream. What has been read stands between the two positions, which are within its
        // buffer; PHP adds what is read now at the second.
        unsafe {
            let stream = self.stream;
            if (*stream).readpos == (*stream).writepos && (*stream).readbuflen > 0 {
                let start = (*stream).readbuf.cast::<c_char>();
                let used = usize::try_from((*stream).writepos).ok()?;
                if start.wrapping_add(used) != self.buf {
                    ((*stream).readpos, (*stream).writepos) = (0, 0);
                }
            }
            let used = usize::try_from((*stream).writepos).ok()?;
            let count = (*stream).readbuflen.checked_sub(used)?.min(self.count);
            let buf = (*stream).readbuf.cast::<c_char>().wrapping_add(used);
            (count > 0).then_some((buf, count))
        }
    }
}
