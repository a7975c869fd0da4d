//! `Swoole\Timer`: user code that runs later, once or again and again.

use super::callback::Callback;
use super::class::*;
use super::convert::{set_bool, set_long, set_new_array, set_null};
use super::event_loop;
use super::ffi::*;
use super::method::{self, Frame, Stop, protect};
use super::method::{parse, trampolines};
use super::object;
use super::owned::{Owned, OwnedCallback};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use swoole_core::reactor::event_loop as core_loop;
use swoole_core::reactor::{EventLoop, TimerId};
use swoole_core::sys::forks;

trampolines! {
    tick => do_tick;
    after => do_after;
    exists => do_exists;
    info => do_info;
    stats => do_stats;
    list => do_list;
    clear => do_clear;
    clear_all_timers => do_clear_all;
}

static TIMER: Entry = Entry::unset();
static ITERATOR: Entry = Entry::unset();

/// `SWOOLE_TIMER_MIN_MS`.
const MIN_MS: i64 = 1;

const ADD: &[ArgDef] = &[
    arg(c"ms", INT),
    arg(c"callback", CALLABLE),
    ArgDef {
        variadic: true,
        ..arg(c"params", MIXED)
    },
];
const ID: &[ArgDef] = &[arg(c"timer_id", INT)];
const NULLABLE_ARRAY: Ty = Ty::Mask((1 << IS_ARRAY) | NULL);
const LIST: Ty = Ty::Class(c"Swoole\\Timer\\Iterator", 0);

/// `Swoole\Timer`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Timer",
    parent: None,
    interfaces: &[],
    methods: &[
        static_method(c"tick", tick, ADD, INT_OR_FALSE),
        static_method(c"after", after, ADD, INT_OR_FALSE),
        static_method(c"exists", exists, ID, BOOL),
        static_method(c"info", info, ID, NULLABLE_ARRAY),
        static_method(c"stats", stats, &[], ARRAY),
        static_method(c"list", list, &[], LIST),
        static_method(c"clear", clear, ID, BOOL),
        static_method(c"clearAll", clear_all_timers, &[], BOOL),
    ],
    properties: &[],
    flags: 0,
    create: Some(object::create_denied),
    aliases: &[],
    entry: &TIMER,
};

fn array_iterator() -> *mut zend_class_entry {
    // SAFETY: set by the SPL, which is always there, before any module starts.
    unsafe { spl_ce_ArrayIterator }
}

/// `Swoole\Timer\Iterator`: the ids of all timers.
pub static ITERATOR_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Timer\\Iterator",
    parent: Some(array_iterator),
    interfaces: &[],
    methods: &[],
    properties: &[],
    flags: 0,
    create: None,
    aliases: &[],
    entry: &ITERATOR,
};

/// The same as functions.
pub static FUNCTIONS: &[MethodDef] = &[
    function(c"swoole_timer_after", after, ADD, INT_OR_FALSE),
    function(c"swoole_timer_tick", tick, ADD, INT_OR_FALSE),
    function(c"swoole_timer_exists", exists, ID, BOOL),
    function(c"swoole_timer_info", info, ID, NULLABLE_ARRAY),
    function(c"swoole_timer_stats", stats, &[], ARRAY),
    function(c"swoole_timer_list", list, &[], LIST),
    function(c"swoole_timer_clear", clear, ID, BOOL),
    function(c"swoole_timer_clear_all", clear_all_timers, &[], BOOL),
];

/// One timer of user code.
#[derive(Debug)]
struct Timer {
    id: i64,
    callback: OwnedCallback,
    args: Vec<Owned>,
    /// Microseconds; 0: it runs once.
    interval_us: u64,
    interval_ms: i64,
    /// When it is due, on the loop's clock.
    due_us: Cell<u64>,
    runs: Cell<i64>,
    added_in_turn: u64,
    removed: Cell<bool>,
    waiting: Cell<Option<TimerId>>,
}

/// The timers of this process (see [`forks::generation`]).
#[derive(Default)]
struct Table {
    generation: u64,
    /// The loop that the timers wait in: with it they are gone.
    serial: u64,
    used: bool,
    last_id: i64,
    timers: BTreeMap<i64, Rc<Timer>>,
}

thread_local! {
    /// Not dropped with the thread: PHP is gone by then (see [`request_shutdown`]).
    static TABLE: ManuallyDrop<RefCell<Table>> = ManuallyDrop::default();
}

