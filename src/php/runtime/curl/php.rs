//! Calls of PHP's functions, and what they give.

use crate::php::callback;
use crate::php::convert::{set_bytes, set_copy};
use crate::php::ffi::*;
use crate::php::method::{Stop, protect};
use std::ffi::CStr;

// SAFETY: declared in Zend/zend_exceptions.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    fn zend_exception_set_previous(exception: *mut zend_object, previous: *mut zend_object);
}

/// Calls a function of PHP; the caller owns the result. None: an exception is under way.
pub fn call(name: &'static CStr, args: &mut [Value]) -> Result<Option<Value>, Stop> {
    let mut result = undef();
    protect(|| {
        let mut function = undef();
        set_bytes(function.place(), name.to_bytes());
        // SAFETY: the arguments and the result live through the call; the name is ours and released.
        unsafe {
            _call_user_function_impl(
                std::ptr::null_mut(),
                function.ptr(),
                result.ptr(),
                args.len() as u32,
                args.as_mut_ptr().cast(),
                std::ptr::null_mut(),
            );
            zval_ptr_dtor(function.ptr());
        }
    })?;
    // SAFETY: a word of the engine's globals.
    if unsafe { (*eg()).exception.is_null() } {
        return Ok(Some(result));
    }
    release(result);
    Ok(None)
}

/// Puts an exception that is under way aside, and back.
pub fn without_exception<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: a word of the engine's globals; what it refers to is kept, and put back below.
    let aside = unsafe { std::mem::replace(&mut (*eg()).exception, std::ptr::null_mut()) };
    let result = f();
    if !aside.is_null() {
        // SAFETY: both exceptions are alive, and ours to hand over.
        unsafe {
            let eg = eg();
            if (*eg).exception.is_null() {
                (*eg).exception = aside;
            } else {
                zend_exception_set_previous((*eg).exception, aside);
            }
        }
    }
    result
}

pub fn release(mut value: Value) {
    // SAFETY: a value of ours, given back once.
    if protect(|| unsafe { zval_ptr_dtor(value.ptr()) }).is_err() {
        callback::note_bailout();
    }
}

/// A reference to an object, given back when it goes.
pub struct Kept(Value);

impl Kept {
    /// # Safety
    /// A live value, an object.
    pub unsafe fn of(value: *mut zval) -> Kept {
        let mut kept = undef();
        set_copy(kept.place(), value);
        Kept(kept)
    }

    /// Takes the reference of a value that is ours, an object.
    pub fn taken(value: Value) -> Kept {
        Kept(value)
    }

    /// A look at it, without a reference of its own.
    pub fn value(&self) -> Value {
        self.0
    }

    pub fn object(&self) -> *mut zend_object {
        // SAFETY: an object, as those who make one say.
        unsafe { self.0.value.obj }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        release(self.0);
    }
}

/// The object that a live argument is.
pub fn object_of(value: *mut zval) -> Option<*mut zend_object> {
    // SAFETY: a live argument.
    unsafe { (u32::from(type_of(value)) == IS_OBJECT).then(|| (*value).value.obj) }
}

/// Whether a live argument is an object of a class of PHP's, which nothing inherits from.
pub fn is_a(value: *mut zval, class: &str) -> bool {
    // SAFETY: a live object has a class with a name.
    object_of(value)
        .is_some_and(|object| unsafe { str_bytes((*(*object).ce).name) == class.as_bytes() })
}

pub fn is_string(value: &Value) -> bool {
    let mut value = *value;
    // SAFETY: a live value.
    unsafe { u32::from(type_of(value.ptr())) == IS_STRING }
}

/// An int in an array; None: it is no array, or has no such element.
pub fn element(array: &Value, key: &str) -> Option<i64> {
    let mut array = *array;
    // SAFETY: an array, if it is one; its elements are live.
    unsafe {
        if u32::from(type_of(array.ptr())) != IS_ARRAY {
            return None;
        }
        let found = zend_hash_str_find(array.value.arr, key.as_ptr().cast(), key.len());
        (!found.is_null() && u32::from(type_of(found)) == IS_LONG).then(|| (*found).value.lval)
    }
}
