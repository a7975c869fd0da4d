//! Opening files, and the wrapper `async.file://`, whose files are waited for whatever hooks are on.

use super::{pipe, stdio};
use crate::php::coroutine;
use crate::php::coroutine::co::Wait;
use crate::php::coroutine::engine::PhpThread;
use crate::php::coroutine_system::offload;
use crate::php::ffi::*;
use crate::php::method::{Stop, protect};
use crate::php::runtime::flags::{Hook, is_on};
use crate::php::runtime::streams::ops::enter;
use std::cell::OnceCell;
use std::ffi::{CStr, CString, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// `STREAM_OPEN_FOR_INCLUDE`
const FOR_INCLUDE: c_int = 0x80;

const SCHEME: &CStr = c"async.file";
const PREFIX: &[u8] = b"async.file://";

// SAFETY: declared in main/streams/php_stream_plain_wrapper.h and main/php_streams.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    static mut php_plain_files_wrapper: php_stream_wrapper;
    fn php_register_url_stream_wrapper(
        protocol: *const c_char,
        wrapper: *const php_stream_wrapper,
    ) -> c_int;
}

struct Tables {
    /// PHP's own.
    original: *const php_stream_wrapper_ops,
    /// PHP's own but for opening.
    plain: php_stream_wrapper_ops,
    /// Of `async.file://`.
    named: php_stream_wrapper_ops,
    wrapper: OnceCell<php_stream_wrapper>,
}

static TABLES: PhpThread<OnceCell<Box<Tables>>> = PhpThread::new(OnceCell::new());

/// Registers `async.file://` and takes over the opening of files; at module startup.
pub fn register() {
    // SAFETY: PHP's wrapper of plain files, which is not constant; one thread. Our tables live as long as
    // the process.
    unsafe {
        let wrapper = &raw mut php_plain_files_wrapper;
        let original = (*wrapper).wops;
        let tables = TABLES.get().get_or_init(|| {
            let mut plain = std::ptr::read(original);
            plain.stream_opener = Some(open);
            let mut named = plain;
            named.stream_opener = Some(open_named);
            // What else takes a path is for file://.
            named.url_stat = Some(stat_named);
            named.unlink = None;
            named.rename = None;
            named.stream_mkdir = None;
            named.stream_rmdir = None;
            named.stream_metadata = None;
            named.dir_opener = None;
            Box::new(Tables {
                original,
                plain,
                named,
                wrapper: OnceCell::new(),
            })
        });
        (*wrapper).wops = &raw const tables.plain;
        let named = tables.wrapper.get_or_init(|| php_stream_wrapper {
            wops: &raw const tables.named,
            abstract_: std::ptr::null_mut(),
            is_url: 0,
        });
        php_register_url_stream_wrapper(SCHEME.as_ptr(), named);
    }
}

fn original() -> Option<&'static php_stream_wrapper_ops> {
    let tables = TABLES.get().get()?;
    // SAFETY: PHP's own table lives as long as the process.
    Some(unsafe { &*tables.original })
}

/// PHP's arguments for opening a file.
#[derive(Clone, Copy)]
struct Request {
    wrapper: *mut php_stream_wrapper,
    name: *const c_char,
    mode: *const c_char,
    options: c_int,
    opened_path: *mut *mut zend_string,
    context: *mut php_stream_context,
}

impl Request {
    /// From PHP. `may_wait`: if this is a coroutine, and the file is not one of the script's own code.
    fn enter(self, may_wait: bool) -> *mut php_stream {
        enter(std::ptr::null_mut(), || {
            let is_code = self.options & FOR_INCLUDE != 0;
            if may_wait && !is_code && coroutine::current().is_some() {
                self.open_when_ready()
            } else {
                self.open()
            }
        })
    }

    fn open(self) -> Result<*mut php_stream, Stop> {
        let Some(open) = original().and_then(|ops| ops.stream_opener) else {
            return Ok(std::ptr::null_mut());
        };
        // SAFETY: PHP's own arguments, and what PHP's own has made of them.
        Ok(protect(|| unsafe {
            let stream = open(
                self.wrapper,
                self.name,
                self.mode,
                self.options,
                self.opened_path,
                self.context,
            );
            if self.options & FOR_INCLUDE != 0 {
                stdio::exempt(stream);
            }
            stream
        })?)
    }

    /// Waits first for what opening would wait for: the disk, or the other end of a named pipe.
    fn open_when_ready(self) -> Result<*mut php_stream, Stop> {
        // SAFETY: strings of PHP's.
        let (name, mode) = unsafe { (CStr::from_ptr(self.name), CStr::from_ptr(self.mode)) };
        let (name, mode): (CString, CString) = (name.to_owned(), mode.to_owned());
        let path = OsStr::from_bytes(name.to_bytes()).to_owned();
        let job = move || is_pipe(Path::new(&path));
        let held = match offload("a file", Wait::Cancellable, None, job)? {
            Ok(true) if !is_restricted() => pipe::wait_for_peer(
                Path::new(OsStr::from_bytes(name.to_bytes())),
                mode.to_bytes(),
            )?,
            Ok(_) => Some(pipe::Ends::default()),
            Err(_) => None,
        };
        match held {
            // Both of the pipe's ends are there for as long as these are held.
            Some(_held) => self.open(),
            None => {
                swoole_core::sys::Errno::ECANCELED.set();
                Ok(std::ptr::null_mut())
            }
        }
    }
}

/// `open_basedir`: nothing is opened before PHP has checked it.
fn is_restricted() -> bool {
    let name = c"open_basedir";
    // SAFETY: a registered setting; its value is a string or null.
    unsafe {
        let value = zend_ini_string_ex(
            name.as_ptr(),
            name.to_bytes().len(),
            0,
            std::ptr::null_mut(),
        );
        !value.is_null() && *value != 0
    }
}

/// In a thread: brings the kernel to know the file.
fn is_pipe(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.file_type().is_fifo())
}

unsafe extern "C" fn open(
    wrapper: *mut php_stream_wrapper,
    name: *const c_char,
    mode: *const c_char,
    options: c_int,
    opened_path: *mut *mut zend_string,
    context: *mut php_stream_context,
) -> *mut php_stream {
    let request = Request {
        wrapper,
        name,
        mode,
        options,
        opened_path,
        context,
    };
    request.enter(is_on(Hook::File))
}

/// The path behind the name of the wrapper.
///
/// # Safety
/// A string.
unsafe fn path_of(name: *const c_char) -> *const c_char {
    // SAFETY: the caller's promise; what is cut off is part of the string.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes();
        match bytes.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => name.add(PREFIX.len()),
            _ => name,
        }
    }
}

unsafe extern "C" fn open_named(
    wrapper: *mut php_stream_wrapper,
    name: *const c_char,
    mode: *const c_char,
    options: c_int,
    opened_path: *mut *mut zend_string,
    context: *mut php_stream_context,
) -> *mut php_stream {
    let request = Request {
        wrapper,
        // SAFETY: PHP's string.
        name: unsafe { path_of(name) },
        mode,
        options,
        opened_path,
        context,
    };
    request.enter(true)
}

unsafe extern "C" fn stat_named(
    wrapper: *mut php_stream_wrapper,
    url: *const c_char,
    flags: c_int,
    stat: *mut php_stream_statbuf,
    context: *mut php_stream_context,
) -> c_int {
    enter(-1, || match original().and_then(|ops| ops.url_stat) {
        // SAFETY: PHP's own arguments.
        Some(url_stat) => Ok(protect(|| unsafe {
            url_stat(wrapper, path_of(url), flags, stat, context)
        })?),
        None => Ok(-1),
    })
}
