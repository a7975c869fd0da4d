//! Structures of PHP's streams that the bindings leave out, the same from PHP 8.2 to 8.5
//! (main/php_network.h, main/streams/php_stream_transport.h).

use crate::php::ffi::*;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::os::fd::RawFd;

/// `php_netstream_data_t`: what a stream of PHP's own sockets keeps.
#[repr(C)]
#[derive(Debug)]
pub struct NetStream {
    /// -1: none yet.
    pub socket: RawFd,
    /// `stream_set_blocking()`
    pub is_blocked: bool,
    /// `stream_set_timeout()`; seconds of -1: without limit.
    pub timeout: libc::timeval,
    /// `timed_out` of the stream's metadata.
    pub timeout_event: bool,
    pub ownsize: usize,
}

/// `php_openssl_netstream_data_t` (ext/openssl/xp_ssl.c), up to what is used here.
#[repr(C)]
#[derive(Debug)]
pub struct TlsStream {
    pub plain: NetStream,
    pub ssl: *mut c_void,
    pub context: *mut c_void,
    pub connect_timeout: libc::timeval,
    pub enable_on_connect: c_int,
    pub is_client: c_int,
    pub ssl_active: c_int,
    pub method: c_uint,
}

/// `php_stream_xport_param.op`
pub mod op {
    pub const BIND: u32 = 0;
    pub const CONNECT: u32 = 1;
    pub const ACCEPT: u32 = 3;
    pub const CONNECT_ASYNC: u32 = 4;
    pub const RECV: u32 = 7;
    pub const SEND: u32 = 8;
}

/// `php_stream_xport_param`: what PHP asks a socket's stream for.
#[repr(C)]
#[derive(Debug)]
pub struct XportParam {
    pub op: c_uint,
    /// want_addr, want_textaddr, want_errortext; how (2 bits).
    pub wants: c_uint,
    pub inputs: XportInputs,
    pub outputs: XportOutputs,
}

impl XportParam {
    #[must_use]
    pub fn wants_error_text(&self) -> bool {
        self.wants & 4 != 0
    }
}

#[repr(C)]
#[derive(Debug)]
pub struct XportInputs {
    pub name: *mut c_char,
    pub namelen: usize,
    pub timeout: *mut libc::timeval,
    pub addr: *mut libc::sockaddr,
    pub buf: *mut c_char,
    pub buflen: usize,
    pub addrlen: libc::socklen_t,
    pub backlog: c_int,
    pub flags: c_int,
}

#[repr(C)]
#[derive(Debug)]
pub struct XportOutputs {
    pub client: *mut php_stream,
    pub addr: *mut libc::sockaddr,
    pub addrlen: libc::socklen_t,
    pub textaddr: *mut zend_string,
    pub error_text: *mut zend_string,
    pub returncode: c_int,
    pub error_code: c_int,
}

/// `php_stream_xport_crypto_param`
#[repr(C)]
#[derive(Debug)]
pub struct CryptoParam {
    pub session: *mut php_stream,
    pub activate: c_int,
    pub method: c_uint,
    pub returncode: c_int,
    pub op: c_uint,
}

/// `STREAM_XPORT_CRYPTO_OP_ENABLE`
pub const CRYPTO_ENABLE: u32 = 1;

/// `PHP_STREAM_OPTION_*`
pub const OPTION_XPORT_API: c_int = 7;
pub const OPTION_CRYPTO_API: c_int = 8;
pub const OPTION_CHECK_LIVENESS: c_int = 12;
/// `PHP_STREAM_OPTION_RETURN_OK`
pub const OPTION_OK: c_int = 0;
pub const OPTION_ERR: c_int = -1;
/// `PHP_STREAM_FLAG_SUPPRESS_ERRORS`
pub const FLAG_SUPPRESS_ERRORS: u32 = 0x100;

/// `php_stream_transport_factory`, of builds without debugging.
pub type Factory = unsafe extern "C" fn(
    proto: *const c_char,
    proto_len: usize,
    resource_name: *const c_char,
    resource_name_len: usize,
    persistent_id: *const c_char,
    options: c_int,
    flags: c_int,
    timeout: *mut libc::timeval,
    context: *mut c_void,
) -> *mut php_stream;

// SAFETY: declared in main/php_network.h and main/streams/php_stream_transport.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    pub static php_stream_socket_ops: php_stream_ops;
    pub fn php_stream_xport_get_hash() -> *mut HashTable;
    pub fn php_stream_xport_crypto_setup(
        stream: *mut php_stream,
        method: c_uint,
        session: *mut php_stream,
    ) -> c_int;
    pub fn php_stream_xport_crypto_enable(stream: *mut php_stream, activate: c_int) -> c_int;
}
