//! Coroutines: who runs, who waits, and how one goes over to the other.
//!
//! `create` and `resume` run a coroutine at once, until it waits for something ([`wait`]) or ends, and
//! come back. So those that run stand on one another, the main context at the bottom, and the event loop
//! there resumes whom it has news for.

use super::co::{Call, Co, State, Wait, Woken};
use super::fiber::{self, Chosen, Context};
use super::{body, overflow, vm};
use crate::php::callback::{self, Pending};
use crate::php::ffi::*;
use crate::php::method::{Stop, protect};
use std::cell::{Cell, RefCell};
use std::time::Instant;
use swoole_core::coroutine::numbered::Numbered;

/// Something that only the thread that runs PHP touches: this extension is for PHP without threads.
#[derive(Debug)]
pub struct PhpThread<T>(T);

// SAFETY: PHP without threads runs in one thread of a process, and everything in `php/coroutine` is
// called by PHP or by the event loop of that thread. A thread-local would be a function call away.
unsafe impl<T> Sync for PhpThread<T> {}

impl<T> PhpThread<T> {
    #[must_use]
    pub const fn new(value: T) -> Self {
        PhpThread(value)
    }

    #[inline]
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// Contexts that ended and are kept for the next coroutine; more go back to the kernel.
const MAX_IDLE: usize = 1024;
/// `SWOOLE_DEFAULT_MAX_CORO_NUM`.
pub const DEFAULT_MAX: u64 = 100_000;
/// Of the machine stack.
const DEFAULT_STACK_BYTES: usize = 2 * 1024 * 1024;

struct Engine {
    source: Chosen,
    current: Cell<Option<&'static Co>>,
    last_cid: Cell<i64>,
    peak: Cell<usize>,
    max: Cell<u64>,
    stack_bytes: Cell<usize>,
    live: RefCell<Numbered<&'static Co>>,
    idle: RefCell<Vec<&'static Co>>,
    /// Records without a stack. They are never freed: whoever still holds one finds another number.
    spare: RefCell<Vec<&'static Co>>,
}

static ENGINE: PhpThread<Engine> = PhpThread::new(Engine {
    source: Chosen::unset(),
    current: Cell::new(None),
    last_cid: Cell::new(0),
    peak: Cell::new(0),
    max: Cell::new(DEFAULT_MAX),
    stack_bytes: Cell::new(DEFAULT_STACK_BYTES),
    live: RefCell::new(Numbered::new()),
    idle: RefCell::new(Vec::new()),
    spare: RefCell::new(Vec::new()),
});

#[inline]
fn engine() -> &'static Engine {
    ENGINE.get()
}

/// The coroutine that runs; None: the main context does.
#[must_use]
#[inline]
pub fn running() -> Option<&'static Co> {
    engine().current.get()
}

/// The coroutine of this number, if it has not ended.
#[must_use]
#[inline]
pub fn find(cid: i64) -> Option<&'static Co> {
    engine().live.borrow().get(cid)
}

/// The numbers of all, ascending.
#[must_use]
pub fn cids() -> Vec<i64> {
    let mut cids: Vec<i64> = engine().live.borrow().numbers().collect();
    cids.sort_unstable();
    cids
}

/// How many there are.
#[must_use]
pub fn count() -> usize {
    engine().live.borrow().len()
}

/// How many there have been at a time.
#[must_use]
pub fn peak() -> usize {
    engine().peak.get()
}

/// The number given out last.
#[must_use]
pub fn last_cid() -> i64 {
    engine().last_cid.get()
}

/// Whether [`create`] would refuse.
#[must_use]
pub fn is_full() -> bool {
    count() as u64 >= engine().max.get()
}

/// `max_coroutine`.
pub fn set_max(max: u64) {
    engine().max.set(max);
}

/// `stack_size`, of coroutines to come.
pub fn set_stack_bytes(bytes: usize) {
    let engine = engine();
    if engine.stack_bytes.replace(bytes) != bytes {
        trim(0);
    }
}

/// See [`set_stack_bytes`].
#[must_use]
pub fn stack_bytes() -> usize {
    engine().stack_bytes.get()
}

/// A context to run in: one that has run before, or a new one.
#[inline]
fn take() -> Result<&'static Co, Stop> {
    let kept = engine().idle.borrow_mut().pop();
    kept.map_or_else(make, Ok)
}

