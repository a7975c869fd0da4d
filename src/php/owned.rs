//! PHP values and callables that native state holds on to.

use super::callback::{self, Callback};
use super::ffi::*;
use super::method::{Stop, protect};

/// A PHP value that is kept alive.
pub struct Owned {
    value: Value,
}

impl std::fmt::Debug for Owned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Owned")
    }
}

impl Owned {
    /// Keeps what `value` holds, references resolved.
    #[must_use]
    pub fn new(value: *mut zval) -> Owned {
        // SAFETY: callers pass a live zval; its bits are copied, and a counted value is counted once more.
        unsafe {
            let value = deref(value);
            try_addref(value);
            Owned {
                value: std::ptr::read(value.cast()),
            }
        }
    }

    /// Keeps an object.
    #[must_use]
    pub fn object(object: *mut zend_object) -> Owned {
        let mut value = undef();
        super::convert::set_object(value.place(), object);
        Owned::new(value.ptr())
    }

    /// A view, valid while this lives.
    #[must_use]
    pub fn view(&self) -> Value {
        self.value
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let mut value = std::mem::replace(&mut self.value, undef());
        // Destructors of user code may run here and end the process: that is noted, and takes effect
        // where every callback's end does.
        // SAFETY: the reference is ours, and given back once.
        if protect(|| unsafe { zval_ptr_dtor(value.ptr()) }).is_err() {
            callback::note_bailout();
        }
    }
}

/// A callable that is kept alive together with what it was resolved to.
#[derive(Debug)]
pub struct OwnedCallback {
    callback: Callback,
    _value: Owned,
    /// The object that a method is called on is not always part of the value ("parent::method").
    _object: Option<Owned>,
}

impl OwnedCallback {
    /// Resolves and keeps a callable.
    pub fn new(value: *mut zval) -> Result<OwnedCallback, Stop> {
        Ok(OwnedCallback::keep(Callback::resolve(value)?))
    }

    /// Keeps a callable that is resolved already.
    #[must_use]
    pub fn keep(callback: Callback) -> OwnedCallback {
        OwnedCallback {
            _object: callback.object().map(Owned::object),
            _value: Owned::new(callback.value().ptr()),
            callback,
        }
    }

    /// What to call, valid while this lives.
    #[must_use]
    pub fn callback(&self) -> &Callback {
        &self.callback
    }
}
