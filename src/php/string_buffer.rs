//! A PHP string that is filled before PHP sees it: what is received goes straight into it.

use super::convert::set_bytes;
use super::ffi::*;
use super::method::{Bailout, protect};
use std::mem::{MaybeUninit, offset_of};
use std::ptr::NonNull;

/// Where the bytes start.
const HEADER_BYTES: usize = offset_of!(zend_string, val);

/// The type of a fresh string: `IS_STRING`, not to be visited by the cycle collector.
const STRING_TYPE_INFO: u32 = IS_STRING | (1 << 4);

/// A string of which nobody else knows yet.
#[derive(Debug)]
pub struct StringBuffer {
    string: NonNull<zend_string>,
    capacity: usize,
}

impl StringBuffer {
    /// Room for `capacity` bytes. Over the script's memory limit the engine bails out.
    pub fn new(capacity: usize) -> Result<StringBuffer, Bailout> {
        // A string has a closing NUL. No memory limit allows what would overflow here.
        let bytes = capacity
            .saturating_add(HEADER_BYTES + 1)
            .min(isize::MAX as usize);
        // SAFETY: the engine's allocator; nothing is owned here when it bails out.
        let memory: *mut zend_string = protect(|| unsafe { _emalloc(bytes) })?.cast();
        // It bails out rather than return null.
        let string = NonNull::new(memory).ok_or(Bailout)?;
        // SAFETY: fresh memory, large and aligned enough for the header.
        unsafe {
            (*memory).gc.refcount = 1;
            (*memory).gc.u.type_info = STRING_TYPE_INFO;
            (*memory).h = 0;
            (*memory).len = 0;
        }
        Ok(StringBuffer { string, capacity })
    }

    /// The room.
    pub fn memory(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: `capacity` bytes behind the header are ours, and borrowed as long as `self`.
        unsafe { std::slice::from_raw_parts_mut(self.bytes().cast(), self.capacity) }
    }

    fn bytes(&self) -> *mut u8 {
        // SAFETY: the allocation has a header and more behind it.
        unsafe { self.string.as_ptr().byte_add(HEADER_BYTES).cast() }
    }

    /// Writes the first `len` bytes of the room as a string; memory that stays unused for the most part
    /// is given back.
    ///
    /// # Safety
    /// The first `len` bytes were written, and `len` is at most the capacity.
    pub unsafe fn finish(self, place: Place<'_>, len: usize) -> Result<(), Bailout> {
        if len <= 1 || len < self.capacity / 2 {
            // SAFETY: the caller's promise.
            let bytes = unsafe { std::slice::from_raw_parts(self.bytes(), len) };
            return protect(|| set_bytes(place, bytes));
        }
        let string = self.string.as_ptr();
        // SAFETY: the string is ours; room for the NUL was allocated; the place takes it over.
        unsafe {
            self.bytes().add(len).write(0);
            (*string).len = len;
            (*place.ptr()).value.str_ = string;
            (*place.ptr()).u1.type_info = IS_STRING_EX;
        }
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for StringBuffer {
    fn drop(&mut self) {
        // SAFETY: allocated by `_emalloc`, and given to nobody.
        unsafe { _efree(self.string.as_ptr().cast()) }
    }
}
