//! Files and host names with callbacks, as scripts used them before there were coroutines. A file is opened
//! at once, so that a mistake is answered with false; reading and writing go on in threads of the pool, and
//! the callbacks are called by the event loop.
//!
//! A failure on the way is in the log and in `swoole_last_error()`, and the callback gets an empty string
//! (reading) or -1 (writing).

use super::class::*;
use super::convert::{bytes_of, set_bool, set_bytes, set_long};
use super::coroutine_system::files::{APPEND, note};
use super::event_loop;
use super::ffi::*;
use super::method::{Frame, Stop, callable_places, protect};
use super::method::{parse, trampolines};
use super::owned::OwnedCallback;
use super::{async_write, callback};
use async_write::{Finished, Place as WriteAt};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use swoole_core::error::{self, Error, codes};
use swoole_core::net::dns::{self, Family, Source};
use swoole_core::reactor::thread_pool;
use swoole_core::sys::files::Failed;

trampolines! {
    read_file => do_read_file;
    write_file => do_write_file;
    read => do_read;
    write => do_write;
    dns_lookup => do_dns_lookup;
}

const FILENAME: ArgDef = arg(c"filename", STRING);
const CONTENT: ArgDef = arg(c"content", STRING);
const CALLBACK: ArgDef = arg(c"callback", CALLABLE);
const OPTIONAL_CALLBACK: ArgDef = opt(c"callback", NULLABLE_CALLABLE, c"null");

pub static FUNCTIONS: &[MethodDef] = &[
    function(
        c"swoole_async_readfile",
        read_file,
        &[FILENAME, CALLBACK],
        BOOL,
    ),
    function(
        c"swoole_async_writefile",
        write_file,
        &[
            FILENAME,
            CONTENT,
            OPTIONAL_CALLBACK,
            opt(c"flags", INT, c"0"),
        ],
        BOOL,
    ),
    function(
        c"swoole_async_read",
        read,
        &[
            FILENAME,
            CALLBACK,
            opt(c"chunk_size", INT, c"65536"),
            opt(c"offset", INT, c"0"),
        ],
        BOOL,
    ),
    function(
        c"swoole_async_write",
        write,
        &[
            FILENAME,
            CONTENT,
            opt(c"offset", INT, c"-1"),
            OPTIONAL_CALLBACK,
        ],
        BOOL,
    ),
    function(
        c"swoole_async_dns_lookup",
        dns_lookup,
        &[arg(c"hostname", STRING), CALLBACK],
        BOOL,
    ),
];

/// Files that are read or written in one piece.
pub const MAX_FILE_BYTES: u64 = 4 << 20;
const MAX_CHUNK_BYTES: u64 = 1 << 20;
const DEFAULT_CHUNK_BYTES: u64 = 64 << 10;

fn path_of(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

/// Says why and answers false.
fn refused(call: &str, name: &[u8], error: &io::Error) -> Stop {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    error::set_last(errno);
    Stop::Warning(format!(
        "{call}({}) failed, Error: {}[{errno}]",
        String::from_utf8_lossy(name),
        error::describe(errno)
    ))
}

/// Calls back with a name and one more value, which `fill` makes.
fn tell(callback: &OwnedCallback, name: &[u8], fill: impl FnOnce(&mut Value)) {
    let mut args = [undef(), undef()];
    let made = protect(|| {
        let [first, second] = &mut args;
        set_bytes(first.place(), name);
        fill(second);
    });
    if made.is_ok() {
        event_loop::call(callback.callback(), &args);
    } else {
        callback::note_bailout();
    }
    release(args);
}

fn release(args: [Value; 2]) {
    for mut arg in args {
        // SAFETY: strings and numbers of our own, given back once.
        unsafe { zval_ptr_dtor(arg.ptr()) };
    }
}

fn failed(call: &str, name: &[u8], error: &io::Error) {
    note(&Failed {
        call: format!("{call}({})", String::from_utf8_lossy(name)),
        errno: error.raw_os_error().unwrap_or(libc::EIO),
    });
}

// ---- reading ----

fn open_to_read(name: &[u8]) -> Result<(File, u64), Stop> {
    // A pipe without a writer is not waited for: it has no size and is refused.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path_of(name));
    let opened = file.and_then(|file| {
        let size = file.metadata()?.len();
        Ok((file, size))
    });
    opened.map_err(|error| refused("open", name, &error))
}

fn do_read_file(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let (mut fci, mut fcc) = callable_places();
    parse!(frame, c"Pf", name, fci, fcc)?;
    let callback = kept(frame, 1)?;
    let name = bytes_of(name).to_vec();
    let (file, size) = open_to_read(&name)?;
    if size == 0 {
        return Err(Stop::Warning("file is empty".to_owned()));
    }
    if size > MAX_FILE_BYTES {
        return Err(Stop::Warning(format!(
            "file_size[size={size}|max_size={MAX_FILE_BYTES}] is too big. Please use \
             swoole_async_read"
        )));
    }
    event_loop::ready()?;
    let job = move || {
        let mut content = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(&file, MAX_FILE_BYTES), &mut content)
            .map(|_| content)
    };
    let done = move |read: io::Result<Vec<u8>>| {
        let content = read.unwrap_or_else(|error| {
            failed("read", &name, &error);
            Vec::new()
        });
        tell(&callback, &name, |value| set_bytes(value.place(), &content));
    };
    start(job, done)?;
    set_bool(place, true);
    Ok(())
}

