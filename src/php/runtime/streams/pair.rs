//! `stream_socket_pair()`.

use super::ops;
use crate::php::convert::for_each;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop};
use crate::php::runtime::flags::{Hook, is_on};
use crate::php::runtime::take_over::taken;

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
#[must_use]
pub fn stream_of(value: *mut zval) -> Option<*mut php_stream> {
    // SAFETY: callers pass a live value; without a name the engine says nothing about other types.
    unsafe {
        let value = deref(value);
        if u32::from(type_of(value)) != IS_RESOURCE {
            return None;
        }
        let stream: *mut php_stream = zend_fetch_resource2_ex(
            value,
            std::ptr::null(),
            php_file_le_stream(),
            php_file_le_pstream(),
        )
        .cast();
        (!stream.is_null()).then_some(stream)
    }
}