fn with_table<R>(f: impl FnOnce(&mut Table) -> R) -> R {
    TABLE.with(|table| {
        let table = &mut *table.borrow_mut();
        if table.generation != forks::generation() {
            // The parent's: its values are not this process's to release.
            std::mem::forget(std::mem::take(&mut table.timers));
            *table = Table {
                generation: forks::generation(),
                ..Table::default()
            };
        }
        f(table)
    })
}

/// Lets everything go while PHP is still there.
pub fn request_shutdown() {
    let all = with_table(std::mem::take);
    drop(all);
}

/// The table without timers of a loop that is gone (a script's goes when it has ended).
fn with_live<R>(f: impl FnOnce(&mut Table) -> R) -> R {
    forget_gone();
    with_table(f)
}

/// Lets the timers go whose loop is gone.
pub fn forget_gone() {
    let serial = core_loop::existing().map_or(0, |event_loop| event_loop.serial());
    let gone = with_table(|table| {
        let is_gone = table.serial != serial && !table.timers.is_empty();
        table.serial = serial;
        is_gone.then(|| std::mem::take(&mut table.timers))
    });
    // What that drops may run user code.
    drop(gone);
}

fn find(id: i64) -> Option<Rc<Timer>> {
    with_live(|table| table.timers.get(&id).cloned())
}

impl Timer {
    fn schedule(self: &Rc<Self>, event_loop: &EventLoop) {
        let timer = Rc::clone(self);
        let repeats = self.interval_us > 0;
        let id = event_loop.at(self.due_us.get(), repeats, Box::new(move || timer.fire()));
        self.waiting.set(Some(id));
    }

    fn fire(self: Rc<Self>) {
        self.waiting.set(None);
        let Some(event_loop) = core_loop::existing() else {
            return;
        };
        let now_us = event_loop.now_us();
        let views: Vec<Value> = if self.interval_us > 0 {
            let mut id = undef();
            set_long(id.place(), self.id);
            std::iter::once(id)
                .chain(self.args.iter().map(Owned::view))
                .collect()
        } else {
            self.args.iter().map(Owned::view).collect()
        };
        event_loop::call(self.callback.callback(), &views);
        if self.interval_us == 0 || self.removed.get() {
            self.forget();
            return;
        }
        // On the grid of the first run: no drift, and missed runs are not made up for.
        let missed = now_us.saturating_sub(self.due_us.get()) / self.interval_us;
        let due_us = self
            .due_us
            .get()
            .saturating_add((missed + 1).saturating_mul(self.interval_us));
        self.due_us.set(due_us);
        self.runs.set(self.runs.get() + 1);
        // The process may have forked in the callback, and this be the child.
        let is_known = |table: &mut Table| {
            let known = table.timers.get(&self.id);
            known.is_some_and(|known| Rc::ptr_eq(known, &self))
        };
        if with_table(is_known) {
            self.schedule(&event_loop);
        }
    }

    /// Whether it was there to be removed. One whose callback runs right now goes after that.
    fn remove(self: &Rc<Self>) -> bool {
        if self.removed.replace(true) {
            return false;
        }
        if let Some(waiting) = self.waiting.take() {
            if let Some(event_loop) = core_loop::existing() {
                event_loop.cancel(waiting);
            }
            self.forget();
        }
        true
    }

    fn forget(self: &Rc<Self>) {
        let gone = with_table(|table| {
            let known = table.timers.get(&self.id);
            let is_this = known.is_some_and(|known| Rc::ptr_eq(known, self));
            is_this.then(|| table.timers.remove(&self.id))
        });
        drop(gone);
    }
}

/// Removes every timer of user code; whether there have ever been some.
pub fn clear_all() -> bool {
    let (used, all) = with_live(|table| {
        let all: Vec<Rc<Timer>> = table.timers.values().cloned().collect();
        (table.used, all)
    });
    for timer in all {
        timer.remove();
    }
    used
}

fn do_tick(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    add(frame, place, true)
}

fn do_after(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    add(frame, place, false)
}

