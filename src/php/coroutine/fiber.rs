//! Contexts as the engine knows them (`zend_fiber_context`), so that observers, debuggers and native
//! `Fiber`s see what runs. Where their stacks come from is behind [`Source`]: the engine makes two kernel
//! mappings for each, which ends near 32,000 of them; ours are carved from large mappings. The switch is
//! our own ([`super::switch`]) where there is one, else the engine's.

use super::engine::PhpThread;
use super::switch;
use crate::php::ffi::*;
use crate::php::method::{Stop, protect};
use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::{c_int, c_uint, c_void};
use swoole_core::sys::stack::{self, GUARD_BYTES, RESERVE_BYTES, Stack, Stacks};

/// What runs in a context. It never returns.
pub type Body = unsafe extern "C" fn(*mut Transfer);

/// `zend_fiber_context`, the same from PHP 8.2 to 8.5; the bindings leave its fields out.
#[repr(C)]
#[derive(Debug)]
pub struct Context {
    pub(super) handle: *mut c_void,
    kind: *mut c_void,
    function: Option<Body>,
    cleanup: Option<unsafe extern "C" fn(*mut Context)>,
    stack: *mut c_void,
    status: c_uint,
    top_observed_frame: *mut zend_execute_data,
    reserved: [*mut c_void; 6],
}

impl Context {
    /// Of no use before [`Source::make`].
    #[must_use]
    pub const fn empty() -> Self {
        Context {
            handle: std::ptr::null_mut(),
            kind: std::ptr::null_mut(),
            function: None,
            cleanup: None,
            stack: std::ptr::null_mut(),
            status: 0,
            top_observed_frame: std::ptr::null_mut(),
            reserved: [std::ptr::null_mut(); 6],
        }
    }
}

/// `zend_fiber_transfer`.
#[repr(C)]
#[derive(Debug)]
pub struct Transfer {
    context: *mut Context,
    value: Value,
    flags: u8,
}

/// `zend_fiber_status`.
const STATUS_RUNNING: c_uint = 1;
const STATUS_SUSPENDED: c_uint = 2;
const STATUS_DEAD: c_uint = 3;

/// What `jump_fcontext` passes: two registers.
#[repr(C)]
struct Jump {
    handle: *mut c_void,
    transfer: *mut Transfer,
}

type JumpBody = unsafe extern "C" fn(Jump);
type MakeJump = unsafe extern "C" fn(*mut c_void, usize, JumpBody) -> *mut c_void;

// SAFETY: the signatures are those of Zend/zend_fibers.h and Zend/zend_observer.h, PHP 8.2 to 8.5 (8.2
// declares the first one's result as bool, true for failure's opposite: see `Engines`).
unsafe extern "C" {
    fn zend_fiber_init_context(
        context: *mut Context,
        kind: *mut c_void,
        body: Body,
        stack_bytes: usize,
    ) -> u8;
    fn zend_fiber_destroy_context(context: *mut Context);
    fn zend_fiber_switch_context(transfer: *mut Transfer);
    fn zend_observer_fiber_init_register(handler: unsafe extern "C" fn(*mut Context));
    fn zend_observer_fiber_init_notify(context: *mut Context);
    fn zend_observer_fiber_destroy_notify(context: *mut Context);
    fn zend_fiber_switch_blocked() -> bool;
    fn zend_fiber_switch_block();
    fn zend_fiber_switch_unblock();
}

/// The running context.
#[must_use]
#[inline]
pub fn running() -> *mut Context {
    // SAFETY: reading a word of the engine's globals.
    unsafe { (*eg()).current_fiber_context.cast() }
}

/// Whether the switch is our own. Set with the first context.
static IS_DIRECT: PhpThread<Cell<bool>> = PhpThread::new(Cell::new(false));

