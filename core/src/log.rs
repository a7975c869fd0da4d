//! The log: one line per event, to standard output or a file that rotates.
//!
//! A line is `[<date> <flag><pid>.<id>]\t<LEVEL>\t<text>\n`, written with one write(2) to a descriptor
//! opened for appending, so lines of many processes never mix. Nothing here panics or fails a request:
//! where the file cannot be written, lines go to standard error and one line there says why.
//!
//! State is per process and survives a fork. It is guarded by a lock, so a process must be single-threaded
//! when it forks, or [`hold`] the lock meanwhile.

use std::fmt::{Display, Write as _};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset, Local, Utc};

use crate::error::Error;

/// Date format of a line where `log_date_format` is not set.
pub const DEFAULT_DATE_FORMAT: &str = "%Y-%m-%d %H:%M:%S";
/// A longer date format is refused.
pub const MAX_DATE_FORMAT_BYTES: usize = 128;
/// What a date format makes may not be longer than this.
const MAX_DATE_BYTES: usize = 256;
/// A longer text is cut, with a mark that says so.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// How serious a line is; the values of `SWOOLE_LOG_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Debug = 0,
    Trace = 1,
    Info = 2,
    Notice = 3,
    Warning = 4,
    Error = 5,
    /// As a limit only: log nothing.
    None = 6,
}

impl Level {
    /// From the value of a `SWOOLE_LOG_*` constant.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Level> {
        Some(match number {
            0 => Level::Debug,
            1 => Level::Trace,
            2 => Level::Info,
            3 => Level::Notice,
            4 => Level::Warning,
            5 => Level::Error,
            6 => Level::None,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Trace => "TRACE",
            Level::Info => "INFO",
            Level::Notice => "NOTICE",
            Level::Warning => "WARNING",
            Level::Error | Level::None => "ERROR",
        }
    }
}

/// When a new file begins; the values of `SWOOLE_LOG_ROTATION_*`. The period is appended to the name of
/// the file, e.g. `.20260131` with [`Rotation::Daily`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Rotation {
    /// One file for ever, with no suffix.
    Single = 0,
    Monthly = 1,
    Daily = 2,
    Hourly = 3,
    EveryMinute = 4,
}

impl Rotation {
    /// From the value of a `SWOOLE_LOG_ROTATION_*` constant.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Rotation> {
        Some(match number {
            0 => Rotation::Single,
            1 => Rotation::Monthly,
            2 => Rotation::Daily,
            3 => Rotation::Hourly,
            4 => Rotation::EveryMinute,
            _ => return None,
        })
    }

    fn suffix_format(self) -> Option<&'static str> {
        match self {
            Rotation::Single => None,
            Rotation::Monthly => Some("%Y%m"),
            Rotation::Daily => Some("%Y%m%d"),
            Rotation::Hourly => Some("%Y%m%d%H"),
            Rotation::EveryMinute => Some("%Y%m%d%H%M"),
        }
    }
}

/// Which kind of process or thread a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Flag {
    Master = b'#',
    Manager = b'$',
    Worker = b'*',
    TaskWorker = b'^',
    /// A user process, or a process without a role.
    User = b'@',
}

/// How to log; what the options `log_*` set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Standard output if `None`. A relative path is taken from the working directory at the time of
    /// [`configure`].
    pub file: Option<PathBuf>,
    /// Less serious lines are dropped.
    pub level: Level,
    pub rotation: Rotation,
    /// A format of strftime(3); [`DEFAULT_DATE_FORMAT`] if `None`.
    pub date_format: Option<String>,
    /// Adds `<.123456>` after the date.
    pub with_microseconds: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            file: None,
            level: Level::Info,
            rotation: Rotation::Single,
            date_format: None,
            with_microseconds: false,
        }
    }
}

struct Logger {
    /// Absolute.
    path: Option<PathBuf>,
    rotation: Rotation,
    date_format: String,
    with_microseconds: bool,
    file: Option<File>,
    /// The rotation suffix of `file`.
    period: String,
    /// The file could not be written and standard error has been told.
    complained: bool,
    /// See [`follow`]; and its value when the file was opened last.
    follows: Option<(&'static AtomicU32, u32)>,
}

static LOGGER: Mutex<Logger> = Mutex::new(Logger {
    path: None,
    rotation: Rotation::Single,
    date_format: String::new(),
    with_microseconds: false,
    file: None,
    period: String::new(),
    complained: false,
    follows: None,
});
/// Codes of [`ignore`].
static IGNORED: Mutex<Vec<i32>> = Mutex::new(Vec::new());
/// See [`ignore`].
pub const MAX_IGNORED: usize = 1024;

// Not parking_lot's locks: a forked child could not unlock those if a thread of its parent waited (see
// [`hold`]). Nothing panics while it holds one of these.

fn logger() -> MutexGuard<'static, Logger> {
    LOGGER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ignored() -> MutexGuard<'static, Vec<i32>> {
    IGNORED.lock().unwrap_or_else(PoisonError::into_inner)
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);
static FLAG: AtomicU8 = AtomicU8::new(Flag::User as u8);
static ID: AtomicU32 = AtomicU32::new(0);
/// Seconds east of UTC if [`keep_time_zone`] was called.
static KEPT_OFFSET_S: AtomicI32 = AtomicI32::new(NOT_KEPT);
const NOT_KEPT: i32 = i32::MIN;

