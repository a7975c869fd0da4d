//! Functions that look into the engine, and those for tests of the extension itself.

use crate::php::class::*;
use crate::php::convert::{
    Item, bytes_of, return_array, set_bool, set_long, set_new_array, set_null, set_object,
};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, docref, protect};
use crate::php::method::{parse, trampolines};
use swoole_core::error::codes;

trampolines! {
    get_objects => do_get_objects;
    get_object_by_handle => do_get_object_by_handle;
    get_vm_status => do_get_vm_status;
    call_user_shutdown_begin => do_call_user_shutdown_begin;
    implicit_fn => do_implicit_fn;
    test_kernel_coroutine => do_test_kernel_coroutine;
    tracer_leak_detect => do_tracer_leak_detect;
    tracer_prof_begin => do_tracer_prof_begin;
    tracer_prof_end => do_tracer_prof_end;
}

pub static FUNCTIONS: &[MethodDef] = &[
    function(c"swoole_get_objects", get_objects, &[], ARRAY_OR_FALSE),
    function(
        c"swoole_get_object_by_handle",
        get_object_by_handle,
        &[arg(c"handle", INT)],
        OBJECT_OR_FALSE,
    ),
    function(c"swoole_get_vm_status", get_vm_status, &[], ARRAY),
    function(
        c"swoole_internal_call_user_shutdown_begin",
        call_user_shutdown_begin,
        &[],
        BOOL,
    ),
    function(
        c"swoole_implicit_fn",
        implicit_fn,
        &[arg(c"fn", STRING), opt(c"args", MIXED, c"null")],
        MIXED,
    ),
    function(
        c"swoole_test_kernel_coroutine",
        test_kernel_coroutine,
        &[
            opt(c"count", INT, c"100"),
            opt(c"sleep_time", FLOAT, c"1.0"),
        ],
        VOID,
    ),
    function(
        c"swoole_tracer_leak_detect",
        tracer_leak_detect,
        &[opt(c"threshold", INT, c"64")],
        VOID,
    ),
    function(
        c"swoole_tracer_prof_begin",
        tracer_prof_begin,
        &[opt(c"options", NULLABLE_ARRAY, c"null")],
        BOOL,
    ),
    function(
        c"swoole_tracer_prof_end",
        tracer_prof_end,
        &[arg(c"output_file", STRING)],
        BOOL,
    ),
];

/// The object of a slot of the engine's store; None if the slot is free.
fn object_at(slot: u32) -> Option<*mut zend_object> {
    // SAFETY: reading the store of this thread: slots below `top` hold an object, or a word with the lowest
    // bit set if they are free. Slot 0 is never used.
    unsafe {
        let store = &raw const (*eg()).objects_store;
        if slot == 0 || slot >= (*store).top {
            return None;
        }
        let object = *(*store).object_buckets.add(slot as usize);
        let free = object.is_null() || object.addr() & 1 != 0;
        (!free && !(*object).handlers.is_null()).then_some(object)
    }
}

fn objects() -> impl Iterator<Item = *mut zend_object> {
    // SAFETY: reading a word of the engine's globals.
    let top = unsafe { (*eg()).objects_store.top };
    (1..top).filter_map(object_at)
}

fn do_get_objects(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let count = objects().count();
    if count == 0 {
        set_bool(place, false);
        return Ok(());
    }
    Ok(protect(|| {
        set_new_array(place, count);
        for object in objects() {
            let mut value = undef();
            set_object(value.place(), object);
            // SAFETY: a live object gets one more reference, which the array owns; `place` holds an array
            // of our own. No object is made meanwhile, so the store stays as it is.
            unsafe {
                try_addref(value.ptr());
                zend_hash_next_index_insert((*place.ptr()).value.arr, value.ptr());
            }
        }
    })?)
}

fn do_get_object_by_handle(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut handle = 0_i64;
    parse!(frame, c"l", handle)?;
    match u32::try_from(handle).ok().and_then(object_at) {
        Some(object) => {
            set_object(place, object);
            // SAFETY: a live object gets one more reference, which the result owns.
            unsafe { try_addref(place.ptr()) };
        }
        None => set_bool(place, false),
    }
    Ok(())
}

fn do_get_vm_status(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    // SAFETY: reading a word of the engine's globals.
    let resources = unsafe { (*eg()).regular_list.nNumOfElements };
    let items = [
        ("object_num", Item::Long(objects().count() as i64)),
        ("resource_num", Item::Long(i64::from(resources))),
    ];
    Ok(return_array(place, &items)?)
}

/// The reference calls it by itself when the script ends; here nothing has to.
fn do_call_user_shutdown_begin(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    Err(Stop::Warning(
        "can not call this function in user level".to_owned(),
    ))
}

/// Exit status of `swoole_implicit_fn('bailout')` without an argument.
const BAILOUT_STATUS: i64 = 95;

/// What the reference's own tests provoke.
fn do_implicit_fn(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let mut value: *mut zval = std::ptr::null_mut();
    parse!(frame, c"S|z", name, value)?;
    let name = String::from_utf8_lossy(bytes_of(name));
    match name.to_ascii_lowercase().as_str() {
        "fatal_error" => Err(Stop::Fatal("test".to_owned())),
        "bailout" => {
            let status = frame.int_arg(1).unwrap_or(BAILOUT_STATUS);
            // SAFETY: writing a word of the engine's globals, as exit() does.
            unsafe { (*eg()).exit_status = status as i32 };
            Err(Stop::Exit)
        }
        "abort" => std::process::abort(),
        "refcount" => {
            set_long(place, frame.arg(1).map_or(0, refcount));
            Ok(())
        }
        _ => Err(Stop::exception(
            i64::from(codes::INVALID_PARAMS),
            format!("unknown fn '{name}'"),
        )),
    }
}

/// How often a value is referred to; 1 for one that is not counted.
fn refcount(value: *mut zval) -> i64 {
    // SAFETY: an argument of the running call; the type flags tell whether the value starts with a count.
    unsafe {
        if (*value).u1.type_info & 0xff00 == 0 {
            return 1;
        }
        let counted: *const zend_refcounted_h = (*value).value.ptr.cast();
        i64::from((*counted).refcount)
    }
}

fn do_test_kernel_coroutine(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let (mut count, mut sleep_s) = (100_i64, 1.0_f64);
    parse!(frame, c"|ld", count, sleep_s)?;
    Err(Stop::exception(
        i64::from(codes::OPERATION_NOT_SUPPORT),
        "swoole_test_kernel_coroutine() tests coroutines without PHP code, which there are none of here: \
         use Swoole\\Coroutine::create() with Swoole\\Coroutine::sleep()",
    ))
}

fn no_tracer(instead: &str) -> Result<(), Stop> {
    let text = format!("there is no tracer in this extension: {instead}");
    Ok(docref(E_WARNING, &text)?)
}

fn do_tracer_leak_detect(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut threshold = 64_i64;
    parse!(frame, c"|l", threshold)?;
    set_null(place);
    no_tracer("memory_get_usage() and a memory profiler such as memprof find leaks")
}

const PROFILERS: &str = "use a profiler such as Xdebug, SPX or Excimer";

fn do_tracer_prof_begin(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut options: *mut zval = std::ptr::null_mut();
    parse!(frame, c"|a!", options)?;
    set_bool(place, false);
    no_tracer(PROFILERS)
}

fn do_tracer_prof_end(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut file: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"S", file)?;
    set_bool(place, false);
    no_tracer(PROFILERS)
}
