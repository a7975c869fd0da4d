//! Functions about the machine, the log and the DNS cache.

use crate::php::class::*;
use crate::php::convert::{Item, bytes_of, return_array, set_bool, set_long, set_null};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop};
use crate::php::method::{parse, trampolines};
use std::net::IpAddr;
use swoole_core::error::{self, Error};
use swoole_core::log::{self, Level};
use swoole_core::net::dns::{self, Family};
use swoole_core::sys::interfaces;

trampolines! {
    get_local_ip => do_get_local_ip;
    get_local_mac => do_get_local_mac;
    hashcode => do_hashcode;
    error_log => do_error_log;
    error_log_ex => do_error_log_ex;
    ignore_error => do_ignore_error;
    clear_dns_cache => do_clear_dns_cache;
}

pub static FUNCTIONS: &[MethodDef] = &[
    function(
        c"swoole_get_local_ip",
        get_local_ip,
        &[opt(c"family", INT, c"2")],
        ARRAY,
    ),
    function(c"swoole_get_local_mac", get_local_mac, &[], ARRAY),
    function(
        c"swoole_hashcode",
        hashcode,
        &[arg(c"data", STRING), opt(c"type", INT, c"0")],
        INT_OR_FALSE,
    ),
    function(
        c"swoole_error_log",
        error_log,
        &[arg(c"level", INT), arg(c"msg", STRING)],
        VOID,
    ),
    function(
        c"swoole_error_log_ex",
        error_log_ex,
        &[arg(c"level", INT), arg(c"error", INT), arg(c"msg", STRING)],
        VOID,
    ),
    function(
        c"swoole_ignore_error",
        ignore_error,
        &[arg(c"error", INT)],
        VOID,
    ),
    function(c"swoole_clear_dns_cache", clear_dns_cache, &[], VOID),
];

fn do_get_local_ip(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut family = i64::from(libc::AF_INET);
    parse!(frame, c"|l", family)?;
    let family = Family::from_number(family);
    let mut found: Vec<(String, IpAddr)> = Vec::new();
    for (name, address) in interfaces::addresses().map_err(Error::from)? {
        if !family.is_some_and(|family| family.has(address)) {
            continue;
        }
        // The last address of an interface is the one that stays.
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, last)) => *last = address,
            None => found.push((name, address)),
        }
    }
    let texts: Vec<_> = found.iter().map(|(n, ip)| (n, ip.to_string())).collect();
    return_texts(place, &texts)
}

fn do_get_local_mac(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let found = interfaces::hardware_addresses().map_err(Error::from)?;
    let texts: Vec<_> = found
        .iter()
        .map(|(name, bytes)| (name, bytes.map(|byte| format!("{byte:02X}")).join(":")))
        .collect();
    return_texts(place, &texts)
}

fn return_texts(place: Place<'_>, texts: &[(&String, String)]) -> Result<(), Stop> {
    let items: Vec<_> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), Item::Bytes(text.as_bytes())))
        .collect();
    Ok(return_array(place, &items)?)
}

fn do_hashcode(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut data: *mut zend_string = std::ptr::null_mut();
    let mut kind = 0_i64;
    parse!(frame, c"S|l", data, kind)?;
    match kind {
        // SAFETY: an argument of the running call.
        0 => set_long(place, unsafe { zend_string_hash_func(data) } as i64),
        1 => set_long(place, i64::from(one_at_a_time(bytes_of(data)))),
        _ => set_bool(place, false),
    }
    Ok(())
}

/// Bob Jenkins' hash of that name. Bytes count as signed, as `char` does in C on most machines.
fn one_at_a_time(bytes: &[u8]) -> u32 {
    let mut hash = 0_u32;
    for byte in bytes {
        hash = hash.wrapping_add(i32::from(byte.cast_signed()).cast_unsigned());
        hash = hash.wrapping_add(hash << 10);
        hash ^= hash >> 6;
    }
    hash = hash.wrapping_add(hash << 3);
    hash ^= hash >> 11;
    hash.wrapping_add(hash << 15)
}

/// None: less than any level. More than the highest is information, as in the reference.
fn level_of(number: i64) -> Option<Level> {
    match Level::from_number(number) {
        Some(Level::None) => Some(Level::Info),
        None if number > 0 => Some(Level::Info),
        level => level,
    }
}

fn do_error_log(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut message: *mut zend_string = std::ptr::null_mut();
    let mut level = 0_i64;
    parse!(frame, c"lS", level, message)?;
    if let Some(level) = level_of(level) {
        log::log(level, String::from_utf8_lossy(bytes_of(message)));
    }
    set_null(place);
    Ok(())
}

fn do_error_log_ex(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut message: *mut zend_string = std::ptr::null_mut();
    let (mut level, mut code) = (0_i64, 0_i64);
    parse!(frame, c"llS", level, code, message)?;
    let code = code as i32;
    error::set_last(code);
    if let Some(level) = level_of(level) {
        let text = String::from_utf8_lossy(bytes_of(message));
        log::coded(level, "swoole_error_log_ex()", code, text);
    }
    set_null(place);
    Ok(())
}

fn do_ignore_error(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut code = 0_i64;
    parse!(frame, c"l", code)?;
    set_null(place);
    if !log::ignore(code as i32) {
        return Err(Stop::SoftWarning(format!(
            "no more than {} error codes can be ignored",
            log::MAX_IGNORED
        )));
    }
    Ok(())
}

fn do_clear_dns_cache(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    dns::clear_cache();
    set_null(place);
    Ok(())
}
