//! `Swoole\Coroutine::set()`: options of coroutines, kept as the user gave them.

use super::engine::{self, PhpThread};
use crate::php::callback;
use crate::php::convert::set_null;
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::functions::settings;
use crate::php::method::{Bailout, Frame, Stop, parse, protect};
use crate::php::owned::OwnedCallback;
use crate::php::runtime;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

/// Bounds of `stack_size`, and what it is a multiple of.
const MIN_STACK_BYTES: i64 = 64 * 1024;
const MAX_STACK_BYTES: i64 = 16 * 1024 * 1024;
const STACK_STEP_BYTES: i64 = 4096;

struct Options {
    /// All that was set, a PHP array of our own; null: nothing was.
    given: Cell<*mut zend_array>,
    deadlock_check: Cell<bool>,
    preemptive: Cell<bool>,
    hook_flags: Cell<i64>,
    exit_condition: RefCell<Option<Rc<OwnedCallback>>>,
}

static OPTIONS: PhpThread<Options> = PhpThread::new(Options {
    given: Cell::new(std::ptr::null_mut()),
    deadlock_check: Cell::new(true),
    preemptive: Cell::new(false),
    hook_flags: Cell::new(0),
    exit_condition: RefCell::new(None),
});

// SAFETY: declared in Zend/zend_hash.h and Zend/zend_variables.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    fn zend_hash_merge(
        target: *mut HashTable,
        source: *mut HashTable,
        copy: unsafe extern "C" fn(*mut zval),
        overwrite: bool,
    );
    fn zval_add_ref(value: *mut zval);
}

/// `enable_deadlock_check`.
pub fn deadlock_check() -> bool {
    OPTIONS.get().deadlock_check.get()
}

/// `enable_preemptive_scheduler`.
pub fn preemptive() -> bool {
    OPTIONS.get().preemptive.get()
}

/// `hook_flags`; 0: none were set.
#[must_use]
#[inline]
pub fn hook_flags() -> i64 {
    OPTIONS.get().hook_flags.get()
}

/// `exit_condition`: asked when a script's loop has nothing left to wait for. True: it is not to end.
pub fn forbids_end() -> bool {
    let condition = OPTIONS.get().exit_condition.borrow().clone();
    match condition.map(|condition| callback::ask(condition.callback(), &[])) {
        None => false,
        Some(Ok(may_end)) => !may_end,
        Some(Err(outcome)) => {
            event_loop::check(outcome);
            false
        }
    }
}

fn find(array: *mut HashTable, name: &CStr) -> Option<*mut zval> {
    // SAFETY: callers pass a live array.
    let found = unsafe { zend_hash_str_find(array, name.as_ptr(), name.to_bytes().len()) };
    if found.is_null() {
        return None;
    }
    // SAFETY: an element of a live array.
    let value = unsafe { deref(found) };
    // SAFETY: as above.
    (u32::from(unsafe { type_of(value) }) != IS_NULL).then_some(value)
}

/// An int, as PHP converts the value; inside [`protect`].
fn int_of(value: *mut zval) -> i64 {
    // SAFETY: a live value.
    unsafe { zval_get_long_func(value, false) }
}

/// An option as it was given, as an int.
#[must_use]
pub fn number(name: &CStr) -> Option<i64> {
    let given = OPTIONS.get().given.get();
    if given.is_null() {
        return None;
    }
    let value = find(given, name)?;
    protect(|| int_of(value)).ok()
}

/// "8M", "64k", or a number of bytes.
fn size_of_value(value: *mut zval) -> i64 {
    // SAFETY: a live value; the string is ours while it is read.
    unsafe {
        if u32::from(type_of(value)) != IS_STRING {
            return int_of(value);
        }
        let text = str_bytes((*value).value.str_);
        let (digits, factor) = match text.last().map(u8::to_ascii_lowercase) {
            Some(b'k') => (&text[..text.len() - 1], 1 << 10),
            Some(b'm') => (&text[..text.len() - 1], 1 << 20),
            Some(b'g') => (&text[..text.len() - 1], 1 << 30),
            _ => (text, 1),
        };
        let number = std::str::from_utf8(digits).ok();
        let number = number.and_then(|number| number.trim().parse::<i64>().ok());
        number.unwrap_or(0).saturating_mul(factor)
    }
}

/// Takes options over, as `set()` of the coroutine and of the scheduler do.
pub fn set(array: *mut HashTable) -> Result<(), Stop> {
    settings::apply(array)?;
    take(array)
}

