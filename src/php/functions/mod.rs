//! Global functions: a file for each theme; here what is of none.

pub mod decode;
pub mod engine;
pub mod mime;
pub mod settings;
pub mod system;

use crate::php::callback;
use crate::php::class::*;
use crate::php::constants::API_LEVEL;
use crate::php::convert::{bytes_of, return_bytes, set_bool, set_long, set_null};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop};
use crate::php::method::{parse, trampolines};
use std::ffi::{CStr, CString};
use swoole_core::error;
use swoole_core::sys::process;

trampolines! {
    swoole_version => version;
    swoole_cpu_num => cpu_num;
    swoole_last_error => last_error;
    swoole_errno => errno;
    swoole_strerror => strerror;
    swoole_set_process_name => set_process_name;
    swoole_clear_error => clear_error;
}

/// The functions of this file.
pub static FUNCTIONS: &[MethodDef] = &[
    function(c"swoole_version", swoole_version, &[], STRING),
    function(c"swoole_cpu_num", swoole_cpu_num, &[], INT),
    function(c"swoole_last_error", swoole_last_error, &[], INT),
    function(c"swoole_errno", swoole_errno, &[], INT),
    function(
        c"swoole_strerror",
        swoole_strerror,
        &[arg(c"errno", INT), opt(c"error_type", INT, c"0")],
        STRING,
    ),
    function(
        c"swoole_set_process_name",
        swoole_set_process_name,
        &[arg(c"process_name", STRING)],
        BOOL,
    ),
    function(c"swoole_clear_error", swoole_clear_error, &[], VOID),
];

/// `SWOOLE_STRERROR_GAI`: codes of getaddrinfo(3).
const STRERROR_GAI: i64 = 1;
/// `SWOOLE_STRERROR_DNS`: codes of gethostbyname(3).
const STRERROR_DNS: i64 = 2;

fn version(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    Ok(return_bytes(place, API_LEVEL.to_bytes())?)
}

fn cpu_num(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    set_long(place, process::cpu_count() as i64);
    Ok(())
}

fn last_error(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    set_long(place, i64::from(error::last()));
    Ok(())
}

fn errno(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let errno = std::io::Error::last_os_error().raw_os_error();
    parse!(frame, c"")?;
    set_long(place, i64::from(errno.unwrap_or(0)));
    Ok(())
}

fn strerror(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut code, mut kind) = (0_i64, 0_i64);
    parse!(frame, c"l|l", code, kind)?;
    let code = i32::try_from(code).unwrap_or(i32::MAX);
    if kind == STRERROR_GAI {
        // SAFETY: gai_strerror returns a static string for each code.
        let text = unsafe { CStr::from_ptr(libc::gai_strerror(code)) };
        return Ok(return_bytes(place, text.to_bytes())?);
    }
    if kind == STRERROR_DNS {
        // SAFETY: hstrerror returns a static string for each code.
        let text = unsafe { CStr::from_ptr(hstrerror(code)) };
        return Ok(return_bytes(place, text.to_bytes())?);
    }
    let text = error::describe(code);
    Ok(return_bytes(place, text.as_bytes())?)
}

fn set_process_name(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"S", name)?;
    let name = bytes_of(name);
    // PHP's command line program owns the memory that `ps` shows.
    let done = match callback::call_function(b"cli_set_process_title", name)? {
        Some(done) => done,
        None => set_thread_name(name),
    };
    set_bool(place, done);
    Ok(())
}

/// For a PHP without that function: at least the short name changes.
fn set_thread_name(name: &[u8]) -> bool {
    let Ok(name) = CString::new(name) else {
        return false;
    };
    // SAFETY: PR_SET_NAME reads a NUL-terminated string and keeps its first 15 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) == 0 }
}

fn clear_error(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    error::set_last(0);
    set_null(place);
    Ok(())
}
