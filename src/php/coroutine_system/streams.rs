//! `fread()`, `fwrite()` and `fgets()` of PHP's streams, of files and of others.
//!
//! Streams belong to PHP, which reads and writes them itself, in the main thread. A thread of the pool reads
//! a file first, which leaves its pages in the kernel's memory, so that PHP need not wait for the disk.
//! Streams of other kinds are waited for in the event loop.

use super::{offload, remember};
use crate::php::convert::{bytes_of, set_bool, set_bytes, set_long};
use crate::php::coroutine::co::{Wait, Woken};
use crate::php::coroutine::{required, wait_fd};
use crate::php::event_loop;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse, protect};
use std::fs::File;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::fs::FileExt;
use swoole_core::error::codes;
use swoole_core::options;
use swoole_core::reactor::Interest;
use swoole_core::sys::fd;

/// What is read where no length is given and no file tells its size; a line is cut at this length.
const CHUNK_BYTES: usize = 8192;
/// Read by a thread at a time.
const AHEAD_BYTES: usize = 64 * 1024;
/// What a pipe that is writable takes at once.
const PIPE_BYTES: usize = 4096;

/// The stream of an argument. After each wait anew: it may have been closed.
fn stream_of(handle: *mut zval) -> Result<*mut php_stream, Stop> {
    // SAFETY: an argument of the running call, a resource; one of another kind, or a closed one, throws.
    let stream = protect(|| unsafe {
        zend_fetch_resource2_ex(
            handle,
            c"stream".as_ptr(),
            php_file_le_stream(),
            php_file_le_pstream(),
        )
    })?;
    if stream.is_null() {
        return Err(Stop::Thrown);
    }
    Ok(stream.cast())
}

/// What PHP has read ahead.
fn buffered(stream: *mut php_stream) -> usize {
    // SAFETY: a live stream.
    unsafe { usize::try_from((*stream).writepos - (*stream).readpos).unwrap_or(0) }
}

/// A copy of the descriptor, if it is of a regular file.
fn file_of(fd: RawFd) -> Option<File> {
    // SAFETY: the descriptor is open: the stream's, which was just asked for it. It is copied at once.
    let file = fd::dup(unsafe { BorrowedFd::borrow_raw(fd) })
        .map(File::from)
        .ok()?;
    file.metadata().ok()?.is_file().then_some(file)
}

/// Waits until reading does not wait. `wanted`: bytes, None for all there are; the answer: how many to read.
fn readable(handle: *mut zval, wanted: Option<usize>) -> Result<Option<usize>, Stop> {
    let stream = stream_of(handle)?;
    let fd = event_loop::descriptor(handle)?;
    let Some(mut file) = file_of(fd) else {
        let count = Some(wanted.unwrap_or(CHUNK_BYTES));
        if buffered(stream) > 0 {
            return Ok(count);
        }
        return Ok(if wait(fd, Interest::READABLE)? {
            count
        } else {
            None
        });
    };
    let count = offload("a file", Wait::Uncancellable, None, move || {
        use std::io::Seek;
        let position = file.stream_position().ok()?;
        let left = file.metadata().ok()?.len().saturating_sub(position);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let count = wanted.map_or(left, |wanted| wanted.min(left));
        let mut chunk = vec![0; AHEAD_BYTES.min(count)];
        let mut done = 0;
        while done < count {
            match file.read_at(&mut chunk, position + done as u64) {
                Ok(read) if read > 0 => done += read,
                _ => break,
            }
        }
        Some(left)
    })?;
    let left = count.ok().flatten();
    Ok(Some(match (wanted, left) {
        (Some(wanted), _) => wanted,
        (None, Some(left)) => left.saturating_add(buffered(stream_of(handle)?)),
        (None, None) => CHUNK_BYTES,
    }))
}

