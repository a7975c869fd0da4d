//! `Swoole\Coroutine\Channel`.

use super::callback;
use super::class::*;
use super::convert::{set_bool, set_long, set_new_array};
use super::coroutine::co::{Co, Wait, Woken};
use super::coroutine::engine;
use super::coroutine::methods::timeout_ms;
use super::coroutine::outside;
use super::ffi::*;
use super::method::{Bailout, Frame, Stop, protect};
use super::method::{parse, trampolines};
use super::object::{self, Stateful};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;
use swoole_core::coroutine::channel::Channel;

trampolines! {
    construct => do_construct;
    push => do_push;
    pop => do_pop;
    is_empty => do_is_empty;
    is_full => do_is_full;
    close => do_close;
    length => do_length;
    stats => do_stats;
}

/// The registered class.
pub static ENTRY: Entry = Entry::unset();

const TIMEOUT: ArgDef = opt(c"timeout", FLOAT, c"-1.0");

/// `Swoole\Coroutine\Channel`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Coroutine\\Channel",
    parent: None,
    interfaces: &[],
    methods: &[
        method(
            c"__construct",
            construct,
            &[opt(c"size", INT, c"1")],
            Ty::None,
        ),
        method(c"push", push, &[arg(c"data", MIXED), TIMEOUT], BOOL),
        method(c"pop", pop, &[TIMEOUT], MIXED),
        method(c"isEmpty", is_empty, &[], BOOL),
        method(c"isFull", is_full, &[], BOOL),
        method(c"close", close, &[], BOOL),
        method(c"length", length, &[], INT),
        method(c"stats", stats, &[], ARRAY),
    ],
    properties: &[
        public(c"capacity", Default::Long(0)),
        public(c"errCode", Default::Long(0)),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_stateful::<Chan>),
    aliases: &[],
    entry: &ENTRY,
};

/// Where the declared properties stand in an object.
const CAPACITY_SLOT: usize = 0;
const ERROR_SLOT: usize = 1;

/// `SWOOLE_CHANNEL_OK` and so on.
const OK: i64 = 0;
const TIMED_OUT: i64 = -1;
const CLOSED: i64 = -2;
const CANCELED: i64 = -3;

