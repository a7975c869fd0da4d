//! `exit()` in a coroutine throws `Swoole\ExitException`, so that it ends the coroutine and not the
//! process. Until PHP 8.3 `exit` is an instruction, since 8.4 a function.

use super::engine;
use crate::php::class::*;
use crate::php::convert::{set_copy, set_long};
use crate::php::exception::EXCEPTION;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, protect, trampolines};
use std::ffi::c_int;

trampolines! {
    get_flags => do_get_flags;
    get_status => do_get_status;
}

/// `SWOOLE_EXIT_IN_COROUTINE`.
const IN_COROUTINE: i64 = 1 << 1;

static EXIT_EXCEPTION: Entry = Entry::unset();

/// `Swoole\ExitException`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\ExitException",
    parent: Some(|| EXCEPTION.get()),
    interfaces: &[],
    methods: &[
        method(c"getFlags", get_flags, &[], INT),
        method(c"getStatus", get_status, &[], MIXED),
    ],
    properties: &[
        PropertyDef {
            name: c"flags",
            default: Default::Long(0),
            flags: ZEND_ACC_PRIVATE,
        },
        PropertyDef {
            name: c"status",
            default: Default::Long(0),
            flags: ZEND_ACC_PRIVATE,
        },
    ],
    flags: 0,
    create: None,
    aliases: &[],
    entry: &EXIT_EXCEPTION,
};

/// PHP 8.4.
const IS_A_FUNCTION: bool = ZEND_MODULE_API_NO >= 20_240_924;
/// `ZEND_EXIT` of Zend/zend_vm_opcodes.h, until PHP 8.3.
const OPCODE_EXIT: u8 = 79;
const DISPATCH: c_int = 2;

type OpcodeHandler = unsafe extern "C" fn(*mut zend_execute_data) -> c_int;

/// Takes `exit` over; at module startup.
pub fn register() {
    if IS_A_FUNCTION {
        take_function(c"exit");
        take_function(c"die");
    } else {
        take_opcode();
    }
}

fn take_opcode() {
    // SAFETY: looks a name up in what the process has loaded; the function of this name has this type
    // on each PHP version (Zend/zend_execute.h).
    unsafe {
        let set = libc::dlsym(libc::RTLD_DEFAULT, c"zend_set_user_opcode_handler".as_ptr());
        if !set.is_null() {
            type Set = unsafe extern "C" fn(u8, Option<OpcodeHandler>) -> c_int;
            let set = std::mem::transmute::<*mut std::ffi::c_void, Set>(set);
            set(OPCODE_EXIT, Some(on_opcode));
        }
    }
}

/// The instruction is about to be carried out. Throwing makes the frame go on at the handling of
/// exceptions.
unsafe extern "C" fn on_opcode(frame: *mut zend_execute_data) -> c_int {
    if engine::running().is_some() {
        // SAFETY: the running frame, at an instruction whose operand is of the type that it says.
        unsafe {
            let mut status = operand(frame);
            throw(&mut status, None);
            zval_ptr_dtor(status.ptr());
        }
    }
    DISPATCH
}

/// The operand, as a value of our own.
///
/// # Safety
/// `frame` runs, at a `ZEND_EXIT`.
unsafe fn operand(frame: *mut zend_execute_data) -> Value {
    let mut status = undef();
    status.u1.type_info = IS_NULL;
    // SAFETY: the caller's promise. A constant stands relative to the instruction, a variable relative to
    // the frame; a temporary one is used up by the instruction, which is not going to be carried out.
    unsafe {
        let opline = (*frame).opline;
        let node = (*opline).op1;
        match u32::from((*opline).op1_type) {
            IS_UNUSED => {}
            IS_CONST => {
                let constant = opline.byte_offset(node.constant.cast_signed() as isize);
                set_copy(status.place(), constant.cast_mut().cast());
            }
            kind => {
                let variable: *mut zval = frame.byte_add(node.var as usize).cast();
                if u32::from(type_of(variable)) != IS_UNDEF {
                    set_copy(status.place(), variable);
                }
                if kind & (IS_TMP_VAR | IS_VAR) != 0 {
                    zval_ptr_dtor(variable);
                    (*variable).u1.type_info = IS_UNDEF;
                }
            }
        }
    }
    status
}

/// Throws with a status, which stays the caller's.
///
/// # Safety
/// Called by the engine, in place of its `exit`.
unsafe fn throw(status: &mut Value, message: Option<&[u8]>) {
    let message = message.unwrap_or(b"swoole exit");
    // SAFETY: the class is registered; the engine copies message and values; names are static.
    unsafe {
        let exception = zend_throw_exception_ex(
            EXIT_EXCEPTION.get(),
            0,
            c"%.*s".as_ptr(),
            message.len() as c_int,
            message.as_ptr(),
        );
        let mut flags = undef();
        set_long(flags.place(), IN_COROUTINE);
        update(exception, "flags", flags.ptr());
        update(exception, "status", status.ptr());
    }
}

/// # Safety
/// A live object of our class.
unsafe fn update(object: *mut zend_object, name: &str, value: *mut zval) {
    // SAFETY: the caller's promise.
    unsafe {
        zend_update_property(
            EXIT_EXCEPTION.get(),
            object,
            name.as_ptr().cast(),
            name.len(),
            value,
        );
    }
}

/// The engine's own functions.
static ORIGINAL: std::sync::OnceLock<unsafe extern "C" fn(*mut zend_execute_data, *mut zval)> =
    std::sync::OnceLock::new();

fn take_function(name: &std::ffi::CStr) {
    // SAFETY: module startup: the table holds functions, those of the engine's core among them; a
    // handler may be replaced by one of the same type.
    unsafe {
        let table = (*ext_php_rs_compiler_globals()).function_table;
        let found = zend_hash_str_find(table, name.as_ptr(), name.to_bytes().len());
        if found.is_null() {
            return;
        }
        let function: *mut zend_internal_function = (*found).value.ptr.cast();
        if let Some(handler) = (*function).handler {
            ORIGINAL.get_or_init(|| handler);
            (*function).handler = Some(on_function);
        }
    }
}

unsafe extern "C" fn on_function(ex: *mut zend_execute_data, return_value: *mut zval) {
    // SAFETY: called by the engine with the frame of this call.
    unsafe {
        let frame = Frame::of(ex);
        if engine::running().is_none() {
            if let Some(original) = ORIGINAL.get() {
                original(ex, return_value);
            }
            return;
        }
        let mut status = undef();
        set_long(status.place(), 0);
        match frame.arg(0) {
            Some(value) if u32::from(type_of(value)) == IS_STRING => {
                set_copy(status.place(), value);
                throw(&mut status, Some(str_bytes((*value).value.str_)));
                zval_ptr_dtor(status.ptr());
            }
            Some(value) => {
                set_long(status.place(), zval_get_long_func(value, false));
                throw(&mut status, None);
            }
            None => throw(&mut status, None),
        }
    }
}

fn property(frame: Frame, place: Place<'_>, name: &str) -> Result<(), Stop> {
    parse!(frame, c"")?;
    protect(|| {
        let mut room = undef();
        // SAFETY: `$this` is of our class; the result is borrowed, or stands in `room`.
        unsafe {
            let value = zend_read_property(
                EXIT_EXCEPTION.get(),
                frame.this(),
                name.as_ptr().cast(),
                name.len(),
                true,
                room.ptr(),
            );
            set_copy(place, value);
        }
    })?;
    Ok(())
}

fn do_get_flags(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    property(frame, place, "flags")
}

fn do_get_status(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    property(frame, place, "status")
}
