//! How coroutines wait for a socket: one registration with the event loop for its whole life,
//! edge-triggered both ways, and what is known of its readiness. So an operation that can go on costs one
//! system call, and a wait costs none beside the loop's own.

use crate::php::coroutine::co::{Co, Wait, Woken};
use crate::php::coroutine::engine;
use std::cell::{Cell, RefCell};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::{Rc, Weak};
use std::time::Duration;
use swoole_core::coroutine::socket::{Deadline, Fault, Interest, Waiter};
use swoole_core::reactor::event_loop::{self, EventLoop, Trigger, WatchId};
use swoole_core::reactor::poller::{Interest as Events, Ready};

/// Who waits, and which of its waits it is.
type Waiting = (&'static Co, u64);

/// One direction of a socket.
#[derive(Debug)]
struct Side {
    /// False: it is known that a call would have to wait.
    may_try: Cell<bool>,
    waiting: Cell<Option<Waiting>>,
}

impl Side {
    fn new() -> Side {
        Side {
            may_try: Cell::new(true),
            waiting: Cell::new(None),
        }
    }

    fn cid(&self) -> Option<i64> {
        // In a child there may stand one of its parent's.
        let waiting = self.waiting.get().filter(|(co, _)| co.cid.get() != 0);
        waiting.map(|(co, _)| co.cid.get())
    }
}

/// Where the coroutines of one socket wait.
#[derive(Debug)]
pub struct Parking {
    reading: Side,
    writing: Side,
    /// The peer sends no more, or the connection is gone: no news comes that reading would wait for.
    ended: Cell<bool>,
    watch: Cell<Option<WatchId>>,
    /// The loop that it is registered with.
    event_loop: RefCell<Weak<EventLoop>>,
}

impl Parking {
    #[must_use]
    pub fn new() -> Rc<Parking> {
        Rc::new(Parking {
            reading: Side::new(),
            writing: Side::new(),
            ended: Cell::new(false),
            watch: Cell::new(None),
            event_loop: RefCell::new(Weak::new()),
        })
    }

    #[inline]
    fn side(&self, interest: Interest) -> &Side {
        match interest {
            Interest::Read => &self.reading,
            Interest::Write | Interest::ReadWrite => &self.writing,
        }
    }

    /// The coroutine that waits to read.
    #[must_use]
    pub fn reader(&self) -> Option<i64> {
        self.reading.cid()
    }

    /// The coroutine that waits to write.
    #[must_use]
    pub fn writer(&self) -> Option<i64> {
        self.writing.cid()
    }

    /// Ends a wait, which answers that it was canceled. False: nobody waits.
    pub fn cancel(&self, interest: Interest) -> bool {
        match self.side(interest).waiting.take() {
            Some(waiting) => {
                wake(waiting, Woken::Canceled);
                true
            }
            None => false,
        }
    }

    /// Has the loop forget the descriptor, before it is closed.
    pub fn leave(&self) {
        if let Some(watch) = self.watch.take()
            && let Some(event_loop) = event_loop::existing()
            && self.is_of(&event_loop)
        {
            event_loop.unwatch(watch);
        }
        self.reading.may_try.set(true);
        self.writing.may_try.set(true);
        self.ended.set(false);
    }

    fn is_of(&self, event_loop: &Rc<EventLoop>) -> bool {
        std::ptr::eq(self.event_loop.borrow().as_ptr(), Rc::as_ptr(event_loop))
    }

    /// The loop, in which the descriptor is registered when this returns. A script may have one loop after
    /// the other, and a process made by fork has its own.
    fn enter(self: &Rc<Self>, fd: RawFd) -> std::io::Result<Rc<EventLoop>> {
        let event_loop = event_loop::current()?;
        if self.watch.get().is_some() && self.is_of(&event_loop) {
            return Ok(event_loop);
        }
        let parking = Rc::clone(self);
        let watch = event_loop.watch(
            fd,
            Events::READABLE | Events::WRITABLE,
            Trigger::Edge,
            Rc::new(move |ready| parking.news(ready)),
        )?;
        // Only who waits keeps the loop alive.
        event_loop.detach(watch);
        self.watch.set(Some(watch));
        self.event_loop.replace(Rc::downgrade(&event_loop));
        self.ended.set(false);
        Ok(event_loop)
    }

    fn news(&self, ready: Ready) {
        let gone = ready.error || (ready.read_closed && ready.write_closed);
        let (mut reader, mut writer) = (None, None);
        if ready.readable || ready.read_closed || gone {
            self.reading.may_try.set(true);
            reader = self.reading.waiting.get();
        }
        if ready.writable || ready.write_closed || gone {
            self.writing.may_try.set(true);
            writer = self.writing.waiting.get();
        }
        if ready.read_closed || gone {
            self.ended.set(true);
        }
        for waiting in [reader, writer].into_iter().flatten() {
            wake(waiting, Woken::Resumed);
        }
    }
}

/// Lets a coroutine go on if it is still in that wait.
fn wake((co, wait): Waiting, woken: Woken) {
    if co.waits.get() == wait {
        engine::wake(co, woken);
    }
}

/// Waits as a coroutine.
#[derive(Clone, Copy, Debug)]
pub struct Park<'a>(pub &'a Rc<Parking>);

impl Waiter for Park<'_> {
    const MAY_BLOCK: bool = false;

    fn wait(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let co = engine::running().ok_or(Fault::Outside)?;
        let event_loop = self.0.enter(fd.as_raw_fd());
        let event_loop =
            event_loop.map_err(|error| Fault::Os(error.raw_os_error().unwrap_or(libc::EBADF)))?;
        let hold = event_loop.hold();
        drop(event_loop);
        let side = self.0.side(interest);
        side.may_try.set(false);
        let waiting = (co, co.waits.get() + 1);
        side.waiting.set(Some(waiting));
        let woken = engine::wait(Wait::Cancellable, timeout_ms(deadline));
        // Whoever canceled it has cleared the place, and another may stand there by now.
        if side.waiting.get().is_some_and(|now| now.1 == waiting.1) {
            side.waiting.set(None);
        }
        drop(hold);
        match woken {
            Some(Woken::Resumed) => Ok(()),
            Some(Woken::TimedOut) => Err(Fault::TimedOut),
            Some(Woken::Canceled) => Err(Fault::Canceled),
            Some(Woken::Ended) | None => Err(Fault::Ended),
        }
    }

    #[inline]
    fn may_try(&self, interest: Interest) -> bool {
        // Outside of coroutines nobody can wait for the loop to tell.
        self.0.side(interest).may_try.get() || engine::running().is_none()
    }

    #[inline]
    fn drained(&self) {
        if self.0.watch.get().is_some() && !self.0.ended.get() {
            self.0.reading.may_try.set(false);
        }
    }

    fn nap(&self, time: Duration) -> Result<(), Fault> {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match engine::wait(Wait::Cancellable, Some(ms.max(1))) {
            Some(Woken::Resumed | Woken::TimedOut) => Ok(()),
            Some(Woken::Canceled) => Err(Fault::Canceled),
            Some(Woken::Ended) => Err(Fault::Ended),
            None => Err(Fault::Outside),
        }
    }
}

/// What is left, rounded up; None: without limit.
fn timeout_ms(deadline: Deadline) -> Option<u64> {
    let left = deadline.left()?;
    Some(u64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}
