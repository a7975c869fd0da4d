//! The errors of the server and their codes.
//!
//! An [`Error`] says in one sentence what happened, to which connection or process, with which value,
//! and what to do. Its [`Error::code`] is what PHP sees through `getLastError()` and
//! `swoole_last_error()`: an errno below 500, a `SWOOLE_ERROR_*` value from 500 on.

use std::borrow::Cow;
use std::cell::Cell;

pub mod codes;

pub use codes::{CODES, Code};

/// Everything that can go wrong in the rooms below `php/`.
///
/// Sizes are in bytes. Session ids are what PHP callbacks get as `$fd`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A system call failed.
    #[error("{op} failed{}: {} (errno {errno})", of(detail), describe(*errno))]
    Os {
        /// Name of the call, e.g. `epoll_ctl`.
        op: &'static str,
        /// What it was about, e.g. a path; may be empty.
        detail: String,
        errno: i32,
    },

    // Connections.
    #[error(
        "session#{session_id} does not exist: it was never opened, or is closed and gone; \
         check with exists() before you use a kept fd"
    )]
    SessionNotExist { session_id: u64 },
    #[error("fd {given} is not a session id: session ids are whole numbers from 1 on")]
    SessionInvalidId { given: i64 },
    #[error("session#{session_id} is closed")]
    SessionClosed { session_id: u64 },
    #[error("session#{session_id} was closed by the server: nothing can be sent after close()")]
    SessionClosedByServer { session_id: u64 },
    #[error("session#{session_id} was closed by the client: what is sent now cannot reach it")]
    SessionClosedByClient { session_id: u64 },
    #[error(
        "session#{session_id} is closing: onClose runs or has run, so it cannot be closed again"
    )]
    SessionClosing { session_id: u64 },
    #[error("discarded {len} bytes received from session#{session_id}, which is closed by now")]
    SessionDiscardTimeoutData { session_id: u64, len: u64 },
    #[error("discarded {len} bytes for session#{session_id}, which was closed by the server")]
    SessionDiscardData { session_id: u64, len: u64 },
    #[error(
        "session#{session_id} output buffer overflow: {queued_bytes} bytes wait for the client, the \
         limit is {limit_bytes} (socket_buffer_size); wait for onBufferEmpty or close the connection"
    )]
    OutputBufferOverflow {
        session_id: u64,
        queued_bytes: u64,
        limit_bytes: u64,
    },
    #[error(
        "output buffer overflow: {queued_bytes} bytes wait for all clients together, the limit is \
         {limit_bytes} (max_output_buffer_total); close slow clients or raise the limit"
    )]
    OutputQueueTotal { queued_bytes: u64, limit_bytes: u64 },
    /// `hint` says what to use instead, e.g. [`Error::SENDFILE_HINT`].
    #[error("the data is too large: {len} bytes, at most {max} are allowed; {hint}")]
    DataTooLarge {
        len: u64,
        max: u64,
        hint: &'static str,
    },
    #[error(
        "session#{session_id}: no room to send {len} bytes to its owner within {waited_ms} ms (send_timeout)"
    )]
    SendTimeout {
        session_id: u64,
        len: u64,
        waited_ms: u64,
    },
    #[error(
        "can't send data to the connections in master process: send from a worker, or pass the data \
         to one"
    )]
    SendInMaster,
    #[error("uid {given} is out of range: bind() takes 0 to 4294967295")]
    InvalidUid { given: i64 },
    #[error("session#{session_id} is already bound to uid {uid}")]
    AlreadyBound { session_id: u64, uid: i64 },
    #[error(
        "connection refused: {connections} connections are open, the limit is {max_conn} (max_conn)"
    )]
    TooManyConnections { connections: u64, max_conn: u64 },

    // Calls.
    #[error("{0}")]
    InvalidParams(String),
    #[error("{0}")]
    OperationNotSupport(String),
    /// A method or option that belongs to a later version.
    #[error("{what} is not built yet in this version: {needs}")]
    NotBuilt { what: String, needs: String },
    /// See [`Error::wrong_process`].
    #[error("{0}")]
    WrongProcess(String),
    #[error(
        "no room for a message of {len} bytes: the receiving process did not take what it has within \
         {waited_ms} ms, or too much waits for it already"
    )]
    MessageNotTaken { len: u64, waited_ms: u64 },
    #[error("worker_id {given} is invalid: this server has workers 0 to {last}")]
    InvalidWorkerId { given: i64, last: u32 },
    #[error("worker#{worker_id} is not running")]
    WorkerTerminated { worker_id: u32 },

    // The server as a whole.
    #[error("server is not running: {method} can be called once start() runs, in its callbacks")]
    ServerNotStarted { method: &'static str },
    #[error("server is running, unable to execute {method}: call it before start()")]
    ServerAlreadyStarted { method: &'static str },
    #[error(
        "the server has been shut down, unable to execute start() again: create it in a new process"
    )]
    ServerShutDown,
    #[error(
        "server is running. unable to create {class}: a process can run one server only; add a port \
         with listen() instead"
    )]
    SecondServer { class: String },
    #[error("require on{event} callback: set it with on('{event}', ...) before start()")]
    MissingCallback { event: &'static str },
    #[error("unknown event [{name}]{}", hint_of(nearest))]
    UnknownEvent {
        name: String,
        nearest: Option<String>,
    },
    #[error("unknown server mode {given}: use SWOOLE_PROCESS (2) or SWOOLE_BASE (1)")]
    BadMode { given: i64 },
    #[error("unknown socket type {given}: use one of the SWOOLE_SOCK_* constants")]
    BadSocketType { given: i64 },
    #[error("port {given} is invalid: use 0 (any free port) to 65535")]
    BadPort { given: i64 },
    #[error("host [{host}] is invalid: {why}")]
    BadHost { host: String, why: String },
    /// bind(2) failed.
    #[error("failed to listen server port[{address}]: {}", bind_advice(*errno))]
    Bind { address: String, errno: i32 },
    #[error("failed to listen on [{address}]: {} (errno {errno})", describe(*errno))]
    Listen { address: String, errno: i32 },

    // Set-up.
    #[error("user [{name}] does not exist: check the option 'user'")]
    UnknownUser { name: String },
    #[error("group [{name}] does not exist: check the option 'group'")]
    UnknownGroup { name: String },
    #[error("could not change {what} to [{to}]: {}; only root can, start as root or leave the option out", describe(*errno))]
    Credentials {
        /// `user`, `group` or `root directory`.
        what: &'static str,
        to: String,
        errno: i32,
    },
    #[error("could not write pid_file [{path}]: {}", describe(*errno))]
    PidFile { path: String, errno: i32 },
    #[error("could not fork the {what}: {}; check the limit of processes (ulimit -u) and the memory", describe(*errno))]
    Fork { what: String, errno: i32 },
    #[error("not enough shared memory: {bytes} bytes for {what}: {}", describe(*errno))]
    SharedMemory {
        what: &'static str,
        bytes: u64,
        errno: i32,
    },
    /// A value that `set()` refuses.
    #[error("option [{name}] is {value}: {allowed}")]
    Option {
        name: String,
        /// The value as the user would write it.
        value: String,
        /// What would be right, as a clause: "it must be ...".
        allowed: String,
    },

    /// Data that another process of this server wrote makes no sense. Never caused by a client.
    #[error("internal data is corrupt: {0}; this process must end, please report this")]
    Corrupt(String),
}

