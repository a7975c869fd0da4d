//! PHP values as bytes, as `serialize()` makes them. Strings go as they are.

use super::convert::set_bytes;
use super::ffi::*;
use super::method::{Bailout, Stop, protect};

/// A value as bytes.
#[derive(Debug)]
pub enum Packed<'a> {
    /// A string, as it stands in the argument of the running call.
    Plain(&'a [u8]),
    Serialized(Vec<u8>),
}

impl Packed<'_> {
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Packed::Plain(bytes) => bytes,
            Packed::Serialized(bytes) => bytes,
        }
    }

    #[must_use]
    pub fn is_serialized(&self) -> bool {
        matches!(self, Packed::Serialized(_))
    }
}

/// Turns a value into bytes; the caller keeps the value while the result lives. User code may run
/// (`__serialize`), and an exception of it goes on.
pub fn pack<'a>(value: *mut zval) -> Result<Packed<'a>, Stop> {
    // SAFETY: callers pass a live value; the union member is read for the type that says so.
    unsafe {
        let value = deref(value);
        if u32::from(type_of(value)) == IS_STRING {
            return Ok(Packed::Plain(str_bytes((*value).value.str_)));
        }
    }
    let string = protect(|| {
        let mut buffer = SmartStr {
            s: std::ptr::null_mut(),
            a: 0,
        };
        // SAFETY: the engine's own recipe; the value and the buffer live through the calls.
        unsafe {
            let mut data = php_var_serialize_init();
            php_var_serialize(&raw mut buffer, deref(value), &raw mut data);
            php_var_serialize_destroy(data);
        }
        buffer.s
    })?;
    // SAFETY: null, or a string that is ours; it is copied, then given back.
    let bytes = unsafe {
        if string.is_null() {
            None
        } else {
            let bytes = str_bytes(string).to_vec();
            ext_php_rs_zend_string_release(string);
            Some(bytes)
        }
    };
    // SAFETY: reading a word of the engine's globals.
    if !unsafe { (*eg()).exception }.is_null() {
        return Err(Stop::Thrown);
    }
    bytes
        .map(Packed::Serialized)
        .ok_or_else(|| Stop::Warning("the data cannot be serialized".to_owned()))
}

/// Turns bytes into a value, which is the caller's. `None`: they are not what `serialize()` makes, or user
/// code (`__unserialize`) has thrown an exception, which is under way. The last place is where it went
/// wrong.
pub fn unpack(bytes: &[u8], is_serialized: bool) -> Result<Result<Value, usize>, Bailout> {
    let mut place = undef();
    if !is_serialized {
        protect(|| set_bytes(place.place(), bytes))?;
        return Ok(Ok(place));
    }
    let at = protect(|| {
        let mut at = bytes.as_ptr();
        // SAFETY: the engine's own recipe; it reads within the bytes, which live through the calls.
        unsafe {
            let mut data = php_var_unserialize_init();
            let end = bytes.as_ptr().add(bytes.len());
            let done = php_var_unserialize(place.ptr(), &raw mut at, end, &raw mut data);
            php_var_unserialize_destroy(data);
            let thrown = !(*eg()).exception.is_null();
            if done == 0 || thrown {
                zval_ptr_dtor(place.ptr());
                return Some(at as usize - bytes.as_ptr() as usize);
            }
        }
        None
    })?;
    Ok(match at {
        Some(at) => Err(at),
        None => Ok(place),
    })
}
