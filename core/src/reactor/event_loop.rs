//! The event loop of a process: descriptors, timers, deferred calls, signals, work of other threads.
//!
//! There is one per thread, made on first use ([`current`]). A server's worker, master and manager run
//! their duties on it, so that what user code adds (a timer, a descriptor) is served by the same wait. A
//! process made by fork gets a loop of its own, and an empty one: what the parent waits for is the
//! parent's.
//!
//! Callbacks run with no borrow of the loop held, so they may add and remove whatever they like,
//! themselves included. One turn goes: descriptors, signals, timers, deferred calls.

mod run;
mod signals;

use super::poller::{Interest, Poller, Ready, Token};
use super::remote::Remote;
use super::timers::{TimerId, Timers};
use super::watches::Watches;
pub use super::watches::{Trigger, WatchId};
use crate::sys::forks;
use crate::sys::signal::{Signal, SignalInbox};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Tokens with this bit are the loop's own; the others are for [`EventLoop::turn`]'s caller.
pub const OWN_TOKEN: usize = 1 << 62;
const SIGNAL_TOKEN: usize = OWN_TOKEN | (1 << 61);
type Job = Box<dyn FnOnce()>;

struct Timer {
    callback: Job,
    repeats: bool,
}

/// What [`EventLoop::on_signal`] calls.
pub type SignalHandler = Rc<dyn Fn(Signal)>;
type Hook = Rc<dyn Fn()>;

/// See the module's description.
pub struct EventLoop {
    /// Tells this thread's loops apart.
    serial: u64,
    /// The process it was made in (see [`forks::generation`]).
    born_in: u64,
    epoch: Instant,
    /// None: given up in a forked child.
    poller: RefCell<Option<Poller>>,
    watches: RefCell<Watches>,
    ready: RefCell<Vec<Ready>>,
    /// Events for the caller of [`EventLoop::turn`] that came while [`EventLoop::run_between`] ran.
    kept: RefCell<Vec<Ready>>,
    is_between: Cell<bool>,
    timers: RefCell<Timers<Timer>>,
    /// Timers that repeat: see [`EventLoop::has_work_to_finish`].
    repeating: Cell<usize>,
    /// While timers run: what they add comes due later than this, in microseconds.
    firing_us: Cell<Option<u64>>,
    deferred: RefCell<VecDeque<Job>>,
    holds: Rc<Cell<usize>>,
    remote: RefCell<Option<Remote>>,
    signals: RefCell<Option<Rc<RefCell<SignalInbox>>>>,
    handlers: RefCell<HashMap<i32, SignalHandler>>,
    /// Whether a signal's handler keeps the loop alive.
    handlers_count: Cell<bool>,
    /// See [`HookAt`].
    hooks: [RefCell<Option<Hook>>; 3],
    turns: Cell<u64>,
    /// Callbacks that have run so far.
    calls: Cell<u64>,
    running: Cell<bool>,
    exit: Cell<bool>,
    adopted: Cell<bool>,
    ended: Cell<Option<i32>>,
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("watches", &self.watches.borrow().len())
            .field("timers", &self.timers.borrow().len())
            .field("deferred", &self.deferred.borrow().len())
            .field("holds", &self.holds.get())
            .finish_non_exhaustive()
    }
}

/// When a hook of [`EventLoop::set_hook`] is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAt {
    /// Before each wait.
    BeforeWait,
    /// At the end of each turn.
    TurnEnd,
    /// Once in [`EventLoop::run`] when nothing has happened for a while: before a wait that may be without
    /// end, as nothing of this process is going to change what it waits for.
    Idle,
}

/// Keeps the loop alive for work that goes on elsewhere (a thread, a child process), until dropped.
#[derive(Debug)]
pub struct Hold {
    holds: Rc<Cell<usize>>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.set(self.holds.get().saturating_sub(1));
    }
}

thread_local! {
    /// The number of the next loop; 0 is none's.
    static SERIALS: Cell<u64> = const { Cell::new(1) };
    /// Not dropped with the thread: callbacks may own what is gone by then.
    static CURRENT: ManuallyDrop<RefCell<Option<Rc<EventLoop>>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
    /// In a forked child, its parent's loop: a callback of that one may still be running.
    static INHERITED: ManuallyDrop<RefCell<Option<Rc<EventLoop>>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
}

