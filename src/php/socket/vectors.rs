//! Receiving into several strings, and sending several at once.

use super::answer::{OF_SOCKET, check, failed, open, thrown};
use super::bytes::sent_so_far;
use crate::php::convert::{bytes_of, for_each, set_long, set_new_array};
use crate::php::ffi::*;
use crate::php::method::{Bailout, Frame, Stop, parse, protect};
use crate::php::string_buffer::StringBuffer;
use swoole_core::coroutine::socket::{Failure, Fault, Interest, MAX_SLICES};
use swoole_core::sys::transfer::Room;

/// The argument's array and the timeout.
fn array_and_timeout(frame: Frame) -> Result<(*mut HashTable, f64), Stop> {
    let mut array: *mut zval = std::ptr::null_mut();
    let mut timeout_s = 0.0_f64;
    parse!(frame, c"a|d", array, timeout_s)?;
    // SAFETY: an argument of the running call, an array.
    Ok((unsafe { (*array).value.arr }, timeout_s))
}

fn too_many(array: *mut HashTable) -> Option<Failure> {
    // SAFETY: a live array.
    let count = unsafe { zend_array_count(array) } as usize;
    (count > MAX_SLICES).then(|| {
        let text = format!("The maximum of iov count is {MAX_SLICES}");
        Failure::explained(libc::EINVAL, text)
    })
}

/// A type as messages name it.
pub fn type_name(value: *mut zval) -> &'static str {
    // SAFETY: a live zval.
    match u32::from(unsafe { type_of(value) }) {
        IS_NULL => "null",
        IS_FALSE | IS_TRUE => "bool",
        IS_LONG => "int",
        IS_DOUBLE => "float",
        IS_STRING => "string",
        IS_ARRAY => "array",
        IS_OBJECT => "object",
        IS_RESOURCE => "resource",
        _ => "unknown",
    }
}

/// Reads the items; the first that `read` refuses is named in an exception.
fn items<T>(
    array: *mut HashTable,
    wanted: &str,
    mut read: impl FnMut(*mut zval) -> Result<T, Option<&'static str>>,
) -> Result<Vec<T>, Stop> {
    let mut items = Vec::new();
    let mut refused = None;
    let mut index = 0;
    for_each(array, |_, value| {
        if refused.is_none() {
            // SAFETY: an item of a live array.
            let value = unsafe { deref(value) };
            match read(value) {
                Ok(item) => items.push(item),
                Err(Some(why)) => refused = Some(format!("Item #[{index}] {why}")),
                Err(None) => {
                    let given = type_name(value);
                    refused = Some(format!(
                        "Item #[{index}] must be of type {wanted}, {given} given"
                    ));
                }
            }
        }
        index += 1;
    });
    match refused {
        Some(text) => Err(thrown(libc::EINVAL, &text)),
        None => Ok(items),
    }
}

pub fn do_write(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    write(frame, place, false)
}

pub fn do_write_all(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    write(frame, place, true)
}

fn write(frame: Frame, place: Place<'_>, all: bool) -> Result<(), Stop> {
    let (array, timeout_s) = array_and_timeout(frame)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if let Some(failure) = too_many(array) {
        return failed(frame, place, failure);
    }
    // The argument keeps the array, and the array the strings, whatever user code does meanwhile.
    let slices: Vec<&[u8]> = items(array, "string", |value| {
        // SAFETY: a live zval, read for the type that says so.
        unsafe {
            if u32::from(type_of(value)) != IS_STRING {
                return Err(None);
            }
            match bytes_of((*value).value.str_) {
                [] => Err(Some("cannot be empty string")),
                bytes => Ok(bytes),
            }
        }
    })?;
    if let Err(failure) = check(&socket, Some(Interest::Write))? {
        return failed(frame, place, failure);
    }
    let limit = socket.link.limit(timeout_s, Interest::Write);
    let park = socket.park();
    let mut operation = match socket.link.begin(&park, limit) {
        Ok(operation) => operation,
        Err(errno) => return failed(frame, place, errno),
    };
    let (sent, result) = if all {
        operation.send_vector_all(&slices)
    } else {
        match operation.send_vector(&slices, 0) {
            Ok(sent) => (sent, Ok(())),
            Err(fault) => (0, Err(fault)),
        }
    };
    match result {
        Err(fault) if all && sent == 0 && has_waited(fault) => {
            OF_SOCKET.note(frame, &fault.into())?;
            set_long(place, 0);
            Ok(())
        }
        result => sent_so_far(frame, place, sent, result),
    }
}

