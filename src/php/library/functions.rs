//! Functions that the library implements: native ones, which check their arguments, load the class that does
//! the work, and call its method of the same name.

use super::class;
use crate::php::class::*;
use crate::php::coroutine;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, protect};
use crate::php::method::{parse, trampolines};
use std::ffi::CStr;

trampolines! {
    trampoline => call;
    deadlock_check => do_deadlock_check;
}

/// A function and where it is implemented.
struct Row {
    function: MethodDef,
    /// The arguments as `zend_parse_parameters` checks them; no letter that takes further arguments.
    spec: &'static CStr,
    /// A static method with the function's own parameters.
    class: &'static str,
    method: &'static str,
}

const fn row(
    name: &'static CStr,
    args: &'static [ArgDef],
    ret: Ty,
    spec: &'static CStr,
    class: &'static str,
    method: &'static str,
) -> Row {
    Row {
        function: function(name, trampoline, args, ret),
        spec,
        class,
        method,
    }
}

const ARRAY_OBJECT: &str = "Swoole\\ArrayObject";
const STRING_OBJECT: &str = "Swoole\\StringObject";
const MULTIBYTE_STRING_OBJECT: &str = "Swoole\\MultibyteStringObject";
const CONCURRENCY: &str = "SwooleRs\\Library\\Concurrency";
const FUNCTIONS: &str = "SwooleRs\\Library\\Functions";

const AN_ARRAY_OBJECT: Ty = Ty::Class(c"Swoole\\ArrayObject", 0);
const A_STRING_OBJECT: Ty = Ty::Class(c"Swoole\\StringObject", 0);
const A_MULTIBYTE_STRING_OBJECT: Ty = Ty::Class(c"Swoole\\MultibyteStringObject", 0);

const STRING_ARGS: &[ArgDef] = &[opt(c"string", STRING, c"''")];
const ARRAY_ARGS: &[ArgDef] = &[opt(c"array", ARRAY, c"[]")];

static ROWS: &[Row] = &[
    row(
        c"Swoole\\Coroutine\\batch",
        &[arg(c"tasks", ARRAY), opt(c"timeout", FLOAT, c"-1.0")],
        ARRAY,
        c"a|d",
        CONCURRENCY,
        "batch",
    ),
    row(
        c"Swoole\\Coroutine\\parallel",
        &[arg(c"n", INT), arg(c"fn", CALLABLE)],
        VOID,
        c"lf",
        CONCURRENCY,
        "parallel",
    ),
    row(
        c"Swoole\\Coroutine\\map",
        &[
            arg(c"list", ARRAY),
            arg(c"fn", CALLABLE),
            opt(c"timeout", FLOAT, c"-1.0"),
        ],
        ARRAY,
        c"af|d",
        CONCURRENCY,
        "map",
    ),
    row(
        c"swoole_library_set_options",
        &[arg(c"options", ARRAY)],
        VOID,
        c"a",
        FUNCTIONS,
        "setOptions",
    ),
    row(
        c"swoole_library_get_options",
        &[],
        ARRAY,
        c"",
        FUNCTIONS,
        "getOptions",
    ),
    row(
        c"swoole_library_set_option",
        &[arg(c"key", STRING), arg(c"value", MIXED)],
        VOID,
        c"Sz",
        FUNCTIONS,
        "setOption",
    ),
    row(
        c"swoole_library_get_option",
        &[arg(c"key", STRING)],
        MIXED,
        c"S",
        FUNCTIONS,
        "getOption",
    ),
    row(
        c"swoole_string",
        STRING_ARGS,
        A_STRING_OBJECT,
        c"|S",
        STRING_OBJECT,
        "from",
    ),
    row(
        c"swoole_mbstring",
        STRING_ARGS,
        A_MULTIBYTE_STRING_OBJECT,
        c"|S",
        MULTIBYTE_STRING_OBJECT,
        "from",
    ),
    row(
        c"swoole_array",
        ARRAY_ARGS,
        AN_ARRAY_OBJECT,
        c"|a",
        ARRAY_OBJECT,
        "from",
    ),
    row(
        c"swoole_table",
        &[arg(c"size", INT), arg(c"fields", STRING)],
        Ty::Class(c"Swoole\\Table", 0),
        c"lS",
        FUNCTIONS,
        "table",
    ),
    row(
        c"swoole_array_list",
        &[rest(c"arrray", Ty::None)],
        AN_ARRAY_OBJECT,
        c"*",
        FUNCTIONS,
        "arrayList",
    ),
    row(
        c"swoole_array_default_value",
        &[
            arg(c"array", ARRAY),
            arg(c"key", Ty::None),
            opt(c"default_value", Ty::None, c"null"),
        ],
        Ty::None,
        c"az|z",
        FUNCTIONS,
        "arrayDefaultValue",
    ),
    row(
        c"swoole_is_in_container",
        &[],
        BOOL,
        c"",
        FUNCTIONS,
        "isInContainer",
    ),
    row(
        c"swoole_container_cpu_num",
        &[],
        INT,
        c"",
        FUNCTIONS,
        "containerCpuNum",
    ),
];