/// [`set`] without the options of the process as a whole.
pub fn take(array: *mut HashTable) -> Result<(), Stop> {
    let options = OPTIONS.get();
    let read = |name: &CStr| -> Result<Option<i64>, Bailout> {
        find(array, name)
            .map(|value| protect(|| int_of(value)))
            .transpose()
    };
    if let Some(max) = read(c"max_coro_num")?.or(read(c"max_coroutine")?) {
        let max = u64::try_from(max).ok().filter(|max| *max > 0);
        engine::set_max(max.unwrap_or(engine::DEFAULT_MAX));
    }
    if let Some(check) = read(c"enable_deadlock_check")? {
        options.deadlock_check.set(check != 0);
    }
    if let Some(flags) = read(c"hook_flags")? {
        runtime::flags::warn_about(flags)?;
        keep_hook_flags(flags);
    }
    if let Some(preemptive) = read(c"enable_preemptive_scheduler")? {
        options.preemptive.set(preemptive != 0);
    }
    if let Some(size) = find(array, c"c_stack_size").or(find(array, c"stack_size")) {
        let bytes = protect(|| size_of_value(size))?;
        // What is less than nothing is the most there can be, as in the reference.
        let bytes = if bytes < 0 { MAX_STACK_BYTES } else { bytes };
        let bytes = bytes.clamp(MIN_STACK_BYTES, MAX_STACK_BYTES) as u64;
        let bytes = bytes.next_multiple_of(STACK_STEP_BYTES as u64);
        engine::set_stack_bytes(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    remember(array)?;
    set_exit_condition(array)
}

fn remember(array: *mut HashTable) -> Result<(), Bailout> {
    let given = &OPTIONS.get().given;
    // SAFETY: both arrays live; the one kept is ours alone, so it may be changed.
    protect(|| unsafe {
        if given.get().is_null() {
            given.set(zend_array_dup(array));
        } else {
            zend_hash_merge(given.get(), array, zval_add_ref, true);
        }
    })
}

fn set_exit_condition(array: *mut HashTable) -> Result<(), Stop> {
    let name = c"exit_condition";
    // SAFETY: a live array.
    let found = unsafe { zend_hash_str_find(array, name.as_ptr(), name.to_bytes().len()) };
    if found.is_null() {
        return Ok(());
    }
    // SAFETY: an element of a live array.
    let is_null = u32::from(unsafe { type_of(deref(found)) }) == IS_NULL;
    let condition = if is_null {
        None
    } else {
        Some(Rc::new(OwnedCallback::new(found)?))
    };
    let former = OPTIONS.get().exit_condition.replace(condition);
    drop(former);
    Ok(())
}

/// `hook_flags` that hold unless the user has set some.
pub fn set_default_hook_flags(flags: i64) -> Result<(), Bailout> {
    let options = OPTIONS.get();
    let given = options.given.get();
    if !given.is_null() && find(given, c"hook_flags").is_some() {
        return Ok(());
    }
    set_hook_flags(flags)
}

fn keep_hook_flags(flags: i64) {
    OPTIONS.get().hook_flags.set(flags);
    runtime::sockets::parent::follow(flags);
}

/// `hook_flags`, as `Swoole\Runtime` sets them.
pub fn set_hook_flags(flags: i64) -> Result<(), Bailout> {
    runtime::flags::warn_about(flags)?;
    let mut array = undef();
    protect(|| {
        crate::php::convert::set_new_array(array.place(), 1);
        let name = "hook_flags";
        // SAFETY: an array of our own; the engine copies the key.
        unsafe { add_assoc_long_ex(array.ptr(), name.as_ptr().cast(), name.len(), flags) };
    })?;
    // SAFETY: an array was just made.
    remember(unsafe { array.value.arr })?;
    keep_hook_flags(flags);
    // SAFETY: an array of our own, given back.
    protect(|| unsafe { zval_ptr_dtor(array.ptr()) })
}

/// At the end of the request.
pub fn forget() {
    let options = OPTIONS.get();
    drop(options.exit_condition.take());
    let given = options.given.replace(std::ptr::null_mut());
    if !given.is_null() {
        // A destructor that ends the process has nothing left to end.
        // SAFETY: an array of our own.
        let _ = protect(|| unsafe { zend_array_destroy(given) });
    }
    options.deadlock_check.set(true);
    options.preemptive.set(false);
    keep_hook_flags(0);
    engine::set_max(engine::DEFAULT_MAX);
}

pub fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut array: *mut HashTable = std::ptr::null_mut();
    parse!(frame, c"h", array)?;
    set_null(place);
    set(array)
}

pub fn do_get_options(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    set_null(place);
    let given = OPTIONS.get().given.get();
    if !given.is_null() {
        // SAFETY: an array of our own; the copy goes to the result.
        protect(|| unsafe {
            (*place.ptr()).value.arr = zend_array_dup(given);
            (*place.ptr()).u1.type_info = IS_ARRAY_EX;
        })?;
    }
    Ok(())
}
