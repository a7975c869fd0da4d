//! Classes and functions as static tables: names, parameters, defaults, types, properties. One table
//! per class beside its methods; this file turns them into what the engine registers.

use super::ffi::*;
use std::ffi::CStr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What the engine calls.
pub type Handler = unsafe extern "C" fn(*mut zend_execute_data, *mut zval);

/// A declared type: `mask` is a set of `MAY_BE_*` bits.
#[derive(Clone, Copy, Debug)]
pub enum Ty {
    None,
    Mask(u32),
    /// A class (or several, separated by `|`), in union with the mask.
    Class(&'static CStr, u32),
}

const fn bit(kind: u32) -> u32 {
    1 << kind
}
pub const NULL: u32 = bit(IS_NULL);
pub const FALSE: u32 = bit(IS_FALSE);
pub const BOOL: Ty = Ty::Mask(MAY_BE_BOOL);
pub const INT: Ty = Ty::Mask(bit(IS_LONG));
pub const INT_OR_FALSE: Ty = Ty::Mask(bit(IS_LONG) | FALSE);
pub const STRING_OR_FALSE: Ty = Ty::Mask(bit(IS_STRING) | FALSE);
pub const STRING_OR_BOOL: Ty = Ty::Mask(bit(IS_STRING) | MAY_BE_BOOL);
pub const NULLABLE_ARRAY: Ty = Ty::Mask(bit(IS_ARRAY) | NULL);
pub const NULLABLE_FLOAT: Ty = Ty::Mask(bit(IS_DOUBLE) | NULL);
pub const INT_OR_STRING: Ty = Ty::Mask(bit(IS_LONG) | bit(IS_STRING));
pub const NULLABLE_STRING: Ty = Ty::Mask(bit(IS_STRING) | NULL);
pub const INT_OR_FLOAT: Ty = Ty::Mask(bit(IS_LONG) | bit(IS_DOUBLE));
/// array|string|int|float|false
pub const ROW_OR_FIELD: Ty =
    Ty::Mask(bit(IS_ARRAY) | bit(IS_STRING) | bit(IS_LONG) | bit(IS_DOUBLE) | FALSE);
pub const FLOAT: Ty = Ty::Mask(bit(IS_DOUBLE));
pub const STRING: Ty = Ty::Mask(bit(IS_STRING));
pub const ARRAY: Ty = Ty::Mask(bit(IS_ARRAY));
pub const ARRAY_OR_FALSE: Ty = Ty::Mask(bit(IS_ARRAY) | FALSE);
pub const ARRAY_STRING_FALSE: Ty = Ty::Mask(bit(IS_ARRAY) | bit(IS_STRING) | FALSE);
pub const OBJECT_OR_FALSE: Ty = Ty::Mask(bit(IS_OBJECT) | FALSE);
pub const CALLABLE: Ty = Ty::Mask(bit(IS_CALLABLE));
pub const NULLABLE_CALLABLE: Ty = Ty::Mask(bit(IS_CALLABLE) | NULL);
pub const MIXED: Ty = Ty::Mask(MAY_BE_ANY);
pub const VOID: Ty = Ty::Mask(bit(IS_VOID));
pub const ARRAY_STRING_NULL: u32 = bit(IS_ARRAY) | bit(IS_STRING) | NULL;

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub struct ArgDef {
    pub name: &'static CStr,
    pub ty: Ty,
    pub by_ref: bool,
    pub variadic: bool,
    /// The default as PHP source; a parameter that has one is optional.
    pub default: Option<&'static CStr>,
}

/// A required parameter.
#[must_use]
pub const fn arg(name: &'static CStr, ty: Ty) -> ArgDef {
    ArgDef {
        name,
        ty,
        by_ref: false,
        variadic: false,
        default: None,
    }
}

/// An optional parameter.
#[must_use]
pub const fn opt(name: &'static CStr, ty: Ty, default: &'static CStr) -> ArgDef {
    ArgDef {
        default: Some(default),
        ..arg(name, ty)
    }
}

/// All further arguments.
#[must_use]
pub const fn rest(name: &'static CStr, ty: Ty) -> ArgDef {
    ArgDef {
        variadic: true,
        ..arg(name, ty)
    }
}

/// A method or, with flags 0, a function.
#[derive(Clone, Copy, Debug)]
pub struct MethodDef {
    pub name: &'static CStr,
    pub handler: Handler,
    pub args: &'static [ArgDef],
    pub ret: Ty,
    pub flags: u32,
}

/// A public method.
#[must_use]
pub const fn method(
    name: &'static CStr,
    handler: Handler,
    args: &'static [ArgDef],
    ret: Ty,
) -> MethodDef {
    MethodDef {
        name,
        handler,
        args,
        ret,
        flags: ZEND_ACC_PUBLIC,
    }
}

/// A public static method.
#[must_use]
pub const fn static_method(
    name: &'static CStr,
    handler: Handler,
    args: &'static [ArgDef],
    ret: Ty,
) -> MethodDef {
    MethodDef {
        flags: ZEND_ACC_PUBLIC | ZEND_ACC_STATIC,
        ..method(name, handler, args, ret)
    }
}

/// A global function.
#[must_use]
pub const fn function(
    name: &'static CStr,
    handler: Handler,
    args: &'static [ArgDef],
    ret: Ty,
) -> MethodDef {
    MethodDef {
        flags: 0,
        ..method(name, handler, args, ret)
    }
}

/// The default of a property.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    Null,
    Bool(bool),
    Long(i64),
    Double(f64),
    EmptyString,
}