/// Whether there was nothing wrong with the connection. Calls that go on to the end then answer with how
/// far they came, even if that is nothing.
fn has_waited(fault: Fault) -> bool {
    matches!(fault, Fault::TimedOut | Fault::Canceled)
}

pub fn do_read(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    read(frame, place, false)
}

pub fn do_read_all(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    read(frame, place, true)
}

fn read(frame: Frame, place: Place<'_>, all: bool) -> Result<(), Stop> {
    let (array, timeout_s) = array_and_timeout(frame)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if let Some(failure) = too_many(array) {
        return failed(frame, place, failure);
    }
    let lengths: Vec<usize> = items(array, "int", |value| {
        // SAFETY: a live zval, read for the type that says so.
        unsafe {
            if u32::from(type_of(value)) != IS_LONG {
                return Err(None);
            }
            usize::try_from((*value).value.lval).map_err(|_| Some("must be greater than 0"))
        }
    })?;
    if let Err(failure) = check(&socket, Some(Interest::Read))? {
        return failed(frame, place, failure);
    }
    let limit = socket.link.limit(timeout_s, Interest::Read);
    let park = socket.park();
    let mut operation = match socket.link.begin(&park, limit) {
        Ok(operation) => operation,
        Err(errno) => return failed(frame, place, errno),
    };
    let mut strings = Vec::with_capacity(lengths.len());
    for length in &lengths {
        strings.push(StringBuffer::new(*length)?);
    }
    let mut rooms: Vec<Room<'_>> = strings
        .iter_mut()
        .map(|string| Room::new(string.memory()))
        .collect();
    let total: usize = lengths.iter().fold(0, |sum, len| sum.saturating_add(*len));
    let mut got = 0;
    for room in &mut rooms {
        got += socket.link.take(room.left(), |bytes| room.put(bytes));
    }
    let result = loop {
        if got >= if all { total } else { 1 } {
            break Ok(());
        }
        match operation.recv_vector(&mut rooms) {
            Ok(0) => break Ok(()),
            Ok(more) => got += more,
            Err(fault) => break Err(fault),
        }
    };
    let filled: Vec<usize> = rooms.iter().map(Room::len).collect();
    drop(rooms);
    match result {
        Ok(()) => OF_SOCKET.clear(frame)?,
        Err(fault @ (Fault::Ended | Fault::Outside)) => return failed(frame, place, fault),
        Err(fault) if got == 0 && !(all && has_waited(fault)) => {
            return failed(frame, place, fault);
        }
        Err(fault) => OF_SOCKET.note(frame, &fault.into())?,
    }
    Ok(return_strings(place, strings, &filled, got == total)?)
}

/// The strings that are filled, the last one perhaps in part; an empty one in between or, if all are
/// whole, at the end, is one that was asked for.
fn return_strings(
    place: Place<'_>,
    strings: Vec<StringBuffer>,
    filled: &[usize],
    is_whole: bool,
) -> Result<(), Bailout> {
    protect(|| set_new_array(place, filled.len()))?;
    let count = match filled.iter().rposition(|len| *len > 0) {
        Some(last) if !is_whole => last + 1,
        Some(_) => filled.len(),
        None => 0,
    };
    for (string, len) in strings.into_iter().zip(filled).take(count) {
        let mut value = undef();
        // SAFETY: the room over this string said that it is filled so far.
        unsafe { string.finish(value.place(), *len) }?;
        // SAFETY: an array of our own, which takes the string's reference over.
        protect(|| unsafe {
            zend_hash_next_index_insert((*place.ptr()).value.arr, value.ptr());
        })?;
    }
    Ok(())
}
