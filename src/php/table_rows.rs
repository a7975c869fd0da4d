//! Rows of `Swoole\Table`: values between PHP arrays and shared memory.
//!
//! All conversion, which may run user code, comes before the table is touched: no lock is held while
//! PHP runs.

use super::convert::{bytes_of, set_bool, set_bytes, set_double, set_long, set_new_array};
use super::ffi::*;
use super::method::parse;
use super::method::{Frame, Stop, docref, protect};
use super::table::ready;
use swoole_core::log;
use swoole_core::shm::table::{
    Column, Full, Kind, MAX_KEY_BYTES, Number, RowBuf, Table, Value, hash_key,
};

/// Tables of up to so many columns are stored to without a heap allocation.
const FEW_COLUMNS: usize = 16;

/// The name of a column: a string of the engine, kept for the keys of rows.
#[derive(Debug)]
pub struct Name {
    string: *mut zend_string,
    /// The key under which PHP arrays keep such a name, if it looks like an int.
    index: Option<u64>,
}

impl Name {
    /// Keeps a string of a running call.
    #[must_use]
    pub fn new(string: *mut zend_string) -> Self {
        let text = std::str::from_utf8(bytes_of(string)).ok();
        let index = text
            .and_then(|text| Some((text, text.parse::<i64>().ok()?)))
            .filter(|(text, number)| number.to_string() == *text)
            .map(|(_, number)| number.cast_unsigned());
        // SAFETY: a live string.
        unsafe { keep(string) };
        hash_of(string);
        Name { string, index }
    }

    /// Whether this is the name.
    #[must_use]
    pub fn is(&self, name: &[u8]) -> bool {
        self.bytes() == name
    }

    fn bytes(&self) -> &[u8] {
        bytes_of(self.string)
    }

    /// What an array holds under the name.
    fn find(&self, array: *mut HashTable) -> Option<*mut zval> {
        // SAFETY: a live array and a live string; what is found lives as long as the array is not
        // changed.
        unsafe {
            let value = match self.index {
                Some(index) => zend_hash_index_find(array, index),
                None => zend_hash_find(array, self.string),
            };
            if value.is_null() {
                return None;
            }
            let value = if u32::from(type_of(value)) == IS_INDIRECT {
                (*value).value.zv
            } else {
                value
            };
            let value = deref(value);
            (u32::from(type_of(value)) != IS_UNDEF).then_some(value)
        }
    }

    /// Puts a value, which is moved, into an array under the name; inside `protect`.
    fn put(&self, array: *mut HashTable, value: *mut zval) {
        // SAFETY: a live array of our own; the engine copies the value and counts the key.
        unsafe {
            match self.index {
                Some(index) => zend_hash_index_update(array, index, value),
                None => zend_hash_add_new(array, self.string, value),
            };
        }
    }
}

impl Clone for Name {
    fn clone(&self) -> Self {
        // SAFETY: a live string.
        unsafe { keep(self.string) };
        Name { ..*self }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // SAFETY: the reference that `new` or `clone` took.
        unsafe { ext_php_rs_zend_string_release(self.string) };
    }
}

/// One more reference to a string; an interned one has no count.
///
/// # Safety
/// `string` lives.
unsafe fn keep(string: *mut zend_string) {
    // SAFETY: the caller's promise.
    unsafe {
        if (*string).gc.u.type_info & GC_IMMUTABLE == 0 {
            (*string).gc.refcount += 1;
        }
    }
}

/// The hash of a string, which the engine keeps in it: the same as [`hash_key`] makes.
#[inline]
fn hash_of(string: *mut zend_string) -> u64 {
    // SAFETY: a live string; the engine writes the hash into it, and a string that may not be written
    // to has one.
    unsafe {
        match (*string).h {
            0 => zend_string_hash_func(string),
            hash => hash,
        }
    }
}

/// A key and its hash.
#[inline]
fn key_of<'a>(string: *mut zend_string) -> (&'a [u8], u64) {
    let key = bytes_of(string);
    if key.len() > MAX_KEY_BYTES {
        let key = &key[..MAX_KEY_BYTES];
        return (key, hash_key(key));
    }
    (key, hash_of(string))
}