/// One declared property.
#[derive(Clone, Copy, Debug)]
pub struct PropertyDef {
    pub name: &'static CStr,
    pub default: Default,
    pub flags: u32,
}

/// A public property.
#[must_use]
pub const fn public(name: &'static CStr, default: Default) -> PropertyDef {
    PropertyDef {
        name,
        default,
        flags: ZEND_ACC_PUBLIC,
    }
}

/// A private property, null until a callback is set.
#[must_use]
pub const fn private(name: &'static CStr) -> PropertyDef {
    PropertyDef {
        name,
        default: Default::Null,
        flags: ZEND_ACC_PRIVATE,
    }
}

/// `ZEND_ACC_ALLOW_DYNAMIC_PROPERTIES`, which the bindings leave out.
pub const ALLOW_DYNAMIC_PROPERTIES: u32 = 1 << 15;

/// `ZEND_ACC_READONLY`, which the bindings leave out.
pub const READONLY: u32 = 1 << 7;

/// `create_object` of a class.
pub type Create = unsafe extern "C" fn(*mut zend_class_entry) -> *mut zend_object;

/// A class of the engine (or of an earlier row) that a table refers to.
pub type ClassRef = fn() -> *mut zend_class_entry;

/// One class.
#[derive(Debug)]
pub struct ClassDef {
    pub name: &'static CStr,
    pub parent: Option<ClassRef>,
    pub interfaces: &'static [ClassRef],
    pub methods: &'static [MethodDef],
    pub properties: &'static [PropertyDef],
    /// `ZEND_ACC_*` beyond what registration sets.
    pub flags: u32,
    /// None: inherited from the parent.
    pub create: Option<Create>,
    pub aliases: &'static [&'static CStr],
    /// Filled at registration.
    pub entry: &'static Entry,
}

/// A registered class.
#[derive(Debug)]
pub struct Entry(AtomicPtr<zend_class_entry>);

