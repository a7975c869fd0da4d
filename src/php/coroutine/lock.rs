//! `Swoole\Coroutine\Lock`: one coroutine at a time, in one process or in several.

use super::co::{Co, Wait, Woken};
use super::engine;
use super::waits::wake_from_loop;
use crate::php::class::*;
use crate::php::convert::{set_bool, set_long, set_null};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, Thrown, parse, protect, trampolines};
use crate::php::object::{self, Stateful};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use swoole_core::coroutine::waiters::Waiters;
use swoole_core::error::codes;
use swoole_core::log;
use swoole_core::reactor::event_loop;
use swoole_core::shm::atomic::{CELLS, Taken};

trampolines! {
    construct => do_construct;
    lock => do_lock;
    unlock => do_unlock;
}

static LOCK: Entry = Entry::unset();

/// `Swoole\Coroutine\Lock`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Coroutine\\Lock",
    parent: None,
    interfaces: &[],
    methods: &[
        method(
            c"__construct",
            construct,
            &[opt(c"shared", BOOL, c"false")],
            Ty::None,
        ),
        method(c"lock", lock, &[opt(c"operation", INT, c"LOCK_EX")], BOOL),
        method(c"unlock", unlock, &[], BOOL),
    ],
    properties: &[public(c"errCode", Default::Long(0))],
    flags: ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_stateful::<Lock>),
    aliases: &[],
    entry: &LOCK,
};

/// `LOCK_NB` of flock().
const NON_BLOCKING: i64 = 4;
/// How long a coroutine sleeps before it looks again whether another process has given a shared lock
/// back: from the first to the last, doubling.
const FIRST_NAP_MS: u64 = 1;
const LAST_NAP_MS: u64 = 64;

/// Who holds a lock: in this process; a number that was given out is not given out again.
struct Lock {
    owner: Cell<i64>,
    waiting: RefCell<Waiters<(i64, u64)>>,
    /// For a lock of several processes: 1 while one of them holds it.
    shared: Option<Taken<swoole_core::shm::atomic::Cell>>,
}

impl Stateful for Lock {
    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

impl Lock {
    fn word(&self) -> Option<&AtomicU32> {
        self.shared.as_ref().map(|cell| &cell.word)
    }

    /// Takes the lock if nobody holds it.
    fn try_lock(&self, cid: i64) -> bool {
        let taken = match self.word() {
            Some(word) => word
                .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok(),
            None => self.owner.get() == 0,
        };
        if taken {
            self.owner.set(cid);
        }
        taken
    }

    /// Waits for the lock. An error is an error code.
    fn wait(&self, co: &'static Co) -> Result<(), i32> {
        match self.word() {
            Some(_) => self.nap(co),
            None => self.queue(co),
        }
    }

    /// In this process: the first in the queue gets the lock handed over.
    fn queue(&self, co: &'static Co) -> Result<(), i32> {
        let cid = co.cid.get();
        let ticket = self.waiting.borrow_mut().add((cid, co.waits.get() + 1));
        match engine::wait(Wait::Cancellable, None) {
            Some(Woken::Resumed) => Ok(()),
            _ => {
                self.waiting.borrow_mut().remove(ticket);
                // Handed over already, but not told yet.
                if self.owner.get() == cid {
                    self.unlock();
                }
                Err(codes::CO_CANCELED)
            }
        }
    }

    fn nap(&self, co: &'static Co) -> Result<(), i32> {
        let mut nap_ms = FIRST_NAP_MS;
        while !self.try_lock(co.cid.get()) {
            match engine::wait(Wait::Cancellable, Some(nap_ms)) {
                Some(Woken::TimedOut) => nap_ms = (nap_ms * 2).min(LAST_NAP_MS),
                _ => return Err(codes::CO_CANCELED),
            }
        }
        Ok(())
    }

    fn unlock(&self) {
        self.owner.set(0);
        if let Some(word) = self.word() {
            word.store(0, Ordering::Release);
            return;
        }
        let next = self.waiting.borrow_mut().call_next();
        if let Some((cid, wait)) = next
            && let Ok(event_loop) = event_loop::current()
        {
            self.owner.set(cid);
            event_loop.defer(Box::new(move || {
                wake_from_loop(cid, wait, Woken::Resumed);
            }));
        }
    }
}

fn state(frame: Frame) -> Result<Rc<Lock>, Stop> {
    // SAFETY: `$this` in a method of the class.
    unsafe { object::state::<Lock>(frame.this()) }.ok_or_else(Stop::not_constructed)
}

fn do_construct(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    // SAFETY: as in `state`.
    if unsafe { object::peek_state::<Lock>(frame.this()) }.is_some() {
        return Err(Stop::error(format!(
            "Constructor of {} can only be called once",
            frame.class_name()
        )));
    }
    let mut shared = false;
    parse!(frame, c"|b", shared)?;
    let shared = if shared {
        Some(CELLS.take().map_err(|_| Stop::Throw {
            class: Thrown::SwooleException,
            code: i64::from(libc::ENOMEM),
            message: "cannot make shared memory for the lock".to_owned(),
        })?)
    } else {
        None
    };
    let lock = Lock {
        owner: Cell::new(0),
        waiting: RefCell::default(),
        shared,
    };
    // SAFETY: as in `state`; there is no state yet.
    unsafe { object::set_state(frame.this(), Rc::new(lock)) };
    set_null(place);
    Ok(())
}

/// True, or false with the reason in the object.
fn answer(frame: Frame, place: Place<'_>, result: Result<(), i32>) -> Result<(), Stop> {
    set_bool(place, result.is_ok());
    if let Err(code) = result {
        let mut value = undef();
        set_long(value.place(), i64::from(code));
        let name = "errCode";
        // SAFETY: `$this` is of our class; the name is static.
        protect(|| unsafe {
            zend_update_property(
                LOCK.get(),
                frame.this(),
                name.as_ptr().cast(),
                name.len(),
                value.ptr(),
            );
        })?;
    }
    Ok(())
}

/// The running coroutine, or the error code for there being none.
fn me() -> Result<&'static Co, i32> {
    engine::running().ok_or_else(|| {
        log::warning("The coroutine lock can only be used in a coroutine environment");
        codes::CO_OUT_OF_COROUTINE
    })
}

fn do_lock(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut operation = 0_i64;
    parse!(frame, c"|l", operation)?;
    let lock = state(frame)?;
    let result = me().and_then(|co| {
        if lock.owner.get() == co.cid.get() || lock.try_lock(co.cid.get()) {
            return Ok(());
        }
        if operation & NON_BLOCKING != 0 {
            return Err(libc::EBUSY);
        }
        lock.wait(co)
    });
    if engine::running().is_some_and(|co| co.ended.get()) {
        return Err(Stop::Exit);
    }
    answer(frame, place, result)
}

fn do_unlock(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let lock = state(frame)?;
    let result = me().map(|_| lock.unlock());
    answer(frame, place, result)
}
