//! libcurl, as PHP's extension has loaded it, and its handles in PHP's objects.

use super::EXEC;
use crate::php::coroutine::engine::PhpThread;
use crate::php::ffi::*;
use crate::php::method::{Stop, docref};
use std::cell::Cell;
use std::ffi::{CStr, c_int, c_long, c_uint, c_void};
use std::os::fd::RawFd;
use std::sync::OnceLock;

type SetOption = unsafe extern "C" fn(*mut c_void, c_int, ...) -> c_int;
type SocketAction = unsafe extern "C" fn(*mut c_void, c_int, c_int, *mut c_int) -> c_int;
type FdSet = unsafe extern "C" fn(
    *mut c_void,
    *mut libc::fd_set,
    *mut libc::fd_set,
    *mut libc::fd_set,
    *mut c_int,
) -> c_int;
type Timeout = unsafe extern "C" fn(*mut c_void, *mut c_long) -> c_int;
type WaitFds = unsafe extern "C" fn(*mut c_void, *mut WaitFd, c_uint, *mut c_uint) -> c_int;

/// `struct curl_waitfd`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct WaitFd {
    pub fd: RawFd,
    pub events: i16,
    pub revents: i16,
}

/// What is used of libcurl.
pub struct Library {
    pub set_option: SetOption,
    pub socket_action: SocketAction,
    pub fd_set: FdSet,
    pub timeout: Timeout,
    /// From libcurl 8.8 on.
    pub wait_fds: Option<WaitFds>,
}

/// The functions of PHP that are called from here.
const CALLED: [&str; 7] = [
    "curl_init",
    "curl_errno",
    "curl_multi_init",
    "curl_multi_add_handle",
    "curl_multi_info_read",
    "curl_multi_getcontent",
    "curl_multi_remove_handle",
];

/// None, after a warning: transfers block.
pub fn library() -> Result<Option<&'static Library>, Stop> {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    match LIBRARY.get_or_init(load) {
        Ok(library) => Ok(Some(library)),
        Err(reason) => warn(reason).map(|()| None),
    }
}

/// Says once why transfers block.
fn warn(reason: &str) -> Result<(), Stop> {
    static WARNED: PhpThread<Cell<bool>> = PhpThread::new(Cell::new(false));
    if !WARNED.get().replace(true) {
        docref(
            E_WARNING,
            &format!("transfers block the process in spite of SWOOLE_HOOK_CURL: {reason}"),
        )?;
    }
    Ok(())
}

fn load() -> Result<Library, String> {
    for name in CALLED {
        // SAFETY: the table of functions of the thread that runs PHP.
        let found = unsafe {
            let table = (*ext_php_rs_compiler_globals()).function_table;
            zend_hash_str_find(table, name.as_ptr().cast(), name.len())
        };
        if found.is_null() {
            return Err(format!("{name}() is missing, or disabled in php.ini"));
        }
    }
    let place = extension();
    // SAFETY: looks names up in what is loaded; the functions of these names have these types
    // (curl/multi.h).
    unsafe {
        let find = |name: &CStr| {
            let found = libc::dlsym(place, name.as_ptr());
            (!found.is_null()).then_some(found)
        };
        let need = |name: &CStr| {
            find(name).ok_or_else(|| {
                format!(
                    "PHP's curl extension has no {} of libcurl's",
                    name.to_string_lossy()
                )
            })
        };
        Ok(Library {
            set_option: std::mem::transmute::<*mut c_void, SetOption>(need(c"curl_multi_setopt")?),
            socket_action: std::mem::transmute::<*mut c_void, SocketAction>(need(
                c"curl_multi_socket_action",
            )?),
            fd_set: std::mem::transmute::<*mut c_void, FdSet>(need(c"curl_multi_fdset")?),
            timeout: std::mem::transmute::<*mut c_void, Timeout>(need(c"curl_multi_timeout")?),
            wait_fds: find(c"curl_multi_waitfds")
                .map(|found| std::mem::transmute::<*mut c_void, WaitFds>(found)),
        })
    }
}

/// Where the linker looks for what PHP's extension uses: another extension may have brought another libcurl.
fn extension() -> *mut c_void {
    let Some(handler) = EXEC.handler() else {
        return libc::RTLD_DEFAULT;
    };
    // SAFETY: asks the linker for the file that a function is in, and for that file, which is loaded.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(handler as *const c_void, &raw mut info) == 0 || info.dli_fname.is_null() {
            return libc::RTLD_DEFAULT;
        }
        let file = libc::dlopen(info.dli_fname, libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        // PHP itself, perhaps.
        if file.is_null() {
            libc::RTLD_DEFAULT
        } else {
            file
        }
    }
}

impl Library {
    /// The handle of libcurl's behind a `CurlMultiHandle`. None, after a warning: it is not where PHP 8.2 to
    /// 8.5 have it, which is the first field of what the object stands at the end of.
    pub fn multi_of(&self, object: *mut zend_object) -> Result<Option<*mut c_void>, Stop> {
        static VERIFIED: OnceLock<bool> = OnceLock::new();
        // SAFETY: handlers of a live object tell how far in front its own part is.
        let raw = unsafe {
            let offset = (*(*object).handlers).offset.unsigned_abs() as usize;
            if offset < size_of::<*mut c_void>() {
                std::ptr::null_mut()
            } else {
                *object.byte_sub(offset).cast::<*mut c_void>()
            }
        };
        if *VERIFIED.get_or_init(|| self.is_multi(raw)) {
            return Ok(Some(raw));
        }
        warn("this build of PHP's curl extension is not known, please report its version")?;
        Ok(None)
    }

    /// Whether libcurl takes it for one of its multi handles.
    fn is_multi(&self, raw: *mut c_void) -> bool {
        let mut wanted_ms: c_long = 0;
        is_readable(raw)
            // SAFETY: libcurl looks for its mark at the start of it, which can be read.
            && unsafe { (self.timeout)(raw, &raw mut wanted_ms) } == 0
    }
}

/// Whether there is memory to read, as the kernel sees it.
fn is_readable(raw: *mut c_void) -> bool {
    const MARK_SIZE: usize = 8;
    if raw.is_null() || !raw.addr().is_multiple_of(align_of::<*mut c_void>()) {
        return false;
    }
    let Ok((_reader, writer)) = std::io::pipe() else {
        return false;
    };
    use std::os::fd::AsRawFd;
    // SAFETY: the kernel answers EFAULT where there is nothing.
    let written = unsafe { libc::write(writer.as_raw_fd(), raw, MARK_SIZE) };
    written == MARK_SIZE as isize
}
