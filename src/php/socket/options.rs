//! `getOption()` and `setOption()`: options of the kernel, and the time limits of the socket itself.

use super::answer::{open, sys_failed};
use super::multicast;
use super::{Socket, answer};
use crate::php::convert::{Item, return_array, set_bool, set_long};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, Thrown, docref, parse};
use std::ffi::CStr;
use swoole_core::sys::socket as calls;

pub fn do_get(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut level, mut name) = (0_i64, 0_i64);
    parse!(frame, c"ll", level, name)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    let (level, name) = (level as i32, name as i32);
    if multicast::get(&socket, place, level, name)? {
        return Ok(());
    }
    match name {
        libc::SO_LINGER => get_linger(&socket, place, level),
        libc::SO_RCVTIMEO => return_seconds(place, socket.link.timeouts().read),
        libc::SO_SNDTIMEO => return_seconds(place, socket.link.timeouts().write),
        libc::TCP_INFO => get_tcp_info(&socket, place),
        _ => get_number(&socket, place, level, name),
    }
}

fn refused(socket: &Socket, level: i32, name: i32, errno: i32) -> Stop {
    let fd = socket.link.raw_fd();
    sys_failed(format!("getsockopt({fd}, {level}, {name})"), errno)
}

/// Reads an option's bytes.
fn read<const N: usize>(socket: &Socket, level: i32, name: i32) -> Result<([u8; N], usize), Stop> {
    let mut bytes = [0; N];
    let fd = socket.link.descriptor();
    let read = fd.and_then(|fd| calls::get_option_bytes(&*fd, level, name, &mut bytes));
    match read {
        Ok(len) => Ok((bytes, len)),
        Err(errno) => Err(refused(socket, level, name, errno as i32)),
    }
}

fn int_at(bytes: &[u8], at: usize) -> i32 {
    let mut int = [0; 4];
    if let Some(part) = bytes.get(at..at + 4) {
        int.copy_from_slice(part);
    }
    i32::from_ne_bytes(int)
}

fn get_linger(socket: &Socket, place: Place<'_>, level: i32) -> Result<(), Stop> {
    let (bytes, _) = read::<8>(socket, level, libc::SO_LINGER)?;
    let items = [
        ("l_onoff", Item::Long(i64::from(int_at(&bytes, 0)))),
        ("l_linger", Item::Long(i64::from(int_at(&bytes, 4)))),
    ];
    Ok(return_array(place, &items)?)
}

fn return_seconds(place: Place<'_>, seconds: f64) -> Result<(), Stop> {
    let items = [
        ("sec", Item::Long(seconds.trunc() as i64)),
        ("usec", Item::Long((seconds.fract() * 1_000_000.0) as i64)),
    ];
    Ok(return_array(place, &items)?)
}

fn get_number(socket: &Socket, place: Place<'_>, level: i32, name: i32) -> Result<(), Stop> {
    let (bytes, len) = read::<4>(socket, level, name)?;
    let number = if len == 1 {
        i64::from(bytes[0].cast_signed())
    } else {
        i64::from(int_at(&bytes, 0))
    };
    set_long(place, number);
    Ok(())
}

/// The fields of `struct tcp_info` that are single bytes, then those of 4 bytes.
const TCP_BYTES: &[(&str, usize)] = &[
    ("state", 0),
    ("ca_state", 1),
    ("retransmits", 2),
    ("probes", 3),
    ("backoff", 4),
    ("options", 5),
];
const TCP_WORDS: &[&str] = &[
    "rto",
    "ato",
    "snd_mss",
    "rcv_mss",
    "unacked",
    "sacked",
    "lost",
    "retrans",
    "fackets",
    "last_data_sent",
    "last_ack_sent",
    "last_data_recv",
    "last_ack_recv",
    "pmtu",
    "rcv_ssthresh",
    "rtt",
    "rttvar",
    "snd_ssthresh",
    "snd_cwnd",
    "advmss",
    "reordering",
    "rcv_rtt",
    "rcv_space",
    "total_retrans",
];
const TCP_WORDS_AT: usize = 8;
const TCP_INFO_BYTES: usize = 256;

fn get_tcp_info(socket: &Socket, place: Place<'_>) -> Result<(), Stop> {
    let (bytes, _) = read::<TCP_INFO_BYTES>(socket, libc::IPPROTO_TCP, libc::TCP_INFO)?;
    let mut items: Vec<(&str, Item<'_>)> = TCP_BYTES
        .iter()
        .map(|(name, at)| (*name, Item::Long(i64::from(bytes[*at]))))
        .collect();
    // Two fields of 4 bits.
    items.push(("snd_wscale", Item::Long(i64::from(bytes[6] & 0xf))));
    items.push(("rcv_wscale", Item::Long(i64::from(bytes[6] >> 4))));
    for (index, name) in TCP_WORDS.iter().enumerate() {
        let word = int_at(&bytes, TCP_WORDS_AT + 4 * index).cast_unsigned();
        items.push((name, Item::Long(i64::from(word))));
    }
    Ok(return_array(place, &items)?)
}

pub fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut level, mut name) = (0_i64, 0_i64);
    let mut value: *mut zval = std::ptr::null_mut();
    parse!(frame, c"llz", level, name, value)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    // SAFETY: an argument of the running call.
    let value = unsafe { deref(value) };
    let (level, name) = (level as i32, name as i32);
    if let Some(done) = multicast::set(&socket, level, name, value)? {
        set_bool(place, done);
        return Ok(());
    }
    let done = match (level, name) {
        (libc::IPPROTO_IP | libc::IPPROTO_IPV6, _) => set_number(&socket, level, name, value)?,
        (_, libc::SO_LINGER) => set_linger(frame, &socket, level, value)?,
        (_, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) => set_limit(frame, &socket, name, value)?,
        (_, libc::SO_BINDTODEVICE) => {
            let device = string_of(value);
            set_bytes(&socket, level, name, device)?
        }
        _ => set_number(&socket, level, name, value)?,
    };
    set_bool(place, done);
    Ok(())
}

