//! The Zend API that this room uses: what `ext_php_rs` binds, and the few functions it does not.

pub use ext_php_rs::ffi::*;

use std::ffi::{c_char, c_int};
use std::marker::PhantomData;

// SAFETY: the signatures are those of PHP 8.2 to 8.5's headers (Zend/zend_API.h, zend_exceptions.h,
// zend_ini.h, ext/standard/php_mt_rand.h, php_var.h, ext/json/php_json.h) and the C library's netdb.h; `bool` and `zend_result` have the C ABI's layout. Each
// caller states why its arguments are valid.
unsafe extern "C" {
    pub fn zend_call_function(
        fci: *mut zend_fcall_info,
        fcc: *mut zend_fcall_info_cache,
    ) -> zend_result;
    pub fn zend_release_fcall_info_cache(fcc: *mut zend_fcall_info_cache);
    pub fn zend_exception_error(exception: *mut zend_object, severity: c_int) -> zend_result;
    pub fn zend_is_unwind_exit(exception: *const zend_object) -> bool;
    pub fn zend_is_graceful_exit(exception: *const zend_object) -> bool;
    pub fn zend_create_unwind_exit() -> *mut zend_object;
    pub fn zend_throw_exception_internal(exception: *mut zend_object);
    pub fn zend_clear_exception();
    pub fn zend_argument_count_error(format: *const c_char, ...);
    pub fn zend_parse_parameters(num_args: u32, type_spec: *const c_char, ...) -> zend_result;
    pub fn zend_register_class_alias_ex(
        name: *const c_char,
        name_len: usize,
        ce: *mut zend_class_entry,
        persistent: bool,
    ) -> zend_result;
    pub fn zend_class_implements(ce: *mut zend_class_entry, num_interfaces: c_int, ...);
    pub fn zend_update_property(
        scope: *mut zend_class_entry,
        object: *mut zend_object,
        name: *const c_char,
        name_length: usize,
        value: *mut zval,
    );
    pub fn zend_declare_property_null(
        ce: *mut zend_class_entry,
        name: *const c_char,
        name_length: usize,
        access_type: c_int,
    );
    pub fn zend_declare_property_bool(
        ce: *mut zend_class_entry,
        name: *const c_char,
        name_length: usize,
        value: zend_long,
        access_type: c_int,
    );
    pub fn zend_declare_property_long(
        ce: *mut zend_class_entry,
        name: *const c_char,
        name_length: usize,
        value: zend_long,
        access_type: c_int,
    );
    pub fn zend_declare_property_double(
        ce: *mut zend_class_entry,
        name: *const c_char,
        name_length: usize,
        value: f64,
        access_type: c_int,
    );
    pub fn zend_declare_property_string(
        ce: *mut zend_class_entry,
        name: *const c_char,
        name_length: usize,
        value: *const c_char,
        access_type: c_int,
    );
    pub fn object_init_ex(arg: *mut zval, ce: *mut zend_class_entry) -> zend_result;
    pub fn add_assoc_long_ex(arg: *mut zval, key: *const c_char, key_len: usize, n: zend_long);
    pub fn add_assoc_bool_ex(arg: *mut zval, key: *const c_char, key_len: usize, b: bool);
    pub fn add_assoc_double_ex(arg: *mut zval, key: *const c_char, key_len: usize, d: f64);
    pub fn add_assoc_stringl_ex(
        arg: *mut zval,
        key: *const c_char,
        key_len: usize,
        str_: *const c_char,
        length: usize,
    );
    pub fn add_next_index_long(arg: *mut zval, n: zend_long) -> zend_result;
    pub fn add_next_index_stringl(
        arg: *mut zval,
        str_: *const c_char,
        length: usize,
    ) -> zend_result;
    pub fn php_array_merge(dest: *mut HashTable, src: *mut HashTable) -> c_int;
    pub fn php_mt_srand(seed: u32);
    pub fn hstrerror(code: c_int) -> *const c_char;
    pub fn php_json_decode_ex(
        return_value: *mut zval,
        json: *const c_char,
        json_len: usize,
        options: zend_long,
        depth: zend_long,
    ) -> zend_result;
    pub static mut json_globals: JsonGlobals;
    pub fn php_unserialize_with_options(
        return_value: *mut zval,
        bytes: *const c_char,
        len: usize,
        options: *mut HashTable,
        function_name: *const c_char,
    );
    pub fn php_var_serialize(
        buf: *mut SmartStr,
        value: *mut zval,
        data: *mut *mut std::ffi::c_void,
    );
    pub fn php_var_serialize_init() -> *mut std::ffi::c_void;
    pub fn php_var_serialize_destroy(data: *mut std::ffi::c_void);
    pub fn php_var_unserialize(
        value: *mut zval,
        at: *mut *const u8,
        end: *const u8,
        data: *mut *mut std::ffi::c_void,
    ) -> c_int;
    pub fn php_var_unserialize_init() -> *mut std::ffi::c_void;
    pub fn php_var_unserialize_destroy(data: *mut std::ffi::c_void);
    pub fn zend_string_hash_func(string: *mut zend_string) -> zend_ulong;
    pub fn zval_get_long_func(op: *mut zval, is_legacy_behavior: bool) -> zend_long;
    pub fn zval_get_double_func(op: *mut zval) -> f64;
    pub fn zval_get_string_func(op: *mut zval) -> *mut zend_string;
    pub fn zend_declare_class_constant_long(
        ce: *mut zend_class_entry,
        name: *const c_char,
        name_length: usize,
        value: zend_long,
    );
    pub fn zend_ini_long(name: *const c_char, name_length: usize, orig: c_int) -> zend_long;
    pub static mut basic_globals: BasicGlobals;
    pub fn php_call_shutdown_functions();
    pub fn php_request_shutdown(dummy: *mut std::ffi::c_void);
    pub fn php_output_clean_all();
    pub fn zend_get_executed_filename() -> *const c_char;
    pub static zend_ce_closure: *mut zend_class_entry;
    pub static spl_ce_ArrayIterator: *mut zend_class_entry;
    pub fn zend_fetch_resource2_ex(
        res: *mut zval,
        resource_type_name: *const c_char,
        resource_type1: c_int,
        resource_type2: c_int,
    ) -> *mut std::ffi::c_void;
    pub fn php_file_le_stream() -> c_int;
    pub fn php_file_le_pstream() -> c_int;
    pub fn _php_stream_cast(
        stream: *mut php_stream,
        castas: c_int,
        ret: *mut *mut std::ffi::c_void,
        show_err: c_int,
    ) -> c_int;
    pub fn _php_stream_set_option(
        stream: *mut php_stream,
        option: c_int,
        value: c_int,
        ptrparam: *mut std::ffi::c_void,
    ) -> c_int;
    pub fn zend_list_close(resource: *mut zend_resource);
    pub fn _php_stream_read(stream: *mut php_stream, buffer: *mut c_char, count: usize) -> isize;
    pub fn _php_stream_write(stream: *mut php_stream, buffer: *const c_char, count: usize)
    -> isize;
    pub fn _php_stream_get_line(
        stream: *mut php_stream,
        buffer: *mut c_char,
        max_length: usize,
        length: *mut usize,
    ) -> *mut c_char;
    pub fn zend_ini_string_ex(
        name: *const c_char,
        name_length: usize,
        orig: c_int,
        exists: *mut bool,
    ) -> *const c_char;
    pub fn zend_register_functions(
        scope: *mut zend_class_entry,
        functions: *const zend_function_entry,
        function_table: *mut HashTable,
        type_: c_int,
    ) -> zend_result;
    pub static mut zend_autoload:
        Option<unsafe extern "C" fn(*mut zend_string, *mut zend_string) -> *mut zend_class_entry>;
    pub fn compile_string(
        source: *mut zend_string,
        filename: *const c_char,
        position: u32,
    ) -> *mut zend_op_array;
    pub fn display_ini_entries(module: *mut zend_module_entry);
    pub fn zend_ini_boolean_displayer_cb(ini_entry: *mut zend_ini_entry, type_: c_int);
}

