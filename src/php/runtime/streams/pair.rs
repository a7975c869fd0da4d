//! `stream_socket_pair()`.

use super::ops;
use crate::php::convert::for_each;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop};
use crate::php::runtime::flags::{Hook, is_on};
use crate::php::runtime::take_over::taken;
use std::ffi::c_char;

taken! {
    PAIR = c"stream_socket_pair", pair, is_on(Hook::StreamFunction) => do_pair;
}

pub fn take_over() {
    PAIR.take();
}

/// PHP's own, whose streams get operations of ours, in a coroutine or not.
fn do_pair(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    PAIR.original(frame, place)?;
    // SAFETY: what PHP's own has written.
    unsafe {
        if u32::from(type_of(place.ptr())) == IS_ARRAY {
            for_each((*place.ptr()).value.arr, |_, value| {
                if let Some(stream) = stream_of(value) {
                    ops::hook(stream);
                }
            });
        }
    }
    Ok(())
}

/// The stream that a value is a resource of; None: it is none, or closed.
fn stream_of(value: *mut zval) -> Option<*mut php_stream> {
    // SAFETY: callers pass a live value; without a name the engine says nothing about other resources.
    unsafe {
        let value = deref(value);
        (u32::from(type_of(value)) == IS_RESOURCE)
            .then(|| fetch(value, std::ptr::null()))
            .flatten()
    }
}

/// [`stream_of`] for an argument: where it is none the engine has thrown.
///
/// # Safety
/// A live value; inside `protect`.
#[must_use]
pub unsafe fn valid_stream(value: *mut zval) -> Option<*mut php_stream> {
    // SAFETY: the caller's promise.
    unsafe { fetch(deref(value), c"stream".as_ptr()) }
}

/// # Safety
/// A live value.
unsafe fn fetch(value: *mut zval, type_name: *const c_char) -> Option<*mut php_stream> {
    // SAFETY: the caller's promise; resources of these types hold streams.
    let stream: *mut php_stream = unsafe {
        zend_fetch_resource2_ex(
            value,
            type_name,
            php_file_le_stream(),
            php_file_le_pstream(),
        )
        .cast()
    };
    (!stream.is_null()).then_some(stream)
}