impl Error {
    /// For [`Error::DataTooLarge`] of `send()`.
    pub const SENDFILE_HINT: &'static str =
        "please use sendfile(), send it in parts, or raise the option 'output_buffer_size'";

    /// From an errno right after a call.
    #[must_use]
    pub fn os(op: &'static str, detail: impl Into<String>, error: &std::io::Error) -> Error {
        Error::Os {
            op,
            detail: detail.into(),
            errno: error.raw_os_error().unwrap_or(0),
        }
    }

    /// `method` was called in the process `here` ("the master process"), allowed only in `needed`.
    #[must_use]
    pub fn wrong_process(method: &str, here: &str, needed: &str) -> Error {
        Error::WrongProcess(format!(
            "{method} can't be called in {here}: call it in {needed}"
        ))
    }

    #[must_use]
    pub fn option(
        name: impl Into<String>,
        value: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Error {
        Error::Option {
            name: name.into(),
            value: value.into(),
            allowed: allowed.into(),
        }
    }

    /// The errno or `SWOOLE_ERROR_*` value.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Error::Os { errno, .. }
            | Error::Bind { errno, .. }
            | Error::Listen { errno, .. }
            | Error::Credentials { errno, .. }
            | Error::PidFile { errno, .. }
            | Error::Fork { errno, .. }
            | Error::SharedMemory { errno, .. } => match *errno {
                0 => codes::SYSTEM_CALL_FAIL,
                errno => errno,
            },
            Error::SessionNotExist { .. } => codes::SESSION_NOT_EXIST,
            Error::SessionInvalidId { .. } => codes::SESSION_INVALID_ID,
            Error::SessionClosed { .. } => codes::SESSION_CLOSED,
            Error::SessionClosedByServer { .. } => codes::SESSION_CLOSED_BY_SERVER,
            Error::SessionClosedByClient { .. } => codes::SESSION_CLOSED_BY_CLIENT,
            Error::SessionClosing { .. } => codes::SESSION_CLOSING,
            Error::SessionDiscardTimeoutData { .. } => codes::SESSION_DISCARD_TIMEOUT_DATA,
            Error::SessionDiscardData { .. } => codes::SESSION_DISCARD_DATA,
            Error::OutputBufferOverflow { .. } | Error::OutputQueueTotal { .. } => {
                codes::OUTPUT_BUFFER_OVERFLOW
            }
            Error::DataTooLarge { .. } => codes::DATA_LENGTH_TOO_LARGE,
            Error::SendTimeout { .. } => libc::ETIMEDOUT,
            Error::SendInMaster => codes::SERVER_SEND_IN_MASTER,
            Error::TooManyConnections { .. } => codes::SERVER_TOO_MANY_SOCKET,
            Error::InvalidParams(_)
            | Error::InvalidUid { .. }
            | Error::InvalidWorkerId { .. }
            | Error::UnknownEvent { .. }
            | Error::UnknownUser { .. }
            | Error::UnknownGroup { .. }
            | Error::BadMode { .. }
            | Error::Option { .. } => codes::INVALID_PARAMS,
            Error::OperationNotSupport(_) | Error::NotBuilt { .. } => codes::OPERATION_NOT_SUPPORT,
            Error::AlreadyBound { .. }
            | Error::WrongProcess(_)
            | Error::ServerNotStarted { .. } => codes::WRONG_OPERATION,
            Error::MessageNotTaken { .. } => codes::TASK_DISPATCH_FAIL,
            Error::WorkerTerminated { .. } => codes::SERVER_WORKER_TERMINATED,
            Error::ServerAlreadyStarted { .. }
            | Error::ServerShutDown
            | Error::SecondServer { .. } => codes::SERVER_ONLY_START_ONE,
            Error::MissingCallback { .. } => codes::SERVER_INVALID_CALLBACK,
            Error::BadSocketType { .. } => codes::BAD_SOCKET_TYPE,
            Error::BadPort { .. } => codes::BAD_PORT,
            Error::BadHost { .. } => codes::BAD_HOST_ADDR,
            Error::Corrupt(_) => codes::SERVER_WORKER_ABNORMAL_PIPE_DATA,
        }
    }
}