/// The globals of PHP's standard extension, as its headers declare them: see `build.rs`.
#[allow(
    warnings,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "made by bindgen"
)]
mod basic {
    include!(concat!(env!("OUT_DIR"), "/basic_globals.rs"));
}

pub use basic::{
    _php_basic_globals as BasicGlobals, _zend_fcall_info as CompareGlobals,
    _zend_fcall_info_cache as CompareCacheGlobals,
};

/// Where a source begins: Zend/zend_compile.h.
pub const ZEND_COMPILE_POSITION_AT_OPEN_TAG: u32 = 1;

/// The globals of PHP's json module (ext/json/php_json.h).
#[repr(C)]
#[derive(Debug)]
pub struct JsonGlobals {
    pub encoder_depth: c_int,
    pub encode_max_depth: c_int,
    pub error_code: c_int,
}

/// Kinds of an instruction's operands: Zend/zend_compile.h.
pub const IS_UNUSED: u32 = 0;
pub const IS_CONST: u32 = 1;
pub const IS_TMP_VAR: u32 = 2;
pub const IS_VAR: u32 = 4;

/// `smart_str`: a string that grows.
#[repr(C)]
#[derive(Debug)]
pub struct SmartStr {
    pub s: *mut zend_string,
    pub a: usize,
}

