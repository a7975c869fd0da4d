//! `Swoole\Connection\Iterator`: the open connections, as `$server->connections`.
//!
//! Goes by session ids, so connections that come and go meanwhile do not disturb it.

use super::class::*;
use super::convert::{set_bool, set_long, set_null};
use super::ffi::*;
use super::method::{Frame, Stop};
use super::method::{parse, trampolines};
use super::object::{self, Native};
use super::server_methods;
use swoole_core::server;

trampolines! {
    construct => do_construct;
    nothing => do_nothing;
    rewind => do_rewind;
    valid => do_valid;
    current => do_current;
    key => do_key;
    next => do_next;
    count => do_count;
    offset_exists => do_offset_exists;
    offset_get => do_offset_get;
    offset_set => do_offset_set;
    offset_unset => do_offset_unset;
}

static ITERATOR: Entry = Entry::unset();

const OFFSET: &[ArgDef] = &[arg(c"fd", MIXED)];

/// `Swoole\Connection\Iterator`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Connection\\Iterator",
    parent: None,
    interfaces: &[
        // SAFETY: the engine's classes, set before any module starts.
        || unsafe { zend_ce_iterator },
        // SAFETY: as above.
        || unsafe { zend_ce_arrayaccess },
        // SAFETY: as above.
        || unsafe { zend_ce_countable },
    ],
    methods: &[
        method(c"__construct", construct, &[], Ty::None),
        method(c"__destruct", nothing, &[], Ty::None),
        method(c"rewind", rewind, &[], VOID),
        method(c"next", next, &[], VOID),
        method(c"current", current, &[], MIXED),
        method(c"key", key, &[], MIXED),
        method(c"valid", valid, &[], BOOL),
        method(c"count", count, &[], INT),
        method(c"offsetExists", offset_exists, OFFSET, BOOL),
        method(c"offsetGet", offset_get, OFFSET, MIXED),
        method(
            c"offsetSet",
            offset_set,
            &[arg(c"fd", MIXED), arg(c"value", MIXED)],
            VOID,
        ),
        method(c"offsetUnset", offset_unset, OFFSET, VOID),
    ],
    properties: &[],
    flags: ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_plain),
    aliases: &[c"swoole_connection_iterator"],
    entry: &ITERATOR,
};

/// Makes an iterator over one port's connections or over all, with one reference. Inside `protect`.
#[must_use]
pub fn new_object(server_id: i64, port: Option<usize>) -> Value {
    let mut place = undef();
    // SAFETY: a class of ours; its objects have the native layout.
    unsafe {
        object_init_ex(place.ptr(), ITERATOR.get());
        let native = object::native(place.value.obj);
        (*native).server_id = server_id;
        (*native).port = port.map_or(-1, |index| index as i64);
    }
    place
}

fn state<'a>(frame: Frame) -> &'a mut Native {
    // SAFETY: methods of this class are called on its objects, which have the native layout and live
    // through the call; no two such references are in use at a time: no method here calls another.
    unsafe { &mut *object::native(frame.this()) }
}

fn do_construct(_: Frame, _: Place<'_>) -> Result<(), Stop> {
    Err(Stop::error("please use the Swoole\\Server->connections"))
}

fn do_nothing(_: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_null(place);
    Ok(())
}

fn do_rewind(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let state = state(frame);
    (state.after, state.current, state.index) = (0, 0, 0);
    set_null(place);
    Ok(())
}

fn do_valid(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let state = state(frame);
    let next = match server::current() {
        Some(context) => context.client_list(state.after.cast_unsigned(), 1)?,
        None => Vec::new(),
    };
    let session = next.first().map_or(0, |id| id.cast_signed());
    if session != 0 && session != state.current {
        state.index += 1;
    }
    state.current = session;
    set_bool(place, session != 0);
    Ok(())
}

fn do_current(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    set_long(place, state(frame).current);
    Ok(())
}

fn do_key(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    set_long(place, state(frame).index);
    Ok(())
}

fn do_next(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let state = state(frame);
    state.after = state.current.max(state.after);
    set_null(place);
    Ok(())
}

fn do_count(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let count = server::current().map_or(0, |context| context.connection_count());
    set_long(place, count.cast_signed());
    Ok(())
}

fn do_offset_exists(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut fd = 0_i64;
    parse!(frame, c"l", fd)?;
    let context = server_methods::running()?;
    set_bool(place, u64::try_from(fd).is_ok_and(|id| context.exists(id)));
    Ok(())
}

fn do_offset_get(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut fd = 0_i64;
    parse!(frame, c"l", fd)?;
    server_methods::client_info(place, fd, false)
}

fn do_offset_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut any: *mut zval = std::ptr::null_mut();
    let mut value: *mut zval = std::ptr::null_mut();
    parse!(frame, c"zz", any, value)?;
    set_null(place);
    Ok(())
}

fn do_offset_unset(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut any: *mut zval = std::ptr::null_mut();
    parse!(frame, c"z", any)?;
    set_null(place);
    Ok(())
}
