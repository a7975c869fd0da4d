//! What belongs to each coroutine of the engine's state. `zend_fiber_switch_context` keeps the VM stack,
//! the running frame, `error_reporting`, the place of a bailout and the bounds of the machine stack;
//! here is the rest, with what PHP's standard extension keeps of calls that are under way, and the VM stack
//! of a new coroutine.

use super::fiber::{self, StackRange};
use crate::php::ffi::*;
use crate::php::method::Bailout;
use crate::php::method::protect;
use std::cell::Cell;
use std::ffi::{c_int, c_uint, c_void};

/// A coroutine's VM stack starts with a page of this size, and grows by pages of it.
pub const PAGE_BYTES: usize = 8 * 1024;
/// Zvals that a page's header and a call frame take.
const HEADER_SLOTS: usize = size_of::<_zend_vm_stack>().div_ceil(size_of::<zval>());
const FRAME_SLOTS: usize = size_of::<zend_execute_data>().div_ceil(size_of::<zval>());

/// `zend_output_globals`, the same from PHP 8.2 to 8.5.
#[repr(C)]
struct OutputGlobals {
    handlers: OutputStack,
    active: *mut c_void,
    running: *mut c_void,
    output_start_filename: *mut zend_string,
    output_start_lineno: c_int,
    flags: c_int,
}

/// `zend_stack`.
#[repr(C)]
#[derive(Clone, Copy)]
struct OutputStack {
    size: c_int,
    top: c_int,
    max: c_int,
    elements: *mut c_void,
}

// SAFETY: declared in main/php_output.h, PHP 8.2 to 8.5.
unsafe extern "C" {
    static mut output_globals: OutputGlobals;
    fn php_output_end_all();
    fn php_output_discard_all();
}

#[inline(always)]
fn output() -> *mut OutputGlobals {
    &raw mut output_globals
}

/// The output buffers of a context that does not run.
struct Output {
    handlers: OutputStack,
    active: *mut c_void,
    running: *mut c_void,
}

/// What `serialize()` and `unserialize()` keep while they call methods of objects: what has been seen, for
/// calls of theirs in `Serializable`, and whether others begin anew.
#[derive(Clone, Copy)]
struct Serializing {
    lock: c_uint,
    serialize: Seen,
    unserialize: Seen,
}

/// How many calls share what has been seen.
#[derive(Clone, Copy)]
struct Seen {
    data: *mut c_void,
    level: c_uint,
}

#[inline(always)]
fn basic() -> *mut BasicGlobals {
    &raw mut basic_globals
}

/// Whether something of the kind is under way: 0: no.
#[inline(always)]
fn serializing() -> c_uint {
    let basic = basic();
    // SAFETY: words of PHP's globals, of the thread that runs PHP.
    unsafe { (*basic).serialize_lock | (*basic).serialize.level | (*basic).unserialize.level }
}

/// 0: nobody serializes or compares.
#[inline(always)]
fn calls() -> usize {
    serializing() as usize | comparing()
}

#[cold]
fn swap_serializing(new: Serializing) -> Serializing {
    let basic = basic();
    // SAFETY: as above; each word is right where the others are.
    unsafe {
        Serializing {
            lock: (&raw mut (*basic).serialize_lock).replace(new.lock),
            serialize: Seen {
                data: (&raw mut (*basic).serialize.data)
                    .replace(new.serialize.data.cast())
                    .cast(),
                level: (&raw mut (*basic).serialize.level).replace(new.serialize.level),
            },
            unserialize: Seen {
                data: (&raw mut (*basic).unserialize.data)
                    .replace(new.unserialize.data.cast())
                    .cast(),
                level: (&raw mut (*basic).unserialize.level).replace(new.unserialize.level),
            },
        }
    }
}

/// No call is under way, as at the start of a request.
const NOT_SERIALIZING: Serializing = {
    let seen = Seen {
        data: std::ptr::null_mut(),
        level: 0,
    };
    Serializing {
        lock: 0,
        serialize: seen,
        unserialize: seen,
    }
};

