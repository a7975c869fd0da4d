//! `Swoole\Lock`.

use super::class::{self, *};
use super::convert::{set_bool, set_long};
use super::ffi::*;
use super::method::{Frame, Stop, protect};
use super::method::{parse, trampolines};
use super::object::{self, Stateful};
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use swoole_core::shm::atomic::{CELLS, Cell, Taken};
use swoole_core::shm::lock::{Patience, RW_LOCKS, Refused, RwLock};

trampolines! {
    construct => do_construct;
    lock => do_lock;
    unlock => do_unlock;
}

static LOCK: Entry = Entry::unset();

const RWLOCK_TYPE: i64 = 1;
const MUTEX_TYPE: i64 = 3;
const SPINLOCK_TYPE: i64 = 5;

/// PHP's `LOCK_SH` and `LOCK_NB`.
const SHARED: i64 = 1;
const NON_BLOCKING: i64 = 4;

/// `Swoole\Lock`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Lock",
    parent: None,
    interfaces: &[],
    methods: &[
        method(
            c"__construct",
            construct,
            &[opt(c"type", INT, c"3")],
            Ty::None,
        ),
        method(
            c"lock",
            lock,
            &[
                opt(c"operation", INT, c"2"),
                opt(c"timeout", FLOAT, c"-1.0"),
            ],
            BOOL,
        ),
        method(c"unlock", unlock, &[], BOOL),
    ],
    properties: &[public(c"errCode", Default::Long(0))],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: Some(object::create_stateful::<Lock>),
    aliases: &[c"swoole_lock"],
    entry: &LOCK,
};

/// At module startup, after the class.
pub fn declare_constants() {
    let constants = [
        (c"MUTEX", MUTEX_TYPE),
        (c"RWLOCK", RWLOCK_TYPE),
        (c"SPINLOCK", SPINLOCK_TYPE),
    ];
    class::declare_constants(&LOCK, &constants);
}

enum Lock {
    /// Mutex and spinlock: both spin for a moment and then sleep.
    One(Taken<Cell>),
    ReadWrite(Taken<RwLock>),
}

impl Stateful for Lock {
    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

fn state(frame: Frame) -> Option<Rc<Lock>> {
    // SAFETY: `$this` in a method of the class.
    unsafe { object::state::<Lock>(frame.this()) }
}

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let mut kind = MUTEX_TYPE;
    parse!(frame, c"|l", kind)?;
    if state(frame).is_some() {
        return Err(Stop::error(format!(
            "Constructor of {} can only be called once",
            frame.class_name()
        )));
    }
    let made = match kind {
        MUTEX_TYPE | SPINLOCK_TYPE => CELLS.take().map(Lock::One),
        RWLOCK_TYPE => RW_LOCKS.take().map(Lock::ReadWrite),
        _ => {
            let message = format!("lock type[{kind}] is not support");
            return Err(Stop::exception(kind, message));
        }
    };
    let made = made.map_err(|e| Stop::exception(i64::from(libc::ENOMEM), e.to_string()))?;
    // SAFETY: as in `state`.
    unsafe { object::set_state(frame.this(), Rc::new(made)) };
    Ok(())
}

fn do_lock(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut operation, mut timeout_s) = (2_i64, -1.0_f64);
    if frame.num_args() != 0 {
        parse!(frame, c"|ld", operation, timeout_s)?;
    }
    let state = state(frame).ok_or_else(Stop::not_constructed)?;
    let deadline = Duration::try_from_secs_f64(timeout_s)
        .ok()
        .filter(|timeout| !timeout.is_zero())
        .and_then(|timeout| Instant::now().checked_add(timeout));
    let patience = match deadline {
        _ if operation & NON_BLOCKING != 0 => Patience::None,
        Some(deadline) => Patience::Until(deadline),
        None => Patience::Forever,
    };
    let result = match &*state {
        // What a dead holder guarded is the script's own affair.
        Lock::One(cell) => cell.lock.lock(patience).map(|_| ()),
        Lock::ReadWrite(lock) => lock.lock(operation & SHARED == 0, patience),
    };
    set_bool(place, result.is_ok());
    if let Err(refused) = result {
        let errno = match refused {
            Refused::Busy => libc::EBUSY,
            Refused::TimedOut => libc::ETIMEDOUT,
            Refused::Deadlock => libc::EDEADLK,
        };
        set_error(frame, i64::from(errno))?;
    }
    Ok(())
}

fn do_unlock(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    match &*state(frame).ok_or_else(Stop::not_constructed)? {
        Lock::One(cell) => cell.lock.unlock(),
        Lock::ReadWrite(lock) => lock.unlock(),
    }
    set_bool(place, true);
    Ok(())
}

fn set_error(frame: Frame, errno: i64) -> Result<(), Stop> {
    let mut value = undef();
    set_long(value.place(), errno);
    let name = c"errCode";
    protect(|| {
        // SAFETY: a live object; the name is static; the engine copies the value.
        unsafe {
            zend_update_property(
                LOCK.get(),
                frame.this(),
                name.as_ptr(),
                name.to_bytes().len(),
                value.ptr(),
            );
        }
    })?;
    Ok(())
}