/// The argument at `index`, if it is a string already.
#[inline]
fn string_arg(frame: Frame, index: usize) -> Option<*mut zend_string> {
    let value = frame.arg(index)?;
    // SAFETY: a live argument; the union member is read for the type that says so.
    unsafe { (u32::from(type_of(value)) == IS_STRING).then(|| (*value).value.str_) }
}

/// A key as the only argument.
#[inline]
fn only_key(frame: Frame) -> Result<*mut zend_string, Stop> {
    if frame.num_args() == 1
        && let Some(key) = string_arg(frame, 0)
    {
        return Ok(key);
    }
    let mut key: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"S", key)?;
    Ok(key)
}

#[inline]
fn key_and_array(frame: Frame) -> Result<(*mut zend_string, *mut HashTable), Stop> {
    if frame.num_args() == 2
        && let (Some(key), Some(array)) = (string_arg(frame, 0), frame.arg(1))
    {
        // SAFETY: a live argument; the union member is read for the type that says so.
        unsafe {
            if u32::from(type_of(array)) == IS_ARRAY {
                return Ok((key, (*array).value.arr));
            }
        }
    }
    let mut key: *mut zend_string = std::ptr::null_mut();
    let mut array: *mut HashTable = std::ptr::null_mut();
    parse!(frame, c"Sh", key, array)?;
    Ok((key, array))
}

/// `set()`.
pub fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (key_string, array) = key_and_array(frame)?;
    let (state, table) = ready(frame)?;
    let names = state.names.borrow().clone();
    let (key, hash) = key_of(key_string);
    if bytes_of(key_string).len() > MAX_KEY_BYTES {
        let key = String::from_utf8_lossy(bytes_of(key_string));
        docref(E_WARNING, &format!("key[{key}] is too long"))?;
    }
    let columns = table.columns();
    let mut few = [None; FEW_COLUMNS];
    let mut many = Vec::new();
    let values = if columns.len() <= FEW_COLUMNS {
        &mut few[..columns.len()]
    } else {
        many.resize(columns.len(), None);
        &mut many[..]
    };
    let converted;
    if !plain_values(&names, columns, array, values) {
        converted = Converted::of(&names, columns, array)?;
        converted.lend(values);
    }
    warn_of_cuts(key, &names, columns, values);
    match table.set(key, hash, values) {
        Ok(_) => {
            set_bool(place, true);
            Ok(())
        }
        Err(Full) => Err(Stop::SoftWarning(format!(
            "failed to set('{}'), unable to allocate memory",
            String::from_utf8_lossy(key)
        ))),
    }
}

/// Reads the values of an array that need no conversion by the engine. False: some do.
fn plain_values<'a>(
    names: &[Name],
    columns: &[Column],
    array: *mut HashTable,
    values: &mut [Option<Value<'a>>],
) -> bool {
    for ((name, column), place) in names.iter().zip(columns).zip(values) {
        let Some(value) = name.find(array) else {
            continue;
        };
        // SAFETY: a live value; each union member is read for the type that says so; strings live as
        // long as the array of the running call, which nothing changes before they are stored.
        let value = unsafe {
            match (column.kind, u32::from(type_of(value))) {
                (Kind::Int, IS_LONG) => Value::Int((*value).value.lval),
                (Kind::Int, IS_NULL | IS_FALSE) => Value::Int(0),
                (Kind::Int, IS_TRUE) => Value::Int(1),
                (Kind::Float, IS_DOUBLE) => Value::Float((*value).value.dval),
                (Kind::Float, IS_LONG) => Value::Float((*value).value.lval as f64),
                (Kind::Float, IS_NULL) => Value::Float(0.0),
                (Kind::Str { .. }, IS_STRING) => Value::Str(str_bytes((*value).value.str_)),
                (Kind::Str { .. }, IS_NULL) => Value::Str(b""),
                _ => return false,
            }
        };
        *place = Some(value);
    }
    true
}

