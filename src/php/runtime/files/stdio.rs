//! The operations of PHP's streams of descriptors: all such streams have the same table, `STDIN` included,
//! and it is that table that ours are put into.

use crate::php::coroutine;
use crate::php::coroutine::co::Wait;
use crate::php::coroutine::engine::{self, PhpThread};
use crate::php::coroutine_system::offload;
use crate::php::ffi::*;
use crate::php::method::{Bailout, Stop, docref, protect};
use crate::php::runtime::at_work::{self, AtWork, Room};
use crate::php::runtime::flags::{Hook, is_on};
use crate::php::runtime::nonblocking;
use crate::php::runtime::ready::{self, Waited, Way};
use crate::php::runtime::streams::ops::enter;
use std::cell::OnceCell;
use std::ffi::{c_char, c_int, c_void};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;

static ORIGINAL: PhpThread<OnceCell<php_stream_ops>> = PhpThread::new(OnceCell::new());

/// Puts ours into the table. Once, at the start of a request.
pub fn take_over() {
    // SAFETY: the engine's table, which is not constant (phpdbg replaces it, too); one thread.
    unsafe {
        let table = &raw mut php_stream_stdio_ops;
        if ORIGINAL.get().set(std::ptr::read(table)).is_ok() {
            (*table).read = Some(read);
            (*table).write = Some(write);
            (*table).close = Some(close);
            (*table).set_option = Some(set_option);
        }
    }
}

/// Gives a stream PHP's own operations: it never waits.
///
/// # Safety
/// Null, or a live stream.
pub unsafe fn exempt(stream: *mut php_stream) {
    // SAFETY: the caller's promise; the copy of PHP's own table lives as long as the process.
    unsafe {
        if !stream.is_null()
            && std::ptr::eq((*stream).ops, &raw const php_stream_stdio_ops)
            && let Some(original) = ORIGINAL.get().get()
        {
            (*stream).ops = original;
        }
    }
}

/// `PHP_STREAM_AS_FD_FOR_SELECT`
const FD_FOR_SELECT: c_int = 3;
/// `PHP_STREAM_OPTION_LOCKING`, `PHP_STREAM_OPTION_SYNC_API`
const OPTION_LOCKING: c_int = 6;
const OPTION_SYNC_API: c_int = 14;
/// `PHP_STREAM_SYNC_FSYNC`, `PHP_STREAM_SYNC_FDSYNC`
const SYNC_FSYNC: c_int = 1;
const SYNC_FDSYNC: c_int = 2;
/// `PHP_STREAM_FLAG_SUPPRESS_ERRORS`
const FLAG_SUPPRESS_ERRORS: u32 = 0x100;
/// Read by a thread at a time.
const AHEAD_BYTES: usize = 64 * 1024;
/// What a pipe that is ready takes at once.
const PIPE_BYTES: usize = 4096;

/// How a stream's descriptor is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// On a disk: always ready, and yet slow.
    Disk(RawFd),
    /// A pipe, a socket, a terminal.
    Pipe(RawFd),
}

/// None: PHP's own operation is all there is to it.
fn kind_of(stream: *mut php_stream) -> Option<Kind> {
    coroutine::current()?;
    let (disk, pipe) = (
        is_on(Hook::File) || is_on(Hook::Stdio),
        is_on(Hook::Stdio) || is_on(Hook::Proc),
    );
    if !disk && !pipe {
        return None;
    }
    let fd = descriptor(stream)?;
    // SAFETY: plain bytes, which the kernel fills in.
    let mode = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        if libc::fstat(fd, &raw mut stat) != 0 {
            return None;
        }
        stat.st_mode & libc::S_IFMT
    };
    match mode {
        libc::S_IFREG | libc::S_IFBLK => disk.then_some(Kind::Disk(fd)),
        libc::S_IFIFO | libc::S_IFSOCK | libc::S_IFCHR => {
            (pipe && !nonblocking::is(fd)).then_some(Kind::Pipe(fd))
        }
        _ => None,
    }
}

fn descriptor(stream: *mut php_stream) -> Option<RawFd> {
    let mut fd: RawFd = -1;
    let cast = ORIGINAL.get().get()?.cast?;
    // SAFETY: a live stream of this kind; the answer is an int.
    let done = protect(|| unsafe { cast(stream, FD_FOR_SELECT, (&raw mut fd).cast()) });
    (done == Ok(0) && fd >= 0).then_some(fd)
}

/// A copy of the descriptor, for a thread: the stream may be closed before it is done.
fn copy_of(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: the stream's descriptor, which is open.
    unsafe { BorrowedFd::borrow_raw(fd) }
        .try_clone_to_owned()
        .ok()
}

