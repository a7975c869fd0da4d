//! Handles that a coroutine is at work with, and that others keep their hands off meanwhile.

use crate::php::coroutine::{self, engine::PhpThread};
use crate::php::ffi::zend_object;
use crate::php::method::Stop;
use crate::php::runtime::bound;
use std::cell::RefCell;

/// Objects, which those who are at work with them keep, by coroutine. Few at a time.
static BUSY: PhpThread<RefCell<Vec<(usize, i64)>>> = PhpThread::new(RefCell::new(Vec::new()));

fn key(object: *mut zend_object) -> usize {
    object.addr()
}

/// The coroutine that is at work with a handle.
fn owner(object: *mut zend_object) -> Option<i64> {
    let busy = BUSY.get().borrow();
    let found = busy.iter().find(|(known, _)| *known == key(object))?;
    Some(found.1)
}

pub fn any() -> bool {
    !BUSY.get().borrow().is_empty()
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

/// The running coroutine is at work with a handle until this goes.
pub struct Busy(usize);

impl Busy {
    pub fn with(object: *mut zend_object) -> Busy {
        let cid = coroutine::current().unwrap_or(-1);
        BUSY.get().borrow_mut().push((key(object), cid));
        Busy(key(object))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut busy = BUSY.get().borrow_mut();
        if let Some(index) = busy.iter().position(|(known, _)| *known == self.0) {
            busy.swap_remove(index);
        }
    }
}