/// A value that the engine has converted.
enum Temporary {
    None,
    Int(i64),
    Float(f64),
    /// With a reference of ours.
    Str(*mut zend_string),
}

/// Values of a row, kept until they are stored.
struct Converted(Vec<Temporary>);

impl Converted {
    /// May run user code.
    fn of(names: &[Name], columns: &[Column], array: *mut HashTable) -> Result<Self, Stop> {
        let mut converted = Converted(Vec::with_capacity(columns.len()));
        for (name, column) in names.iter().zip(columns) {
            // Looked up anew for each: user code may have changed what a reference holds.
            let Some(value) = name.find(array) else {
                converted.0.push(Temporary::None);
                continue;
            };
            // SAFETY: a live value; the functions convert as a cast in PHP does.
            let temporary = protect(|| unsafe {
                match column.kind {
                    Kind::Int => Temporary::Int(zval_get_long_func(value, false)),
                    Kind::Float => Temporary::Float(zval_get_double_func(value)),
                    Kind::Str { .. } => Temporary::Str(zval_get_string_func(value)),
                }
            })?;
            converted.0.push(temporary);
            // SAFETY: a word of the engine's globals.
            if !unsafe { (*eg()).exception }.is_null() {
                return Err(Stop::Thrown);
            }
        }
        Ok(converted)
    }

    fn lend<'a>(&'a self, values: &mut [Option<Value<'a>>]) {
        for (place, temporary) in values.iter_mut().zip(&self.0) {
            *place = match temporary {
                Temporary::None => None,
                Temporary::Int(n) => Some(Value::Int(*n)),
                Temporary::Float(f) => Some(Value::Float(*f)),
                Temporary::Str(string) => Some(Value::Str(bytes_of(*string))),
            };
        }
    }
}

impl Drop for Converted {
    fn drop(&mut self) {
        for temporary in &self.0 {
            if let Temporary::Str(string) = temporary
                && !string.is_null()
            {
                // SAFETY: the reference that the conversion gave.
                unsafe { ext_php_rs_zend_string_release(*string) };
            }
        }
    }
}

