//! The record of a coroutine.

use super::fiber::{Context, StackRange};
use crate::php::ffi::*;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::rc::Rc;
use std::time::Instant;
use swoole_core::reactor::TimerId;

/// A timer of a wait.
pub type Timer = TimerId;

/// Where a coroutine stands; the numbers are the constants `SWOOLE_CORO_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Waiting = 1,
    Running = 2,
    Ended = 3,
}

/// Why a coroutine goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    Resumed,
    TimedOut,
    /// `Coroutine::cancel()`. An exception may be under way.
    Canceled,
    /// The process ends: `exit` is under way, so return [`Stop::Exit`] at once.
    Ended,
}

/// How a coroutine waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For something that `Coroutine::cancel()` may cut short.
    Cancellable,
    /// For something that must not be cut short.
    Uncancellable,
    /// For `Coroutine::resume()`.
    ByUser,
}

/// A callable that is kept, with a reference to all it needs.
#[derive(Clone, Copy)]
pub struct Call {
    pub callable: Value,
    /// `function_handler` is null if it must be looked up at the call (`__call`).
    pub fcc: zend_fcall_info_cache,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Call")
    }
}

impl Call {
    /// Takes the references.
    #[inline]
    pub fn keep(&self) {
        let mut callable = self.callable;
        // SAFETY: a live value, and a live object if there is one.
        unsafe {
            try_addref(callable.ptr());
            if !self.fcc.object.is_null() {
                (*self.fcc.object).gc.refcount += 1;
            }
        }
    }

    /// Gives them back; may run destructors.
    #[inline]
    pub fn release(mut self) {
        // SAFETY: taken by `keep`.
        unsafe {
            zval_ptr_dtor(self.callable.ptr());
            if !self.fcc.object.is_null() {
                ext_php_rs_zend_object_release(self.fcc.object);
            }
        }
    }
}

/// Somebody in `Coroutine::join()`.
#[derive(Debug)]
pub struct Join {
    pub cid: i64,
    pub wait: u64,
    pub left: Cell<usize>,
}

/// One coroutine, or a context that waits to become one.
pub struct Co {
    pub(super) context: UnsafeCell<Context>,
    pub(super) range: Cell<StackRange>,
    pub page: Cell<*mut _zend_vm_stack>,
    /// 0: none at the moment.
    pub cid: Cell<i64>,
    /// The one that created it; -1: the main context.
    pub parent: Cell<i64>,
    pub state: Cell<State>,
    /// Counts waits, so that a late message for a former one can tell.
    pub waits: Cell<u64>,
    /// The coroutine that runs again when this one waits; None: the main context.
    pub(super) origin: Cell<Option<&'static Co>>,
    /// The context to go back to then: the origin's, or of a native fiber that runs in it.
    pub(super) back: Cell<*mut Context>,
    /// The context in which it waits: its own, or of a native fiber that runs in it.
    pub(super) at: Cell<*mut Context>,
    pub(super) kind: Cell<Wait>,
    pub(super) woken: Cell<Woken>,
    pub canceled: Cell<bool>,
    /// The process ends, and the coroutine's frames are being left.
    pub ended: Cell<bool>,
    /// For backtraces, while it waits.
    pub frame: Cell<*mut zend_execute_data>,
    pub stack: Cell<*mut _zend_vm_stack>,
    /// To be thrown when it goes on; owned.
    pub throw: Cell<*mut zend_object>,
    pub call: Cell<Option<Call>>,
    pub args: Cell<(*mut zval, u32)>,
    pub defers: RefCell<Vec<Call>>,
    /// `getContext()`; owned.
    pub user_context: Cell<*mut zend_object>,
    pub user_context_gone: Cell<bool>,
    pub join: RefCell<Option<Rc<Join>>>,
    /// Called when it has ended.
    pub done: Cell<Option<Box<dyn FnOnce()>>>,
    /// In milliseconds of the monotonic clock, as of the kernel's last tick.
    pub created_ms: Cell<u64>,
    /// May be preempted.
    pub preemptible: Cell<bool>,
    /// When it went on last, for that.
    pub since: Cell<Option<Instant>>,
    /// `setTimeLimit()`.
    pub limit: Cell<Option<Timer>>,
}

impl std::fmt::Debug for Co {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Co")
            .field("cid", &self.cid)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Co {
    pub(super) fn empty() -> Self {
        let range = StackRange {
            bottom: std::ptr::null_mut(),
            top: std::ptr::null_mut(),
        };
        Co {
            context: UnsafeCell::new(Context::empty()),
            range: Cell::new(range),
            page: Cell::new(std::ptr::null_mut()),
            cid: Cell::new(0),
            parent: Cell::new(-1),
            state: Cell::new(State::Ended),
            waits: Cell::new(0),
            origin: Cell::new(None),
            back: Cell::new(std::ptr::null_mut()),
            at: Cell::new(std::ptr::null_mut()),
            kind: Cell::new(Wait::Uncancellable),
            woken: Cell::new(Woken::Resumed),
            canceled: Cell::new(false),
            ended: Cell::new(false),
            frame: Cell::new(std::ptr::null_mut()),
            stack: Cell::new(std::ptr::null_mut()),
            throw: Cell::new(std::ptr::null_mut()),
            call: Cell::new(None),
            args: Cell::new((std::ptr::null_mut(), 0)),
            defers: RefCell::new(Vec::new()),
            user_context: Cell::new(std::ptr::null_mut()),
            user_context_gone: Cell::new(false),
            join: RefCell::new(None),
            created_ms: Cell::new(0),
            done: Cell::new(None),
            preemptible: Cell::new(true),
            since: Cell::new(None),
            limit: Cell::new(None),
        }
    }

    /// The bounds of its machine stack.
    pub fn range(&self) -> StackRange {
        self.range.get()
    }

    /// Whether it waits, and `Coroutine::resume()` is what it waits for.
    pub fn waits_for_user(&self) -> bool {
        self.state.get() == State::Waiting && self.kind.get() == Wait::ByUser
    }

    /// Whether `Coroutine::cancel()` can reach it.
    pub fn can_cancel(&self) -> bool {
        self.state.get() == State::Waiting && self.kind.get() != Wait::Uncancellable
    }
}