impl Entry {
    /// Not registered yet.
    #[must_use]
    pub const fn unset() -> Self {
        Entry(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// The class entry; null before the module has started.
    #[must_use]
    pub fn get(&self) -> *mut zend_class_entry {
        self.0.load(Ordering::Relaxed)
    }
}

/// Before PHP 8.3 a class name in a type of an internal function carries this bit, since then
/// `_ZEND_TYPE_LITERAL_NAME_BIT`.
const CLASS_NAME_BIT: u32 = if ZEND_MODULE_API_NO >= 20_230_831 {
    1 << 23
} else {
    1 << 24
};
const SEND_MODE_SHIFT: u32 = 25;
const VARIADIC_BIT: u32 = 1 << 27;

fn zend_type_of(ty: Ty, extra: u32) -> zend_type {
    match ty {
        Ty::None => zend_type {
            ptr: std::ptr::null_mut(),
            type_mask: extra,
        },
        Ty::Mask(mask) => zend_type {
            ptr: std::ptr::null_mut(),
            type_mask: mask | extra,
        },
        Ty::Class(name, mask) => zend_type {
            ptr: name.as_ptr().cast_mut().cast(),
            type_mask: mask | extra | CLASS_NAME_BIT,
        },
    }
}

/// The engine's description of a parameter list, alive as long as the process: functions of a module
/// are never unregistered before that.
fn arg_info(def: &MethodDef) -> &'static [_zend_internal_arg_info] {
    let required = def
        .args
        .iter()
        .filter(|a| a.default.is_none() && !a.variadic)
        .count();
    let mut infos = Vec::with_capacity(def.args.len() + 1);
    infos.push(_zend_internal_arg_info {
        // The head of the list keeps the number of required parameters where a name stands.
        name: std::ptr::without_provenance(required),
        type_: zend_type_of(def.ret, 0),
        default_value: std::ptr::null(),
    });
    for a in def.args {
        let extra =
            (u32::from(a.by_ref) << SEND_MODE_SHIFT) | if a.variadic { VARIADIC_BIT } else { 0 };
        infos.push(_zend_internal_arg_info {
            name: a.name.as_ptr(),
            type_: zend_type_of(a.ty, extra),
            default_value: a.default.map_or(std::ptr::null(), CStr::as_ptr),
        });
    }
    infos.leak()
}

/// A table for the engine, ended by an all-zero row; alive as long as the process.
#[must_use]
pub fn function_entries(defs: &[MethodDef]) -> *const zend_function_entry {
    let mut entries: Vec<zend_function_entry> = Vec::with_capacity(defs.len() + 1);
    for def in defs {
        // SAFETY: a plain C struct of pointers and integers, for which all bytes zero is valid; the
        // fields that later PHP versions add (8.4) mean "none" when zero.
        let mut entry: zend_function_entry = unsafe { std::mem::zeroed() };
        entry.fname = def.name.as_ptr();
        entry.handler = Some(def.handler);
        entry.arg_info = arg_info(def).as_ptr();
        entry.num_args = def.args.len() as u32;
        entry.flags = def.flags;
        entries.push(entry);
    }
    // SAFETY: as above; an all-zero row ends the table.
    entries.push(unsafe { std::mem::zeroed() });
    entries.leak().as_ptr()
}

/// Registers one class; called at module startup, parents before children.
pub fn register(def: &ClassDef) {
    // SAFETY: module startup is single-threaded; the class entry is a plain C struct which
    // zend_register_internal_class_ex copies; names are NUL-terminated and static; the method table is
    // leaked, so it outlives the class; parents and interfaces come from the engine or from rows
    // registered before.
    unsafe {
        let mut template: zend_class_entry = std::mem::zeroed();
        let name = def.name.to_bytes();
        template.name = match zend_string_init_interned {
            Some(init) => init(def.name.as_ptr(), name.len(), true),
            None => ext_php_rs_zend_string_init(def.name.as_ptr(), name.len(), true),
        };
        template.info.internal.builtin_functions = function_entries(def.methods);
        let parent = def.parent.map_or(std::ptr::null_mut(), |parent| parent());
        let ce = zend_register_internal_class_ex(&raw mut template, parent);
        (*ce).ce_flags |= def.flags;
        if let Some(create) = def.create {
            (*ce).__bindgen_anon_2.create_object = Some(create);
        }
        for interface in def.interfaces {
            zend_class_implements(ce, 1, interface());
        }
        for property in def.properties {
            declare(ce, property);
        }
        for alias in def.aliases {
            zend_register_class_alias_ex(alias.as_ptr(), alias.to_bytes().len(), ce, true);
        }
        def.entry.0.store(ce, Ordering::Relaxed);
    }
}

/// Declares constants of a registered class; called at module startup.
pub fn declare_constants(entry: &Entry, constants: &[(&'static CStr, i64)]) {
    for (name, value) in constants {
        // SAFETY: module startup is single-threaded; the class is registered; the name is static.
        unsafe {
            zend_declare_class_constant_long(
                entry.get(),
                name.as_ptr(),
                name.to_bytes().len(),
                *value,
            );
        }
    }
}

/// # Safety
/// `ce` is a class being registered at module startup.
unsafe fn declare(ce: *mut zend_class_entry, property: &PropertyDef) {
    let (name, len) = (property.name.as_ptr(), property.name.to_bytes().len());
    let flags = property.flags as i32;
    // SAFETY: the caller's promise; the name is static.
    unsafe {
        match property.default {
            Default::Null => zend_declare_property_null(ce, name, len, flags),
            Default::Bool(value) => {
                zend_declare_property_bool(ce, name, len, i64::from(value), flags);
            }
            Default::Long(value) => zend_declare_property_long(ce, name, len, value, flags),
            Default::Double(value) => zend_declare_property_double(ce, name, len, value, flags),
            Default::EmptyString => {
                zend_declare_property_string(ce, name, len, c"".as_ptr(), flags);
            }
        }
    }
}