impl From<nix::errno::Errno> for Error {
    fn from(errno: nix::errno::Errno) -> Error {
        Error::Os {
            op: "a system call",
            detail: String::new(),
            errno: errno as i32,
        }
    }
}

fn of(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(" for {detail}")
    }
}

fn hint_of(nearest: &Option<String>) -> String {
    match nearest {
        Some(nearest) => format!(", did you mean [{nearest}]?"),
        None => String::new(),
    }
}

fn bind_advice(errno: i32) -> String {
    let advice = match errno {
        libc::EADDRINUSE => {
            "another program (or another server of yours) listens there, stop it or use another port"
        }
        libc::EACCES => {
            "ports below 1024 need root or CAP_NET_BIND_SERVICE, a socket file needs a folder you may write to"
        }
        libc::EADDRNOTAVAIL => "no interface of this machine has that address",
        libc::ENOENT => "the folder of the socket file does not exist",
        libc::EAFNOSUPPORT => "this machine does not support that address family",
        _ => "check host, port and socket type",
    };
    format!("{} (errno {errno}); {advice}", describe(errno))
}

/// The message of a `SWOOLE_ERROR_*` value or an errno.
#[must_use]
pub fn describe(code: i32) -> Cow<'static, str> {
    if let Ok(index) = CODES.binary_search_by_key(&code, |row| row.code) {
        return Cow::Borrowed(CODES[index].message);
    }
    // std appends " (os error N)" to what strerror_r(3) says.
    let text = std::io::Error::from_raw_os_error(code).to_string();
    match text.strip_suffix(&format!(" (os error {code})")) {
        Some(message) => Cow::Owned(message.to_owned()),
        None => Cow::Owned(text),
    }
}

