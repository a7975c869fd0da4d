//! `swoole_client_select()`, also known as `swoole_select()`: waits for several clients, sockets or
//! streams.

use super::class::*;
use super::client::{CLIENT, Client, mistake};
use super::convert::{self, Key, set_copy, set_long, set_new_array};
use super::event_loop;
use super::ffi::*;
use super::method::{Bailout, Frame, Stop, docref, protect};
use super::method::{parse, trampolines};
use super::object;
use super::owned::Owned;
use std::collections::HashMap;
use std::os::fd::RawFd;
use std::time::Duration;
use swoole_core::net::client::{Deadline, timeout_of};
use swoole_core::sys::transfer::{PollEntry, poll_many};

trampolines! {
    select => do_select;
}

/// The functions of this file.
pub static FUNCTIONS: &[MethodDef] = &[
    function(c"swoole_client_select", select, ARGS, INT_OR_FALSE),
    function(c"swoole_select", select, ARGS, INT_OR_FALSE),
];

const BY_REF: ArgDef = ArgDef {
    by_ref: true,
    ..arg(c"", NULLABLE_ARRAY)
};

const ARGS: &[ArgDef] = &[
    ArgDef {
        name: c"read",
        ..BY_REF
    },
    ArgDef {
        name: c"write",
        ..BY_REF
    },
    ArgDef {
        name: c"except",
        ..BY_REF
    },
    opt(c"timeout", NULLABLE_FLOAT, c"0.5"),
];

/// What an array asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Read,
    Write,
    Except,
}

/// One element of an array that has a descriptor.
struct Element {
    /// Where it stands in its array.
    position: usize,
    fd: RawFd,
    /// Something to read has been received already.
    buffered: bool,
}

struct Asked {
    event: Event,
    /// The variable to change.
    variable: *mut zval,
    /// As it was, whatever user code does to the variable meanwhile.
    array: Owned,
    elements: Vec<Element>,
}

fn do_select(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let null = std::ptr::null_mut::<zval>;
    let (mut read, mut write, mut except) = (null(), null(), null());
    let (mut timeout_s, mut no_timeout) = (0.5_f64, false);
    parse!(
        frame,
        c"a!a!a!|d!",
        read,
        write,
        except,
        timeout_s,
        no_timeout
    )?;
    if no_timeout {
        timeout_s = 0.5;
    }
    let mut asked = Vec::with_capacity(3);
    let arguments = [
        (Event::Read, read),
        (Event::Write, write),
        (Event::Except, except),
    ];
    for (event, variable) in arguments {
        if variable.is_null() {
            continue;
        }
        let array = Owned::new(variable);
        asked.push(Asked {
            event,
            variable,
            elements: elements(&array, event)?,
            array,
        });
    }
    let mut entries = Vec::new();
    let mut index_of = HashMap::new();
    for Asked {
        event, elements, ..
    } in &asked
    {
        for element in elements {
            let index = *index_of.entry(element.fd).or_insert_with(|| {
                entries.push(PollEntry::new(element.fd));
                entries.len() - 1
            });
            want(&mut entries[index], *event);
        }
    }
    if entries.is_empty() {
        return Err(mistake("no resource arrays were passed to select"));
    }
    let buffered: Vec<RawFd> = asked
        .iter()
        .flat_map(|asked| &asked.elements)
        .filter(|element| element.buffered)
        .map(|element| element.fd)
        .collect();
    let timeout = if buffered.is_empty() {
        timeout_of(timeout_s, Some(Duration::ZERO))
    } else {
        Some(Duration::ZERO)
    };
    wait(&mut entries, Deadline::after(timeout))?;
    let has_input = |fd: RawFd| buffered.contains(&fd);
    let ready = entries
        .iter()
        .filter(|entry| entry.is_ready() || has_input(entry.fd()))
        .count();
    for asked in asked {
        answer(&asked, |element| {
            let entry = &entries[index_of[&element.fd]];
            match asked.event {
                Event::Read => entry.readable() || element.buffered,
                Event::Write => entry.writable(),
                Event::Except => entry.hung_up(),
            }
        })?;
    }
    set_long(place, ready as i64);
    Ok(())
}

