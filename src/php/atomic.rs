//! `Swoole\Atomic` and `Swoole\Atomic\Long`: a word in shared memory, there from the moment the object
//! is made, so that children forked later share it.

use super::class::*;
use super::convert::{set_bool, set_long, set_null};
use super::ffi::*;
use super::method::{Frame, Stop, Thrown, run};
use super::method::{parse, trampolines};
use super::object::{self, Stateful};
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use swoole_core::shm::atomic::{CELLS, Cell, Taken, wait_for_one, wake};

trampolines! {
    wait => do_wait;
}

/// Methods of up to two ints. The usual call, with ints in their places, is answered here at once:
/// nothing in it can panic or enter the engine. Any other call goes the way of all methods.
macro_rules! int_methods {
    ($($name:ident => $op:path, $ints:expr;)*) => { $(
        unsafe extern "C" fn $name(ex: *mut zend_execute_data, return_value: *mut zval) {
            const INTS: Ints = $ints;
            // SAFETY: called by the engine with the frame of this call and a place for the result;
            // `$this` is of this class, lives through the call, and its state is never replaced.
            unsafe {
                let frame = Frame::of(ex);
                if let Some((a, b)) = INTS.plain(frame)
                    && let Some(word) = object::peek_state::<Word>(frame.this())
                {
                    return $op(&word.0, a, b).write(Place::new(return_value));
                }
                run(ex, return_value, |frame, place| {
                    let (a, b) = INTS.read(frame)?;
                    $op(&cell(frame)?.0, a, b).write(place);
                    Ok(())
                });
            }
        }
    )* };
}

int_methods! {
    construct => op_set, Ints::OneOr(0);
    add => op_add, Ints::OneOr(1);
    sub => op_sub, Ints::OneOr(1);
    get => op_get, Ints::Ignored;
    set => op_set, Ints::One;
    cmpset => op_cmpset, Ints::Two;
    wakeup => op_wakeup, Ints::OneOr(1);
    long_construct => op_long_set, Ints::OneOr(0);
    long_add => op_long_add, Ints::OneOr(1);
    long_sub => op_long_sub, Ints::OneOr(1);
    long_get => op_long_get, Ints::Ignored;
    long_set => op_long_set, Ints::One;
    long_cmpset => op_long_cmpset, Ints::Two;
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

/// Which arguments a method takes.
enum Ints {
    /// Any, as the reference does.
    Ignored,
    One,
    OneOr(i64),
    Two,
}

impl Ints {
    /// The arguments, if they are ints as they stand.
    #[inline]
    fn plain(&self, frame: Frame) -> Option<(i64, i64)> {
        match (self, frame.num_args()) {
            (Ints::Ignored, _) => Some((0, 0)),
            (Ints::OneOr(default), 0) => Some((*default, 0)),
            (Ints::One | Ints::OneOr(_), 1) => Some((frame.int_arg(0)?, 0)),
            (Ints::Two, 2) => Some((frame.int_arg(0)?, frame.int_arg(1)?)),
            _ => None,
        }
    }

    /// The arguments as PHP converts them.
    fn read(&self, frame: Frame) -> Result<(i64, i64), Stop> {
        let (mut a, mut b) = (0_i64, 0_i64);
        match self {
            Ints::Ignored => {}
            Ints::One => parse!(frame, c"l", a)?,
            Ints::OneOr(default) => {
                a = *default;
                parse!(frame, c"|l", a)?;
            }
            Ints::Two => parse!(frame, c"ll", a, b)?,
        }
        Ok((a, b))
    }
}

/// What a method returns.
enum Answer {
    Nothing,
    Int(i64),
    Bool(bool),
}

impl Answer {
    #[inline]
    fn write(self, place: Place<'_>) {
        match self {
            Answer::Nothing => set_null(place),
            Answer::Int(value) => set_long(place, value),
            Answer::Bool(value) => set_bool(place, value),
        }
    }
}

// Ints are cut to 32 bits, as in the reference: -1 is 4294967295.

fn op_set(cell: &Cell, value: i64, _: i64) -> Answer {
    cell.word.store(value as u32, SeqCst);
    Answer::Nothing
}

fn op_get(cell: &Cell, _: i64, _: i64) -> Answer {
    Answer::Int(i64::from(cell.word.load(SeqCst)))
}

fn op_add(cell: &Cell, by: i64, _: i64) -> Answer {
    let before = cell.word.fetch_add(by as u32, SeqCst);
    Answer::Int(i64::from(before.wrapping_add(by as u32)))
}

fn op_sub(cell: &Cell, by: i64, _: i64) -> Answer {
    let before = cell.word.fetch_sub(by as u32, SeqCst);
    Answer::Int(i64::from(before.wrapping_sub(by as u32)))
}

fn op_cmpset(cell: &Cell, expected: i64, new: i64) -> Answer {
    let (expected, new) = (expected as u32, new as u32);
    let done = cell.word.compare_exchange(expected, new, SeqCst, SeqCst);
    Answer::Bool(done.is_ok())
}

fn op_wakeup(cell: &Cell, count: i64, _: i64) -> Answer {
    wake(&cell.word, i32::try_from(count.max(0)).unwrap_or(i32::MAX));
    Answer::Bool(true)
}

fn op_long_set(cell: &Cell, value: i64, _: i64) -> Answer {
    cell.long.store(value.cast_unsigned(), SeqCst);
    Answer::Nothing
}

fn op_long_get(cell: &Cell, _: i64, _: i64) -> Answer {
    Answer::Int(cell.long.load(SeqCst).cast_signed())
}

fn op_long_add(cell: &Cell, by: i64, _: i64) -> Answer {
    let before = cell.long.fetch_add(by.cast_unsigned(), SeqCst);
    Answer::Int(before.cast_signed().wrapping_add(by))
}

fn op_long_sub(cell: &Cell, by: i64, _: i64) -> Answer {
    let before = cell.long.fetch_sub(by.cast_unsigned(), SeqCst);
    Answer::Int(before.cast_signed().wrapping_sub(by))
}

fn op_long_cmpset(cell: &Cell, expected: i64, new: i64) -> Answer {
    let (expected, new) = (expected.cast_unsigned(), new.cast_unsigned());
    let done = cell.long.compare_exchange(expected, new, SeqCst, SeqCst);
    Answer::Bool(done.is_ok())
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