/// What `usort()` and its family call.
#[derive(Clone, Copy)]
struct Comparing {
    callable: CompareGlobals,
    resolved: CompareCacheGlobals,
}

/// 0: nothing is compared. Some of them leave what they called when they have ended, too.
#[inline(always)]
fn comparing() -> usize {
    // SAFETY: as above; PHP sets the size with the rest, and all of it is zero at first.
    unsafe { (*basic()).user_compare_fci.size }
}

#[cold]
fn swap_comparing(new: Comparing) -> Comparing {
    let basic = basic();
    // SAFETY: as above; what it refers to is kept by the call that compares.
    unsafe {
        Comparing {
            callable: (&raw mut (*basic).user_compare_fci).replace(new.callable),
            resolved: (&raw mut (*basic).user_compare_fci_cache).replace(new.resolved),
        }
    }
}

/// None: what stands there was left behind.
#[cold]
fn take_comparing() -> Option<Comparing> {
    // SAFETY: sizes and pointers: as it is at first.
    let taken = swap_comparing(unsafe { std::mem::zeroed() });
    is_comparing().then_some(taken)
}

/// Whether one of PHP's functions is under way that have a "u" in their names for the user's comparison: some
/// others have, too. In a native fiber the frames that it was started from do not show.
fn is_comparing() -> bool {
    let eg = eg();
    // SAFETY: the engine's chain of frames; an internal function that is called by name has one.
    unsafe {
        let mut frame = (*eg).current_execute_data;
        while !frame.is_null() {
            let function = (*frame).func;
            if !function.is_null() && u32::from((*function).type_) == ZEND_INTERNAL_FUNCTION {
                let name = (*function).common.function_name;
                if !name.is_null()
                    && str_bytes(name)
                        .split(|b| *b == b'_')
                        .any(|part| part.first() == Some(&b'u'))
                {
                    return true;
                }
            }
            frame = (*frame).prev_execute_data;
        }
        !(*eg).active_fiber.is_null()
    }
}

/// What a context takes along when it is left.
pub struct Saved {
    error_reporting: c_int,
    rare: Option<Box<Rare>>,
}

/// What is seldom there: see [`is_plain`].
struct Rare {
    error_handling: zend_error_handling_t,
    exception_class: *mut zend_class_entry,
    exception: *mut zend_object,
    prev_exception: *mut zend_object,
    opline_before_exception: *const zend_op,
    output: Option<Output>,
    serializing: Option<Serializing>,
    comparing: Option<Comparing>,
    blocks: u32,
}

/// One word of the thread that runs PHP; see [`super::engine::PhpThread`].
static LEFT_WITH: super::engine::PhpThread<Cell<c_int>> =
    super::engine::PhpThread::new(Cell::new(0));

#[inline]
fn is_silent(error_reporting: c_int) -> bool {
    error_reporting & !(E_FATAL_ERRORS as c_int) == 0
}

/// No exception, no special error handling, no output buffer, nothing being serialized or compared, no ban on
/// switches.
#[inline(always)]
fn is_plain(eg: *mut zend_executor_globals) -> bool {
    // SAFETY: words of the engine's globals, of the thread that runs PHP; 0 is EH_NORMAL.
    unsafe {
        let exceptions = (*eg).exception as usize | (*eg).prev_exception as usize;
        exceptions | (*eg).error_handling as usize | calls() == 0
            && (*output()).handlers.top == 0
            && !fiber::is_blocked()
    }
}

/// Before a switch: takes out what belongs to the running context.
#[must_use]
#[inline(always)]
pub fn leave() -> Saved {
    let eg = eg();
    // SAFETY: words of the engine's globals, of the thread that runs PHP.
    let error_reporting = unsafe { (*eg).error_reporting };
    LEFT_WITH.get().set(error_reporting);
    Saved {
        error_reporting,
        rare: if is_plain(eg) {
            None
        } else {
            Some(take_rare())
        },
    }
}

