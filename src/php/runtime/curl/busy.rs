//! Handles that a coroutine is at work with, and that others keep their hands off meanwhile.

use crate::php::coroutine::{self, engine::PhpThread};
use crate::php::ffi::zend_object;
use crate::php::method::Stop;
use crate::php::runtime::{bound, ready};
use std::cell::RefCell;
use std::os::fd::RawFd;

struct Work {
    /// An object, which the coroutine keeps.
    object: usize,
    cid: i64,
    /// What a multi handle is waited for with.
    sockets: Vec<RawFd>,
}

/// Few at a time.
static BUSY: PhpThread<RefCell<Vec<Work>>> = PhpThread::new(RefCell::new(Vec::new()));

/// The coroutine that is at work with a handle.
fn owner(object: *mut zend_object) -> Option<i64> {
    let busy = BUSY.get().borrow();
    let found = busy.iter().find(|work| work.object == object.addr())?;
    Some(found.cid)
}

pub fn any() -> bool {
    !BUSY.get().borrow().is_empty()
}

/// In a child, outside of coroutines: its parent's are not there to go on. What the child itself was forked
/// out of stays.
pub fn forget() {
    BUSY.get().borrow_mut().retain(|work| work.cid < 0);
}

/// Whether anybody is at work with a handle.
pub fn is(object: *mut zend_object) -> bool {
    owner(object).is_some()
}

/// A handle that another coroutine is at work with ends the script, as in the reference.
pub fn refuse(object: *mut zend_object) -> Result<(), Stop> {
    let current = coroutine::current();
    match owner(object) {
        Some(owner) if current.is_some() && current != Some(owner) => Err(bound::ended_by(
            &format!(
                "This cURL handle is currently executing in coroutine#{owner}, cannot be operated"
            ),
            owner,
        )),
        _ => Ok(()),
    }
}

/// Another coroutine waits for the descriptors of a multi handle no more when this returns.
pub fn end_wait(object: *mut zend_object) {
    let sockets = {
        let busy = BUSY.get().borrow();
        let found = busy.iter().find(|work| work.object == object.addr());
        found.map(|work| work.sockets.clone()).unwrap_or_default()
    };
    for fd in sockets {
        ready::closing(fd);
    }
}

/// The running coroutine is at work with a handle until this goes.
pub struct Busy(usize);

impl Busy {
    pub fn with(object: *mut zend_object, sockets: Vec<RawFd>) -> Busy {
        BUSY.get().borrow_mut().push(Work {
            object: object.addr(),
            cid: coroutine::current().unwrap_or(-1),
            sockets,
        });
        Busy(object.addr())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut busy = BUSY.get().borrow_mut();
        if let Some(index) = busy.iter().position(|work| work.object == self.0) {
            busy.swap_remove(index);
        }
    }
}