/// Whether the descriptor has become ready; else the reason is remembered.
fn wait(fd: RawFd, interest: Interest) -> Result<bool, Stop> {
    let sockets = options::process().socket;
    let timeout_ms = if interest.is_readable() {
        sockets.read_timeout_ms
    } else {
        sockets.write_timeout_ms
    };
    match wait_fd(fd, interest, timeout_ms) {
        Ok(Woken::Resumed) => Ok(true),
        Ok(Woken::Ended) => Err(Stop::Exit),
        Ok(woken) => {
            remember(woken, codes::CO_TIMEDOUT);
            Ok(false)
        }
        // Of a kind that is always ready, or waited for already: PHP will see.
        Err(_) => Ok(true),
    }
}

pub fn do_fread(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut handle: *mut zval = std::ptr::null_mut();
    let mut length = 0_i64;
    parse!(frame, c"r|l", handle, length)?;
    required()?;
    stream_of(handle)?;
    set_bool(place, false);
    let wanted = usize::try_from(length).ok().filter(|length| *length > 0);
    let Some(count) = readable(handle, wanted)? else {
        return Ok(());
    };
    let stream = stream_of(handle)?;
    let mut content: Vec<u8> = Vec::new();
    let mut chunk = vec![0_u8; count.clamp(1, AHEAD_BYTES)];
    let is_file = event_loop::descriptor(handle)
        .ok()
        .and_then(file_of)
        .is_some();
    while content.len() < count {
        let room = chunk.len().min(count - content.len());
        // SAFETY: a live stream and a buffer of that size; a stream of user code runs it, and what is owned
        // here is borrowed by nobody then.
        let read =
            protect(|| unsafe { _php_stream_read(stream, chunk.as_mut_ptr().cast(), room) })?;
        match usize::try_from(read) {
            Ok(read) if read > 0 => content.extend_from_slice(&chunk[..read]),
            Err(_) if content.is_empty() => return Ok(()),
            _ => break,
        }
        if !is_file {
            break;
        }
    }
    Ok(protect(|| set_bytes(place, &content))?)
}

pub fn do_fgets(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut handle: *mut zval = std::ptr::null_mut();
    parse!(frame, c"r", handle)?;
    required()?;
    stream_of(handle)?;
    set_bool(place, false);
    if readable(handle, Some(CHUNK_BYTES))?.is_none() {
        return Ok(());
    }
    let stream = stream_of(handle)?;
    // One more, for the NUL behind a line.
    let mut line = vec![0_u8; CHUNK_BYTES + 1];
    let mut length = 0_usize;
    // SAFETY: a live stream and a buffer of that size. The engine gives null at the end.
    let found = protect(|| unsafe {
        !_php_stream_get_line(
            stream,
            line.as_mut_ptr().cast(),
            line.len(),
            &raw mut length,
        )
        .is_null()
    })?;
    let line = line.get(..length).filter(|_| found).unwrap_or_default();
    Ok(protect(|| set_bytes(place, line))?)
}

pub fn do_fwrite(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut handle: *mut zval = std::ptr::null_mut();
    let mut data: *mut zend_string = std::ptr::null_mut();
    let mut length = 0_i64;
    parse!(frame, c"rS|l", handle, data, length)?;
    required()?;
    stream_of(handle)?;
    set_bool(place, false);
    let data = bytes_of(data);
    let wanted = usize::try_from(length).ok().filter(|length| *length > 0);
    let data = &data[..wanted.map_or(data.len(), |wanted| wanted.min(data.len()))];
    let fd = event_loop::descriptor(handle)?;
    let is_file = file_of(fd).is_some();
    let mut written = 0;
    while written < data.len() {
        let rest = &data[written..];
        let part = if is_file {
            rest
        } else if wait(fd, Interest::WRITABLE)? {
            &rest[..rest.len().min(PIPE_BYTES)]
        } else {
            break;
        };
        let stream = stream_of(handle)?;
        // SAFETY: a live stream; the bytes live through the call.
        let count =
            protect(|| unsafe { _php_stream_write(stream, part.as_ptr().cast(), part.len()) })?;
        match usize::try_from(count) {
            Ok(count) if count > 0 => written += count,
            _ => break,
        }
    }
    if written > 0 || data.is_empty() {
        set_long(place, written as i64);
    }
    Ok(())
}
