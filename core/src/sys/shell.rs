//! Commands of the shell whose output the caller reads.

use super::SysError;
use nix::errno::Errno;
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// A command under way. Whoever starts one reaps it.
#[derive(Debug)]
pub struct Running {
    pub pid: Pid,
    /// What it writes; blocking and close-on-exec.
    pub output: OwnedFd,
}

/// Runs `/bin/sh -c command` with the standard input of this process; with `errors`, what it writes to its
/// standard error is in the output, too.
///
/// # Errors
/// Out of descriptors or processes; a NUL in the command.
pub fn run(command: &OsStr, errors: bool) -> Result<Running, SysError> {
    let start = || -> io::Result<Running> {
        let (output, input) = io::pipe()?;
        let mut shell = Command::new("/bin/sh");
        shell.arg0("sh").arg("-c").arg(command);
        if errors {
            shell.stderr(Stdio::from(input.try_clone()?));
        }
        // A child that is let go of is not waited for: see `Running`.
        let child = shell.stdout(Stdio::from(input)).spawn()?;
        Ok(Running {
            pid: Pid::from_raw(child.id().cast_signed()),
            output: output.into(),
        })
    };
    start().map_err(|error| {
        // Without an errno: a NUL.
        let errno = error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw);
        SysError::new("run a command", command.to_string_lossy(), errno)
    })
}
