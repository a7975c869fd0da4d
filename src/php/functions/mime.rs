//! `swoole_mime_type_*`: the types of files by their names.

use crate::php::class::*;
use crate::php::convert::{bytes_of, return_bytes, return_strings, set_bool, set_null};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop};
use crate::php::method::{parse, trampolines};
use std::borrow::Cow;
use swoole_core::protocol::mime;

trampolines! {
    mime_type_add => add;
    mime_type_set => set;
    mime_type_delete => delete;
    mime_type_get => get;
    mime_type_exists => exists;
    mime_type_list => list;
}

const CHANGE: &[ArgDef] = &[arg(c"suffix", STRING), arg(c"mime_type", STRING)];
const FILE: &[ArgDef] = &[arg(c"filename", STRING)];

pub static FUNCTIONS: &[MethodDef] = &[
    function(c"swoole_mime_type_add", mime_type_add, CHANGE, BOOL),
    function(c"swoole_mime_type_set", mime_type_set, CHANGE, VOID),
    function(
        c"swoole_mime_type_delete",
        mime_type_delete,
        &[arg(c"suffix", STRING)],
        BOOL,
    ),
    function(c"swoole_mime_type_get", mime_type_get, FILE, STRING),
    function(c"swoole_get_mime_type", mime_type_get, FILE, STRING),
    function(c"swoole_mime_type_exists", mime_type_exists, FILE, BOOL),
    function(c"swoole_mime_type_list", mime_type_list, &[], ARRAY),
];

fn one(frame: Frame) -> Result<Cow<'static, str>, Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"S", name)?;
    Ok(String::from_utf8_lossy(bytes_of(name)))
}

fn two(frame: Frame) -> Result<(Cow<'static, str>, Cow<'static, str>), Stop> {
    let mut suffix: *mut zend_string = std::ptr::null_mut();
    let mut kind: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"SS", suffix, kind)?;
    let text = |string| String::from_utf8_lossy(bytes_of(string));
    Ok((text(suffix), text(kind)))
}

fn add(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (suffix, kind) = two(frame)?;
    set_bool(place, mime::add(&suffix, &kind));
    Ok(())
}

fn set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (suffix, kind) = two(frame)?;
    mime::set(&suffix, &kind);
    set_null(place);
    Ok(())
}

fn delete(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_bool(place, mime::delete(&one(frame)?));
    Ok(())
}

fn get(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let kind = mime::of_file(&one(frame)?);
    Ok(return_bytes(place, kind.as_bytes())?)
}

fn exists(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    set_bool(place, mime::is_known(&one(frame)?));
    Ok(())
}

fn list(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    Ok(return_strings(place, &mime::list())?)
}