fn warn_of_cuts(key: &[u8], names: &[Name], columns: &[Column], values: &[Option<Value<'_>>]) {
    for ((name, column), value) in names.iter().zip(columns).zip(values) {
        if let Some(Value::Str(bytes)) = value
            && bytes.len() > column.max_bytes()
        {
            log::warning(format_args!(
                "[key={},field={}]string value is too long: {} of {} bytes are stored",
                String::from_utf8_lossy(key),
                String::from_utf8_lossy(name.bytes()),
                column.max_bytes(),
                bytes.len()
            ));
        }
    }
}

/// `get()`.
pub fn do_get(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut key: *mut zend_string = std::ptr::null_mut();
    let mut field: *mut zend_string = std::ptr::null_mut();
    match (frame.num_args(), string_arg(frame, 0), string_arg(frame, 1)) {
        (1, Some(only), _) => key = only,
        (2, Some(first), Some(second)) => (key, field) = (first, second),
        _ => parse!(frame, c"S|S!", key, field)?,
    }
    let (state, table) = ready(frame)?;
    let names = state.names.borrow().clone();
    let column = if field.is_null() {
        None
    } else {
        let field = bytes_of(field);
        let Some(column) = names.iter().position(|name| name.is(field)) else {
            set_bool(place, false);
            return Ok(());
        };
        Some(column)
    };
    let (key, hash) = key_of(key);
    let mut row = state.row.borrow_mut();
    if !table.get(key, hash, column, &mut row) {
        set_bool(place, false);
        return Ok(());
    }
    match column.and_then(|column| table.columns().get(column)) {
        Some(column) => {
            protect(|| set_value(place, column, &row))?;
            Ok(())
        }
        None => return_row(place, &names, &table, &row),
    }
}

/// Writes a column's value; inside `protect`.
fn set_value(place: Place<'_>, column: &Column, row: &RowBuf) {
    match column.kind {
        Kind::Int => set_long(place, row.int(column)),
        Kind::Float => set_double(place, row.float(column)),
        Kind::Str { .. } => set_bytes(place, row.bytes(column)),
    }
}

/// Writes a row as an array.
pub fn return_row(
    place: Place<'_>,
    names: &[Name],
    table: &Table,
    row: &RowBuf,
) -> Result<(), Stop> {
    protect(|| {
        set_new_array(place, names.len());
        // SAFETY: the array just made.
        let array = unsafe { (*place.ptr()).value.arr };
        for (name, column) in names.iter().zip(table.columns()) {
            let mut value = undef();
            set_value(value.place(), column, row);
            name.put(array, value.ptr());
        }
    })?;
    Ok(())
}

/// `del()` and `delete()`.
pub fn do_del(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let key = only_key(frame)?;
    let (_, table) = ready(frame)?;
    let (key, hash) = key_of(key);
    set_bool(place, table.remove(key, hash));
    Ok(())
}

/// `exists()` and `exist()`.
pub fn do_exists(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let key = only_key(frame)?;
    let (_, table) = ready(frame)?;
    let (key, hash) = key_of(key);
    set_bool(place, table.exists(key, hash));
    Ok(())
}

/// `incr()`.
pub fn do_incr(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    change(frame, place, 1)
}

/// `decr()`.
pub fn do_decr(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    change(frame, place, -1)
}

fn change(frame: Frame, place: Place<'_>, sign: i64) -> Result<(), Stop> {
    let mut key: *mut zend_string = std::ptr::null_mut();
    let mut name: *mut zend_string = std::ptr::null_mut();
    let mut by: *mut zval = std::ptr::null_mut();
    match (frame.num_args(), string_arg(frame, 0), string_arg(frame, 1)) {
        (2, Some(first), Some(second)) => (key, name) = (first, second),
        _ => parse!(frame, c"SS|z", key, name, by)?,
    }
    let (state, table) = ready(frame)?;
    let names = state.names.borrow().clone();
    let name = bytes_of(name);
    let Some(column) = names.iter().position(|n| n.is(name)) else {
        let name = String::from_utf8_lossy(name);
        return Err(Stop::Warning(format!("column[{name}] does not exist")));
    };
    let number = match table.columns().get(column).map(|column| column.kind) {
        Some(Kind::Int) => Number::Int(int_of(by)?.wrapping_mul(sign)),
        Some(Kind::Float) => Number::Float(float_of(by)? * sign as f64),
        _ => {
            let method = if sign > 0 { "incr" } else { "decr" };
            return Err(Stop::Warning(format!(
                "can't execute '{method}' on a string type column"
            )));
        }
    };
    let (key, hash) = key_of(key);
    match table.add(key, hash, column, number) {
        Ok(Some(Number::Int(sum))) => set_long(place, sum),
        Ok(Some(Number::Float(sum))) => set_double(place, sum),
        Ok(None) => set_bool(place, false),
        Err(Full) => return Err(Stop::Warning("unable to allocate memory".to_owned())),
    }
    Ok(())
}

/// A value as `(int)` gives it; 1 if there is none. May run user code.
fn int_of(value: *mut zval) -> Result<i64, Stop> {
    if value.is_null() {
        return Ok(1);
    }
    // SAFETY: a live argument.
    let number = protect(|| unsafe {
        let value = deref(value);
        if u32::from(type_of(value)) == IS_LONG {
            return (*value).value.lval;
        }
        zval_get_long_func(value, false)
    })?;
    no_exception(number)
}

/// A value as `(float)` gives it; 1 if there is none. May run user code.
fn float_of(value: *mut zval) -> Result<f64, Stop> {
    if value.is_null() {
        return Ok(1.0);
    }
    // SAFETY: a live argument.
    let number = protect(|| unsafe { zval_get_double_func(deref(value)) })?;
    no_exception(number)
}

fn no_exception<T>(value: T) -> Result<T, Stop> {
    // SAFETY: a word of the engine's globals.
    if unsafe { (*eg()).exception }.is_null() {
        Ok(value)
    } else {
        Err(Stop::Thrown)
    }
}
