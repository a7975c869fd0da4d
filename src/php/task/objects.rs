//! `Swoole\Server\Task`, `TaskResult` and `PipeMessage`.

use crate::php::class::*;
use crate::php::convert::{self, bytes_of, return_bytes, set_bool};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, protect};
use crate::php::method::{parse, trampolines};
use crate::php::object::{self, Stateful};
use crate::php::serialize;
use std::rc::Rc;
use std::sync::OnceLock;
use swoole_core::server::packed_task;
use swoole_core::server::{FinishEvent, MessageEvent, TaskEvent, TaskRef};

trampolines! {
    finish => do_finish;
    pack => do_pack;
    unpack => do_unpack;
}

static TASK: Entry = Entry::unset();
static TASK_RESULT: Entry = Entry::unset();
static PIPE_MESSAGE: Entry = Entry::unset();

/// What a `Swoole\Server\Task` stands for.
#[derive(Debug)]
pub struct Task(TaskRef);

impl Stateful for Task {
    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

/// `Swoole\Server\Task`; [`new_task`] relies on the order of the properties.
pub static TASK_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Server\\Task",
    parent: None,
    interfaces: &[],
    methods: &[
        method(c"finish", finish, &[arg(c"data", MIXED)], BOOL),
        static_method(c"pack", pack, &[arg(c"data", MIXED)], STRING_OR_FALSE),
        static_method(c"unpack", unpack, &[arg(c"data", STRING)], MIXED),
    ],
    properties: &[
        public(c"data", Default::Null),
        public(c"dispatch_time", Default::Double(0.0)),
        public(c"id", Default::Long(-1)),
        public(c"worker_id", Default::Long(-1)),
        public(c"flags", Default::Long(0)),
    ],
    flags: ZEND_ACC_FINAL | ZEND_ACC_NOT_SERIALIZABLE,
    create: Some(object::create_stateful::<Task>),
    aliases: &[c"swoole_server_task"],
    entry: &TASK,
};

/// `Swoole\Server\TaskResult`; [`new_result`] relies on the order of the properties.
pub static TASK_RESULT_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Server\\TaskResult",
    parent: None,
    interfaces: &[],
    methods: &[],
    properties: &[
        public(c"task_id", Default::Long(0)),
        public(c"task_worker_id", Default::Long(0)),
        public(c"dispatch_time", Default::Double(0.0)),
        public(c"data", Default::Null),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_data),
    aliases: &[c"swoole_server_task_result"],
    entry: &TASK_RESULT,
};

/// `Swoole\Server\PipeMessage`; [`new_message`] relies on the order of the properties.
pub static PIPE_MESSAGE_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Server\\PipeMessage",
    parent: None,
    interfaces: &[],
    methods: &[],
    properties: &[
        public(c"source_worker_id", Default::Long(0)),
        public(c"worker_id", Default::Long(0)),
        public(c"dispatch_time", Default::Double(0.0)),
        public(c"data", Default::Null),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_data),
    aliases: &[c"swoole_server_pipe_message"],
    entry: &PIPE_MESSAGE,
};

/// A declared property, in order of declaration.
///
/// # Safety
/// `object` is a new object whose class declares more than `index` properties.
unsafe fn slot<'a>(object: *mut zend_object, index: usize) -> Place<'a> {
    // SAFETY: the caller's promise: declared properties stand in a row.
    unsafe {
        let first: *mut zval = (&raw mut (*object).properties_table).cast();
        Place::new(first.add(index))
    }
}

/// Moves a value into a property, which owns it from then on.
fn give(place: Place<'_>, value: &mut Value) {
    // SAFETY: both are valid; the value's reference passes to the property.
    unsafe { std::ptr::copy_nonoverlapping(value.ptr(), place.ptr(), 1) };
    *value = undef();
}

