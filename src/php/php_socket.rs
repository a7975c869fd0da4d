//! Descriptors in PHP values: streams, sockets of the sockets extension, and objects of our own.

use super::class::Entry;
use super::ffi::*;
use super::method::{Bailout, Stop, docref, protect};
use super::properties;
use std::ffi::{CStr, c_int, c_void};
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};

/// `php_stream_cast`: for select(2), from inside the engine.
const CAST_FOR_SELECT: c_int = 3 | 0x2000_0000;

/// Classes whose objects keep their descriptor in a property.
static BY_PROPERTY: &[(&Entry, &CStr)] = &[(&super::client::CLIENT, c"sock")];

/// The head of the sockets extension's object, before its standard part: the descriptor comes first.
#[repr(C)]
struct PhpSocket {
    fd: c_int,
}

/// A symbol of the sockets extension, which may be loaded or not.
fn sockets_symbol(name: &CStr) -> *mut c_void {
    // SAFETY: looks a name up among what is loaded; null if it is not there. PHP loads extensions with
    // their symbols visible.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

/// The class `Socket`; null without the sockets extension.
fn socket_class() -> *mut zend_class_entry {
    let place: *mut *mut zend_class_entry = sockets_symbol(c"socket_ce").cast();
    if place.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: `zend_class_entry *socket_ce` of the extension, set when it started.
    unsafe { *place }
}

/// # Safety
/// `object` is of the class `Socket`.
unsafe fn php_socket(object: *mut zend_object) -> *mut PhpSocket {
    // SAFETY: the caller's promise: handlers of a live object tell how far in front its own part is.
    unsafe {
        let offset = (*(*object).handlers).offset;
        object.byte_sub(offset.unsigned_abs() as usize).cast()
    }
}

/// Writes a new `Socket` of the sockets extension that owns `fd`.
pub fn export(place: Place<'_>, fd: OwnedFd) -> Result<(), Stop> {
    type Import = unsafe extern "C" fn(c_int, *mut PhpSocket) -> bool;
    let (class, import) = (
        socket_class(),
        sockets_symbol(c"socket_import_file_descriptor"),
    );
    if class.is_null() || import.is_null() {
        return Err(Stop::exception(
            i64::from(swoole_core::error::codes::OPERATION_NOT_SUPPORT),
            "getSocket() needs PHP's sockets extension, which is not loaded: enable it in php.ini \
             (extension=sockets)",
        ));
    }
    let fd = fd.into_raw_fd();
    protect(|| {
        // SAFETY: the extension's class and its function of this signature since PHP 8.0; the object
        // is fresh, and takes the descriptor over.
        unsafe {
            let import: Import = std::mem::transmute(import);
            object_init_ex(place.ptr(), class);
            let socket = php_socket((*place.ptr()).value.obj);
            import(fd, socket);
        }
    })?;
    Ok(())
}

/// The descriptor of a stream, a socket, an object with one, or a number; otherwise a warning with the
/// reference's text, and None. May run user code (a stream wrapper's, an error handler's).
pub fn fd_of(value: *mut zval) -> Result<Option<RawFd>, Bailout> {
    // SAFETY: callers pass a live zval; each union member is read for the type that says so.
    unsafe {
        let value = deref(value);
        match u32::from(type_of(value)) {
            IS_LONG => {
                let number = (*value).value.lval;
                if let Ok(fd @ 0..) = RawFd::try_from(number) {
                    return Ok(Some(fd));
                }
                warn(&format!("invalid file descriptor#{number} passed"))
            }
            IS_RESOURCE => match stream_fd(value)? {
                Some(fd) => Ok(Some(fd)),
                None => {
                    warn("fd argument must be either valid PHP stream or valid PHP socket resource")
                }
            },
            IS_OBJECT => object_fd((*value).value.obj),
            _ => warn("invalid file descriptor passed"),
        }
    }
}

fn warn(message: &str) -> Result<Option<RawFd>, Bailout> {
    swoole_core::error::set_last(swoole_core::error::codes::PHP_FATAL_ERROR);
    docref(E_WARNING, message)?;
    Ok(None)
}

fn stream_fd(value: *mut zval) -> Result<Option<RawFd>, Bailout> {
    let mut fd: c_int = -1;
    let cast = protect(|| {
        // SAFETY: a live resource; the type numbers are those of streams; the cast writes one
        // descriptor.
        unsafe {
            let stream = zend_fetch_resource2_ex(
                value,
                std::ptr::null(),
                php_file_le_stream(),
                php_file_le_pstream(),
            );
            !stream.is_null()
                && _php_stream_cast(stream, CAST_FOR_SELECT, (&raw mut fd).cast(), 1) == 0
        }
    })?;
    Ok((cast && fd >= 0).then_some(fd))
}

/// # Safety
/// A live object.
unsafe fn object_fd(object: *mut zend_object) -> Result<Option<RawFd>, Bailout> {
    // SAFETY: the caller's promise; the class of a live object is valid, as are registered classes.
    unsafe {
        for (class, property) in BY_PROPERTY {
            if is_a((*object).ce, class.get()) {
                let value = properties::get(class, object, property);
                let is_fd = !value.is_null() && u32::from(type_of(value)) == IS_LONG;
                let fd = if is_fd { (*value).value.lval } else { -1 };
                return Ok(RawFd::try_from(fd).ok().filter(|fd| *fd >= 0));
            }
        }
        let class = socket_class();
        if !class.is_null() && (*object).ce == class {
            let fd = (*php_socket(object)).fd;
            if fd < 0 {
                return warn("contains a closed socket");
            }
            return Ok(Some(fd));
        }
        Ok(None)
    }
}

/// # Safety
/// Two registered classes.
pub unsafe fn is_a(class: *mut zend_class_entry, parent: *mut zend_class_entry) -> bool {
    // SAFETY: the caller's promise.
    class == parent || unsafe { instanceof_function_slow(class, parent) }
}
