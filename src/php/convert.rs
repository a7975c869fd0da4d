//! The one place where zvals are made from Rust values and read into them.

use super::ffi::*;
use super::method::{Bailout, Stop, protect};
use swoole_core::options::Raw;

/// Arrays inside arrays, as `set()` takes them, are followed this deep.
const MAX_DEPTH: u32 = 8;

/// Writes a bool.
#[inline]
pub fn set_bool(place: Place<'_>, value: bool) {
    // SAFETY: a place may be overwritten.
    unsafe { (*place.ptr()).u1.type_info = if value { IS_TRUE } else { IS_FALSE } }
}

/// Writes an int.
#[inline]
pub fn set_long(place: Place<'_>, value: i64) {
    // SAFETY: as in `set_bool`.
    unsafe {
        (*place.ptr()).value.lval = value;
        (*place.ptr()).u1.type_info = IS_LONG;
    }
}

/// Writes a float.
#[inline]
pub fn set_double(place: Place<'_>, value: f64) {
    // SAFETY: as in `set_bool`.
    unsafe {
        (*place.ptr()).value.dval = value;
        (*place.ptr()).u1.type_info = IS_DOUBLE;
    }
}

/// Writes null.
#[inline]
pub fn set_null(place: Place<'_>) {
    // SAFETY: as in `set_bool`.
    unsafe { (*place.ptr()).u1.type_info = IS_NULL }
}

/// Writes an object without taking a reference.
#[inline]
pub fn set_object(place: Place<'_>, object: *mut zend_object) {
    // SAFETY: as in `set_bool`; the object lives as long as the zval is used.
    unsafe {
        (*place.ptr()).value.obj = object;
        (*place.ptr()).u1.type_info = IS_OBJECT_EX;
    }
}

/// Writes a new string. The engine may bail out (memory limit): call inside [`protect`].
#[inline]
pub fn set_bytes(place: Place<'_>, bytes: &[u8]) {
    // SAFETY: as in `set_bool`; the engine copies the bytes. For an empty or a one-byte string it may
    // give its own static one, which must not be counted: the flag tells.
    unsafe {
        let string = ext_php_rs_zend_string_init(bytes.as_ptr().cast(), bytes.len(), false);
        let interned = (*string).gc.u.type_info & GC_IMMUTABLE != 0;
        (*place.ptr()).value.str_ = string;
        (*place.ptr()).u1.type_info = if interned {
            IS_INTERNED_STRING_EX
        } else {
            IS_STRING_EX
        };
    }
}

/// Writes a new string as a method's result.
pub fn return_bytes(place: Place<'_>, bytes: &[u8]) -> Result<(), Bailout> {
    protect(|| set_bytes(place, bytes))
}

/// Writes a copy of `value`, which stays as it is.
#[inline]
pub fn set_copy(place: Place<'_>, value: *mut zval) {
    // SAFETY: both are valid; a counted value gets one more reference.
    unsafe {
        let value = deref(value);
        std::ptr::copy_nonoverlapping(value, place.ptr(), 1);
        try_addref(value);
    }
}

/// One value of an array that [`return_array`] builds.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    Long(i64),
    Double(f64),
    Bytes(&'a [u8]),
}

/// Writes an array with string keys, in order.
pub fn return_array(place: Place<'_>, items: &[(&str, Item<'_>)]) -> Result<(), Bailout> {
    protect(|| {
        set_new_array(place, items.len());
        for (key, item) in items {
            let (key, len) = (key.as_ptr().cast(), key.len());
            // SAFETY: `place` holds an array of our own; the engine copies key and bytes.
            unsafe {
                match *item {
                    Item::Long(n) => add_assoc_long_ex(place.ptr(), key, len, n),
                    Item::Double(d) => add_assoc_double_ex(place.ptr(), key, len, d),
                    Item::Bytes(b) => {
                        add_assoc_stringl_ex(place.ptr(), key, len, b.as_ptr().cast(), b.len());
                    }
                }
            }
        }
    })
}

/// Writes a list of ints.
pub fn return_list(place: Place<'_>, values: &[u64]) -> Result<(), Bailout> {
    protect(|| {
        set_new_array(place, values.len());
        for &value in values {
            // SAFETY: `place` holds an array of our own.
            unsafe { add_next_index_long(place.ptr(), value as i64) };
        }
    })
}

/// Writes a list of strings.
pub fn return_strings(place: Place<'_>, values: &[String]) -> Result<(), Bailout> {
    protect(|| {
        set_new_array(place, values.len());
        for value in values {
            // SAFETY: `place` holds an array of our own; the engine copies the bytes.
            unsafe {
                add_next_index_stringl(place.ptr(), value.as_ptr().cast(), value.len());
            }
        }
    })
}