#[cold]
#[inline(never)]
fn take_rare() -> Box<Rare> {
    let eg = eg();
    // SAFETY: as in `leave`.
    let rare = unsafe {
        Rare {
            error_handling: (*eg).error_handling,
            exception_class: (*eg).exception_class,
            exception: (*eg).exception,
            prev_exception: (*eg).prev_exception,
            opline_before_exception: (*eg).opline_before_exception,
            output: ((*output()).handlers.top > 0).then(take_output),
            serializing: (serializing() != 0).then(|| swap_serializing(NOT_SERIALIZING)),
            comparing: (comparing() != 0).then(take_comparing).flatten(),
            blocks: fiber::unblock(),
        }
    };
    calm();
    Box::new(rare)
}

/// No exception, no special error handling.
pub fn calm() {
    let eg = eg();
    // SAFETY: words of the engine's globals; 0 is EH_NORMAL.
    unsafe {
        (*eg).error_handling = 0;
        (*eg).exception_class = std::ptr::null_mut();
        (*eg).exception = std::ptr::null_mut();
        (*eg).prev_exception = std::ptr::null_mut();
    }
}

/// After the switch back: puts it in again.
#[inline(always)]
pub fn back(saved: Saved) {
    // `@` belongs to the context; another value that somebody sets is for all, as without coroutines.
    let now = LEFT_WITH.get().get();
    if now != saved.error_reporting && !is_silent(saved.error_reporting) && !is_silent(now) {
        // SAFETY: as in `leave`.
        unsafe { (*eg()).error_reporting = now };
    }
    if let Some(rare) = saved.rare {
        put_rare(*rare);
    }
}

#[cold]
#[inline(never)]
fn put_rare(rare: Rare) {
    let eg = eg();
    // SAFETY: as in `leave`.
    unsafe {
        (*eg).error_handling = rare.error_handling;
        (*eg).exception_class = rare.exception_class;
        (*eg).exception = rare.exception;
        (*eg).prev_exception = rare.prev_exception;
        (*eg).opline_before_exception = rare.opline_before_exception;
    }
    if let Some(output) = rare.output {
        put_output(output);
    }
    if let Some(serializing) = rare.serializing {
        swap_serializing(serializing);
    }
    if let Some(comparing) = rare.comparing {
        swap_comparing(comparing);
    }
    fiber::block_again(rare.blocks);
}

#[cold]
fn take_output() -> Output {
    let output = output();
    // SAFETY: the handlers' stack moves into the answer, and an empty one stands in its place, as
    // `php_output_activate` makes it.
    unsafe {
        let saved = Output {
            handlers: (*output).handlers,
            active: (*output).active,
            running: (*output).running,
        };
        (*output).handlers = OutputStack {
            size: saved.handlers.size,
            top: 0,
            max: 0,
            elements: std::ptr::null_mut(),
        };
        (*output).active = std::ptr::null_mut();
        (*output).running = std::ptr::null_mut();
        saved
    }
}

#[cold]
fn put_output(saved: Output) {
    let output = output();
    // SAFETY: whoever ran meanwhile has taken its handlers along or ended them, so the stack that stands
    // there is empty; only its memory is left to free.
    unsafe {
        let elements = (*output).handlers.elements;
        if !elements.is_null() {
            _efree(elements);
        }
        (*output).handlers = saved.handlers;
        (*output).active = saved.active;
        (*output).running = saved.running;
    }
}

/// Ends the output buffers of a coroutine that ends: prints what is in them, or not if it `is_dropped`.
/// May run PHP code: inside [`protect`].
#[inline]
pub fn end_output(is_dropped: bool) {
    // SAFETY: the engine's functions; a user's handler may run.
    unsafe {
        if (*output()).handlers.top > 0 {
            if is_dropped {
                php_output_discard_all();
            } else {
                php_output_end_all();
            }
        }
    }
}

/// The first page of a VM stack.
pub fn new_page() -> Result<*mut _zend_vm_stack, Bailout> {
    // SAFETY: memory of the engine; the header's fields are set here and in `enter`.
    protect(|| unsafe {
        let page: *mut _zend_vm_stack = _emalloc(PAGE_BYTES).cast();
        (*page).prev = std::ptr::null_mut();
        (*page).end = page.byte_add(PAGE_BYTES).cast();
        page
    })
}

