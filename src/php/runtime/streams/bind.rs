//! `bindto` of a stream's context where it has a port only: `0:7000`, as PHP's manual writes it and the
//! reference takes it, and PHP's own code does not everywhere.

use super::ops::Stream;
use crate::php::convert::{set_bytes, set_copy};
use crate::php::ffi::*;
use crate::php::method::{Bailout, protect};
use std::ffi::{c_char, c_void};

// SAFETY: declared in main/streams/php_stream_context.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    fn php_stream_context_get_option(
        context: *const c_void,
        wrapper: *const c_char,
        option: *const c_char,
    ) -> *mut zval;
    fn php_stream_context_set_option(
        context: *mut c_void,
        wrapper: *const c_char,
        option: *const c_char,
        value: *mut zval,
    );
}

/// Runs `f`, which connects the stream, with the address written out.
pub fn with_address<R>(
    stream: Stream,
    f: impl FnOnce() -> Result<R, Bailout>,
) -> Result<R, Bailout> {
    let context = context_of(stream);
    let Some((mut given, port)) = port_only(context) else {
        return f();
    };
    let text = format!("0.0.0.0:{port}");
    drop(port);
    protect(|| {
        let mut value = undef();
        set_bytes(value.place(), text.as_bytes());
        set(context, &mut value);
        // SAFETY: a value of ours.
        unsafe { zval_ptr_dtor(value.ptr()) };
    })?;
    let done = f();
    protect(|| {
        set(context, &mut given);
        // SAFETY: as above.
        unsafe { zval_ptr_dtor(given.ptr()) };
    })?;
    done
}

/// Inside of `protect`.
fn set(context: *mut c_void, value: &mut Value) {
    // SAFETY: the context of a live stream, which takes a reference of its own.
    unsafe {
        php_stream_context_set_option(context, c"socket".as_ptr(), c"bindto".as_ptr(), value.ptr());
    }
}

/// Null: it has none.
fn context_of(stream: Stream) -> *mut c_void {
    // SAFETY: a live stream; its context is a live resource.
    unsafe {
        let resource = (*stream.raw()).ctx;
        if resource.is_null() {
            std::ptr::null_mut()
        } else {
            (*resource).ptr
        }
    }
}

/// The option, with a reference of its own, and the port.
fn port_only(context: *mut c_void) -> Option<(Value, String)> {
    if context.is_null() {
        return None;
    }
    // SAFETY: a live context; the value is its own, a live one.
    unsafe {
        let value = php_stream_context_get_option(context, c"socket".as_ptr(), c"bindto".as_ptr());
        if value.is_null() || u32::from(type_of(value)) != IS_STRING {
            return None;
        }
        let text = std::str::from_utf8(str_bytes((*value).value.str_)).ok()?;
        let port = text.strip_prefix("0:")?.to_owned();
        let mut given = undef();
        set_copy(given.place(), value);
        Some((given, port))
    }
}