/// Takes over a configuration and opens the file.
///
/// # Errors
/// [`Error::Option`] if the date format is not one; then nothing has changed. A file that cannot be opened
/// is no error: lines go to standard error until it can (see [`reopen`]).
pub fn configure(config: Config) -> Result<(), Error> {
    let date_format = match config.date_format {
        Some(format) => {
            check_date_format(&format)?;
            format
        }
        None => DEFAULT_DATE_FORMAT.to_owned(),
    };
    let path = config
        .file
        .map(|path| std::path::absolute(&path).unwrap_or(path));
    let mut logger = logger();
    logger.path = path;
    logger.rotation = config.rotation;
    logger.date_format = date_format;
    logger.with_microseconds = config.with_microseconds;
    logger.file = None;
    logger.complained = false;
    logger.follows = None;
    logger.open(&now());
    LEVEL.store(config.level as u8, Relaxed);
    Ok(())
}

/// Sets what lines of this process are marked with; to be called after each fork.
pub fn set_identity(flag: Flag, id: u32) {
    FLAG.store(flag as u8, Relaxed);
    ID.store(id, Relaxed);
}

/// Dates stay in the time zone of now, whatever becomes of its files: to be called before chroot(2), after
/// which they are out of reach and dates would change to UTC.
pub fn keep_time_zone() {
    KEPT_OFFSET_S.store(now().offset().local_minus_utc(), Relaxed);
}

fn now() -> DateTime<FixedOffset> {
    match FixedOffset::east_opt(KEPT_OFFSET_S.load(Relaxed)) {
        Some(kept) => Utc::now().with_timezone(&kept),
        None => Local::now().fixed_offset(),
    }
}

/// Opens the file again under its name, for when it was moved away. If that fails, the open one stays.
pub fn reopen() {
    let mut logger = logger();
    logger.complained = false;
    logger.open(&now());
}

/// For a process that nobody can tell to [`reopen`]: from now on the file is opened again before the next line
/// whenever `requests` has another value, which may be in memory that other processes write to.
pub fn follow(requests: &'static AtomicU32) {
    logger().follows = Some((requests, requests.load(Relaxed)));
}

/// Keeps the log's locks until dropped: no line is written meanwhile. Held across a fork, so that they
/// are free in the child, whose other threads are no more.
pub struct Held {
    _ignored: MutexGuard<'static, Vec<i32>>,
    _logger: MutexGuard<'static, Logger>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

/// See [`Held`]. Logging while holding it would wait for ever.
#[must_use]
pub fn hold() -> Held {
    Held {
        _ignored: ignored(),
        _logger: logger(),
    }
}

/// Less serious lines than this are dropped from now on.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Relaxed);
}

/// Whether a line of this level would be written.
#[must_use]
pub fn enabled(level: Level) -> bool {
    level as u8 >= LEVEL.load(Relaxed)
}

/// A second handle of the open log file, for the standard output of a daemon; `None` without a file.
#[must_use]
pub fn file_handle() -> Option<File> {
    let logger = logger();
    logger.file.as_ref().and_then(|file| file.try_clone().ok())
}

/// Checks a format of strftime(3): each specifier known, up to [`MAX_DATE_FORMAT_BYTES`].
///
/// # Errors
/// [`Error::Option`] that names `log_date_format`.
pub fn check_date_format(format: &str) -> Result<(), Error> {
    let refuse = |why: &str| {
        Err(Error::option(
            "log_date_format",
            format!("\"{format}\""),
            why,
        ))
    };
    if format.len() > MAX_DATE_FORMAT_BYTES {
        return Err(Error::option(
            "log_date_format",
            format!("a string of {} bytes", format.len()),
            format!("it may have at most {MAX_DATE_FORMAT_BYTES} bytes"),
        ));
    }
    if format.is_empty() || format.contains(['\n', '\r', '\0']) {
        return refuse("it must be a date format in one line, such as \"%Y-%m-%d %H:%M:%S\"");
    }
    if StrftimeItems::new(format).any(|item| item == Item::Error) {
        return refuse("it has a % that strftime does not know; write %% for a percent sign");
    }
    match format_date(&now(), format) {
        Some(date) if date.len() <= MAX_DATE_BYTES => Ok(()),
        _ => refuse("the date that it makes is too long, or cannot be made"),
    }
}

pub fn debug(text: impl Display) {
    log(Level::Debug, text);
}

pub fn trace(text: impl Display) {
    log(Level::Trace, text);
}

pub fn info(text: impl Display) {
    log(Level::Info, text);
}

pub fn notice(text: impl Display) {
    log(Level::Notice, text);
}

pub fn warning(text: impl Display) {
    log(Level::Warning, text);
}

pub fn error(text: impl Display) {
    log(Level::Error, text);
}

