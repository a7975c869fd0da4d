//! Writes the declared properties of server and port objects.

use super::class::Entry;
use super::convert::{set_bool, set_bytes, set_long};
use super::ffi::*;
use super::method::{Bailout, protect};
use std::ffi::CStr;
use swoole_core::server::{self, Role};

/// Sets a property as code inside `class` would, private ones too. May bail out: inside `protect`.
pub fn set(class: &Entry, object: *mut zend_object, name: &CStr, value: &mut Value) {
    // SAFETY: a live object of the class or of a subclass; the engine copies the value.
    unsafe {
        zend_update_property(
            class.get(),
            object,
            name.as_ptr(),
            name.to_bytes().len(),
            value.ptr(),
        );
    }
}

/// Sets an int; inside `protect`.
pub fn set_int(class: &Entry, object: *mut zend_object, name: &CStr, value: i64) {
    let mut place = undef();
    set_long(place.place(), value);
    set(class, object, name, &mut place);
}

/// Sets a bool; inside `protect`.
pub fn set_flag(class: &Entry, object: *mut zend_object, name: &CStr, value: bool) {
    let mut place = undef();
    set_bool(place.place(), value);
    set(class, object, name, &mut place);
}

/// Sets a string; inside `protect`.
pub fn set_text(class: &Entry, object: *mut zend_object, name: &CStr, value: &str) {
    let mut place = undef();
    set_bytes(place.place(), value.as_bytes());
    set(class, object, name, &mut place);
    // SAFETY: our own reference to the new string; the property has one of its own.
    unsafe { zval_ptr_dtor(place.ptr()) };
}

/// Sets a property to an object, whose one reference (the maker's) passes to the property.
pub fn set_new_object(class: &Entry, object: *mut zend_object, name: &CStr, value: &mut Value) {
    set(class, object, name, value);
    // SAFETY: as in `set_text`.
    unsafe { zval_ptr_dtor(value.ptr()) };
}

/// The property's value, for as long as it is not changed; null if there is none.
pub fn get(class: &Entry, object: *mut zend_object, name: &CStr) -> *mut zval {
    // A declared property is read in place, so `unused` does not receive a temporary; static so that
    // it never dangles.
    let mut unused = undef();
    // SAFETY: a live object of the class; reading a declared property runs no user code.
    let value = unsafe {
        zend_read_property(
            class.get(),
            object,
            name.as_ptr(),
            name.to_bytes().len(),
            true,
            unused.ptr(),
        )
    };
    if std::ptr::eq(value, unused.ptr()) {
        return std::ptr::null_mut();
    }
    // SAFETY: the engine returned a live zval.
    unsafe { deref(value) }
}

/// Merges `options` into the array property `name`, later values winning. Inside `protect`.
pub fn merge_array(class: &Entry, object: *mut zend_object, name: &CStr, options: *mut HashTable) {
    // SAFETY: both arrays are live; the copy is ours until the property has it.
    unsafe {
        let old = get(class, object, name);
        let mut merged = undef();
        if !old.is_null() && u32::from(type_of(old)) == IS_ARRAY {
            merged.value.arr = zend_array_dup((*old).value.arr);
        } else {
            merged.value.arr = _zend_new_array(0);
        }
        merged.u1.type_info = IS_ARRAY_EX;
        php_array_merge(merged.value.arr, options);
        set_new_object(class, object, name, &mut merged);
    }
}

/// Fills in what only a running process knows.
pub fn process_started(object: *mut zend_object, role: Role) {
    let Some(context) = server::current() else {
        return;
    };
    let (master, manager) = (context.master_pid(), context.manager_pid());
    drop(context);
    let class = &super::server::SERVER;
    // A bailout for want of memory for three ints is not possible: they fit the slots.
    let _: Result<(), Bailout> = protect(|| {
        set_int(class, object, c"master_pid", i64::from(master));
        set_int(class, object, c"manager_pid", i64::from(manager));
        if let Role::Worker { worker_id } | Role::TaskWorker { worker_id } = role {
            let is_task_worker = matches!(role, Role::TaskWorker { .. });
            set_int(class, object, c"worker_id", i64::from(worker_id));
            set_flag(class, object, c"taskworker", is_task_worker);
            set_int(
                class,
                object,
                c"worker_pid",
                i64::from(std::process::id().cast_signed()),
            );
        }
    });
}