fn want(entry: &mut PollEntry, event: Event) {
    use swoole_core::sys::socket::Interest;
    match event {
        Event::Read => entry.want(Interest::Read),
        Event::Write => entry.want(Interest::Write),
        // Told in any case.
        Event::Except => {}
    }
}

fn wait(entries: &mut [PollEntry], deadline: Deadline) -> Result<(), Stop> {
    loop {
        match poll_many(entries, deadline.left_ms()) {
            Ok(0) if !deadline.has_passed() => {}
            Ok(_) => return Ok(()),
            Err(errno) if errno as i32 == libc::EINTR && !deadline.has_passed() => {}
            Err(errno) => {
                let code = errno as i32;
                swoole_core::error::set_last(code);
                let text = swoole_core::error::describe(code);
                let message = format!("unable to poll(), Error: {text}[{code}]");
                return Err(Stop::SoftWarning(message));
            }
        }
    }
}

/// The elements that have a descriptor. May run user code.
fn elements(array: &Owned, event: Event) -> Result<Vec<Element>, Stop> {
    let mut values = Vec::new();
    convert::for_each(items_of(array), |_, value| values.push(value));
    let mut elements = Vec::with_capacity(values.len());
    for (position, value) in values.into_iter().enumerate() {
        // The array is kept, so its values stay where they are.
        match event_loop::descriptor(value) {
            Ok(fd) => elements.push(Element {
                position,
                fd,
                buffered: event == Event::Read && has_buffered_input(value),
            }),
            Err(Stop::Warning(message)) => docref(E_WARNING, &message)?,
            Err(stop) => return Err(stop),
        }
    }
    Ok(elements)
}

fn items_of(array: &Owned) -> *mut HashTable {
    // SAFETY: an argument that is an array, the parser says.
    unsafe { array.view().value.arr }
}

/// Whether a client has received something that it has not given out.
fn has_buffered_input(value: *mut zval) -> bool {
    // SAFETY: a live zval; the object is read for the type that says so; its class says that it has
    // the state of a client.
    unsafe {
        let value = deref(value);
        if u32::from(type_of(value)) != IS_OBJECT {
            return false;
        }
        let object = (*value).value.obj;
        let (class, client) = ((*object).ce, CLIENT.get());
        if class != client && !instanceof_function_slow(class, client) {
            return false;
        }
        let Some(state) = object::state::<Client>(object) else {
            return false;
        };
        let link = state.link.borrow().clone();
        link.is_some_and(|link| link.socket.borrow().has_buffered_input())
    }
}

/// Leaves those elements in the variable that are ready.
fn answer(asked: &Asked, is_ready: impl Fn(&Element) -> bool) -> Result<(), Bailout> {
    let mut ready = asked.elements.iter().filter(|element| is_ready(element));
    let mut next = ready.next();
    let mut position = 0;
    protect(|| {
        let mut result = undef();
        set_new_array(result.place(), 0);
        convert::for_each(items_of(&asked.array), |key, value| {
            if next.is_some_and(|element| element.position == position) {
                insert(&mut result, key, value);
                next = ready.next();
            }
            position += 1;
        });
        // SAFETY: the variable of a reference that the frame holds; the new array passes to it, and
        // what it held before is given back at last, for destructors may run.
        unsafe {
            let mut before: Value = std::ptr::read(asked.variable.cast());
            std::ptr::write(asked.variable.cast(), result);
            zval_ptr_dtor(before.ptr());
        }
    })
}

/// Inside `protect`.
fn insert(array: &mut Value, key: Key<'_>, value: *mut zval) {
    let mut copy = undef();
    set_copy(copy.place(), value);
    // SAFETY: an array of our own; the engine takes the value's bits over, whose reference is ours.
    unsafe {
        match key {
            Key::Index(index) => {
                zend_hash_index_update(array.value.arr, index.cast_unsigned(), copy.ptr());
            }
            Key::Name(name) => {
                zend_hash_str_update(
                    array.value.arr,
                    name.as_ptr().cast(),
                    name.len(),
                    copy.ptr(),
                );
            }
        }
    }
}
