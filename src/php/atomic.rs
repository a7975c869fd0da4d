//! `Swoole\Atomic` and `Swoole\Atomic\Long`: a word in shared memory, there from the moment the object
//! is made, so that children forked later share it.

use super::class::*;
use super::convert::{set_bool, set_long, set_null};
use super::ffi::*;
use super::method::{Frame, Stop, Thrown};
use super::method::{parse, trampolines};
use super::object::{self, Stateful};
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use swoole_core::shm::atomic::{CELLS, Cell, Taken, wait_for_one, wake};

trampolines! {
    construct => do_construct;
    add => do_add;
    sub => do_sub;
    get => do_get;
    set => do_set;
    cmpset => do_cmpset;
    wait => do_wait;
    wakeup => do_wakeup;
    long_construct => do_long_construct;
    long_add => do_long_add;
    long_sub => do_long_sub;
    long_get => do_long_get;
    long_set => do_long_set;
    long_cmpset => do_long_cmpset;
}

static ATOMIC: Entry = Entry::unset();
static LONG: Entry = Entry::unset();

const INITIAL: &[ArgDef] = &[opt(c"value", INT, c"0")];
const ADD: &[ArgDef] = &[opt(c"add_value", INT, c"1")];
const SUB: &[ArgDef] = &[opt(c"sub_value", INT, c"1")];
const SET: &[ArgDef] = &[arg(c"value", INT)];
const CMPSET: &[ArgDef] = &[arg(c"cmp_value", INT), arg(c"new_value", INT)];

/// `Swoole\Atomic`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Atomic",
    parent: None,
    interfaces: &[],
    methods: &[
        method(c"__construct", construct, INITIAL, Ty::None),
        method(c"add", add, ADD, INT),
        method(c"sub", sub, SUB, INT),
        method(c"get", get, &[], INT),
        method(c"set", set, SET, VOID),
        method(c"wait", wait, &[opt(c"timeout", FLOAT, c"1.0")], BOOL),
        method(c"wakeup", wakeup, &[opt(c"count", INT, c"1")], BOOL),
        method(c"cmpset", cmpset, CMPSET, BOOL),
    ],
    properties: &[],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: Some(object::create_stateful::<Word>),
    aliases: &[c"swoole_atomic"],
    entry: &ATOMIC,
};

/// `Swoole\Atomic\Long`.
pub static LONG_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Atomic\\Long",
    parent: None,
    interfaces: &[],
    methods: &[
        method(c"__construct", long_construct, INITIAL, Ty::None),
        method(c"add", long_add, ADD, INT),
        method(c"sub", long_sub, SUB, INT),
        method(c"get", long_get, &[], INT),
        method(c"set", long_set, SET, VOID),
        method(c"cmpset", long_cmpset, CMPSET, BOOL),
    ],
    properties: &[],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: Some(object::create_stateful::<Word>),
    aliases: &[c"swoole_atomic_long"],
    entry: &LONG,
};

/// The state of both classes.
struct Word(Taken<Cell>);

impl Stateful for Word {
    fn initial() -> Option<Rc<Self>> {
        Some(Rc::new(Word(CELLS.take().ok()?)))
    }

    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

fn cell(frame: Frame) -> Result<Rc<Word>, Stop> {
    // SAFETY: `$this` in a method of the two classes, which share this state.
    unsafe { object::state::<Word>(frame.this()) }.ok_or_else(|| Stop::Throw {
        class: Thrown::SwooleException,
        code: i64::from(libc::ENOMEM),
        message: "cannot make shared memory for the atomic".to_owned(),
    })
}

/// One optional int.
fn one_or(frame: Frame, default: i64) -> Result<i64, Stop> {
    let mut value = default;
    if frame.num_args() != 0 {
        parse!(frame, c"|l", value)?;
    }
    Ok(value)
}

/// One int.
fn one(frame: Frame) -> Result<i64, Stop> {
    let mut value = 0_i64;
    parse!(frame, c"l", value)?;
    Ok(value)
}

fn two(frame: Frame) -> Result<(i64, i64), Stop> {
    let (mut first, mut second) = (0_i64, 0_i64);
    parse!(frame, c"ll", first, second)?;
    Ok((first, second))
}

// Ints are cut to 32 bits, as in the reference: -1 is 4294967295.

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let value = one_or(frame, 0)?;
    cell(frame)?.0.word.store(value as u32, SeqCst);
    Ok(())
}

fn do_add(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let by = one_or(frame, 1)? as u32;
    let before = cell(frame)?.0.word.fetch_add(by, SeqCst);
    set_long(place, i64::from(before.wrapping_add(by)));
    Ok(())
}

fn do_sub(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let by = one_or(frame, 1)? as u32;
    let before = cell(frame)?.0.word.fetch_sub(by, SeqCst);
    set_long(place, i64::from(before.wrapping_sub(by)));
    Ok(())
}

fn do_get(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_long(place, i64::from(cell(frame)?.0.word.load(SeqCst)));
    Ok(())
}

fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let value = one(frame)?;
    cell(frame)?.0.word.store(value as u32, SeqCst);
    set_null(place);
    Ok(())
}

fn do_cmpset(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (expected, new) = two(frame)?;
    let word = cell(frame)?;
    let done = word
        .0
        .word
        .compare_exchange(expected as u32, new as u32, SeqCst, SeqCst);
    set_bool(place, done.is_ok());
    Ok(())
}

fn do_wait(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut timeout_s = 1.0_f64;
    parse!(frame, c"|d", timeout_s)?;
    // None: 0 and less mean without limit.
    let timeout =
        (timeout_s > 0.0).then(|| Duration::try_from_secs_f64(timeout_s).unwrap_or(Duration::MAX));
    set_bool(place, wait_for_one(&cell(frame)?.0.word, timeout));
    Ok(())
}

fn do_wakeup(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let count = one_or(frame, 1)?;
    let count = i32::try_from(count.max(0)).unwrap_or(i32::MAX);
    wake(&cell(frame)?.0.word, count);
    set_bool(place, true);
    Ok(())
}

fn do_long_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let value = one_or(frame, 0)?;
    cell(frame)?.0.long.store(value.cast_unsigned(), SeqCst);
    Ok(())
}

fn do_long_add(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let by = one_or(frame, 1)?;
    let before = cell(frame)?.0.long.fetch_add(by.cast_unsigned(), SeqCst);
    set_long(place, before.cast_signed().wrapping_add(by));
    Ok(())
}

fn do_long_sub(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let by = one_or(frame, 1)?;
    let before = cell(frame)?.0.long.fetch_sub(by.cast_unsigned(), SeqCst);
    set_long(place, before.cast_signed().wrapping_sub(by));
    Ok(())
}

fn do_long_get(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_long(place, cell(frame)?.0.long.load(SeqCst).cast_signed());
    Ok(())
}

fn do_long_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let value = one(frame)?;
    cell(frame)?.0.long.store(value.cast_unsigned(), SeqCst);
    set_null(place);
    Ok(())
}

fn do_long_cmpset(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (expected, new) = two(frame)?;
    let word = cell(frame)?;
    let (expected, new) = (expected.cast_unsigned(), new.cast_unsigned());
    let done = word.0.long.compare_exchange(expected, new, SeqCst, SeqCst);
    set_bool(place, done.is_ok());
    Ok(())
}
