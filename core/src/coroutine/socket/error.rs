//! Why an operation of a socket failed.

use super::Fault;
use crate::error::{codes, describe};
use crate::protocol::Malformed;
use nix::errno::Errno;
use std::borrow::Cow;

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Failure {
    /// The kernel, the time limit, a cancellation.
    Fault(Fault),
    /// A `SWOOLE_ERROR_*` value, which says it all.
    Code(i32),
    /// With a text of its own.
    Explained { code: i32, text: String },
}

impl Failure {
    /// With a text of its own.
    pub fn explained(code: i32, text: impl Into<String>) -> Failure {
        let text = text.into();
        Failure::Explained { code, text }
    }

    /// What came is no package.
    pub fn malformed(malformed: &Malformed) -> Failure {
        let text = match malformed {
            Malformed::BadLength { .. } | Malformed::NoLength { .. } => {
                return Failure::explained(
                    codes::PACKAGE_LENGTH_NOT_FOUND,
                    "get package length failed",
                );
            }
            Malformed::NoMark { .. } => "no package eof, package_max_length exceeded".to_owned(),
            Malformed::TooLong { .. } => malformed.to_string(),
        };
        Failure::explained(malformed.code(), text)
    }

    /// Whether it is none that a script is told of: it is being left, or no coroutine runs.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Failure::Fault(Fault::Ended | Fault::Outside))
    }

    /// For `errCode`.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Failure::Fault(fault) => fault.errno(),
            Failure::Code(code) | Failure::Explained { code, .. } => *code,
        }
    }

    /// For `errMsg`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Failure::Explained { text, .. } => Cow::Borrowed(text),
            _ => describe(self.code()),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Fault(fault)
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::Fault(errno.into())
    }
}
