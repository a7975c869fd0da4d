//! The end of the script: coroutines that still wait are ended, so that what they hold is released.

use super::engine::{self, PhpThread};
use crate::php::callback;
use crate::php::ffi::*;
use crate::php::method::{Stop, protect};
use std::cell::Cell;
use std::sync::OnceLock;

/// Whether this request has its sentinel.
static WATCHED: PhpThread<Cell<bool>> = PhpThread::new(Cell::new(false));

/// Sees to it that the coroutines are ended when the engine calls the destructors of the objects that
/// are left, where the reference's coroutines lose their objects: an object of no class of ours, whose
/// destructor it is.
pub fn watch_script() -> Result<(), Stop> {
    if WATCHED.get().replace(true) {
        return Ok(());
    }
    static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
    let handlers = HANDLERS.get_or_init(|| {
        // SAFETY: a constant table of the engine, filled before any module starts.
        let mut handlers = unsafe { std::ptr::read(&raw const std_object_handlers) };
        handlers.dtor_obj = Some(script_ends);
        handlers.clone_obj = None;
        handlers
    });
    // SAFETY: a plain object, whose one reference nobody gives back: it goes with the engine's store of
    // objects, at the end of the request.
    protect(|| unsafe {
        let object = zend_objects_new(zend_standard_class_def);
        (*object).handlers = handlers;
    })?;
    Ok(())
}

unsafe extern "C" fn script_ends(_: *mut zend_object) {
    engine::end_all();
}

/// At the end of the request. After a fatal error no destructor has run, so coroutines may still wait.
pub fn request_shutdown() {
    engine::end_all();
    super::loop_ended(true);
    engine::trim(0);
    super::options::forget();
    callback::forget_end();
    WATCHED.get().set(false);
}
