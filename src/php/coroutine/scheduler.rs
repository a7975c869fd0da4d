//! `Swoole\Coroutine\Scheduler`, and `Swoole\Coroutine\run()` on top of it.

use super::co::Call;
use super::engine;
use super::{methods, options};
use crate::php::class::*;
use crate::php::convert::{set_bool, set_null};
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, trampolines};
use crate::php::object::{self, Stateful};
use crate::php::owned::Owned;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::OnceLock;

trampolines! {
    add => do_add;
    parallel => do_parallel;
    set => options::do_set;
    get_options => options::do_get_options;
    start => do_start;
}

static SCHEDULER: Entry = Entry::unset();

const FUNC: ArgDef = arg(c"func", CALLABLE);
const PARAM: ArgDef = ArgDef {
    variadic: true,
    ..arg(c"param", MIXED)
};

/// `Swoole\Coroutine\Scheduler`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Coroutine\\Scheduler",
    parent: None,
    interfaces: &[],
    methods: &[
        method(c"add", add, &[FUNC, PARAM], VOID),
        method(c"parallel", parallel, &[arg(c"n", INT), FUNC, PARAM], VOID),
        method(c"set", set, &[arg(c"settings", ARRAY)], VOID),
        method(c"getOptions", get_options, &[], NULLABLE_ARRAY),
        method(c"start", start, &[], BOOL),
    ],
    properties: &[],
    flags: ZEND_ACC_FINAL | ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_stateful::<Scheduler>),
    aliases: &[],
    entry: &SCHEDULER,
};

/// The class, for short names.
pub static ENTRY: &Entry = &SCHEDULER;

/// `?array`
pub const NULLABLE_ARRAY: Ty = Ty::Mask((1 << IS_ARRAY) | NULL);

/// Coroutines to be created.
struct Task {
    call: Call,
    _callable: Owned,
    _object: Option<Owned>,
    args: Vec<Owned>,
    count: i64,
}

#[derive(Default)]
struct Scheduler {
    tasks: RefCell<Option<VecDeque<Task>>>,
    started: Cell<bool>,
}

impl Stateful for Scheduler {
    fn initial() -> Option<Rc<Self>> {
        Some(Rc::default())
    }

    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

fn scheduler(frame: Frame) -> Result<Rc<Scheduler>, Stop> {
    // SAFETY: `$this` in a method of the class.
    unsafe { object::state::<Scheduler>(frame.this()) }.ok_or_else(Stop::not_constructed)
}

fn do_add(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (call, _, _) = methods::callable(frame)?;
    remember(frame, place, "add", 1, call, 0)
}

fn do_parallel(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut count = 0_i64;
    // SAFETY: all bytes zero is empty on each PHP version; only filled to check the type.
    let (mut fci, mut fcc): (ManuallyDrop<zend_fcall_info>, zend_fcall_info_cache) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    let mut params: *mut zval = std::ptr::null_mut();
    let mut params_count = 0_i32;
    parse!(frame, c"lf*", count, fci, fcc, params, params_count)?;
    let (call, _, _) = methods::callable_at(frame, 1)?;
    remember(frame, place, "parallel", count, call, 1)
}

fn remember(
    frame: Frame,
    place: Place<'_>,
    method: &str,
    count: i64,
    call: Call,
    index: usize,
) -> Result<(), Stop> {
    let scheduler = scheduler(frame)?;
    if scheduler.started.get() {
        return Err(Stop::Warning(format!(
            "scheduler is running, unable to execute {}->{method}",
            frame.class_name()
        )));
    }
    let callable = frame.arg(index).ok_or(Stop::Thrown)?;
    let object = call.fcc.object;
    let args = (index + 1..frame.num_args() as usize).filter_map(|at| frame.arg(at));
    let task = Task {
        call,
        _callable: Owned::new(callable),
        _object: (!object.is_null()).then(|| Owned::object(object)),
        args: args.map(Owned::new).collect(),
        count,
    };
    scheduler
        .tasks
        .borrow_mut()
        .get_or_insert_default()
        .push_back(task);
    set_null(place);
    Ok(())
}

fn do_start(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let scheduler = scheduler(frame)?;
    if scheduler.started.get() {
        return Err(Stop::Warning(format!(
            "scheduler is started, unable to execute {}->start",
            frame.class_name()
        )));
    }
    event_loop::ready()?;
    if scheduler.tasks.borrow().is_none() {
        return Err(Stop::Warning("no coroutine task".to_owned()));
    }
    scheduler.started.set(true);
    let result = create_all(&scheduler).and_then(|()| wait());
    scheduler.started.set(false);
    let left = scheduler.tasks.take();
    drop(left);
    result?;
    set_bool(place, true);
    Ok(())
}

fn create_all(scheduler: &Scheduler) -> Result<(), Stop> {
    loop {
        let task = scheduler
            .tasks
            .borrow_mut()
            .as_mut()
            .and_then(VecDeque::pop_front);
        let Some(task) = task else { return Ok(()) };
        let mut args: Vec<Value> = task.args.iter().map(Owned::view).collect();
        for _ in 0..task.count {
            match engine::create(&task.call, args.as_mut_ptr().cast(), args.len() as u32) {
                Ok(_) => {}
                // The limit is reached: the others are tried all the same, as they stand in the list.
                Err(Stop::Warning(text)) => crate::php::method::docref(E_WARNING, &text)?,
                Err(stop) => return Err(stop),
            }
        }
    }
}

/// Runs the loop to its end.
fn wait() -> Result<(), Stop> {
    if engine::running().is_some() {
        return Err(Stop::Fatal(
            "Unable to call Event::wait() in coroutine".to_owned(),
        ));
    }
    event_loop::wait()
}

/// `Swoole\Coroutine\run()`: one coroutine, with the hooks on, and the loop to its end.
pub fn do_run(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (call, args, count) = methods::callable(frame)?;
    options::set_default_hook_flags(HOOK_ALL)?;
    event_loop::ready()?;
    engine::create(&call, args, count)?;
    wait()?;
    set_bool(place, true);
    Ok(())
}

/// `SWOOLE_HOOK_ALL`.
const HOOK_ALL: i64 = 2_143_285_247;
