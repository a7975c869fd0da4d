//! `gethostbyname()` and its family: the system's resolver is asked in a thread.
//!
//! `gethostbyname()` is `Swoole\Coroutine\System::gethostbyname()` then, as in the reference: false if the
//! name has no address. The others answer as PHP's own do.

use super::flags::{Hook, applies};
use super::take_over::taken;
use crate::php::convert::{bytes_of, return_bytes, return_strings, set_bool};
use crate::php::coroutine::co::Wait;
use crate::php::coroutine_system::names::{do_gethostbyname, resolve_in_coroutine};
use crate::php::coroutine_system::offload;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse};
use std::net::IpAddr;
use swoole_core::net::dns::Family;
use swoole_core::sys::names;

taken! {
    NAME = c"gethostbyname", gethostbyname, applies(Hook::NetFunction) => do_gethostbyname;
    NAMES = c"gethostbynamel", gethostbynamel, applies(Hook::NetFunction) => do_gethostbynamel;
    ADDRESS = c"gethostbyaddr", gethostbyaddr, applies(Hook::NetFunction) => do_gethostbyaddr;
}

pub fn take_over() {
    for function in [&NAME, &NAMES, &ADDRESS] {
        function.take();
    }
}

/// Longer names PHP itself refuses, with its own words.
const MAX_NAME_BYTES: usize = 255;

fn do_gethostbynamel(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"P", name)?;
    let name = bytes_of(name);
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return NAMES.original(frame, place);
    }
    match resolve_in_coroutine(name, Family::V4, None)? {
        Ok(addresses) => {
            let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            return_strings(place, &texts)?;
        }
        Err(_) => set_bool(place, false),
    }
    Ok(())
}

fn do_gethostbyaddr(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut address: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"P", address)?;
    let given = bytes_of(address);
    let Some(ip) = std::str::from_utf8(given)
        .ok()
        .and_then(|text| text.parse::<IpAddr>().ok())
    else {
        return ADDRESS.original(frame, place);
    };
    let given = given.to_vec();
    let asked = offload("a host name", Wait::Cancellable, None, move || {
        names::name_of(ip)
    })?;
    match asked {
        Ok(Some(name)) => return_bytes(place, name.as_bytes())?,
        // As PHP's own answers if there is no name.
        Ok(None) | Err(_) => return_bytes(place, &given)?,
    }
    Ok(())
}
