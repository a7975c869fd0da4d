//! `swoole_substr_*`: decoding a part of a string where it stands.

use crate::php::class::*;
use crate::php::convert::{bytes_of, set_bool, set_bytes, set_null};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, Thrown, docref, protect};
use crate::php::method::{parse, trampolines};
use std::ffi::c_char;

trampolines! {
    substr_unserialize => do_unserialize;
    substr_json_decode => do_json_decode;
}

pub static FUNCTIONS: &[MethodDef] = &[
    function(
        c"swoole_substr_unserialize",
        substr_unserialize,
        &[
            arg(c"str", STRING),
            arg(c"offset", INT),
            opt(c"length", INT, c"0"),
            opt(c"options", ARRAY, c"[]"),
        ],
        MIXED,
    ),
    function(
        c"swoole_substr_json_decode",
        substr_json_decode,
        &[
            arg(c"str", STRING),
            arg(c"offset", INT),
            opt(c"length", INT, c"0"),
            opt(c"associative", BOOL, c"false"),
            opt(c"depth", INT, c"512"),
            opt(c"flags", INT, c"0"),
        ],
        MIXED,
    ),
];

/// `PHP_JSON_OBJECT_AS_ARRAY`
const JSON_OBJECT_AS_ARRAY: i64 = 1;
/// `PHP_JSON_THROW_ON_ERROR`
const JSON_THROW_ON_ERROR: i64 = 1 << 22;
/// Deeper nesting is refused, as by json_decode().
const MAX_JSON_DEPTH: i64 = i32::MAX as i64;

/// Why there is no such part.
#[derive(Clone, Copy, Debug)]
enum NoPart {
    Empty,
    BeforeStart,
    BehindEnd,
}

/// A part of a string: an `offset` below 0 counts from the end; a `length` of 0 or less, or of more than
/// there is, goes to the end.
fn part(whole: &[u8], offset: i64, length: i64) -> Result<&[u8], NoPart> {
    if whole.is_empty() {
        return Err(NoPart::Empty);
    }
    let start = if offset < 0 {
        let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
        whole.len().checked_sub(back).ok_or(NoPart::BeforeStart)?
    } else {
        usize::try_from(offset).unwrap_or(usize::MAX)
    };
    let rest = whole.get(start..).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or(NoPart::BehindEnd)?;
    let length = usize::try_from(length).unwrap_or(0);
    Ok(match length {
        0 => rest,
        _ => rest.get(..length).unwrap_or(rest),
    })
}

fn do_unserialize(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut string: *mut zend_string = std::ptr::null_mut();
    let (mut offset, mut length) = (0_i64, 0_i64);
    let mut options: *mut zval = std::ptr::null_mut();
    parse!(frame, c"Sl|la", string, offset, length, options)?;
    let Ok(bytes) = part(bytes_of(string), offset, length) else {
        set_bool(place, false);
        return Ok(());
    };
    let options = if options.is_null() {
        std::ptr::null_mut()
    } else {
        // SAFETY: an argument of the running call, an array.
        unsafe { (*options).value.arr }
    };
    // SAFETY: the bytes and the options belong to arguments, which the frame keeps whatever the classes'
    // own code does; `place` may be written to; nothing is owned here.
    Ok(protect(|| unsafe {
        php_unserialize_with_options(
            place.ptr(),
            bytes.as_ptr().cast(),
            bytes.len(),
            options,
            c"swoole_substr_unserialize".as_ptr(),
        );
    })?)
}

fn do_json_decode(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut string: *mut zend_string = std::ptr::null_mut();
    let (mut offset, mut length, mut depth, mut flags) = (0_i64, 0_i64, 512_i64, 0_i64);
    let (mut associative, mut no_associative) = (false, true);
    parse!(
        frame,
        c"Sl|lb!ll",
        string,
        offset,
        length,
        associative,
        no_associative,
        depth,
        flags
    )?;
    let whole = bytes_of(string);
    let bytes = match part(whole, offset, length) {
        Ok(bytes) => bytes,
        Err(why) => {
            set_null(place);
            let text = match why {
                NoPart::Empty => "Non-empty string required",
                NoPart::BeforeStart => {
                    "Offset must be not less than the negative length of the string"
                }
                NoPart::BehindEnd => "Offset must be less than the length of the string",
            };
            return Ok(docref(E_WARNING, text)?);
        }
    };
    if !(1..=MAX_JSON_DEPTH).contains(&depth) {
        return Err(Stop::Throw {
            class: Thrown::ValueError,
            code: 0,
            message: format!(
                "swoole_substr_json_decode(): Argument #5 ($depth) must be from 1 to \
                 {MAX_JSON_DEPTH}, {depth} is not"
            ),
        });
    }
    // As for json_decode(), the argument outweighs the flag.
    if !no_associative {
        flags &= !JSON_OBJECT_AS_ARRAY;
        if associative {
            flags |= JSON_OBJECT_AS_ARRAY;
        }
    }
    // The scanner looks for a NUL behind the last byte, which only the whole string is sure to have.
    let ends = whole.as_ptr_range().end == bytes.as_ptr_range().end;
    // SAFETY: the bytes belong to an argument, which the frame keeps, or to a copy that is released here;
    // `place` may be written to; the globals belong to the json module, which is always there, and to this
    // thread; nothing else is owned.
    Ok(protect(|| unsafe {
        if flags & JSON_THROW_ON_ERROR == 0 {
            json_globals.error_code = 0;
        }
        let decode = |json: *const c_char| {
            php_json_decode_ex(place.ptr(), json, bytes.len(), flags, depth);
        };
        if ends {
            decode(bytes.as_ptr().cast());
        } else {
            let mut copy = undef();
            set_bytes(copy.place(), bytes);
            decode((&raw const (*copy.value.str_).val).cast());
            zval_ptr_dtor(copy.ptr());
        }
    })?)
}
