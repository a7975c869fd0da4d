//! The log, and other settings of the process as a whole.

use super::super::kind::{Kind, Value};
use super::super::row::{Row, Scope::Process};
use super::{I32_MAX, store};
use crate::log::{Level, MAX_DATE_FORMAT_BYTES, Rotation, check_date_format};

/// Fewer than 1 and more than fit are cut, as in the reference.
const THREADS: Kind = Kind::Int {
    min: i64::MIN,
    max: i64::MAX,
};

fn threads(value: &Value) -> u32 {
    u32::try_from(value.int().max(1)).unwrap_or(u32::MAX)
}

pub(super) static ROWS: &[Row] = &[
    Row::built(
        "log_file",
        Process,
        Kind::Path,
        "standard output",
        store!("log.file", log.file = path),
        "File for the log. SIGRTMIN or SIGWINCH to the master opens it again, for when it was moved.",
    ),
    Row::built(
        "log_level",
        Process,
        Kind::Int { min: 0, max: 6 },
        "2 (SWOOLE_LOG_INFO)",
        ("log.level", |given, value| {
            if let Some(level) = Level::from_number(value.int()) {
                given.log.level = level;
            }
            Ok(None)
        }),
        "Least serious lines to log, one of SWOOLE_LOG_DEBUG (0), TRACE (1), INFO (2), NOTICE (3), WARNING (4), ERROR (5); NONE (6) logs nothing.",
    ),
    Row::built(
        "log_rotation",
        Process,
        Kind::Int { min: 0, max: 4 },
        "0 (SWOOLE_LOG_ROTATION_SINGLE)",
        ("log.rotation", |given, value| {
            if let Some(rotation) = Rotation::from_number(value.int()) {
                given.log.rotation = rotation;
            }
            Ok(None)
        }),
        "When a new log file begins, its name being log_file and the date: SWOOLE_LOG_ROTATION_SINGLE (0, never), MONTHLY (1), DAILY (2), HOURLY (3), EVERY_MINUTE (4).",
    ),
    Row::built(
        "log_date_format",
        Process,
        Kind::Text {
            max_len: MAX_DATE_FORMAT_BYTES,
        },
        "%Y-%m-%d %H:%M:%S",
        ("log.date_format", |given, value| {
            let format = value.text();
            if let Some(format) = &format {
                check_date_format(format)?;
            }
            given.log.date_format = format;
            Ok(None)
        }),
        "Date of a line of the log, in the specifiers of strftime.",
    ),
    Row::built(
        "log_date_with_microseconds",
        Process,
        Kind::Bool,
        "false",
        store!("log.with_microseconds", log.with_microseconds = bool),
        "Add microseconds to the date of a line of the log.",
    ),
    Row::no_effect(
        "debug_mode",
        Process,
        Kind::Bool,
        "there are no debug builds; log_level => SWOOLE_LOG_DEBUG logs all there is",
        "Log everything, in debug builds.",
    ),
    Row::no_effect(
        "trace_flags",
        Process,
        Kind::Int {
            min: i64::MIN,
            max: i64::MAX,
        },
        "there are no builds with trace logs",
        "Parts to trace, a sum of SWOOLE_TRACE_* values, in builds with trace logs.",
    ),
    Row::built(
        "display_errors",
        Process,
        Kind::Bool,
        "true, or as in php.ini",
        ("process.display_errors", |given, value| {
            given.process.display_errors = Some(value.bool());
            Ok(None)
        }),
        "Show PHP warnings about mistakes in calls of this extension.",
    ),
    Row::no_effect(
        "print_backtrace_on_error",
        Process,
        Kind::Bool,
        "errors name what went wrong and where",
        "Print a backtrace of native code with each error.",
    ),
    Row::no_effect(
        "enable_signalfd",
        Process,
        Kind::Bool,
        "signals wake the event loop by other means",
        "Receive signals through signalfd(2).",
    ),
    Row::built(
        "wait_signal",
        Process,
        Kind::Bool,
        "false",
        ("process.wait_signal", |given, value| {
            given.process.wait_signal = value.bool();
            Ok(None)
        }),
        "Keep the event loop running while a signal listener is set.",
    ),
    Row::no_effect(
        "enable_kqueue",
        Process,
        Kind::Bool,
        "it is for macOS and BSD",
        "Use kqueue(2).",
    ),
    Row::no_effect(
        "socket_dontwait",
        Process,
        Kind::Any,
        "sockets never block here",
        "Use sockets that do not block, in old versions.",
    ),
    Row::no_effect(
        "enable_message_bus",
        Process,
        Kind::Any,
        "messages of any size are sent in parts and put together by themselves",
        "Put messages between processes together, in old versions.",
    ),
    Row::built(
        "aio_core_worker_num",
        Process,
        THREADS,
        "number of CPUs",
        ("process.aio.core_threads", |given, value| {
            given.process.aio.core_threads = Some(threads(value));
            Ok(None)
        }),
        "Threads that the pool for files and DNS always has.",
    ),
    Row::built(
        "aio_worker_num",
        Process,
        THREADS,
        "8 for each CPU",
        ("process.aio.max_threads", |given, value| {
            given.process.aio.max_threads = Some(threads(value));
            Ok(None)
        }),
        "Most threads of the pool for files and DNS.",
    ),
    Row::built(
        "aio_max_wait_time",
        Process,
        Kind::Float {
            min: 0.0,
            max: 31_536_000.0,
        },
        "0.001",
        ("process.aio.max_wait_ms", |given, value| {
            given.process.aio.max_wait_ms = value.milliseconds();
            Ok(None)
        }),
        "Seconds that a call waits in the queue of the pool before a thread is added.",
    ),
    Row::built(
        "aio_max_idle_time",
        Process,
        Kind::Float {
            min: 0.0,
            max: 31_536_000.0,
        },
        "1",
        ("process.aio.max_idle_ms", |given, value| {
            given.process.aio.max_idle_ms = value.milliseconds();
            Ok(None)
        }),
        "Seconds after which an idle thread of the pool ends.",
    ),
    Row::built(
        "thread_num",
        Process,
        THREADS,
        "number of CPUs",
        ("process.aio.core_threads", |given, value| {
            given.process.aio.core_threads = Some(threads(value));
            Ok(None)
        }),
        "Old name for the number of threads that the pool always has.",
    )
    .aliases(&["min_thread_num"]),
    Row::built(
        "max_thread_num",
        Process,
        THREADS,
        "8 for each CPU",
        ("process.aio.max_threads", |given, value| {
            given.process.aio.max_threads = Some(threads(value));
            Ok(None)
        }),
        "Old name for the most threads of the pool.",
    ),
    Row::later(
        "iouring_entries",
        Process,
        Kind::Int {
            min: 0,
            max: I32_MAX,
        },
        "0",
        "io_uring",
        "Entries of the submission queue of io_uring. 0 is the default.",
    )
    .quiet_if_empty(),
    Row::later(
        "iouring_workers",
        Process,
        Kind::Int {
            min: 0,
            max: I32_MAX,
        },
        "0",
        "io_uring",
        "Kernel threads of io_uring. 0 is the default.",
    )
    .quiet_if_empty(),
    Row::later(
        "iouring_flag",
        Process,
        Kind::Int {
            min: 0,
            max: I32_MAX,
        },
        "0",
        "io_uring",
        "Set-up flags of io_uring.",
    )
    .quiet_if_empty(),
];