/// With `swoole.use_shortname`.
static SHORT_ROWS: &[Row] = &[
    row(
        c"_string",
        STRING_ARGS,
        A_STRING_OBJECT,
        c"|S",
        STRING_OBJECT,
        "from",
    ),
    row(
        c"_mbstring",
        STRING_ARGS,
        A_MULTIBYTE_STRING_OBJECT,
        c"|S",
        MULTIBYTE_STRING_OBJECT,
        "from",
    ),
    row(
        c"_array",
        ARRAY_ARGS,
        AN_ARRAY_OBJECT,
        c"|a",
        ARRAY_OBJECT,
        "from",
    ),
];

/// The functions, for the module's list.
pub fn all() -> Vec<MethodDef> {
    let mut all: Vec<_> = ROWS.iter().map(|row| row.function).collect();
    all.push(function(
        c"Swoole\\Coroutine\\deadlock_check",
        deadlock_check,
        &[],
        Ty::None,
    ));
    all
}

/// The short names among them.
pub fn short() -> Vec<MethodDef> {
    SHORT_ROWS.iter().map(|row| row.function).collect()
}

/// What a specification may fill: each place is large enough for the largest that a letter writes (`f`).
const PLACES: usize = 8;
type Scratch = [u64; 16];

/// Refuses arguments that the function does not take, in the function's own name.
fn check(frame: Frame, spec: &CStr) -> Result<(), Stop> {
    let mut places: [Scratch; PLACES] = [[0; 16]; PLACES];
    let [a, b, c, d, e, f, g, h] = &mut places;
    // SAFETY: a specification of the tables above has at most `PLACES` places, none larger than
    // `Scratch`; what is written there is borrowed from the arguments.
    let parsed = unsafe {
        zend_parse_parameters(
            frame.num_args(),
            spec.as_ptr(),
            a.as_mut_ptr(),
            b.as_mut_ptr(),
            c.as_mut_ptr(),
            d.as_mut_ptr(),
            e.as_mut_ptr(),
            f.as_mut_ptr(),
            g.as_mut_ptr(),
            h.as_mut_ptr(),
        )
    };
    if parsed == 0 {
        Ok(())
    } else {
        Err(Stop::Thrown)
    }
}

fn call(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let name = frame.function_name();
    let row = ROWS
        .iter()
        .chain(SHORT_ROWS)
        .find(|row| row.function.name.to_bytes() == name.as_bytes());
    let Some(row) = row else {
        return Err(Stop::error(format!("{name}() is not in the library")));
    };
    forward(frame, place, row.spec, row.class, row.method)
}

/// Calls a static method of the library with the arguments of the running call, which `spec` checks in the
/// name of the function that was called. See [`Row`].
pub fn forward(
    frame: Frame,
    place: Place<'_>,
    spec: &'static CStr,
    class_name: &str,
    method_name: &str,
) -> Result<(), Stop> {
    check(frame, spec)?;
    let class = class(class_name)?;
    // SAFETY: a class of the library, whose methods are found by their name in lower case.
    let method: *mut zend_function = unsafe {
        let methods = &raw const (*class).function_table;
        zend_hash_str_find_ptr_lc(methods, method_name.as_ptr().cast(), method_name.len()).cast()
    };
    if method.is_null() {
        return Err(Stop::error(format!(
            "{class_name}::{method_name}() is not in the library"
        )));
    }
    let (args, count) = frame.args_from(0);
    // SAFETY: the method lives as long as its class; the arguments stay those of the running call; the
    // result goes where the engine wants ours. An exception goes on to the script.
    Ok(protect(|| unsafe {
        zend_call_known_function(
            method,
            std::ptr::null_mut(),
            class,
            place.ptr(),
            count,
            args,
            std::ptr::null_mut(),
        );
    })?)
}

fn do_deadlock_check(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    coroutine::deadlock::report();
    Ok(())
}