fn set_current(event_loop: Option<Rc<EventLoop>>) -> Option<Rc<EventLoop>> {
    CURRENT.with(|current| current.replace(event_loop))
}

/// The loop of this thread, made if there is none yet.
///
/// # Errors
/// The kernel gives no poller: out of descriptors.
pub fn current() -> io::Result<Rc<EventLoop>> {
    if let Some(event_loop) = existing() {
        return Ok(event_loop);
    }
    let made = Rc::new(EventLoop::new()?);
    set_current(Some(Rc::clone(&made)));
    Ok(made)
}

/// The loop of this thread, if there is one.
#[must_use]
pub fn existing() -> Option<Rc<EventLoop>> {
    let known = CURRENT.with(|current| current.borrow().clone())?;
    if known.born_in == forks::generation() {
        return Some(known);
    }
    // The parent's. Its callbacks may own what must not be released twice (or run twice), so they are
    // left where they are; the descriptor of its poller goes.
    drop(set_current(None));
    known.poller.take();
    let older = INHERITED.with(|inherited| inherited.replace(Some(known)));
    std::mem::forget(older);
    None
}

/// User code has ended the process: see [`EventLoop::end`].
pub fn end(status: i32) {
    if let Some(event_loop) = existing() {
        event_loop.end(status);
    }
    if let Some(inherited) = INHERITED.with(|inherited| inherited.borrow().clone()) {
        inherited.end(status);
    }
}

/// Ends the loop of this thread: nothing that was added to it runs any more. The next [`current`] makes
/// a new one.
pub fn discard() {
    if existing().is_some() {
        let event_loop = set_current(None);
        if let Some(event_loop) = event_loop {
            event_loop.clear();
        }
    }
}

impl EventLoop {
    fn new() -> io::Result<EventLoop> {
        let serial = SERIALS.get();
        SERIALS.set(serial + 1);
        Ok(EventLoop {
            serial,
            born_in: forks::generation(),
            epoch: Instant::now(),
            poller: RefCell::new(Some(Poller::new()?)),
            watches: RefCell::default(),
            ready: RefCell::default(),
            kept: RefCell::default(),
            is_between: Cell::new(false),
            timers: RefCell::default(),
            repeating: Cell::new(0),
            firing_us: Cell::new(None),
            deferred: RefCell::default(),
            holds: Rc::default(),
            remote: RefCell::default(),
            signals: RefCell::default(),
            handlers: RefCell::default(),
            handlers_count: Cell::new(true),
            hooks: Default::default(),
            turns: Cell::new(0),
            calls: Cell::new(0),
            running: Cell::new(false),
            exit: Cell::new(false),
            adopted: Cell::new(false),
            ended: Cell::new(None),
        })
    }

    /// No callback runs any more: user code has ended the process, or this is a child that was forked by
    /// a callback, and the loop its parent's.
    fn is_over(&self) -> bool {
        self.ended.get().is_some() || self.is_inherited()
    }