// SAFETY: declared in Zend/zend_globals_macros.h, PHP 8.2 to 8.5 without threads.
unsafe extern "C" {
    static mut executor_globals: zend_executor_globals;
}

/// The engine's globals. One PHP thread per process (NTS): see the caller for why it may touch them.
#[must_use]
#[inline(always)]
pub fn eg() -> *mut zend_executor_globals {
    &raw mut executor_globals
}

/// `Z_TYPE_P`.
///
/// # Safety
/// `value` points to an initialised zval.
#[must_use]
#[inline]
pub unsafe fn type_of(value: *const zval) -> u8 {
    // SAFETY: the caller's promise; the low byte of `type_info` is the type.
    (unsafe { (*value).u1.type_info } & 0xff) as u8
}

/// `ZVAL_DEREF`: what a reference points to, else `value` itself.
///
/// # Safety
/// `value` points to an initialised zval.
#[must_use]
#[inline]
pub unsafe fn deref(value: *mut zval) -> *mut zval {
    // SAFETY: the caller's promise; a zval of type IS_REFERENCE holds a live `zend_reference`.
    unsafe {
        if u32::from(type_of(value)) == IS_REFERENCE {
            &raw mut (*(*value).value.ref_).val
        } else {
            value
        }
    }
}

/// The bytes of a `zend_string`, for as long as the string lives unchanged.
///
/// # Safety
/// `string` points to a live `zend_string` that outlives `'a` and is not written to meanwhile.
#[must_use]
#[inline]
pub unsafe fn str_bytes<'a>(string: *const zend_string) -> &'a [u8] {
    // SAFETY: the caller's promise; `val` is the first of `len` initialised bytes.
    unsafe {
        let data: *const u8 = (&raw const (*string).val).cast();
        std::slice::from_raw_parts(data, (*string).len)
    }
}

/// `Z_TRY_ADDREF`.
///
/// # Safety
/// `value` points to an initialised zval.
#[inline]
pub unsafe fn try_addref(value: *const zval) {
    // SAFETY: the type flags (second byte) tell whether the value starts with a reference count.
    unsafe {
        if (*value).u1.type_info & 0xff00 != 0 {
            let counted: *mut zend_refcounted_h = (*value).value.ptr.cast();
            (*counted).refcount += 1;
        }
    }
}

/// A zval of our own, as plain bits: unlike `ext_php_rs`'s, it does not release anything when it goes
/// out of scope. So it can be copied, and a bailout may pass over it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Value {
    pub value: zend_value,
    pub u1: _zval_struct__bindgen_ty_1,
    pub u2: _zval_struct__bindgen_ty_2,
}

const _: () = assert!(size_of::<Value>() == size_of::<zval>());

impl Value {
    /// The place as the engine's functions take it.
    #[must_use]
    #[inline]
    pub fn ptr(&mut self) -> *mut zval {
        std::ptr::from_mut(self).cast()
    }

    /// Whether it holds a value at all.
    #[must_use]
    #[inline]
    pub fn is_set(&self) -> bool {
        // SAFETY: the type word is initialised in every value.
        unsafe { self.u1.type_info & 0xff != IS_UNDEF }
    }

    /// The place as [`super::convert`] fills it.
    #[inline]
    pub fn place(&mut self) -> Place<'_> {
        Place(self.ptr(), PhantomData)
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value")
    }
}

/// Where a new value goes: a zval that may be overwritten without releasing what it held.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a>(*mut zval, PhantomData<&'a ()>);

impl Place<'_> {
    /// # Safety
    /// `zval` may be written to for as long as the place is used, and holds nothing that is counted.
    #[inline]
    pub unsafe fn new(zval: *mut zval) -> Self {
        Place(zval, PhantomData)
    }

    /// The place as the engine's functions take it.
    #[inline]
    pub fn ptr(self) -> *mut zval {
        self.0
    }
}

/// A zval that holds nothing yet.
#[must_use]
#[inline]
pub fn undef() -> Value {
    // SAFETY: all bytes zero is IS_UNDEF with a zero payload, valid for every union member read.
    unsafe { std::mem::zeroed() }
}