/// The bytes of a string; of anything else, none.
fn string_of<'a>(value: *mut zval) -> &'a [u8] {
    // SAFETY: an argument of the running call, read for the type that says so.
    unsafe {
        if u32::from(type_of(value)) == IS_STRING {
            str_bytes((*value).value.str_)
        } else {
            &[]
        }
    }
}

/// Sets an option that is a structure.
pub fn set_bytes(socket: &Socket, level: i32, name: i32, bytes: &[u8]) -> Result<bool, Stop> {
    let fd = socket.link.descriptor();
    match fd.and_then(|fd| calls::set_option_bytes(&*fd, level, name, bytes)) {
        Ok(()) => Ok(true),
        Err(errno) => {
            let what = format!("setsockopt({}) failed", socket.link.raw_fd());
            Err(sys_failed(what, errno as i32))
        }
    }
}

fn set_number(socket: &Socket, level: i32, name: i32, value: *mut zval) -> Result<bool, Stop> {
    let number = int_of(value)? as i32;
    set_bytes(socket, level, name, &number.to_ne_bytes())
}

/// A value as PHP converts it to an int.
pub fn int_of(value: *mut zval) -> Result<i64, Stop> {
    // SAFETY: a live value; an object may warn, and nothing is owned.
    Ok(crate::php::method::protect(|| unsafe {
        zval_get_long_func(value, false)
    })?)
}

/// The argument's array, or the properties of an object.
fn array_of(frame: Frame, option: &str, value: *mut zval) -> Result<*mut HashTable, Stop> {
    // SAFETY: an argument of the running call; each union member is read for the type that says so, and
    // handlers of a live object give its properties.
    unsafe {
        match u32::from(type_of(value)) {
            IS_ARRAY => return Ok((*value).value.arr),
            IS_OBJECT => {
                let object = (*value).value.obj;
                if let Some(properties) = (*(*object).handlers).get_properties {
                    return Ok(properties(object));
                }
            }
            _ => {}
        }
    }
    Err(Stop::Throw {
        class: Thrown::TypeError,
        code: 0,
        message: format!(
            "{}::setOption(): Argument #3 ($opt_value) must be of type array when argument $option is \
             {option}, {} given",
            frame.class_name(),
            super::vectors::type_name(value)
        ),
    })
}

/// An entry of the array as an int; None: there is none, and a warning has said so.
fn number_at(array: *mut HashTable, key: &CStr) -> Result<Option<i64>, Stop> {
    // SAFETY: a live array and a static name.
    let found = unsafe { zend_hash_str_find(array, key.as_ptr(), key.to_bytes().len()) };
    if found.is_null() {
        let text = format!("no key \"{}\" passed in optval", key.to_string_lossy());
        docref(E_WARNING, &text)?;
        return Ok(None);
    }
    // SAFETY: an entry of a live array.
    int_of(unsafe { deref(found) }).map(Some)
}

fn set_linger(frame: Frame, socket: &Socket, level: i32, value: *mut zval) -> Result<bool, Stop> {
    let array = array_of(frame, "SO_LINGER", value)?;
    let (Some(on), Some(seconds)) = (
        number_at(array, c"l_onoff")?,
        number_at(array, c"l_linger")?,
    ) else {
        return Ok(false);
    };
    let mut bytes = [0; 8];
    for (index, (key, number)) in [("l_onoff", on), ("l_linger", seconds)].iter().enumerate() {
        let Ok(number) = u16::try_from(*number) else {
            let class = frame.class_name();
            let message = format!(
                "{class}::setOption(): Argument #3 ($opt_value) \"{key}\" must be between 0 and 65535"
            );
            return Err(Stop::Throw {
                class: Thrown::ValueError,
                code: 0,
                message,
            });
        };
        bytes[4 * index..4 * index + 4].copy_from_slice(&i32::from(number).to_ne_bytes());
    }
    set_bytes(socket, level, libc::SO_LINGER, &bytes)
}

/// Time limits are the socket's own, not the kernel's.
fn set_limit(frame: Frame, socket: &Socket, name: i32, value: *mut zval) -> Result<bool, Stop> {
    let label = if name == libc::SO_RCVTIMEO {
        "SO_RCVTIMEO"
    } else {
        "SO_SNDTIMEO"
    };
    let array = array_of(frame, label, value)?;
    let Some(seconds) = number_at(array, c"sec")? else {
        return Ok(false);
    };
    let Some(microseconds) = number_at(array, c"usec")? else {
        return Ok(false);
    };
    let seconds = seconds as f64 + microseconds as f64 / 1_000_000.0;
    socket.link.set_timeouts(|timeouts| {
        if name == libc::SO_RCVTIMEO {
            timeouts.read = seconds;
        } else {
            timeouts.connect = seconds;
            timeouts.write = seconds;
        }
    });
    Ok(true)
}

/// A warning in the form of PHP's own sockets, which makes the call return false.
pub fn socket_error(what: &str, errno: i32) -> Stop {
    swoole_core::error::set_last(errno);
    let reason = swoole_core::error::describe(errno);
    answer::remark(format!("{what} [{errno}]: {reason}"))
}
