//! What `curl_errno()` says. PHP's extension notes it when a transfer has ended; for one that was cut short
//! it is written here.
//!
//! Where the extension keeps the number in its object differs between versions of PHP and builds, so it is
//! found out with a handle of ours: it is where one number and then another appear that the extension is made
//! to note.

use super::php::{Kept, call, release};
use crate::php::convert::{set_bytes, set_long};
use crate::php::coroutine::engine::PhpThread;
use crate::php::ffi::*;
use crate::php::method::Stop;
use std::cell::Cell;
use std::ffi::CStr;

/// Bytes from the number to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Unknown,
    NotFound,
    Before(usize),
}

static PLACE: PhpThread<Cell<Place>> = PhpThread::new(Cell::new(Place::Unknown));

/// Has `curl_errno()` say this of a handle, if it is known where that is kept.
pub fn set(handle: &Kept, number: i32) -> Result<(), Stop> {
    if PLACE.get().get() == Place::Unknown {
        let found = find()?.map_or(Place::NotFound, Place::Before);
        PLACE.get().set(found);
    }
    if let Place::Before(bytes) = PLACE.get().get() {
        // SAFETY: an object of the class that the place was found in.
        unsafe { *at(handle, bytes) = number };
    }
    Ok(())
}

/// # Safety
/// To be used within the extension's part of the object, which stands in front of it.
unsafe fn at(handle: &Kept, bytes: usize) -> *mut i32 {
    // SAFETY: the caller's promise.
    unsafe { handle.object().byte_sub(bytes).cast() }
}

fn find() -> Result<Option<usize>, Stop> {
    let Some(made) = call(c"curl_init", &mut [])? else {
        return Ok(None);
    };
    let probe = Kept::taken(made);
    // SAFETY: handlers of a live object tell how far in front its own part is.
    let size = unsafe { (*(*probe.object()).handlers).offset.unsigned_abs() as usize };
    let holds = |bytes: &usize, number: i32| {
        // SAFETY: within that part, at a multiple of an int's size.
        unsafe { at(&probe, *bytes).read_volatile() == number }
    };
    // No URL at all, and one that no version of libcurl knows.
    let first = after_exec(&probe)?;
    let mut places: Vec<usize> = (1..=size / size_of::<i32>())
        .map(|index| index * size_of::<i32>())
        .filter(|bytes| holds(bytes, first))
        .collect();
    set_url(&probe, "nothing-known://x")?;
    let second = after_exec(&probe)?;
    places.retain(|bytes| holds(bytes, second));
    let &[place] = places.as_slice() else {
        return Ok(None);
    };
    if first == second || first == 0 || second == 0 {
        return Ok(None);
    }
    // SAFETY: as above; what is written is what the extension keeps there.
    unsafe { *at(&probe, place) = first };
    Ok((int(c"curl_errno", &probe)? == first).then_some(place))
}

/// What a transfer that fails at once is noted as.
fn after_exec(probe: &Kept) -> Result<i32, Stop> {
    int(c"curl_exec", probe)?;
    int(c"curl_errno", probe)
}

/// Calls a function of PHP with a handle; 0 if it returns no int.
fn int(function: &'static CStr, probe: &Kept) -> Result<i32, Stop> {
    let Some(mut returned) = call(function, &mut [probe.value()])? else {
        return Ok(0);
    };
    // SAFETY: the member that the type says.
    let number = unsafe {
        if u32::from(type_of(returned.ptr())) == IS_LONG {
            i32::try_from(returned.value.lval).unwrap_or(0)
        } else {
            0
        }
    };
    release(returned);
    Ok(number)
}

fn set_url(probe: &Kept, url: &str) -> Result<(), Stop> {
    /// `CURLOPT_URL`
    const OPT_URL: i64 = 10_002;
    let (mut option, mut value) = (undef(), undef());
    set_long(option.place(), OPT_URL);
    set_bytes(value.place(), url.as_bytes());
    let done = call(c"curl_setopt", &mut [probe.value(), option, value]);
    release(value);
    if let Some(returned) = done? {
        release(returned);
    }
    Ok(())
}
