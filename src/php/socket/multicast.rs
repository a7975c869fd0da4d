//! Options of IP that are structures: groups, interfaces, the source address of IPv6.

use super::Socket;
use super::answer::mistake;
use super::options::{int_of, socket_error};
use crate::php::convert::{Item, return_array, set_long};
use crate::php::ffi::*;
use crate::php::method::{Bailout, Stop, protect};
use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use swoole_core::sys::interfaces;
use swoole_core::sys::socket as calls;

// linux/in.h; PHP names them MCAST_*.
const JOIN_GROUP: i32 = 42;
const BLOCK_SOURCE: i32 = 43;
const UNBLOCK_SOURCE: i32 = 44;
const LEAVE_GROUP: i32 = 45;
const JOIN_SOURCE_GROUP: i32 = 46;
const LEAVE_SOURCE_GROUP: i32 = 47;

/// `struct sockaddr_storage` and its place in `struct group_req` and `group_source_req`.
const STORAGE_BYTES: usize = 128;
const STORAGE_AT: usize = 8;

/// Answers for the options that this knows; false: it knows it not.
pub fn get(socket: &Socket, place: Place<'_>, level: i32, name: i32) -> Result<bool, Stop> {
    let fd = socket.link.descriptor();
    let read =
        |bytes: &mut [u8]| fd.and_then(|fd| calls::get_option_bytes(&*fd, level, name, bytes));
    match (level, name) {
        (libc::IPPROTO_IP, libc::IP_MULTICAST_IF) => {
            let mut bytes = [0; 4];
            read(&mut bytes).map_err(|errno| {
                super::answer::sys_failed(
                    format!("getsockopt({}, {level}, {name})", socket.link.raw_fd()),
                    errno as i32,
                )
            })?;
            set_long(place, i64::from(index_of(Ipv4Addr::from(bytes))?));
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let mut bytes = [0; 20];
            read(&mut bytes)
                .map_err(|errno| socket_error("unable to get socket option", errno as i32))?;
            let (address, index) = bytes.split_at(16);
            let address =
                <[u8; 16]>::try_from(address).map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from);
            let index = <[u8; 4]>::try_from(index).map_or(0, u32::from_ne_bytes);
            let address = address.to_string();
            let items = [
                ("addr", Item::Bytes(address.as_bytes())),
                ("ifindex", Item::Long(i64::from(index))),
            ];
            return_array(place, &items)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The interface that has an address; 0: any.
fn index_of(address: Ipv4Addr) -> Result<u32, Stop> {
    if address.is_unspecified() {
        return Ok(0);
    }
    interfaces::index_of_ipv4(address).ok_or_else(|| {
        mistake(format!(
            "The interface with IP address {address} was not found"
        ))
    })
}

/// Sets the options that this knows; None: it knows it not.
pub fn set(socket: &Socket, level: i32, name: i32, value: *mut zval) -> Result<Option<bool>, Stop> {
    let bytes: Vec<u8> = match (level, name) {
        (libc::IPPROTO_IP | libc::IPPROTO_IPV6, JOIN_GROUP | LEAVE_GROUP) => {
            group(socket, value, false)?
        }
        (
            libc::IPPROTO_IP | libc::IPPROTO_IPV6,
            BLOCK_SOURCE | UNBLOCK_SOURCE | JOIN_SOURCE_GROUP | LEAVE_SOURCE_GROUP,
        ) => group(socket, value, true)?,
        (libc::IPPROTO_IP, libc::IP_MULTICAST_IF) => {
            let index = interface(value)?;
            address_of(index)?.octets().to_vec()
        }
        (libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP) => vec![u8::from(is_true(value))],
        (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL) => match u8::try_from(int_of(value)?) {
            Ok(ttl) => vec![ttl],
            Err(_) => return Err(mistake("Expected a value between 0 and 255")),
        },
        (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF) => interface(value)?.to_ne_bytes().to_vec(),
        (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP) => {
            i32::from(is_true(value)).to_ne_bytes().to_vec()
        }
        (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS) => {
            let hops = int_of(value)?;
            if !(-1..=255).contains(&hops) {
                return Err(mistake("Expected a value between -1 and 255"));
            }
            (hops as i32).to_ne_bytes().to_vec()
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => packet_info(value)?,
        _ => return Ok(None),
    };
    let fd = socket.link.descriptor();
    match fd.and_then(|fd| calls::set_option_bytes(&*fd, level, name, &bytes)) {
        Ok(()) => Ok(Some(true)),
        Err(errno) => Err(socket_error("unable to set socket option", errno as i32)),
    }
}

fn is_true(value: *mut zval) -> bool {
    crate::php::convert::to_raw(value).truth().unwrap_or(true)
}

/// A value as PHP converts it to a string.
fn text_of(value: *mut zval) -> Result<String, Bailout> {
    protect(|| {
        // SAFETY: a live value; an object may run `__toString`, and nothing is owned. The string that the
        // engine gives is copied and given back.
        unsafe {
            let string = zval_get_string_func(value);
            let text = String::from_utf8_lossy(str_bytes(string)).into_owned();
            ext_php_rs_zend_string_release(string);
            text
        }
    })
}

/// An interface by its number or name.
fn interface(value: *mut zval) -> Result<u32, Stop> {
    // SAFETY: a live value, read for the type that says so.
    if u32::from(unsafe { type_of(value) }) == IS_LONG {
        let number = int_of(value)?;
        return u32::try_from(number).map_err(|_| {
            mistake(format!(
                "the interface index cannot be negative or larger than {}; given {number}",
                u32::MAX
            ))
        });
    }
    let name = text_of(value)?;
    interfaces::index_of(&name)
        .ok_or_else(|| mistake(format!("no interface with name \"{name}\" could be found")))
}

/// The IPv4 address of an interface; 0: any.
fn address_of(index: u32) -> Result<Ipv4Addr, Stop> {
    if index == 0 {
        return Ok(Ipv4Addr::UNSPECIFIED);
    }
    interfaces::ipv4_of(index).ok_or_else(|| {
        mistake(format!(
            "Failed obtaining address for interface {index}: it has no IPv4 address, or there is no such \
             interface"
        ))
    })
}

fn entry(array: *mut zval, key: &CStr) -> Option<*mut zval> {
    // SAFETY: a live value, read for the type that says so; a static name.
    unsafe {
        if u32::from(type_of(array)) != IS_ARRAY {
            return None;
        }
        let found = zend_hash_str_find((*array).value.arr, key.as_ptr(), key.to_bytes().len());
        (!found.is_null()).then(|| deref(found))
    }
}

/// The address under a key, as a `sockaddr_storage` of the socket's family.
fn storage(socket: &Socket, array: *mut zval, key: &CStr) -> Result<[u8; STORAGE_BYTES], Stop> {
    let Some(value) = entry(array, key) else {
        let key = key.to_string_lossy();
        return Err(mistake(format!("no key \"{key}\" passed in optval")));
    };
    let text = text_of(value)?;
    let address = super::connect::address_of(socket, text.as_bytes(), 0)
        .map_err(|failure| socket_error("Host lookup failed", failure.code()))?;
    let ip: Result<IpAddr, _> = address.ip().parse();
    let mut bytes = [0; STORAGE_BYTES];
    match ip {
        Ok(IpAddr::V4(ip)) => {
            bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            bytes[4..8].copy_from_slice(&ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            bytes[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
            bytes[8..24].copy_from_slice(&ip.octets());
        }
        Err(_) => {
            let text = "IP address used in the context of an unexpected type of socket";
            return Err(mistake(text));
        }
    }
    Ok(bytes)
}

/// `struct group_req`, or `group_source_req`.
fn group(socket: &Socket, array: *mut zval, with_source: bool) -> Result<Vec<u8>, Stop> {
    let group = storage(socket, array, c"group")?;
    let source = match with_source {
        true => Some(storage(socket, array, c"source")?),
        false => None,
    };
    let index = match entry(array, c"interface") {
        Some(value) => interface(value)?,
        None => 0,
    };
    let mut bytes = vec![0; STORAGE_AT];
    bytes[..4].copy_from_slice(&index.to_ne_bytes());
    bytes.extend_from_slice(&group);
    bytes.extend(source.iter().flatten());
    Ok(bytes)
}

/// `struct in6_pktinfo`.
fn packet_info(array: *mut zval) -> Result<Vec<u8>, Stop> {
    let required = |key: &CStr| {
        entry(array, key).ok_or_else(|| {
            let key = key.to_string_lossy();
            mistake(format!(
                "error converting user data (path: in6_pktinfo): The key '{key}' is required"
            ))
        })
    };
    let text = text_of(required(c"addr")?)?;
    let address: Ipv6Addr = text.parse().map_err(|_| {
        mistake(format!(
            "error converting user data (path: in6_pktinfo > addr): could not resolve address '{text}' \
             to get an AF_INET6 address"
        ))
    })?;
    let index = interface(required(c"ifindex")?)?;
    let mut bytes = address.octets().to_vec();
    bytes.extend_from_slice(&index.to_ne_bytes());
    Ok(bytes)
}