/// Who waits, and which of its waits it is.
type Waiter = (&'static Co, u64);

/// A value in the channel, with the reference that it came with.
struct Item(Value);

impl Item {
    #[inline]
    fn new(value: *mut zval) -> Item {
        // SAFETY: an argument of the running call; its bits are copied, and it is counted once more.
        unsafe {
            try_addref(value);
            Item(std::ptr::read(value.cast()))
        }
    }

    /// Hands the reference over.
    #[inline]
    fn move_to(self, place: Place<'_>) {
        // SAFETY: a place may be overwritten; `self` forgets its reference.
        unsafe { std::ptr::write(place.ptr().cast(), self.0) };
        std::mem::forget(self);
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        // SAFETY: the reference is ours. A destructor of user code may run.
        if protect(|| unsafe { zval_ptr_dtor(self.0.ptr()) }).is_err() {
            callback::note_bailout();
        }
    }
}

struct Chan(RefCell<Channel<Item, Waiter>>);

impl Stateful for Chan {
    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

/// For calls that do not wait and run no user code.
#[inline]
fn peek<'a>(frame: Frame) -> Result<&'a Chan, Stop> {
    // SAFETY: `$this` in a method of the class, which lives through the call; only the constructor
    // replaces its state.
    unsafe { object::peek_state::<Chan>(frame.this()) }.ok_or_else(Stop::not_constructed)
}

/// For calls that may wait: the channel lives on even if its object is freed or constructed again.
fn keep(frame: Frame) -> Result<Rc<Chan>, Stop> {
    // SAFETY: `$this` in a method of the class.
    unsafe { object::state::<Chan>(frame.this()) }.ok_or_else(Stop::not_constructed)
}

/// Writes a property of `$this`.
#[inline]
fn set_property(frame: Frame, slot: usize, name: &str, number: i64) -> Result<(), Bailout> {
    let object = frame.this();
    // SAFETY: an object of this class or a subclass, where the properties declared first stand first. As
    // long as it holds an int there, it may be overwritten; else the engine sees to it.
    unsafe {
        let place = (&raw mut (*object).properties_table)
            .cast::<zval>()
            .add(slot);
        if u32::from(type_of(place)) == IS_LONG {
            (*place).value.lval = number;
            return Ok(());
        }
    }
    let mut value = undef();
    set_long(value.place(), number);
    // SAFETY: a live object and a static name; a user's `__set` may run, and nothing is owned.
    protect(|| unsafe {
        zend_update_property(
            ENTRY.get(),
            object,
            name.as_ptr().cast(),
            name.len(),
            value.ptr(),
        );
    })
}

#[inline]
fn set_error(frame: Frame, code: i64) -> Result<(), Bailout> {
    set_property(frame, ERROR_SLOT, "errCode", code)
}

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let mut capacity = 1_i64;
    parse!(frame, c"|l", capacity)?;
    let capacity = capacity.max(1);
    set_property(frame, CAPACITY_SLOT, "capacity", capacity)?;
    let channel = Channel::new(usize::try_from(capacity).unwrap_or(usize::MAX));
    // SAFETY: `$this` in a method of the class; nothing refers to its state at the moment.
    unsafe { object::set_state(frame.this(), Rc::new(Chan(RefCell::new(channel)))) };
    Ok(())
}

/// The two arguments that `push` and `pop` may take, `skip` standing before the timeout.
#[inline]
fn read_timeout(frame: Frame, skip: usize) -> Result<Option<u64>, Stop> {
    if frame.num_args() as usize == skip {
        return Ok(None);
    }
    let mut seconds = -1.0_f64;
    if skip == 0 {
        parse!(frame, c"|d", seconds)?;
    } else {
        let mut data: *mut zval = std::ptr::null_mut();
        parse!(frame, c"z|d", data, seconds)?;
    }
    Ok(timeout_ms(seconds))
}

/// Which end of a channel.
#[derive(Clone, Copy)]
enum End {
    Consumer,
    Producer,
}

/// Wakes who was called at one end. False: it is there no more.
#[inline]
fn wake((co, wait): Waiter) -> bool {
    let is_there = co.waits.get() == wait;
    if is_there {
        engine::wake(co, Woken::Resumed);
    }
    is_there
}

/// Wakes who was called at one end; in a child it may be a coroutine of its parent, and the next one's turn.
#[inline]
fn wake_at(chan: &Chan, end: End, called: Option<Waiter>) {
    let mut called = called;
    while let Some(waiter) = called
        && !wake(waiter)
    {
        let mut channel = chan.0.borrow_mut();
        called = match end {
            End::Consumer => channel.consumers.call_next(),
            End::Producer => channel.producers.call_next(),
        };
    }
}

/// Waits at one end. An error is the channel's error code.
fn wait(chan: &Chan, end: End, co: &'static Co, timeout_ms: Option<u64>) -> Result<(), i64> {
    let waiter = (co, co.waits.get() + 1);
    let ticket = match end {
        End::Consumer => chan.0.borrow_mut().consumers.add(waiter),
        End::Producer => chan.0.borrow_mut().producers.add(waiter),
    };
    let woken = engine::wait(Wait::Cancellable, timeout_ms);
    if woken == Some(Woken::Resumed) {
        return Ok(());
    }
    match end {
        End::Consumer => chan.0.borrow_mut().consumers.remove(ticket),
        End::Producer => chan.0.borrow_mut().producers.remove(ticket),
    };
    Err(match woken {
        Some(Woken::TimedOut) => TIMED_OUT,
        _ => CANCELED,
    })
}

/// Waits until something may be put in.
fn wait_for_room(chan: &Chan, co: &'static Co, timeout_ms: Option<u64>) -> Result<(), i64> {
    let mut was_called = false;
    loop {
        {
            let channel = chan.0.borrow();
            if channel.is_closed() {
                return Err(CLOSED);
            }
            if channel.can_push() || (was_called && !channel.is_full()) {
                return Ok(());
            }
        }
        wait(chan, End::Producer, co, timeout_ms)?;
        was_called = true;
    }
}

/// Waits until something may be taken out.
fn wait_for_item(chan: &Chan, co: &'static Co, timeout_ms: Option<u64>) -> Result<(), i64> {
    let mut was_called = false;
    loop {
        {
            let channel = chan.0.borrow();
            if channel.can_pop() || (was_called && !channel.is_empty()) {
                return Ok(());
            }
            if channel.is_closed() && channel.is_empty() {
                return Err(CLOSED);
            }
        }
        wait(chan, End::Consumer, co, timeout_ms)?;
        was_called = true;
    }
}

/// A call that has waited in vain.
fn failed(frame: Frame, place: Place<'_>, co: &Co, error: i64) -> Result<(), Stop> {
    if co.ended.get() {
        return Err(Stop::Exit);
    }
    set_bool(place, false);
    Ok(set_error(frame, error)?)
}

fn do_push(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let timeout = read_timeout(frame, 1)?;
    let value = frame.arg(0).ok_or(Stop::Thrown)?;
    let co = engine::running().ok_or_else(outside)?;
    let chan = peek(frame)?;
    let is_ready = {
        let channel = chan.0.borrow();
        channel.can_push() && !channel.is_closed()
    };
    if is_ready {
        return finish_push(frame, place, chan, value);
    }
    let chan = keep(frame)?;
    match wait_for_room(&chan, co, timeout) {
        Ok(()) => finish_push(frame, place, &chan, value),
        Err(error) => failed(frame, place, co, error),
    }
}

#[inline]
fn finish_push(frame: Frame, place: Place<'_>, chan: &Chan, value: *mut zval) -> Result<(), Stop> {
    let consumer = chan.0.borrow_mut().push(Item::new(value));
    wake_at(chan, End::Consumer, consumer);
    set_bool(place, true);
    Ok(set_error(frame, OK)?)
}

fn do_pop(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let timeout = read_timeout(frame, 0)?;
    let co = engine::running().ok_or_else(outside)?;
    let chan = peek(frame)?;
    if chan.0.borrow().can_pop() {
        return finish_pop(frame, place, chan);
    }
    let chan = keep(frame)?;
    match wait_for_item(&chan, co, timeout) {
        Ok(()) => finish_pop(frame, place, &chan),
        Err(error) => failed(frame, place, co, error),
    }
}

#[inline]
fn finish_pop(frame: Frame, place: Place<'_>, chan: &Chan) -> Result<(), Stop> {
    let popped = chan.0.borrow_mut().pop();
    let Some((item, producer)) = popped else {
        set_bool(place, false);
        return Ok(());
    };
    item.move_to(place);
    wake_at(chan, End::Producer, producer);
    Ok(set_error(frame, OK)?)
}

fn do_close(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let chan = keep(frame)?;
    if !chan.0.borrow_mut().close() {
        // Whoever closed it calls those who wait, one after the other, and may be in the midst of it.
        set_bool(place, false);
        return Ok(());
    }
    loop {
        let waiter = {
            let mut channel = chan.0.borrow_mut();
            channel
                .producers
                .call_next()
                .or_else(|| channel.consumers.call_next())
        };
        let Some(waiter) = waiter else { break };
        wake(waiter);
    }
    set_bool(place, true);
    Ok(())
}

fn do_length(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_long(place, peek(frame)?.0.borrow().len() as i64);
    Ok(())
}

fn do_is_empty(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_bool(place, peek(frame)?.0.borrow().is_empty());
    Ok(())
}

fn do_is_full(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_bool(place, peek(frame)?.0.borrow().is_full());
    Ok(())
}

fn do_stats(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let numbers = {
        let channel = peek(frame)?.0.borrow();
        [
            ("consumer_num", channel.consumers.len()),
            ("producer_num", channel.producers.len()),
            ("queue_num", channel.len()),
        ]
    };
    protect(|| {
        set_new_array(place, numbers.len());
        for (key, number) in numbers {
            // SAFETY: `place` holds an array of our own; the engine copies the key.
            unsafe {
                add_assoc_long_ex(place.ptr(), key.as_ptr().cast(), key.len(), number as i64);
            }
        }
    })?;
    Ok(())
}