#[cold]
fn make() -> Result<&'static Co, Stop> {
    let engine = engine();
    let spare = engine.spare.borrow_mut().pop();
    let co: &'static Co = spare.unwrap_or_else(|| Box::leak(Box::new(Co::empty())));
    let page = vm::new_page();
    let made = page.map_err(Stop::from).and_then(|page| {
        co.page.set(page);
        let bytes = engine.stack_bytes.get() + vm::reserved_bytes();
        // SAFETY: the record stays where it is for ever; `body::run` never returns.
        unsafe { engine.source.get().make(co.context.get(), body::run, bytes) }
    });
    match made {
        Ok(range) => {
            co.range.set(range);
            Ok(co)
        }
        Err(stop) => {
            release_page(co);
            engine.spare.borrow_mut().push(co);
            Err(stop)
        }
    }
}

fn release_page(co: &Co) {
    let page = co.page.replace(std::ptr::null_mut());
    if !page.is_null() {
        // SAFETY: made by `vm::new_page`; the coroutine has ended.
        unsafe { vm::free_page(page) };
    }
}

/// Gives contexts back that are kept beyond `keep`.
pub fn trim(keep: usize) {
    let engine = engine();
    loop {
        let co = {
            let mut idle = engine.idle.borrow_mut();
            if idle.len() <= keep {
                return;
            }
            idle.pop()
        };
        let Some(co) = co else { return };
        // SAFETY: an idle context waits in `body::run`, which owns nothing then.
        unsafe { engine.source.get().discard(co.context.get()) };
        release_page(co);
        engine.spare.borrow_mut().push(co);
    }
}

/// Runs `call` in a new coroutine, at once, until it first waits or ends; returns its number. The
/// arguments are copied before this returns.
#[inline]
pub fn create(call: &Call, args: *mut zval, count: u32) -> Result<i64, Stop> {
    if callback::pending() != Pending::None {
        return Err(Stop::Exit);
    }
    let engine = engine();
    let live = engine.live.borrow().len();
    if live as u64 >= engine.max.get() {
        return Err(too_many(live));
    }
    super::activate()?;
    let co = take()?;
    let cid = engine.last_cid.get() + 1;
    engine.last_cid.set(cid);
    co.cid.set(cid);
    let origin = engine.current.get();
    co.parent.set(origin.map_or(-1, |origin| origin.cid.get()));
    call.keep();
    co.call.set(Some(*call));
    co.args.set((args, count));
    engine.live.borrow_mut().insert(cid, co);
    if live >= engine.peak.get() {
        engine.peak.set(live + 1);
    }
    // SAFETY: the context is made, and waits at the start of `body::run`'s loop.
    unsafe { enter(co, co.context.get()) };
    Ok(cid)
}

#[cold]
fn too_many(live: usize) -> Stop {
    Stop::Warning(format!("exceed max number of coroutine {live}"))
}

/// Lets `co` run in `context` until it waits or ends.
///
/// # Safety
/// The context is made and does not run; it is one of this coroutine's.
#[inline(always)]
unsafe fn enter(co: &'static Co, context: *mut Context) {
    let engine = engine();
    let me = engine.current.replace(Some(co));
    if let Some(me) = me {
        note_frame(me);
    }
    co.origin.set(me);
    co.back.set(fiber::running());
    co.state.set(State::Running);
    if super::preempt::is_on() {
        co.since.set(Some(Instant::now()));
    }
    let saved = vm::leave();
    // SAFETY: the caller's promise.
    unsafe { fiber::switch_to(context) };
    overflow::came_back();
    vm::back(saved);
    engine.current.set(me);
    if engine.idle.borrow().len() > MAX_IDLE {
        trim(MAX_IDLE);
    }
}

fn throw_owned(exception: *mut zend_object) {
    // SAFETY: an exception that we own, which the engine takes over.
    unsafe { zend_throw_exception_internal(exception) }
}

/// Leaves the running coroutine until somebody resumes it, or `timeout_ms` is over. None: no coroutine
/// runs.
pub fn wait(kind: Wait, timeout_ms: Option<u64>) -> Option<Woken> {
    let co = running()?;
    if co.ended.get() {
        // Its frames are being left: a destructor that wants to wait.
        return Some(Woken::Ended);
    }
    let timer = match timeout_ms {
        Some(ms) => super::waits::timer(co, ms),
        None => None,
    };
    let woken = leave(co, kind);
    if let Some(timer) = timer
        && woken != Woken::TimedOut
    {
        super::waits::cancel_timer(timer);
    }
    Some(woken)
}