fn start<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
    done: impl FnOnce(T) + 'static,
) -> Result<(), Stop> {
    thread_pool::run(job, done).map_err(|error| {
        let error = Error::os("start a thread for", "asynchronous I/O", &error);
        error::set_last(error.code());
        Stop::Warning(error.to_string())
    })
}

/// The callable at `index`.
fn kept(frame: Frame, index: usize) -> Result<Rc<OwnedCallback>, Stop> {
    let value = frame.arg(index).ok_or(Stop::Thrown)?;
    Ok(Rc::new(OwnedCallback::new(value)?))
}

/// A file that is read piece by piece.
struct Reading {
    name: Vec<u8>,
    file: Arc<File>,
    offset: u64,
    chunk_bytes: usize,
    callback: Rc<OwnedCallback>,
}

fn do_read(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let (mut fci, mut fcc) = callable_places();
    let (mut chunk, mut offset) = (DEFAULT_CHUNK_BYTES as i64, 0_i64);
    parse!(frame, c"Pf|ll", name, fci, fcc, chunk, offset)?;
    let callback = kept(frame, 1)?;
    let name = bytes_of(name).to_vec();
    let offset = u64::try_from(offset)
        .map_err(|_| Stop::Warning("offset must be greater than 0.".to_owned()))?;
    let chunk = match u64::try_from(chunk) {
        Ok(0) | Err(_) => DEFAULT_CHUNK_BYTES,
        Ok(chunk) => chunk.min(MAX_CHUNK_BYTES),
    };
    let (file, size) = open_to_read(&name)?;
    if offset >= size {
        return Err(Stop::Warning(format!(
            "offset must be less than file_size[={size}]."
        )));
    }
    event_loop::ready()?;
    let reading = Reading {
        name,
        file: Arc::new(file),
        offset,
        chunk_bytes: chunk as usize,
        callback,
    };
    reading.next()?;
    set_bool(place, true);
    Ok(())
}