/// Goes to another context, until something comes back to this one. The engine goes on to take the one
/// that is left for one that runs: it must not destroy a native fiber in which a coroutine waits.
///
/// # Safety
/// `context` is made, waits here or has not run yet, and its memory outlives the switch.
#[inline(always)]
pub unsafe fn switch_to(context: *mut Context) {
    // SAFETY: the caller's promise.
    unsafe {
        if IS_DIRECT.get().get() {
            switch::to(context);
        } else {
            switch_by_engine(context);
        }
    }
}

/// # Safety
/// As [`switch_to`].
#[inline(never)]
unsafe fn switch_by_engine(context: *mut Context) {
    let mut transfer = Transfer {
        context,
        value: undef(),
        flags: 0,
    };
    transfer.value.u1.type_info = IS_NULL;
    // SAFETY: the caller's promise; the engine fills `transfer` with who came back, which lives.
    unsafe {
        zend_fiber_switch_context(&raw mut transfer);
        if (*transfer.context).status == STATUS_SUSPENDED {
            (*transfer.context).status = STATUS_RUNNING;
        }
    }
}

/// Whether the engine bans switches now.
#[inline]
pub fn is_blocked() -> bool {
    // SAFETY: reads a word of the engine's.
    unsafe { zend_fiber_switch_blocked() }
}

/// Lifts the engine's ban on switches (in destructors that its garbage collector calls), which is for
/// the context that it was put up in; the answer is for [`block_again`].
#[must_use]
#[inline]
pub fn unblock() -> u32 {
    let mut blocks = 0;
    // SAFETY: a counter of the engine's; it is put back.
    unsafe {
        while zend_fiber_switch_blocked() {
            zend_fiber_switch_unblock();
            blocks += 1;
        }
    }
    blocks
}

/// Undoes [`unblock`].
#[inline]
pub fn block_again(blocks: u32) {
    for _ in 0..blocks {
        // SAFETY: as above.
        unsafe { zend_fiber_switch_block() };
    }
}

/// Where contexts get their stacks.
pub trait Source: std::fmt::Debug {
    /// Makes `context`, which stays where it is, ready to run `body`.
    ///
    /// # Safety
    /// `context` is valid, not made, and outlives its use; `body` never returns.
    unsafe fn make(
        &self,
        context: *mut Context,
        body: Body,
        stack_bytes: usize,
    ) -> Result<StackRange, Stop>;

    /// Gives the stack back.
    ///
    /// # Safety
    /// The context was made here, does not run, and what its stack holds needs no drop.
    unsafe fn discard(&self, context: *mut Context);
}

/// Where a stack is; below it is a guard.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(stack_limit), allow(dead_code, reason = "for the engine's checks"))]
pub struct StackRange {
    pub bottom: *mut u8,
    pub top: *mut u8,
}

/// The source that works with this PHP.
#[must_use]
pub fn source() -> Box<dyn Source> {
    match make_jump() {
        Some(make) => {
            IS_DIRECT.get().set(switch::IS_BUILT && !asks_for_engine());
            Box::new(Carved {
                make,
                stacks: RefCell::new(Stacks::new(0)),
            })
        }
        None => Box::new(Engines),
    }
}

/// `SWOOLE_COROUTINE_SWITCH=engine` in the environment: the engine's switch, as on machines for which
/// there is no other. For tests, and for tools that know that one.
fn asks_for_engine() -> bool {
    std::env::var_os("SWOOLE_COROUTINE_SWITCH").is_some_and(|value| value == "engine")
}

/// PHP's `make_fcontext`. None: PHP switches by ucontext, or is built with the address sanitizer, which
/// must know each stack.
fn make_jump() -> Option<MakeJump> {
    let find = |name: &std::ffi::CStr| {
        // SAFETY: looks a name up in what the process has loaded.
        unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
    };
    if !find(c"__asan_init").is_null() || find(c"jump_fcontext").is_null() {
        return None;
    }
    let make = find(c"make_fcontext");
    // SAFETY: the function of this name has this type, in each PHP that exports it.
    (!make.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, MakeJump>(make) })
}