/// Gives a first page back.
///
/// # Safety
/// From [`new_page`], and no coroutine's stack any more.
pub unsafe fn free_page(page: *mut _zend_vm_stack) {
    // SAFETY: the caller's promise.
    unsafe { _efree(page.cast()) }
}

/// What a frame without a function calls itself: `zend_fiber_function` of the engine's fibers.
static ROOT: super::engine::PhpThread<std::cell::OnceCell<Box<zend_internal_function>>> =
    super::engine::PhpThread::new(std::cell::OnceCell::new());

fn root() -> *mut zend_function {
    let function = ROOT.get().get_or_init(|| {
        // SAFETY: a plain C struct, for which all bytes zero is valid on each PHP version.
        let mut function: zend_internal_function = unsafe { std::mem::zeroed() };
        function.type_ = ZEND_INTERNAL_FUNCTION as _;
        Box::new(function)
    });
    std::ptr::from_ref(&**function).cast_mut().cast()
}

/// How much of a stack the engine keeps for code that does not check how much is left; stacks are made
/// larger by so much.
#[must_use]
pub fn reserved_bytes() -> usize {
    #[cfg(stack_limit)]
    // SAFETY: a word of the engine's globals, set at startup (`zend.reserved_stack_size`).
    let bytes = unsafe { (*eg()).reserved_stack_size } as usize;
    #[cfg(not(stack_limit))]
    let bytes: usize = 0;
    bytes.next_multiple_of(4096)
}

/// At the start of a coroutine: an empty VM stack with a frame on it at which backtraces end.
#[inline]
pub fn enter(page: *mut _zend_vm_stack, range: StackRange) {
    let eg = eg();
    // SAFETY: the page is this coroutine's own and empty; the frame fits into it. The words of the
    // engine's globals are those that `zend_fiber_execute` sets for a fiber.
    unsafe {
        let first = page.cast::<zval>().add(HEADER_SLOTS);
        let frame: *mut zend_execute_data = first.cast();
        std::ptr::write_bytes(frame, 0, 1);
        (*frame).func = root();
        (*page).top = first;
        (*eg).vm_stack = page;
        (*eg).vm_stack_top = first.add(FRAME_SLOTS);
        (*eg).vm_stack_end = (*page).end;
        (*eg).vm_stack_page_size = PAGE_BYTES;
        (*eg).current_execute_data = frame;
        (*eg).jit_trace_num = 0;
        (*eg).active_fiber = std::ptr::null_mut();
        let reporting = LEFT_WITH.get().get();
        (*eg).error_reporting = if is_silent(reporting) {
            configured_reporting(reporting)
        } else {
            reporting
        };
        #[cfg(stack_limit)]
        {
            (*eg).stack_base = range.top.cast();
            // -1: the user wants no checks.
            (*eg).stack_limit = if (*eg).max_allowed_stack_size == -1 {
                std::ptr::null_mut()
            } else {
                range.bottom.add(reserved_bytes()).cast::<c_void>()
            };
        }
        #[cfg(not(stack_limit))]
        let _ = range;
    }
}

/// A bailout has ended the coroutine whose VM stack starts with this page.
pub fn after_bailout(page: *mut _zend_vm_stack) {
    calm();
    swap_serializing(NOT_SERIALIZING);
    // SAFETY: as in `enter`: the frame at which backtraces end is still there.
    unsafe { (*eg()).current_execute_data = page.cast::<zval>().add(HEADER_SLOTS).cast() };
}

/// The ini setting: `@` changes what holds now alone.
#[cold]
fn configured_reporting(now: c_int) -> c_int {
    let (name, len) = (
        c"error_reporting".as_ptr(),
        c"error_reporting".to_bytes().len(),
    );
    // SAFETY: a registered setting; its value is read as a number. Without a value it means all.
    let configured = unsafe {
        if zend_ini_string_ex(name, len, 0, std::ptr::null_mut()).is_null() {
            return E_ALL as c_int;
        }
        zend_ini_long(name, len, 0)
    };
    c_int::try_from(configured).unwrap_or(now)
}