/// Makes a `Swoole\Server\Task` in `place`, which takes `data` over. May bail out: inside `protect`.
pub fn new_task(place: &mut Value, event: &TaskEvent, data: &mut Value) {
    // SAFETY: a class of ours without a constructor; the slots hold scalars or null so far.
    unsafe {
        object_init_ex(place.ptr(), TASK.get());
        let object = place.value.obj;
        give(slot(object, 0), data);
        convert::set_double(slot(object, 1), event.dispatch_time_s);
        convert::set_long(slot(object, 2), event.task.id as i64);
        convert::set_long(slot(object, 3), i64::from(event.task.worker_id));
        convert::set_long(slot(object, 4), i64::from(event.task.flags));
    }
}

/// Lets a task's object send its result.
pub fn bind_task(object: *mut zend_object, task: TaskRef) {
    // SAFETY: an object that `new_task` made.
    unsafe { object::set_state(object, Rc::new(Task(task))) };
}

/// Makes a `Swoole\Server\TaskResult` in `place`, which takes `data` over. May bail out: inside `protect`.
pub fn new_result(place: &mut Value, event: &FinishEvent, data: &mut Value) {
    // SAFETY: as in `new_task`.
    unsafe {
        object_init_ex(place.ptr(), TASK_RESULT.get());
        let object = place.value.obj;
        convert::set_long(slot(object, 0), event.task_id as i64);
        convert::set_long(slot(object, 1), i64::from(event.worker_id));
        convert::set_double(slot(object, 2), event.dispatch_time_s);
        give(slot(object, 3), data);
    }
}

/// Makes a `Swoole\Server\PipeMessage` in `place`, which takes `data` over. May bail out: inside `protect`.
pub fn new_message(place: &mut Value, event: &MessageEvent, data: &mut Value) {
    // SAFETY: as in `new_task`.
    unsafe {
        object_init_ex(place.ptr(), PIPE_MESSAGE.get());
        let object = place.value.obj;
        convert::set_long(slot(object, 0), i64::from(event.worker_id));
        convert::set_long(slot(object, 1), i64::from(event.worker_id));
        convert::set_double(slot(object, 2), event.dispatch_time_s);
        give(slot(object, 3), data);
    }
}

fn do_finish(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut data: *mut zval = std::ptr::null_mut();
    parse!(frame, c"z", data)?;
    // SAFETY: `$this` in a method of the class.
    let Some(task) = (unsafe { object::state::<Task>(frame.this()) }) else {
        return Err(Stop::error(
            "Invalid instance of Swoole\\Server\\Task: only the one that onTask gets has a result to give",
        ));
    };
    super::methods::send_result(&task.0, data, place)
}

fn do_pack(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut data: *mut zval = std::ptr::null_mut();
    parse!(frame, c"z", data)?;
    let packed = serialize::pack(data)?;
    let bytes = packed_task::pack(packed.bytes(), packed.is_serialized());
    Ok(return_bytes(place, &bytes)?)
}

fn do_unpack(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut data: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"S", data)?;
    let Some((bytes, is_serialized)) = packed_task::unpack(bytes_of(data)) else {
        set_bool(place, false);
        return Ok(());
    };
    match serialize::unpack(bytes, is_serialized)? {
        Ok(mut value) => {
            // SAFETY: the result takes the value over.
            unsafe { std::ptr::copy_nonoverlapping(value.ptr(), place.ptr(), 1) };
            Ok(())
        }
        // SAFETY: reading a word of the engine's globals.
        Err(_) if !unsafe { (*eg()).exception }.is_null() => Err(Stop::Thrown),
        Err(at) => {
            super::methods::log_broken(at, bytes.len());
            set_bool(place, false);
            Ok(())
        }
    }
}

/// Gives a value back. Destructors may run.
pub fn release(value: &mut Value) -> Result<(), Stop> {
    // SAFETY: the reference is the caller's, and given back once.
    Ok(protect(|| unsafe { zval_ptr_dtor(value.ptr()) })?)
}