/// What `Context::stack` points to for stacks of ours. The engine looks at the first two words alone,
/// and only where it checks for overflow; the rest is what builds for debugging tools would read.
#[repr(C)]
#[derive(Debug)]
struct Carving {
    pointer: *mut u8,
    size: usize,
    other: [usize; 8],
    stack: Stack,
}

/// Stacks of ours.
#[derive(Debug)]
struct Carved {
    make: MakeJump,
    stacks: RefCell<Stacks>,
}

impl Source for Carved {
    // SAFETY: a promise of the caller's, in the trait.
    unsafe fn make(
        &self,
        context: *mut Context,
        body: Body,
        stack_bytes: usize,
    ) -> Result<StackRange, Stop> {
        let stack = {
            let mut stacks = self.stacks.borrow_mut();
            stacks.resize(stack_bytes);
            stacks.take()
        };
        let stack = stack.map_err(|error| Stop::Warning(error.to_string()))?;
        let (bottom, top) = (stack.bottom(), stack.top());
        let carving = Box::new(Carving {
            pointer: bottom,
            size: stack.bytes(),
            other: [0; 8],
            stack,
        });
        // SAFETY: the stack is ours and unused, so the first frame may be written on its top; the
        // context is valid by the caller's promise.
        unsafe {
            let is_direct = IS_DIRECT.get().get();
            let handle = if is_direct {
                switch::prepare(top, body)
            } else {
                (self.make)(top.cast(), carving.size, begin)
            };
            *context = Context {
                handle,
                status: if is_direct { STATUS_RUNNING } else { 0 },
                // Any address tells apart who made a context.
                kind: (&raw const KIND).cast_mut().cast(),
                function: Some(body),
                stack: Box::into_raw(carving).cast(),
                ..Context::empty()
            };
            zend_observer_fiber_init_notify(context);
        }
        Ok(StackRange { bottom, top })
    }

    // SAFETY: a promise of the caller's, in the trait.
    unsafe fn discard(&self, context: *mut Context) {
        // SAFETY: made above, so the carving is ours; nothing runs there any more.
        unsafe {
            zend_observer_fiber_destroy_notify(context);
            let carving: Box<Carving> = Box::from_raw((*context).stack.cast());
            (*context).stack = std::ptr::null_mut();
            self.stacks.borrow_mut().give(carving.stack);
        }
    }
}

static KIND: u8 = 0;
static ENGINES_KIND: u8 = 1;

/// The first frame of a context on a stack of ours: tells the context we came from where it goes on, as
/// the engine does for its own, and runs the body.
unsafe extern "C" fn begin(jump: Jump) {
    // SAFETY: called by `jump_fcontext` out of `zend_fiber_switch_context`, which passes a transfer
    // whose context is the one that switched, and has set the running context to the one we are.
    unsafe {
        let mut transfer = std::ptr::read(jump.transfer);
        let from = transfer.context;
        (*from).handle = jump.handle;
        match (*from).status {
            STATUS_DEAD => zend_fiber_destroy_context(from),
            STATUS_SUSPENDED => (*from).status = STATUS_RUNNING,
            _ => {}
        }
        if let Some(body) = (*running()).function {
            body(&raw mut transfer);
        }
    }
    std::process::abort()
}

/// The engine's stacks.
#[derive(Debug)]
struct Engines;

impl Source for Engines {
    // SAFETY: a promise of the caller's, in the trait.
    unsafe fn make(
        &self,
        context: *mut Context,
        body: Body,
        stack_bytes: usize,
    ) -> Result<StackRange, Stop> {
        // SAFETY: the caller's promise; the engine throws where it cannot, so it may bail out.
        protect(|| unsafe {
            *context = Context::empty();
            zend_fiber_init_context(
                context,
                (&raw const ENGINES_KIND).cast_mut().cast(),
                body,
                stack_bytes,
            );
        })?;
        // SAFETY: filled by the engine; the first two words of its stack are place and size.
        unsafe {
            let stack: *const [usize; 2] = (*context).stack.cast();
            if stack.is_null() {
                return Err(Stop::Thrown);
            }
            let bottom: *mut u8 = std::ptr::with_exposed_provenance_mut((*stack)[0]);
            Ok(StackRange {
                bottom,
                top: bottom.wrapping_add((*stack)[1]),
            })
        }
    }