fn add(frame: Frame, place: Place<'_>, repeats: bool) -> Result<(), Stop> {
    let mut delay_ms = 0_i64;
    let (mut fci, mut fcc) = method::callable_places();
    let mut params: *mut zval = std::ptr::null_mut();
    let mut count = 0_i32;
    parse!(frame, c"lf*", delay_ms, fci, fcc, params, count)?;
    let Some(delay_us) = u64::try_from(delay_ms).ok().filter(|_| delay_ms >= MIN_MS) else {
        return Err(Stop::Warning(format!(
            "Timer must be greater than or equal to {MIN_MS}"
        )));
    };
    let delay_us = delay_us.saturating_mul(1000);
    let callback = frame.arg(1).ok_or(Stop::Thrown)?;
    let event_loop = event_loop::ready()?;
    let callback = OwnedCallback::keep(Callback::of_argument(callback, fcc));
    let args = (2..frame.num_args() as usize).filter_map(|index| frame.arg(index));
    let args = args.map(Owned::new).collect();
    let timer = with_live(|table| {
        table.used = true;
        table.last_id += 1;
        let timer = Rc::new(Timer {
            id: table.last_id,
            callback,
            args,
            interval_us: if repeats { delay_us } else { 0 },
            interval_ms: if repeats { delay_ms } else { 0 },
            due_us: Cell::new(event_loop.now_us().saturating_add(delay_us)),
            runs: Cell::new(0),
            added_in_turn: event_loop.turns(),
            removed: Cell::new(false),
            waiting: Cell::new(None),
        });
        table.timers.insert(timer.id, Rc::clone(&timer));
        timer
    });
    timer.schedule(&event_loop);
    set_long(place, timer.id);
    Ok(())
}

fn do_exists(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut id = 0_i64;
    parse!(frame, c"l", id)?;
    set_bool(place, find(id).is_some_and(|timer| !timer.removed.get()));
    Ok(())
}

fn do_info(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut id = 0_i64;
    parse!(frame, c"l", id)?;
    let Some(timer) = find(id) else {
        set_null(place);
        return Ok(());
    };
    let numbers = [
        ("exec_msec", (timer.due_us.get() / 1000) as i64),
        ("exec_count", timer.runs.get()),
        ("interval", timer.interval_ms),
        ("round", timer.added_in_turn as i64),
    ];
    let removed = timer.removed.get();
    drop(timer);
    write_array(place, &numbers, Some(("removed", removed)))
}

/// An array of ints, and of a bool in the end or, without a name of its own, nothing more.
fn write_array(
    place: Place<'_>,
    numbers: &[(&str, i64)],
    flag: Option<(&str, bool)>,
) -> Result<(), Stop> {
    protect(|| {
        set_new_array(place, numbers.len() + 1);
        // SAFETY: `place` holds an array of our own; the engine copies the keys.
        unsafe {
            for (key, value) in numbers {
                add_assoc_long_ex(place.ptr(), key.as_ptr().cast(), key.len(), *value);
            }
            if let Some((key, value)) = flag {
                add_assoc_bool_ex(place.ptr(), key.as_ptr().cast(), key.len(), value);
            }
        }
    })?;
    Ok(())
}

fn do_stats(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let (used, count) = with_live(|table| (table.used, table.timers.len()));
    let used = used && core_loop::existing().is_some();
    let turns = core_loop::existing().map_or(0, |event_loop| event_loop.turns());
    protect(|| {
        set_new_array(place, 3);
        let (initialized, num, round) = ("initialized", "num", "round");
        // SAFETY: `place` holds an array of our own; the engine copies the keys.
        unsafe {
            add_assoc_bool_ex(
                place.ptr(),
                initialized.as_ptr().cast(),
                initialized.len(),
                used,
            );
            add_assoc_long_ex(place.ptr(), num.as_ptr().cast(), num.len(), count as i64);
            add_assoc_long_ex(
                place.ptr(),
                round.as_ptr().cast(),
                round.len(),
                turns as i64,
            );
        }
    })?;
    Ok(())
}

fn do_list(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let ids: Vec<u64> = with_live(|table| table.timers.keys().map(|id| *id as u64).collect());
    let mut array = undef();
    super::convert::return_list(array.place(), &ids)?;
    drop(ids);
    let result = protect(|| {
        // SAFETY: the class is registered; its constructor takes the array, which stays ours and is
        // given back.
        unsafe {
            object_init_ex(place.ptr(), ITERATOR.get());
            let mut name = undef();
            super::convert::set_bytes(name.place(), b"__construct");
            let mut ignored = undef();
            _call_user_function_impl(
                place.ptr(),
                name.ptr(),
                ignored.ptr(),
                1,
                array.ptr(),
                std::ptr::null_mut(),
            );
            zval_ptr_dtor(name.ptr());
            zval_ptr_dtor(ignored.ptr());
            zval_ptr_dtor(array.ptr());
        }
    });
    Ok(result?)
}

fn do_clear(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut id = 0_i64;
    parse!(frame, c"l", id)?;
    let cleared = find(id).is_some_and(|timer| timer.remove());
    set_bool(place, cleared);
    Ok(())
}

fn do_clear_all(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    set_bool(place, clear_all());
    Ok(())
}
