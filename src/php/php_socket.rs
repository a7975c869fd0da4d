//! Sockets of PHP's sockets extension, which may be loaded or not.

use super::ffi::*;
use super::method::{Stop, protect};
use std::ffi::{CStr, c_int, c_void};
use std::os::fd::{IntoRawFd, OwnedFd};

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

/// The descriptor of a `Socket`; negative: it is closed. None: the value is something else.
pub fn descriptor(value: *mut zval) -> Option<c_int> {
    let class = socket_class();
    // SAFETY: a live value; the union member is read for the type that says so, and the object is of the
    // class where its own part is looked at.
    unsafe {
        if class.is_null() || u32::from(type_of(value)) != IS_OBJECT {
            return None;
        }
        let object = (*value).value.obj;
        std::ptr::eq((*object).ce, class).then(|| (*php_socket(object)).fd)
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