    // SAFETY: a promise of the caller's, in the trait.
    unsafe fn discard(&self, context: *mut Context) {
        // SAFETY: made above by the engine; nothing runs there any more.
        unsafe { zend_fiber_destroy_context(context) }
    }
}

/// What is closed below the stack of a context.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    /// Where the reserve begins; its size is [`RESERVE_BYTES`].
    pub reserve: usize,
    /// Where the guard begins, which ends where the reserve begins.
    pub guard: usize,
    /// Of the stack.
    pub bytes: usize,
    /// It is a coroutine's, and not a native fiber's.
    pub is_coroutine: bool,
}

/// Of stacks that the engine makes.
const ENGINES_GUARD_BYTES: usize = 4096;
/// Smaller ones have no reserve.
const ENGINES_MIN_BYTES: usize = 4 * RESERVE_BYTES;

/// What is closed below the stack that runs; None: the script's own.
#[must_use]
pub fn closed() -> Option<Closed> {
    // SAFETY: the engine always has a running context, which lives.
    unsafe { closed_of(running()) }
}

/// # Safety
/// The context lives. Called in signal handlers: it only reads.
unsafe fn closed_of(context: *const Context) -> Option<Closed> {
    if context.is_null() {
        return None;
    }
    // SAFETY: the caller's promise; a stack's first two words are place and size.
    unsafe {
        let stack: *const [usize; 2] = (*context).stack.cast();
        if stack.is_null() {
            return None;
        }
        let [place, bytes] = *stack;
        let kind: *const u8 = (*context).kind.cast();
        if std::ptr::eq(kind, &raw const KIND) {
            let reserve = place - RESERVE_BYTES;
            return Some(Closed {
                reserve,
                guard: reserve - GUARD_BYTES,
                bytes,
                is_coroutine: true,
            });
        }
        Some(Closed {
            // The lowest part of it.
            reserve: place,
            guard: place - ENGINES_GUARD_BYTES,
            bytes,
            is_coroutine: std::ptr::eq(kind, &raw const ENGINES_KIND),
        })
    }
}

/// Has stacks that the engine makes from now on end in a reserve, as ours do. They are unmapped as a whole.
pub fn close_reserves() {
    // SAFETY: adds to the engine's list; the handler is a function of the right type.
    unsafe { zend_observer_fiber_init_register(close_reserve) }
}

unsafe extern "C" fn close_reserve(context: *mut Context) {
    // SAFETY: called by the engine with a context that it has just made, or by us with one of ours; nothing
    // has run on its stack.
    unsafe {
        let closed = closed_of(context);
        if !std::ptr::eq((*context).kind.cast(), &raw const KIND)
            && let Some(closed) = closed
            && closed.bytes >= ENGINES_MIN_BYTES
        {
            // Without it the guard is the end.
            let _ = stack::close(closed.reserve, RESERVE_BYTES);
        }
    }
}

/// The source of this process, chosen on first use.
#[derive(Debug, Default)]
pub struct Chosen(OnceCell<Box<dyn Source>>);

impl Chosen {
    /// Not chosen yet.
    #[must_use]
    pub const fn unset() -> Self {
        Chosen(OnceCell::new())
    }

    /// The source.
    pub fn get(&self) -> &dyn Source {
        &**self.0.get_or_init(source)
    }
}

/// Not used by us, but what the engine's functions answer.
const _: () = assert!(size_of::<c_int>() == 4);