/// Writes an empty array; inside [`protect`].
pub fn set_new_array(place: Place<'_>, size: usize) {
    // SAFETY: as in `set_bool`; the new array is counted once, by `place`.
    unsafe {
        (*place.ptr()).value.arr = _zend_new_array(u32::try_from(size).unwrap_or(0));
        (*place.ptr()).u1.type_info = IS_ARRAY_EX;
    }
}

/// The bytes of a string argument. Valid while the call runs and PHP code does not.
#[must_use]
pub fn bytes_of<'a>(string: *const zend_string) -> &'a [u8] {
    // SAFETY: callers pass the string of an argument of the running call, which the frame keeps.
    unsafe { str_bytes(string) }
}

/// Reads a value of `set()`. Runs no user code and allocates nothing in the engine.
#[must_use]
pub fn to_raw(value: *mut zval) -> Raw {
    raw_at(value, 0)
}

fn raw_at(value: *mut zval, depth: u32) -> Raw {
    // SAFETY: callers pass a live zval; each union member is read for the type that says so.
    unsafe {
        let value = deref(value);
        match u32::from(type_of(value)) {
            IS_UNDEF | IS_NULL => Raw::Null,
            IS_FALSE => Raw::Bool(false),
            IS_TRUE => Raw::Bool(true),
            IS_LONG => Raw::Int((*value).value.lval),
            IS_DOUBLE => Raw::Float((*value).value.dval),
            IS_STRING => Raw::Str(str_bytes((*value).value.str_).to_vec()),
            IS_ARRAY if depth >= MAX_DEPTH => Raw::Other("deeply nested array"),
            IS_ARRAY => raw_array((*value).value.arr, depth + 1),
            IS_OBJECT if zend_is_callable(value, 0, std::ptr::null_mut()) => Raw::Callable,
            IS_OBJECT => Raw::Other("object"),
            IS_RESOURCE => Raw::Other("resource"),
            _ => Raw::Other("unknown type"),
        }
    }
}

fn raw_array(array: *mut HashTable, depth: u32) -> Raw {
    let mut list = Vec::new();
    let mut map = Vec::new();
    let mut next_index = 0_i64;
    let mut is_list = true;
    for_each(array, |key, value| {
        let raw = raw_at(value, depth);
        match key {
            Key::Index(index) => {
                is_list &= index == next_index;
                next_index += 1;
                map.push((index.to_string(), raw));
            }
            Key::Name(name) => {
                is_list = false;
                map.push((String::from_utf8_lossy(name).into_owned(), raw));
            }
        }
    });
    if is_list {
        list.extend(map.into_iter().map(|(_, raw)| raw));
        Raw::List(list)
    } else {
        Raw::Map(map)
    }
}

/// The entries of an array of options.
#[must_use]
pub fn to_options(array: *mut HashTable) -> Vec<(String, Raw)> {
    let mut given = Vec::new();
    for_each(array, |key, value| {
        let name = match key {
            Key::Name(name) => String::from_utf8_lossy(name).into_owned(),
            Key::Index(index) => index.to_string(),
        };
        given.push((name, to_raw(value)));
    });
    given
}

/// A key of a PHP array.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    Index(i64),
    Name(&'a [u8]),
}

/// Visits an array in order. `f` must not change the array.
pub fn for_each(array: *mut HashTable, mut f: impl FnMut(Key<'_>, *mut zval)) {
    // SAFETY: callers pass a live array; the iteration functions keep `position` within it and return
    // null past the end; the key zval gets a reference that is given back.
    unsafe {
        let mut position: HashPosition = 0;
        loop {
            let value = zend_hash_get_current_data_ex(array, &raw mut position);
            if value.is_null() {
                return;
            }
            let value = if u32::from(type_of(value)) == IS_INDIRECT {
                (*value).value.zv
            } else {
                value
            };
            let mut key = undef();
            zend_hash_get_current_key_zval_ex(array, key.ptr(), &raw const position);
            if u32::from(type_of(key.ptr())) == IS_STRING {
                f(Key::Name(str_bytes(key.value.str_)), value);
                zval_ptr_dtor(key.ptr());
            } else {
                f(Key::Index(key.value.lval), value);
            }
            zend_hash_move_forward_ex(array, &raw mut position);
        }
    }
}

/// A class by its name, loaded if need be; null if there is none. An exception of an autoloader goes on.
pub fn look_up_class(name: &[u8]) -> Result<*mut zend_class_entry, Stop> {
    let class = protect(|| {
        let mut text = undef();
        set_bytes(text.place(), name);
        // SAFETY: the name is ours and released; autoloaders may run, and nothing else is owned.
        unsafe {
            let class = zend_lookup_class_ex(text.value.str_, std::ptr::null_mut(), 0);
            zval_ptr_dtor(text.ptr());
            class
        }
    })?;
    // SAFETY: reading a word of the engine's globals.
    if !unsafe { (*eg()).exception }.is_null() {
        return Err(Stop::Thrown);
    }
    Ok(class)
}
