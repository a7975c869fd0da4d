//! Whole files, and what file systems tell of themselves.

use super::{offload, remember_errno};
use crate::php::convert::{Item, bytes_of, return_array, return_bytes, set_bool, set_long};
use crate::php::coroutine::co::Wait;
use crate::php::coroutine::{current, required};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, Thrown, parse};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use swoole_core::error;
use swoole_core::log;
use swoole_core::sys::files::{self, Failed, WriteFlags};

/// `FILE_APPEND`
pub const APPEND: i64 = 8;
/// `LOCK_EX`, `FILE_LOCK`
const LOCK: i64 = 2;

fn path_of(path: *mut zend_string, what: &str) -> Result<PathBuf, Stop> {
    let path = bytes_of(path);
    if path.is_empty() {
        return Err(Stop::Throw {
            class: Thrown::ValueError,
            code: 0,
            message: format!("{what} cannot be empty"),
        });
    }
    Ok(PathBuf::from(OsStr::from_bytes(path)))
}

/// Says in the log what failed, as the reference does, and remembers it for the script.
pub fn note(failed: &Failed) {
    let Failed { call, errno } = failed;
    let why = error::describe(*errno);
    log::warning(format_args!("{call} failed, Error: {why}[{errno}]"));
    remember_errno(*errno);
}

pub fn do_read_file(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut path: *mut zend_string = std::ptr::null_mut();
    let mut flags = 0_i64;
    parse!(frame, c"P|l", path, flags)?;
    let path = path_of(path, "Filename")?;
    required()?;
    let lock = flags & LOCK != 0;
    let read = offload("readFile()", Wait::Uncancellable, None, move || {
        files::read(&path, lock)
    })?;
    match read {
        Ok(Ok(content)) => return Ok(return_bytes(place, &content)?),
        Ok(Err(failed)) => note(&failed),
        Err(_) => {}
    }
    set_bool(place, false);
    Ok(())
}

pub fn do_write_file(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut path: *mut zend_string = std::ptr::null_mut();
    let mut content: *mut zend_string = std::ptr::null_mut();
    let mut flags = 0_i64;
    parse!(frame, c"PS|l", path, content, flags)?;
    let path = path_of(path, "Filename")?;
    required()?;
    let content = bytes_of(content).to_vec();
    let length = content.len() as i64;
    let flags = WriteFlags {
        append: flags & APPEND != 0,
        lock: flags & LOCK != 0,
    };
    let written = offload("writeFile()", Wait::Uncancellable, None, move || {
        files::write(&path, &content, flags)
    })?;
    match written {
        Ok(Ok(())) => {
            set_long(place, length);
            return Ok(());
        }
        Ok(Err(failed)) => note(&failed),
        Err(_) => {}
    }
    set_bool(place, false);
    Ok(())
}

pub fn do_statvfs(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut path: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"P", path)?;
    let path = path_of(path, "Path")?;
    // Outside of coroutines nobody else is held up.
    let stat = if current().is_some() {
        offload("statvfs()", Wait::Uncancellable, None, move || {
            files::statvfs(&path)
        })?
    } else {
        Ok(files::statvfs(&path))
    };
    match stat {
        Ok(Ok(numbers)) => {
            let items = numbers.map(|(name, value)| (name, Item::Long(value as i64)));
            return Ok(return_array(place, &items)?);
        }
        Ok(Err(errno)) => remember_errno(errno as i32),
        Err(_) => {}
    }
    set_bool(place, false);
    Ok(())
}