fn original_read(
    stream: *mut php_stream,
    buf: *mut c_char,
    count: usize,
) -> Result<isize, Bailout> {
    match ORIGINAL.get().get().and_then(|ops| ops.read) {
        // SAFETY: what PHP passed to ours.
        Some(read) => protect(|| unsafe { read(stream, buf, count) }),
        None => Ok(-1),
    }
}

fn original_write(
    stream: *mut php_stream,
    buf: *const c_char,
    count: usize,
) -> Result<isize, Bailout> {
    match ORIGINAL.get().get().and_then(|ops| ops.write) {
        // SAFETY: what PHP passed to ours.
        Some(write) => protect(|| unsafe { write(stream, buf, count) }),
        None => Ok(-1),
    }
}

fn original_set_option(
    stream: *mut php_stream,
    option: c_int,
    value: c_int,
    param: *mut c_void,
) -> Result<c_int, Bailout> {
    match ORIGINAL.get().get().and_then(|ops| ops.set_option) {
        // SAFETY: what PHP passed to ours.
        Some(set_option) => protect(|| unsafe { set_option(stream, option, value, param) }),
        None => Ok(-1),
    }
}

unsafe extern "C" fn read(stream: *mut php_stream, buf: *mut c_char, count: usize) -> isize {
    enter(-1, || {
        at_work::refuse(stream, Way::Read, || descriptor(stream))?;
        let Some(kind) = kind_of(stream) else {
            return Ok(original_read(stream, buf, count)?);
        };
        let Some(work) = AtWork::begin(stream, Some(Way::Read)) else {
            return Ok(closed(stream));
        };
        // SAFETY: what PHP passed.
        let room = unsafe { Room::of(stream, buf, count) };
        let may_read = match kind {
            Kind::Disk(fd) => read_ahead(&work, fd, count).map(|()| true)?,
            Kind::Pipe(fd) => wait(&work, stream, fd, Way::Read)?,
        };
        if !may_read {
            return Ok(-1);
        }
        match room.now() {
            Some((buf, count)) => Ok(original_read(stream, buf, count)?),
            None => Ok(0),
        }
    })
}

/// Somebody closes the stream: to the others it is at its end.
fn closed(stream: *mut php_stream) -> isize {
    // SAFETY: the stream lives until who was told has left it.
    unsafe { (*stream).set_eof(1) };
    -1
}

/// Leaves what is going to be read in the kernel's memory.
fn read_ahead(work: &AtWork, fd: RawFd, count: usize) -> Result<(), Stop> {
    // SAFETY: lseek with integers touches no memory.
    let position = unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) };
    let (Ok(position), Some(copy)) = (u64::try_from(position), copy_of(fd)) else {
        return Ok(());
    };
    let job = move || {
        let file = File::from(copy);
        let mut chunk = vec![0; AHEAD_BYTES.min(count)];
        let mut done = 0;
        while done < count {
            match file.read_at(&mut chunk, position + done as u64) {
                Ok(read) if read > 0 => done += read,
                _ => break,
            }
        }
    };
    // However it ends, PHP's own finds what there is.
    let _ = work.waiting_briefly(|| offload("a file", Wait::Uncancellable, None, job))?;
    Ok(())
}

/// Waits until a descriptor is ready; false: canceled, or the stream is being closed.
fn wait(work: &AtWork, stream: *mut php_stream, fd: RawFd, way: Way) -> Result<bool, Stop> {
    let events = if way == Way::Read {
        libc::POLLIN
    } else {
        libc::POLLOUT
    };
    while nonblocking::poll(fd, events) == 0 {
        match work.waiting(|| ready::wait_many(&[(fd, way)], None))? {
            Waited::Ready => {}
            Waited::TimedOut | Waited::Canceled => return Ok(false),
            Waited::Closed => {
                closed(stream);
                return Ok(false);
            }
        }
    }
    Ok(true)
}

unsafe extern "C" fn write(stream: *mut php_stream, buf: *const c_char, count: usize) -> isize {
    enter(-1, || {
        let Some(kind) = kind_of(stream) else {
            return Ok(original_write(stream, buf, count)?);
        };
        let Some(work) = AtWork::begin(stream, Some(Way::Write)) else {
            // What a filter gives when the stream is closed.
            return Ok(original_write(stream, buf, count)?);
        };
        match kind {
            Kind::Disk(fd) => write_file(&work, stream, fd, buf, count),
            Kind::Pipe(fd) => {
                if !wait(&work, stream, fd, Way::Write)? {
                    return Ok(-1);
                }
                // PHP writes the rest with the next call.
                Ok(original_write(stream, buf, count.min(PIPE_BYTES))?)
            }
        }
    })
}