/// For backtraces while others run.
#[inline]
fn note_frame(co: &Co) {
    let eg = eg();
    // SAFETY: words of the engine's globals.
    unsafe {
        co.frame.set((*eg).current_execute_data);
        co.stack.set((*eg).vm_stack);
    }
}

/// [`wait`] of the running coroutine `co`, which has not been told to end, without limit.
#[inline(always)]
pub fn leave(co: &'static Co, kind: Wait) -> Woken {
    co.kind.set(kind);
    co.canceled.set(false);
    co.waits.set(co.waits.get() + 1);
    co.at.set(fiber::running());
    note_frame(co);
    co.state.set(State::Waiting);
    let saved = vm::leave();
    // SAFETY: whoever resumed us waits in `enter` in that context.
    unsafe { fiber::switch_to(co.back.get()) };
    overflow::came_back();
    vm::back(saved);
    let exception = co.throw.replace(std::ptr::null_mut());
    if !exception.is_null() {
        throw_owned(exception);
    }
    let woken = co.woken.get();
    if woken == Woken::Ended {
        begin_end();
    }
    woken
}

/// The frames of the running coroutine are about to be left. What stands in its output buffers is
/// dropped first: destructors print past them. And functions that fail as they are left do not warn, as
/// under `@`.
#[cold]
fn begin_end() {
    // SAFETY: a word of the engine's globals; this coroutine's, as its frames run.
    unsafe { (*eg()).error_reporting &= E_FATAL_ERRORS as i32 };
    if protect(|| vm::end_output(true)).is_err() {
        callback::note_bailout();
    }
    callback::throw_exit();
}

/// Makes a coroutine that waits throw when it goes on; takes over the exception. False: one is under way.
pub fn make_throw(co: &Co, exception: *mut zend_object) -> bool {
    if co.throw.get().is_null() {
        co.throw.set(exception);
        return true;
    }
    // SAFETY: a reference of ours.
    unsafe { ext_php_rs_zend_object_release(exception) };
    false
}

/// Lets a coroutine that waits go on, until it waits again or ends. False: it does not wait.
#[inline]
pub fn wake(co: &'static Co, woken: Woken) -> bool {
    if co.state.get() != State::Waiting
        || (callback::pending() != Pending::None && woken != Woken::Ended)
    {
        return false;
    }
    co.woken.set(woken);
    co.canceled.set(woken == Woken::Canceled);
    // SAFETY: a coroutine that waits does so in `leave`, in that context.
    unsafe { enter(co, co.at.get()) };
    true
}

/// Ends all coroutines that wait: their frames are left, and what they hold is dropped.
pub fn end_all() {
    for cid in cids() {
        if let Some(co) = find(cid) {
            co.ended.set(true);
            wake(co, Woken::Ended);
        }
    }
}

/// In a process that was just made by fork, outside of coroutines: those that wait are the parent's, and so
/// is what they wait for. Their records and stacks stay as they are, for ever: leaving their frames would
/// be to run the parent's code.
pub fn forget_all() {
    debug_assert!(running().is_none(), "a child in a coroutine goes on in it");
    let live = engine().live.take();
    for co in live.numbers().filter_map(|cid| live.get(cid)) {
        co.cid.set(0);
        co.state.set(State::Ended);
        // Whoever still holds the record finds another wait.
        co.waits.set(co.waits.get() + 1);
    }
}

/// The coroutine has ended: takes its number away, once. For [`body`], which runs on its stack.
#[inline]
pub fn close(co: &'static Co) {
    let cid = co.cid.replace(0);
    if cid != 0 {
        engine().live.borrow_mut().remove(cid);
        co.state.set(State::Ended);
    }
}

/// Keeps the context for another coroutine. For [`body`], which runs on its stack.
#[inline]
pub fn keep(co: &'static Co) {
    engine().idle.borrow_mut().push(co);
}

/// Goes back to where the coroutine was resumed; returns when the next one is to begin. For [`body`].
#[inline(always)]
pub fn park(co: &'static Co) {
    overflow::forget();
    // SAFETY: whoever resumed us waits in `enter` in that context.
    unsafe { fiber::switch_to(co.back.get()) };
}
