//! Listening sockets, connections, their addresses, and the queue of bytes that wait to be sent.

pub mod address;
pub mod client;
pub mod dns;
pub mod listener;
pub mod send_queue;
pub mod stream;
pub mod tls;

use crate::error::Error;
use crate::sys::SysError;
use nix::errno::Errno;
use std::fmt;

pub use address::{Address, RawAddress, SockType};
pub use listener::{Accepted, BindOptions, ListenOptions, Listener};
pub use send_queue::{BufferPool, FlushOutcome, Flushed, SendQueue};
pub use stream::{KeepAlive, ReadOutcome, SocketOptions, Stream, WriteOutcome};

/// Why there is no listening socket, or a connection could not be set up. Each is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetError {
    /// No such socket type.
    BadType { number: i64 },
    /// Not a port number.
    BadPort { port: i64 },
    /// Not an address, and no name that resolves.
    BadHost { host: String, reason: String },
    /// The path of a unix socket is too long.
    PathTooLong {
        path: String,
        len: usize,
        max: usize,
    },
    /// The kernel refused to bind or listen.
    Listen { address: String, errno: i32 },
    /// Anything else.
    Sys(SysError),
}

impl NetError {
    /// The errno, or 0 where this code refused and not the kernel.
    #[must_use]
    pub fn errno(&self) -> i32 {
        match self {
            NetError::Listen { errno, .. } => *errno,
            NetError::Sys(error) => error.errno,
            _ => 0,
        }
    }
}

impl From<NetError> for Error {
    fn from(error: NetError) -> Error {
        match error {
            NetError::BadType { number } => Error::BadSocketType { given: number },
            NetError::BadPort { port } => Error::BadPort { given: port },
            NetError::Listen { address, errno } => Error::Bind { address, errno },
            NetError::Sys(error) => error.into(),
            NetError::BadHost { host, reason } => Error::BadHost { host, why: reason },
            NetError::PathTooLong { path, len, max } => Error::BadHost {
                host: path,
                why: format!("the path of a unix socket has at most {max} bytes, this one {len}"),
            },
        }
    }
}

impl From<SysError> for NetError {
    fn from(error: SysError) -> NetError {
        NetError::Sys(error)
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetError::BadType { number } => write!(
                f,
                "{number} is no socket type; use one of the SWOOLE_SOCK_ constants"
            ),
            NetError::BadPort { port } => write!(
                f,
                "cannot listen on port {port}: a port is a number from 0 (any free one) to 65535"
            ),
            NetError::BadHost { host, reason } => write!(
                f,
                "cannot listen on host \"{host}\": {reason}; give an IP address of this machine, \
                 such as 127.0.0.1 or 0.0.0.0, or a name that resolves to one"
            ),
            NetError::PathTooLong { path, len, max } => write!(
                f,
                "cannot listen on unix:{path}: the path has {len} bytes, at most {max} are possible; \
                 choose a shorter one"
            ),
            NetError::Listen { address, errno } => {
                write!(f, "cannot listen on {address}: {}", listen_reason(*errno))
            }
            NetError::Sys(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NetError {}

fn listen_reason(errno: i32) -> String {
    let reason = match Errno::from_raw(errno) {
        Errno::EADDRINUSE => "the port is in use; stop the other program or choose another port",
        Errno::EADDRNOTAVAIL => {
            "this machine has no such address; use one of its own, or 0.0.0.0 for all"
        }
        Errno::EACCES | Errno::EPERM => {
            "permission denied; choose a port above 1023 (for a unix socket, a folder this user may \
             write to), or run as root"
        }
        Errno::EAFNOSUPPORT => "this machine does not speak that protocol; use IPv4 or enable IPv6",
        Errno::ENOENT | Errno::ENOTDIR => "the folder does not exist; create it first",
        Errno::EROFS => "the file system is read-only; choose another path",
        Errno::EMFILE => "too many open files; raise the limit (ulimit -n)",
        other => return format!("{} [{errno}]", other.desc()),
    };
    reason.to_owned()
}
