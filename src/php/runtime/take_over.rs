//! Functions of the engine, taken over: ours is called in their place, and may call the original.

use crate::php::class::Handler;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, protect};
use std::ffi::CStr;
use std::sync::OnceLock;

/// A function of PHP that one of ours stands in for.
#[derive(Debug)]
pub struct Taken {
    pub name: &'static CStr,
    ours: Handler,
    original: OnceLock<Handler>,
}

impl Taken {
    #[must_use]
    pub const fn new(name: &'static CStr, ours: Handler) -> Self {
        Taken {
            name,
            ours,
            original: OnceLock::new(),
        }
    }

    /// Puts ours in its place. A function that is not there (its module is not loaded, or it is disabled)
    /// stays so. For the start of a request, once.
    pub fn take(&self) {
        // SAFETY: the table of functions of the thread that runs PHP; those of modules are internal
        // functions, whose handler may be replaced by one of the same type.
        unsafe {
            let table = (*ext_php_rs_compiler_globals()).function_table;
            let name = self.name.to_bytes();
            let found = zend_hash_str_find(table, self.name.as_ptr(), name.len());
            if found.is_null() {
                return;
            }
            let function: *mut zend_internal_function = (*found).value.ptr.cast();
            if u32::from((*function).type_) != ZEND_INTERNAL_FUNCTION {
                return;
            }
            if let Some(handler) = (*function).handler
                && self.original.set(handler).is_ok()
            {
                (*function).handler = Some(self.ours);
            }
        }
    }

    /// PHP's own handler; None: it was not taken over.
    #[must_use]
    pub fn handler(&self) -> Option<Handler> {
        self.original.get().copied()
    }

    /// PHP's own, from within ours.
    pub fn original(&self, frame: Frame, place: Place<'_>) -> Result<(), Stop> {
        // SAFETY: the frame of the running call of this function, and the place for its result.
        protect(|| unsafe { self.call_original(frame.raw(), place.ptr()) })?;
        Ok(())
    }

    /// PHP's own; ours is not called without one.
    ///
    /// # Safety
    /// The frame and the place for the result of the running call of this function.
    pub unsafe fn call_original(&self, ex: *mut zend_execute_data, return_value: *mut zval) {
        if let Some(original) = self.original.get() {
            // SAFETY: the caller's promise.
            unsafe { original(ex, return_value) }
        }
    }
}

/// Defines what stands in for a function of PHP: where `$condition` holds `$inner` runs, and elsewhere the
/// original.
macro_rules! taken {
    ($($taken:ident = $name:literal, $handler:ident, $condition:expr => $inner:expr;)*) => { $(
        static $taken: $crate::php::runtime::take_over::Taken =
            $crate::php::runtime::take_over::Taken::new($name, $handler);

        unsafe extern "C" fn $handler(
            ex: *mut $crate::php::ffi::zend_execute_data,
            return_value: *mut $crate::php::ffi::zval,
        ) {
            if $condition {
                // SAFETY: called by the engine with the frame of this call and a place for the result.
                unsafe { $crate::php::method::run(ex, return_value, $inner) }
            } else {
                // SAFETY: as above.
                unsafe { $taken.call_original(ex, return_value) }
            }
        }
    )* };
}

pub(crate) use taken;