    /// A number that no other loop of this thread has: not one before it, and no fork's.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Whether this process is a fork of the one that made the loop.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.born_in != forks::generation()
    }

    fn with_poller<R>(&self, f: impl FnOnce(&Poller) -> io::Result<R>) -> io::Result<R> {
        match &*self.poller.borrow() {
            Some(poller) => f(poller),
            None => Err(io::Error::from_raw_os_error(libc::EBADF)),
        }
    }

    // ---- descriptors ----

    /// Calls `callback` when the descriptor is ready. It keeps the loop alive (see [`Self::detach`]).
    ///
    /// # Errors
    /// EPERM: a file that is always ready (a regular one); EBADF: not open; EEXIST: watched already.
    pub fn watch(
        &self,
        fd: RawFd,
        interest: Interest,
        trigger: Trigger,
        callback: Rc<dyn Fn(Ready)>,
    ) -> io::Result<WatchId> {
        let lent = self.watches.borrow().find_lent(fd);
        if let Some(lent) = lent {
            self.unwatch(lent);
        }
        let id = self.watches.borrow_mut().next_id();
        self.with_poller(|poller| poller.register(fd, id.token(), interest))?;
        // The kernel took it as new: one we know by this number was closed without a word.
        let mut watches = self.watches.borrow_mut();
        let stale = watches.insert(id, fd, interest, trigger, callback);
        drop(watches);
        drop(stale);
        Ok(id)
    }

    /// Watches for something else from now on.
    ///
    /// # Errors
    /// ENOENT: not watched any more.
    pub fn change(&self, id: WatchId, interest: Interest) -> io::Result<()> {
        let fd = {
            let mut watches = self.watches.borrow_mut();
            let watch = watches.get_mut(id);
            let watch = watch.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
            watch.interest = interest;
            watch.fd
        };
        self.with_poller(|poller| poller.reregister(fd, id.token(), interest))
    }

    /// Stops watching; to be called before the descriptor is closed. One that is not watched any more is
    /// left alone.
    pub fn unwatch(&self, id: WatchId) {
        let watch = self.watches.borrow_mut().remove(id);
        if let Some(watch) = watch {
            // ENOENT, EBADF: the descriptor was closed before.
            let _ = self.with_poller(|poller| poller.deregister(watch.fd));
        }
    }

    /// Lets the loop end although this is watched.
    pub fn detach(&self, id: WatchId) {
        self.watches.borrow_mut().detach(id);
    }

    /// Lets the loop end although this is watched, and lets whoever watches the descriptor next have it:
    /// then this one is gone. For a watch that is kept while nobody waits.
    pub fn lend(&self, id: WatchId) {
        self.watches.borrow_mut().set_lent(id, true);
    }

    /// Undoes [`Self::lend`]. False: it is gone.
    #[must_use]
    pub fn reclaim(&self, id: WatchId) -> bool {
        self.watches.borrow_mut().set_lent(id, false)
    }

    /// Whether the descriptor of this number is watched, and not lent.
    #[must_use]
    pub fn find(&self, fd: RawFd) -> Option<WatchId> {
        self.watches.borrow().find(fd)
    }

    /// What is watched for.
    #[must_use]
    pub fn interest(&self, id: WatchId) -> Option<Interest> {
        self.watches.borrow().get(id).map(|watch| watch.interest)
    }

    /// Watches a descriptor on behalf of the caller of [`Self::turn`], edge-triggered, which gets its
    /// events under this token. It does not keep the loop alive.
    ///
    /// # Errors
    /// As [`Self::watch`].
    pub fn register(&self, fd: RawFd, token: usize, interest: Interest) -> io::Result<()> {
        debug_assert!(token & OWN_TOKEN == 0, "the token is the loop's own");
        self.with_poller(|poller| poller.register(fd, Token(token), interest))
    }

    /// Undoes [`Self::register`].
    ///
    /// # Errors
    /// ENOENT or EBADF: not registered.
    pub fn deregister(&self, fd: RawFd) -> io::Result<()> {
        self.with_poller(|poller| poller.deregister(fd))
    }

    // ---- timers and deferred calls ----

    /// Microseconds since the loop was made, of a clock that never goes back.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.epoch.elapsed().as_micros() as u64
    }

    /// Runs `callback` once, not before `delay_ms` milliseconds have passed (0: in the next turn). It
    /// keeps the loop alive. Timers of the same moment run in the order they were added.
    pub fn after(&self, delay_ms: u64, callback: Job) -> TimerId {
        let at_us = self.now_us().saturating_add(delay_ms.saturating_mul(1000));
        self.at(at_us, false, callback)
    }

    /// [`Self::after`] with the moment given (see [`Self::now_us`]). `repeats` says that the callback is
    /// going to add the timer again: see [`Self::has_work_to_finish`].
    pub fn at(&self, at_us: u64, repeats: bool, callback: Job) -> TimerId {
        let at_us = self
            .firing_us
            .get()
            .map_or(at_us, |firing| at_us.max(firing + 1));
        self.repeating
            .set(self.repeating.get() + usize::from(repeats));
        self.timers
            .borrow_mut()
            .insert(at_us, Timer { callback, repeats })
    }

    fn no_longer_waits(&self, timer: &Timer) {
        self.repeating
            .set(self.repeating.get() - usize::from(timer.repeats));
    }

    /// Whether there was such a timer, not yet run.
    pub fn cancel(&self, id: TimerId) -> bool {
        let cancelled = self.timers.borrow_mut().cancel(id);
        if let Some(timer) = &cancelled {
            self.no_longer_waits(timer);
        }
        cancelled.is_some()
    }

    /// Runs `callback` at the end of this turn, or of the next one if none is under way.
    pub fn defer(&self, callback: Job) {
        self.deferred.borrow_mut().push_back(callback);
    }

    // ---- what goes on elsewhere ----

    /// Keeps the loop alive for as long as the answer lives.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.holds.set(self.holds.get() + 1);
        Hold {
            holds: Rc::clone(&self.holds),
        }
    }

    /// A way for other threads to run something in this one.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn remote(&self) -> io::Result<Remote> {
        if let Some(remote) = &*self.remote.borrow() {
            return Ok(remote.clone());
        }
        let remote = Remote::new().map_err(|e| io::Error::from_raw_os_error(e.errno))?;
        let taker = remote.clone();
        let run = move |_: Ready| {
            for job in taker.take() {
                job();
            }
        };
        let id = self.watch(remote.fd(), Interest::READABLE, Trigger::Edge, Rc::new(run))?;
        self.detach(id);
        *self.remote.borrow_mut() = Some(remote.clone());
        Ok(remote)
    }

    // ---- running ----

    /// Sets or removes what is called in every turn.
    pub fn set_hook(&self, at: HookAt, hook: Option<Hook>) -> bool {
        let former = self.hooks[at as usize].replace(hook);
        former.is_some()
    }

    fn call_hook(&self, at: HookAt) {
        let hook = self.hooks[at as usize].borrow().clone();
        if let Some(hook) = hook
            && !self.is_over()
        {
            hook();
        }
    }

    /// How many descriptors are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.watches.borrow().len()
    }

    /// Whether anything but timers and signal handlers keeps the loop alive.
    #[must_use]
    pub fn is_engaged(&self) -> bool {
        self.watches.borrow().counted() > 0
            || self.holds.get() > 0
            || !self.deferred.borrow().is_empty()
    }

    /// Whether anything keeps the loop alive.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.watches.borrow().counted() > 0
            || self.holds.get() > 0
            || !self.timers.borrow().is_empty()
            || !self.deferred.borrow().is_empty()
            || (self.handlers_count.get() && !self.handlers.borrow().is_empty())
    }

    /// Whether anything is under way that comes to an end: timers that repeat never do, and signal
    /// handlers neither.
    #[must_use]
    pub fn has_work_to_finish(&self) -> bool {
        self.watches.borrow().counted() > 0
            || self.holds.get() > 0
            || self.timers.borrow().len() > self.repeating.get()
            || !self.deferred.borrow().is_empty()
    }

    /// Ends [`Self::run`] after this turn; for a loop that a server turns: see [`Self::take_exit`].
    pub fn exit(&self) {
        self.exit.set(true);
    }

    /// Whether [`Self::exit`] was called since the last look.
    pub fn take_exit(&self) -> bool {
        self.exit.take()
    }

    /// User code has ended the process with this status (`exit()`, a fatal error): no callback runs any
    /// more.
    pub fn end(&self, status: i32) {
        if self.ended.get().is_none() {
            self.ended.set(Some(status));
        }
    }

    /// See [`Self::end`].
    #[must_use]
    #[inline]
    pub fn ended(&self) -> Option<i32> {
        self.ended.get()
    }

    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.get()
    }

    /// Whether [`Self::adopt`] was called.
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.adopted.get()
    }

    /// Says that somebody sees to it that this loop runs.
    pub fn adopt(&self) {
        self.adopted.set(true);
    }

    /// Says that a server turns this loop by [`Self::turn`].
    pub fn set_running(&self, running: bool) {
        self.exit.set(false);
        self.running.set(running);
    }

    /// Turns so far.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns.get()
    }

    /// Whether a wait would end at once for want of patience: something is deferred or due.
    #[must_use]
    pub fn is_due(&self) -> bool {
        !self.deferred.borrow().is_empty()
            || self
                .timers
                .borrow()
                .next_deadline()
                .is_some_and(|at| at <= self.now_us())
    }

    /// How long a wait may be, given that it must end at `limit`.
    fn patience(&self, limit: Option<Duration>) -> Option<Duration> {
        if !self.deferred.borrow().is_empty() || self.exit.get() || self.has_kept() {
            return Some(Duration::ZERO);
        }
        let next = self.timers.borrow().next_deadline();
        let until_timer = next.map(|at| Duration::from_micros(at.saturating_sub(self.now_us())));
        [until_timer, limit].into_iter().flatten().min()
    }

    /// One turn: waits at most `limit` (without end if None), and runs what is ready or due. Events of
    /// descriptors that were registered by [`Self::register`] go to `others`, before anything runs.
    ///
    /// # Errors
    /// The kernel refuses to wait.
    pub fn turn(&self, limit: Option<Duration>, others: impl FnMut(&Ready)) -> io::Result<()> {
        self.wait(limit, others)?;
        self.run_ready();
        Ok(())
    }

    /// The first half of [`Self::turn`]: nothing runs yet but the hook before the wait.
    ///
    /// # Errors
    /// The kernel refuses to wait.
    pub fn wait(&self, limit: Option<Duration>, mut others: impl FnMut(&Ready)) -> io::Result<()> {
        self.call_hook(HookAt::BeforeWait);
        let patience = self.patience(limit);
        let mut ready = self.ready.borrow_mut();
        let mut poller = self.poller.borrow_mut();
        let Some(poller) = &mut *poller else {
            // A child that was forked in a callback: this loop is not its own.
            self.exit.set(true);
            return Ok(());
        };
        poller.wait(patience)?;
        self.give_kept(&mut others);
        for event in poller.events() {
            if event.token & OWN_TOKEN == 0 {
                others(&event);
            } else {
                ready.push(event);
            }
        }
        Ok(())
    }

    /// The second half of [`Self::turn`].
    pub fn run_ready(&self) {
        let mut ready = self.ready.take();
        for event in ready.drain(..) {
            self.dispatch(&event);
        }
        // Keeps the buffer, unless a callback turned the loop itself and left events of its own.
        if self.ready.borrow().is_empty() {
            self.ready.replace(ready);
        }
        self.run_due();
        self.call_hook(HookAt::TurnEnd);
        self.turns.set(self.turns.get() + 1);
    }

    fn dispatch(&self, event: &Ready) {
        if self.is_over() {
            return;
        }
        if event.token == SIGNAL_TOKEN {
            return self.dispatch_signals();
        }
        let id = WatchId::of(event.token);
        let callback = self
            .watches
            .borrow()
            .get(id)
            .map(|w| Rc::clone(&w.callback));
        // None: removed by a callback of this very turn.
        let Some(callback) = callback else { return };
        self.count_call();
        callback(*event);
        drop(callback);
        let level = self
            .watches
            .borrow()
            .get(id)
            .filter(|watch| watch.trigger == Trigger::Level)
            .map(|watch| (watch.fd, watch.interest));
        if let Some((fd, interest)) = level
            && !self.is_inherited()
        {
            // Makes the kernel look anew.
            let looked = self.with_poller(|poller| poller.reregister(fd, id.token(), interest));
            if looked.is_err() {
                // Closed by the callback: it never has news again, and must not keep the loop alive.
                self.unwatch(id);
            }
        }
    }

    /// Runs the timers that are due and what was deferred, without waiting.
    pub fn run_due(&self) {
        // A script's timers run from the second turn on, as users of dispatch() and cycle() can tell.
        let is_first = self.adopted.get() && self.turns.get() == 0;
        if !is_first && self.timers.borrow().next_deadline().is_some() {
            self.run_timers();
        }
        // What these defer waits for the next turn.
        let count = self.deferred.borrow().len();
        for _ in 0..count {
            let job = self.deferred.borrow_mut().pop_front();
            match job {
                Some(job) if !self.is_over() => {
                    self.count_call();
                    job();
                }
                _ => break,
            }
        }
    }

    fn run_timers(&self) {
        let now_us = self.now_us();
        let outer = self.firing_us.replace(Some(now_us));
        while !self.is_over() {
            let due = self.timers.borrow_mut().pop_due(now_us);
            match due {
                Some((_, timer)) => {
                    self.no_longer_waits(&timer);
                    self.count_call();
                    (timer.callback)();
                }
                None => break,
            }
        }
        self.firing_us.set(outer);
    }

    /// Drops everything that was added. What that drops may be anything, so no borrow is held.
    fn clear(&self) {
        self.exit.set(true);
        drop(self.timers.take());
        self.repeating.set(0);
        drop(self.deferred.take());
        drop(self.handlers.take());
        drop(self.signals.take());
        drop(self.watches.take());
        self.hooks.iter().for_each(|hook| drop(hook.take()));
        drop(self.remote.take());
    }
}