/// Lines with this code are dropped from now on. At most [`MAX_IGNORED`] codes; false if there is no room.
pub fn ignore(code: i32) -> bool {
    let mut ignored = ignored();
    if ignored.contains(&code) {
        return true;
    }
    if ignored.len() >= MAX_IGNORED {
        return false;
    }
    ignored.push(code);
    true
}

/// Logs with a code: `<place> (ERRNO <code>): <text>`, the form that log readers look for. Drops codes
/// that were given to [`ignore`].
pub fn coded(level: Level, place: &str, code: i32, text: impl Display) {
    if !enabled(level) || ignored().contains(&code) {
        return;
    }
    log(level, format_args!("{place} (ERRNO {code}): {text}"));
}

/// Writes one line if `level` is serious enough. `text` is formatted only then.
pub fn log(level: Level, text: impl Display) {
    if !enabled(level) || level == Level::None {
        return;
    }
    let now = now();
    // Formatted before the lock is taken: `text` may log by itself.
    let text = cut(text);
    logger().write_line(&now, level, &text);
}

fn cut(text: impl Display) -> String {
    let mut out = String::new();
    if write!(out, "{text}").is_err() {
        out.push_str(" (text cannot be formatted)");
    }
    if out.len() > MAX_TEXT_BYTES {
        let total = out.len();
        let mut end = MAX_TEXT_BYTES;
        while !out.is_char_boundary(end) {
            end -= 1;
        }
        out.truncate(end);
        // Writing to a String cannot fail.
        let _ = write!(out, "... (cut, {total} bytes in all)");
    }
    out
}

fn format_date(now: &DateTime<FixedOffset>, format: &str) -> Option<String> {
    let mut date = String::with_capacity(32);
    // `to_string` would panic where a specifier cannot be formatted.
    write!(date, "{}", now.format(format)).ok()?;
    Some(date)
}

impl Logger {
    fn write_line(&mut self, now: &DateTime<FixedOffset>, level: Level, text: &str) {
        let period = self.period_of(now);
        if self.is_asked_to_open() || period != self.period {
            self.open(now);
        }
        let line = self.line(now, level, text);
        let Err(why) = self.write(line.as_bytes()) else {
            // Where a file is out of reach the line went to standard error: that has been said.
            let out_of_reach = self.path.is_some() && self.file.is_none();
            self.complained = self.complained && out_of_reach;
            return;
        };
        self.complain(&format!("write failed: {why}"));
        let _ = write_all(io::stderr().as_fd(), line.as_bytes());
    }

    fn is_asked_to_open(&mut self) -> bool {
        let Some((requests, seen)) = &mut self.follows else {
            return false;
        };
        let value = requests.load(Relaxed);
        std::mem::replace(seen, value) != value
    }

    fn line(&self, now: &DateTime<FixedOffset>, level: Level, text: &str) -> String {
        // Before `configure` the format is empty.
        let date = match self.date_format.as_str() {
            "" => format_date(now, DEFAULT_DATE_FORMAT),
            format => format_date(now, format),
        };
        let mut line = String::with_capacity(text.len() + 64);
        line.push('[');
        line.push_str(date.as_deref().unwrap_or("-"));
        if self.with_microseconds {
            let _ = write!(line, "<.{:06}>", now.timestamp_subsec_micros());
        }
        let flag = char::from(FLAG.load(Relaxed));
        let (pid, id) = (std::process::id(), ID.load(Relaxed));
        let _ = writeln!(line, " {flag}{pid}.{id}]\t{}\t{text}", level.name());
        line
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match (&self.file, &self.path) {
            (Some(file), _) => write_all(file.as_fd(), line),
            (None, None) => write_all(io::stdout().as_fd(), line),
            // The file could not be opened, which standard error was told.
            (None, Some(_)) => write_all(io::stderr().as_fd(), line),
        }
    }

    fn period_of(&self, now: &DateTime<FixedOffset>) -> String {
        match (&self.path, self.rotation.suffix_format()) {
            (Some(_), Some(format)) => format_date(now, format).unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// Opens the file of the period. On failure an open file stays in use: after chroot, or a change of
    /// the user, the new one may be out of reach.
    fn open(&mut self, now: &DateTime<FixedOffset>) {
        self.period = self.period_of(now);
        let Some(path) = &self.path else {
            self.file = None;
            return;
        };
        let name = if self.period.is_empty() {
            path.clone()
        } else {
            with_suffix(path, &self.period)
        };
        match OpenOptions::new().append(true).create(true).open(&name) {
            Ok(file) => {
                self.file = Some(file);
                self.complained = false;
            }
            Err(why) => self.complain(&format!("open failed: {why}")),
        }
    }

    fn complain(&mut self, why: &str) {
        if self.complained {
            return;
        }
        self.complained = true;
        let path = match &self.path {
            Some(path) => path.display().to_string(),
            None => "standard output".to_owned(),
        };
        let text = format!("log_file [{path}]: {why}; what cannot be written there goes to stderr");
        let line = self.line(&now(), Level::Warning, &text);
        let _ = write_all(io::stderr().as_fd(), line.as_bytes());
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// One write(2) as a rule; more only after a signal or a full pipe cut it short.
fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match nix::unistd::write(fd, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
