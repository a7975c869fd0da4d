//! The multi handles that transfers run on: one for each easy handle, kept with it for the connections that
//! it holds, as an easy handle keeps its own.

use super::php::{Kept, call};
use crate::php::convert::look_up_class;
use crate::php::coroutine::engine::PhpThread;
use crate::php::ffi::*;
use crate::php::method::{Stop, protect};
use std::cell::Cell;
use std::ffi::c_int;

/// A `WeakMap` from easy handles to their multi handles; ours.
static MULTIS: PhpThread<Cell<*mut zend_object>> = PhpThread::new(Cell::new(std::ptr::null_mut()));

/// The multi handle that transfers of this easy handle run on. None: an exception is under way.
pub fn of(handle: &Kept) -> Result<Option<Kept>, Stop> {
    let map = multis()?;
    let (mut key, mut room) = (handle.value(), undef());
    // SAFETY: a live WeakMap, which takes objects as keys; what it gives stays its own.
    let known = protect(|| unsafe {
        let has = (*(*map).handlers).has_dimension;
        let read = (*(*map).handlers).read_dimension;
        match (has, read) {
            (Some(has), Some(read)) if has(map, key.ptr(), 0) != 0 => {
                read(map, key.ptr(), BP_VAR_R as c_int, room.ptr())
            }
            _ => std::ptr::null_mut(),
        }
    })?;
    if !known.is_null() {
        // SAFETY: a live value of the map's, one of those that are put in below.
        return Ok(Some(unsafe { Kept::of(known) }));
    }
    let Some(made) = call(c"curl_multi_init", &mut [])? else {
        return Ok(None);
    };
    let made = Kept::taken(made);
    let mut value = made.value();
    // SAFETY: as above; the map takes a reference of its own.
    protect(|| unsafe {
        if let Some(write) = (*(*map).handlers).write_dimension {
            write(map, key.ptr(), value.ptr());
        }
    })?;
    Ok(Some(made))
}

fn multis() -> Result<*mut zend_object, Stop> {
    let known = MULTIS.get().get();
    if !known.is_null() {
        return Ok(known);
    }
    let class = look_up_class(b"WeakMap")?;
    let mut made = undef();
    // SAFETY: a class of the engine's; the reference stays with us until the end of the request.
    protect(|| unsafe { object_init_ex(made.ptr(), class) })?;
    // SAFETY: an object was just made.
    MULTIS.get().set(unsafe { made.value.obj });
    Ok(MULTIS.get().get())
}

/// At the end of the request.
pub fn request_shutdown() {
    let map = MULTIS.get().replace(std::ptr::null_mut());
    if !map.is_null() {
        // The request ends in any case.
        // SAFETY: an object of ours.
        let _ = protect(|| unsafe { ext_php_rs_zend_object_release(map) });
    }
}