thread_local! {
    static LAST: Cell<i32> = const { Cell::new(0) };
}

/// Sets the code that [`last`] gives in this thread; 0 clears it.
pub fn set_last(code: i32) {
    LAST.set(code);
}

/// The code of the last error in this thread, 0 if there was none. Each reactor thread has its own, so
/// PHP sees only errors of calls that it made.
#[must_use]
pub fn last() -> i32 {
    LAST.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_ascending_named_and_described() {
        assert_eq!(CODES.len(), 130);
        for pair in CODES.windows(2) {
            assert!(pair[0].code < pair[1].code);
        }
        for row in CODES {
            assert!(row.name.starts_with("SWOOLE_ERROR_"));
            assert!(row.code > 500 && !row.message.is_empty());
            assert_eq!(describe(row.code), row.message);
        }
    }

    #[test]
    fn the_codes_php_code_compares_with() {
        let session_id = 7;
        let cases = [
            (Error::SessionNotExist { session_id }, 1005),
            (Error::SessionClosed { session_id }, 1004),
            (Error::SessionClosing { session_id }, 1003),
            (Error::SendInMaster, 9009),
            (
                Error::OutputQueueTotal {
                    queued_bytes: 2,
                    limit_bytes: 1,
                },
                1009,
            ),
            (
                Error::DataTooLarge {
                    len: 2,
                    max: 1,
                    hint: Error::SENDFILE_HINT,
                },
                1203,
            ),
            (Error::ServerAlreadyStarted { method: "start()" }, 9008),
            (
                Error::Bind {
                    address: "127.0.0.1:80".into(),
                    errno: libc::EACCES,
                },
                libc::EACCES,
            ),
        ];
        for (error, code) in cases {
            assert_eq!(error.code(), code, "{error}");
        }
    }

    #[test]
    fn unknown_codes_fall_back_to_strerror() {
        assert_eq!(describe(libc::ECONNRESET), "Connection reset by peer");
        assert_eq!(describe(500), "Unknown error 500");
        assert_eq!(describe(i32::MAX), format!("Unknown error {}", i32::MAX));
        assert!(!describe(i32::MIN).is_empty());
    }

    #[test]
    fn messages_name_connection_value_and_way_out() {
        let error = Error::OutputBufferOverflow {
            session_id: 12,
            queued_bytes: 900,
            limit_bytes: 800,
        };
        let text = error.to_string();
        for part in [
            "session#12",
            "900",
            "800",
            "socket_buffer_size",
            "onBufferEmpty",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let bind = Error::Bind {
            address: "0.0.0.0:9501".into(),
            errno: libc::EADDRINUSE,
        };
        assert!(bind.to_string().contains("use another port"), "{bind}");
    }

    #[test]
    fn the_last_error_belongs_to_a_thread() {
        set_last(1005);
        let other = std::thread::spawn(last).join();
        assert_eq!(other.ok(), Some(0));
        assert_eq!(last(), 1005);
        set_last(0);
    }
}
