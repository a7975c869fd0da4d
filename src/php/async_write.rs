//! Writes to files by threads of the pool: those to one file in the order of the calls, those to several side
//! by side. A file stays open while writes to it wait.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::ManuallyDrop;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use swoole_core::reactor::thread_pool;
use swoole_core::sys::forks;

/// Content that waits to be written; more is refused.
const MAX_WAITING_BYTES: usize = 256 << 20;

/// Where in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file has this content afterwards, and no other.
    InsteadOfAll,
    End,
    /// At this many bytes from the start.
    Offset(u64),
}

/// Gets the number of bytes.
pub type Finished = Box<dyn FnOnce(io::Result<usize>)>;

struct Write {
    file: Arc<File>,
    content: Vec<u8>,
    place: Place,
    finished: Finished,
}

/// A file with a write under way.
#[derive(Default)]
struct Target {
    /// Open for writing at any place, and at the end.
    files: [Option<Arc<File>>; 2],
    waiting: VecDeque<Write>,
}

#[derive(Default)]
struct Targets {
    /// The process they belong to (see [`forks::generation`]).
    born_in: u64,
    open: HashMap<PathBuf, Target>,
}

thread_local! {
    /// Not dropped with the thread: what waits may own what is gone by then.
    static TARGETS: ManuallyDrop<RefCell<Targets>> = ManuallyDrop::new(RefCell::default());
    static WAITING_BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Calls with no borrow held by anybody else: `f` calls nobody.
fn with_targets<R>(f: impl FnOnce(&mut HashMap<PathBuf, Target>) -> R) -> R {
    TARGETS.with(|targets| {
        let mut targets = targets.borrow_mut();
        if targets.born_in != forks::generation() {
            targets.born_in = forks::generation();
            WAITING_BYTES.set(0);
            // What waits there is the parent's to write.
            std::mem::forget(std::mem::take(&mut targets.open));
        }
        f(&mut targets.open)
    })
}

fn open(path: &Path, place: Place) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // A pipe without a reader is refused, not waited for.
    options
        .create(true)
        .mode(0o644)
        .custom_flags(libc::O_NONBLOCK);
    if place == Place::End {
        options.append(true);
    } else {
        options.write(true);
    }
    options.open(path)
}

/// Writes to a file, which is made if need be, behind what waits to be written to it already.
///
/// # Errors
/// It cannot be opened; EAGAIN: too much waits already.
pub fn add(path: &Path, content: &[u8], place: Place, finished: Finished) -> io::Result<()> {
    if WAITING_BYTES.get().saturating_add(content.len()) > MAX_WAITING_BYTES {
        return Err(io::Error::from_raw_os_error(libc::EAGAIN));
    }
    let slot = usize::from(place == Place::End);
    let known = with_targets(|targets| targets.get(path)?.files[slot].clone());
    let file = match known {
        Some(file) => file,
        None => Arc::new(open(path, place)?),
    };
    let write = Write {
        file: Arc::clone(&file),
        content: content.to_vec(),
        place,
        finished,
    };
    WAITING_BYTES.set(WAITING_BYTES.get() + content.len());
    let first = with_targets(|targets| {
        let is_busy = targets.contains_key(path);
        let target = targets.entry(path.to_path_buf()).or_default();
        target.files[slot] = Some(file);
        if is_busy {
            target.waiting.push_back(write);
            None
        } else {
            Some(write)
        }
    });
    match first {
        Some(write) => start(path.to_path_buf(), write),
        None => Ok(()),
    }
}

fn start(path: PathBuf, write: Write) -> io::Result<()> {
    let Write {
        file,
        content,
        place,
        finished,
    } = write;
    let length = content.len();
    let job = move || write_all(&file, &content, place).map(|()| length);
    let on_path = path.clone();
    let started = thread_pool::run(job, move |written| {
        // Before the next write: what is told about is what the file holds.
        finished(written);
        done(on_path, length);
    });
    if started.is_err() {
        done(path, length);
    }
    started
}

/// Goes on with the next write to the file, if there is one.
fn done(path: PathBuf, length: usize) {
    WAITING_BYTES.set(WAITING_BYTES.get().saturating_sub(length));
    let next = with_targets(|targets| {
        let next = targets.get_mut(&path)?.waiting.pop_front();
        if next.is_none() {
            targets.remove(&path);
        }
        next
    });
    // No thread is to be had for it: then neither for those behind it, which `start` goes on to.
    if let Some(write) = next
        && let Err(error) = start(path, write)
    {
        swoole_core::log::warning(format_args!("a write cannot be started: {error}"));
    }
}

fn write_all(file: &File, content: &[u8], place: Place) -> io::Result<()> {
    match place {
        Place::InsteadOfAll => {
            file.set_len(0)?;
            file.write_all_at(content, 0)
        }
        Place::End => io::Write::write_all(&mut &*file, content),
        Place::Offset(offset) => file.write_all_at(content, offset),
    }
}

/// Forgets what waits, when the loop does.
pub fn discard() {
    let open = with_targets(std::mem::take);
    WAITING_BYTES.set(0);
    drop(open);
}
