//! The transports: `tcp://`, `udp://`, `unix://`, `udg://`, `ssl://`, `tls://`.

use super::abi::{Factory, php_stream_xport_get_hash};
use super::ops;
use crate::php::ffi::*;
use crate::php::runtime::flags::{self, Hook};
use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;

/// A transport of PHP, taken over.
struct Transport {
    name: &'static str,
    hook: Hook,
    original: OnceLock<Factory>,
}

const fn transport(name: &'static str, hook: Hook) -> Transport {
    Transport {
        name,
        hook,
        original: OnceLock::new(),
    }
}

static TRANSPORTS: [Transport; 10] = [
    transport("tcp", Hook::Tcp),
    transport("udp", Hook::Udp),
    transport("unix", Hook::Unix),
    transport("udg", Hook::Udg),
    transport("ssl", Hook::Ssl),
    transport("tls", Hook::Tls),
    transport("tlsv1.0", Hook::Tls),
    transport("tlsv1.1", Hook::Tls),
    transport("tlsv1.2", Hook::Tls),
    transport("tlsv1.3", Hook::Tls),
];

/// Puts our factory in the place of PHP's, or of the openssl extension's. Once, at the start of a
/// request.
pub fn take_over() {
    for transport in &TRANSPORTS {
        // SAFETY: PHP's table of transports; its values are factories, and may be replaced by others.
        unsafe {
            let table = php_stream_xport_get_hash();
            let name = transport.name;
            let found = zend_hash_str_find(table, name.as_ptr().cast(), name.len());
            if found.is_null() {
                continue;
            }
            let place = &raw mut (*found).value.ptr;
            let original = std::mem::transmute::<*mut c_void, Option<Factory>>(*place);
            if let Some(original) = original
                && transport.original.set(original).is_ok()
            {
                *place = make as Factory as *mut c_void;
            }
        }
    }
}

/// Makes a stream, as PHP does, and gives it operations of ours if a coroutine asks while the hook is
/// on. Owns nothing: a bailout may pass.
unsafe extern "C" fn make(
    proto: *const c_char,
    proto_len: usize,
    resource_name: *const c_char,
    resource_name_len: usize,
    persistent_id: *const c_char,
    options: c_int,
    flags: c_int,
    timeout: *mut libc::timeval,
    context: *mut c_void,
) -> *mut php_stream {
    // SAFETY: PHP passes the name of the transport, in lower case or as the user wrote it.
    let name = unsafe { std::slice::from_raw_parts(proto.cast::<u8>(), proto_len) };
    let found = TRANSPORTS
        .iter()
        .find(|transport| transport.name.as_bytes().eq_ignore_ascii_case(name));
    let Some((transport, original)) = found.and_then(|found| Some((found, found.original.get()?)))
    else {
        return std::ptr::null_mut();
    };
    // SAFETY: PHP's own arguments, handed on.
    unsafe {
        let stream = original(
            proto,
            proto_len,
            resource_name,
            resource_name_len,
            persistent_id,
            options,
            flags,
            timeout,
            context,
        );
        if !stream.is_null() && flags::applies(transport.hook) {
            ops::hook(stream);
        }
        stream
    }
}