impl Reading {
    fn next(self) -> Result<(), Stop> {
        let file = Arc::clone(&self.file);
        let (offset, chunk_bytes) = (self.offset, self.chunk_bytes);
        let job = move || {
            let mut chunk = vec![0; chunk_bytes];
            loop {
                match file.read_at(&mut chunk, offset) {
                    Ok(count) => {
                        chunk.truncate(count);
                        return Ok(chunk);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        };
        start(job, move |read| self.came(read))
    }

    fn came(mut self, read: io::Result<Vec<u8>>) {
        let chunk = read.unwrap_or_else(|error| {
            failed("read", &self.name, &error);
            Vec::new()
        });
        self.offset += chunk.len() as u64;
        let goes_on = self.ask(&chunk);
        // After the last piece there is one without content.
        if goes_on
            && !chunk.is_empty()
            && let Err(Stop::Warning(text)) = self.next()
        {
            swoole_core::log::warning(text);
        }
    }

    /// Whether the callback wants more.
    fn ask(&self, chunk: &[u8]) -> bool {
        let mut args = [undef(), undef()];
        let made = protect(|| {
            let [name, content] = &mut args;
            set_bytes(name.place(), &self.name);
            set_bytes(content.place(), chunk);
        });
        let answer = match made {
            // Not in a coroutine: what it returns is needed at once.
            Ok(()) => callback::ask(self.callback.callback(), &args),
            Err(_) => {
                callback::note_bailout();
                Ok(false)
            }
        };
        release(args);
        answer.unwrap_or_else(|outcome| {
            event_loop::check(outcome);
            false
        })
    }
}

// ---- writing ----

fn do_write_file(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let mut content: *mut zend_string = std::ptr::null_mut();
    let (mut fci, mut fcc) = callable_places();
    let mut flags = 0_i64;
    parse!(frame, c"PS|f!l", name, content, fci, fcc, flags)?;
    let at = if flags & APPEND != 0 {
        WriteAt::End
    } else {
        WriteAt::InsteadOfAll
    };
    write_at(frame, place, (bytes_of(name), bytes_of(content)), at, 2)
}

fn do_write(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let mut content: *mut zend_string = std::ptr::null_mut();
    let (mut fci, mut fcc) = callable_places();
    let mut offset = -1_i64;
    parse!(frame, c"PS|lf!", name, content, offset, fci, fcc)?;
    let at = u64::try_from(offset).map_or(WriteAt::End, WriteAt::Offset);
    write_at(frame, place, (bytes_of(name), bytes_of(content)), at, 3)
}

fn write_at(
    frame: Frame,
    place: Place<'_>,
    (name, content): (&[u8], &[u8]),
    at: WriteAt,
    callback: usize,
) -> Result<(), Stop> {
    // SAFETY: an argument of the running call.
    let is_given = |value: *mut zval| u32::from(unsafe { type_of(value) }) != IS_NULL;
    let callback = match frame.arg(callback) {
        Some(value) if is_given(value) => Some(kept(frame, callback)?),
        _ => None,
    };
    let size = content.len() as u64;
    if size > MAX_FILE_BYTES {
        return Err(Stop::Warning(format!(
            "file_size[size={size}|max_size={MAX_FILE_BYTES}] is too big. Please use \
             swoole_async_write"
        )));
    }
    event_loop::ready()?;
    let name_of_file = name.to_vec();
    let done: Finished = Box::new(move |written| {
        let length = match written {
            Ok(length) => length as i64,
            Err(error) => {
                failed("write", &name_of_file, &error);
                -1
            }
        };
        if let Some(callback) = callback {
            tell(&callback, &name_of_file, |value| {
                set_long(value.place(), length)
            });
        }
    });
    async_write::add(path_of(name), content, at, done)
        .map_err(|error| refused("open", name, &error))?;
    set_bool(place, true);
    Ok(())
}

// ---- names ----

fn do_dns_lookup(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let (mut fci, mut fcc) = callable_places();
    parse!(frame, c"Sf", name, fci, fcc)?;
    let callback = kept(frame, 1)?;
    let name = bytes_of(name);
    if name.is_empty() {
        return Err(Stop::Warning("domain name empty.".to_owned()));
    }
    let host = String::from_utf8_lossy(name).into_owned();
    let name = name.to_vec();
    let event_loop = event_loop::ready()?;
    let answer = move |addresses: &[IpAddr]| {
        let text = match dns::pick(addresses) {
            Some(address) => address.to_string(),
            None => {
                error::set_last(codes::DNSLOOKUP_RESOLVE_FAILED);
                String::new()
            }
        };
        tell(&callback, &name, |value| {
            set_bytes(value.place(), text.as_bytes())
        });
    };
    if let Some(known) = dns::cached(&host, Family::V4, Source::System) {
        event_loop.defer(Box::new(move || answer(&known)));
    } else {
        let job = move || (dns::resolve(&host, Family::V4), host);
        start(job, move |(resolved, host)| {
            let addresses = resolved.unwrap_or_default();
            if !addresses.is_empty() {
                dns::keep(&host, Family::V4, Source::System, &addresses);
            }
            answer(&addresses);
        })?;
    }
    set_bool(place, true);
    Ok(())
}
