//! Why a client's call failed.

use super::wait::Fault;
use crate::error::codes;
use crate::net::NetError;
use crate::protocol::Malformed;
use crate::protocol::proxy::ProxyError;
use nix::errno::Errno;

/// Why a client's call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum ClientError {
    /// The socket, or the time limit.
    Link(Fault),
    /// An address.
    Address(NetError),
    Proxy(ProxyError),
    /// What came is no package.
    Malformed(Malformed),
    /// An argument or file that cannot be used, as a `SWOOLE_ERROR_*` value.
    Refused(i32),
}

impl ClientError {
    /// For `errCode`: an errno or a `SWOOLE_ERROR_*` value.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            ClientError::Link(fault) => fault.errno(),
            ClientError::Address(error) => match error {
                NetError::BadHost { .. } => codes::DNSLOOKUP_RESOLVE_FAILED,
                NetError::PathTooLong { .. } => codes::NAME_TOO_LONG,
                NetError::BadPort { .. } => codes::BAD_PORT,
                NetError::BadType { .. } => codes::BAD_SOCKET_TYPE,
                NetError::Listen { errno, .. } => *errno,
                NetError::Sys(error) => error.errno,
            },
            ClientError::Proxy(error) => error.code,
            ClientError::Malformed(malformed) => malformed.code(),
            ClientError::Refused(code) => *code,
        }
    }
}

impl From<Fault> for ClientError {
    fn from(fault: Fault) -> ClientError {
        ClientError::Link(fault)
    }
}

impl From<Errno> for ClientError {
    fn from(errno: Errno) -> ClientError {
        ClientError::Link(errno.into())
    }
}

impl From<NetError> for ClientError {
    fn from(error: NetError) -> ClientError {
        ClientError::Address(error)
    }
}