/// As PHP's own, in a thread.
fn write_file(
    work: &AtWork,
    stream: *mut php_stream,
    fd: RawFd,
    buf: *const c_char,
    count: usize,
) -> Result<isize, Stop> {
    let Some(copy) = copy_of(fd) else {
        return Ok(original_write(stream, buf, count)?);
    };
    // SAFETY: PHP's buffer, of `count` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(buf.cast::<u8>(), count) }.to_vec();
    let job = move || File::from(copy).write(&bytes);
    let done = work.waiting_briefly(|| offload("a file", Wait::Uncancellable, None, job))?;
    let Ok(written) = done else {
        return Ok(-1);
    };
    match written {
        Ok(written) => Ok(written.cast_signed()),
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or(0);
            failed_to_write(stream, count, errno)
        }
    }
}

fn failed_to_write(stream: *mut php_stream, count: usize, errno: i32) -> Result<isize, Stop> {
    if errno == libc::EAGAIN {
        return Ok(0);
    }
    // SAFETY: a live stream.
    let is_quiet = unsafe { (*stream).flags } & FLAG_SUPPRESS_ERRORS != 0;
    if errno != libc::EINTR && !is_quiet {
        let text = swoole_core::error::describe(errno);
        docref(
            E_NOTICE,
            &format!("Write of {count} bytes failed with errno={errno} {text}"),
        )?;
    }
    Ok(-1)
}

unsafe extern "C" fn close(stream: *mut php_stream, close_handle: c_int) -> c_int {
    enter(-1, || {
        // Somebody may wait in it.
        if engine::count() > 0 {
            let fd = descriptor(stream);
            at_work::closing(stream, || {
                if let Some(fd) = fd {
                    ready::closing(fd);
                }
            });
        }
        match ORIGINAL.get().get().and_then(|ops| ops.close) {
            // SAFETY: what PHP passed to ours.
            Some(close) => Ok(protect(|| unsafe { close(stream, close_handle) })?),
            None => Ok(-1),
        }
    })
}

unsafe extern "C" fn set_option(
    stream: *mut php_stream,
    option: c_int,
    value: c_int,
    param: *mut c_void,
) -> c_int {
    enter(-1, || {
        // With a parameter it is a question.
        let locks = option == OPTION_LOCKING && param.is_null() && value & libc::LOCK_NB == 0;
        let syncs = option == OPTION_SYNC_API && matches!(value, SYNC_FSYNC | SYNC_FDSYNC);
        if (locks || syncs)
            && let Some(Kind::Disk(fd)) = kind_of(stream)
            && let Some(work) = AtWork::begin(stream, None)
        {
            if locks {
                return lock(&work, stream, value);
            }
            sync(&work, fd, value)?;
        }
        Ok(original_set_option(stream, option, value, param)?)
    })
}

/// The first and the longest time between two tries to get a lock.
const FIRST_NAP_MS: u64 = 1;
const LAST_NAP_MS: u64 = 32;

/// `flock()` that waits: there is nothing that tells when another process gives a lock back.
fn lock(work: &AtWork, stream: *mut php_stream, mode: c_int) -> Result<c_int, Stop> {
    let mut nap_ms = FIRST_NAP_MS;
    loop {
        let mode = mode | libc::LOCK_NB;
        let done = original_set_option(stream, OPTION_LOCKING, mode, std::ptr::null_mut())?;
        let errno = nonblocking::errno();
        if done == 0 || errno != libc::EWOULDBLOCK {
            return Ok(done);
        }
        match work.waiting(|| coroutine::suspend(Some(nap_ms))) {
            coroutine::Woken::TimedOut => nap_ms = (nap_ms * 2).min(LAST_NAP_MS),
            coroutine::Woken::Ended => return Err(Stop::Exit),
            coroutine::Woken::Canceled | coroutine::Woken::Resumed => return Ok(-1),
        }
    }
}

/// What PHP's own is going to do is done already.
fn sync(work: &AtWork, fd: RawFd, how: c_int) -> Result<(), Stop> {
    let Some(copy) = copy_of(fd) else {
        return Ok(());
    };
    let job = move || {
        // SAFETY: fsync and fdatasync take a descriptor, and touch no memory.
        unsafe {
            if how == SYNC_FSYNC {
                libc::fsync(copy.as_raw_fd());
            } else {
                libc::fdatasync(copy.as_raw_fd());
            }
        }
    };
    let _ = work.waiting_briefly(|| offload("a file", Wait::Uncancellable, None, job))?;
    Ok(())
}
