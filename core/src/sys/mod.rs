//! Safe wrappers over the operating system: processes, signals, descriptors, sockets, identity.
//!
//! This is one of the few rooms where `unsafe` may stand; what it exports is safe to call. Everything
//! fallible returns a [`SysError`] that says what was tried, with which value, and what to do.

pub mod credentials;
pub mod eventfd;
pub mod fd;
pub mod files;
pub mod forks;
pub mod interfaces;
pub mod memfd;
pub mod message_queue;
pub mod names;
pub mod pid_file;
pub mod pipe;
pub mod process;
pub mod queue_receiver;
pub mod reaped;
pub mod shell;
pub mod signal;
pub mod socket;
pub mod stack;
pub mod stack_fault;
pub mod thread;
pub mod transfer;
pub mod user_process;
mod valgrind;

use crate::error::Error;
use std::fmt;

pub use nix::errno::Errno;
pub use nix::unistd::Pid;
pub use signal::Signal;

/// A failed call into the operating system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SysError {
    /// What was tried, as a verb phrase: "fork", "open the pid file".
    pub op: &'static str,
    /// With which value; may be empty.
    pub detail: String,
    /// The errno, or 0 where this code refused and not the kernel.
    pub errno: i32,
}

impl From<SysError> for Error {
    fn from(error: SysError) -> Error {
        Error::Os {
            op: error.op,
            detail: error.detail,
            errno: error.errno,
        }
    }
}

impl SysError {
    pub(crate) fn new(op: &'static str, detail: impl Into<String>, errno: Errno) -> SysError {
        SysError {
            op,
            detail: detail.into(),
            errno: errno as i32,
        }
    }

    /// A refusal of our own, without an errno.
    pub(crate) fn refused(op: &'static str, detail: impl Into<String>) -> SysError {
        SysError {
            op,
            detail: detail.into(),
            errno: 0,
        }
    }

    /// From the errno the last libc call of this thread left.
    pub(crate) fn last(op: &'static str, detail: impl Into<String>) -> SysError {
        SysError::new(op, detail, Errno::last())
    }

    pub(crate) fn from_io(
        op: &'static str,
        detail: impl Into<String>,
        error: &std::io::Error,
    ) -> SysError {
        SysError {
            op,
            detail: detail.into(),
            errno: error.raw_os_error().unwrap_or(0),
        }
    }

    /// What the user can do about it, where there is something to do.
    fn advice(&self) -> Option<&'static str> {
        match Errno::from_raw(self.errno) {
            Errno::EMFILE => Some("raise the limit of open files (ulimit -n)"),
            Errno::ENFILE => Some("raise the system's limit of open files (sysctl fs.file-max)"),
            Errno::EAGAIN if self.op == "fork" => {
                Some("raise the limit of processes (ulimit -u, or pids.max of the container)")
            }
            Errno::ENOMEM => Some("free memory, or lower the sizes and numbers configured"),
            Errno::EPERM | Errno::EACCES => {
                Some("run as a user that may do this, or change the setting")
            }
            Errno::ENOSPC => Some("free space on that file system"),
            Errno::EROFS => Some("choose a path on a writable file system"),
            Errno::ENOENT | Errno::ENOTDIR => Some("check that the path exists"),
            _ => None,
        }
    }
}

impl fmt::Display for SysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.op)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        if self.errno != 0 {
            let text = Errno::from_raw(self.errno).desc();
            write!(f, ": {text} [{}]", self.errno)?;
        }
        match self.advice() {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SysError {}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_with_which_value_why_and_what_to_do() {
        let error = SysError::new("open the pid file", "/nowhere/a.pid", Errno::ENOENT);
        assert_eq!(
            error.to_string(),
            "cannot open the pid file: /nowhere/a.pid: No such file or directory [2]; \
             check that the path exists"
        );
        let refused = SysError::refused("fork", "the process has 3 threads");
        assert_eq!(
            refused.to_string(),
            "cannot fork: the process has 3 threads"
        );
    }
}
