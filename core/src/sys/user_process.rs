//! What user code asks of processes: as the kernel answers, with its errno and without policy.

use super::process::ExitStatus;
use nix::errno::Errno;
use nix::unistd::{Pid, execv};
use std::convert::Infallible;
use std::ffi::CStr;
use std::time::Duration;

/// Reaps one child that ended, whichever.
///
/// # Errors
/// EAGAIN: none has ended yet (only without `wait`); ECHILD: there is none; EINTR: a signal came.
pub fn wait_child(wait: bool) -> Result<(Pid, ExitStatus), Errno> {
    wait_for(-1, wait)
}

/// [`wait_child`] for what waitpid(2) understands by `pid`: a child, or a group of them.
///
/// # Errors
/// As [`wait_child`].
pub fn wait_for(pid: i32, wait: bool) -> Result<(Pid, ExitStatus), Errno> {
    let mut raw = 0;
    let flags = if wait { 0 } else { libc::WNOHANG };
    // SAFETY: `raw` is a live int.
    // JUSTIFICATION: nix's waitpid drops the raw status.
    match Errno::result(unsafe { libc::waitpid(pid, &raw mut raw, flags) })? {
        0 => Err(Errno::EAGAIN),
        pid => Ok((Pid::from_raw(pid), ExitStatus::from_raw(raw))),
    }
}

/// kill(2) as it is: 0 and negative pids mean groups, signal 0 only asks whether it could be sent.
pub fn send_signal(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: kill(2) takes two integers and touches no memory of this process.
    // JUSTIFICATION: nix's kill does not take real-time signals.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Undoes [`super::process::set_parent_death_signal`].
pub fn forget_parent_death() {
    // SAFETY: PR_SET_PDEATHSIG takes an integer and touches no memory of this process; 0 is always taken.
    // JUSTIFICATION: nix's set_pdeathsig is not used for the setting either.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) };
}

/// Replaces this process by another program; `arguments` begin with its name.
pub fn exec(path: &CStr, arguments: &[&CStr]) -> Errno {
    let Err(errno): Result<Infallible, Errno> = execv(path, arguments);
    errno
}

/// Goes to the background: the caller's process ends with status 0, a child with a session of its own
/// goes on. For processes with other threads see [`super::process::fork_with_threads`]: those threads do
/// not go on in the child.
pub fn daemon(change_folder: bool, close_stdio: bool) -> Result<(), super::SysError> {
    use super::SysError;
    use super::process::{Forked, exit_now, fork_with_threads};
    const OP: &str = "become a daemon";
    let null = if close_stdio {
        let null = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null");
        Some(null.map_err(|e| SysError::from_io(OP, "/dev/null", &e))?)
    } else {
        None
    };
    if let Forked::Parent(_) = fork_with_threads()? {
        exit_now(0);
    }
    nix::unistd::setsid().map_err(|e| SysError::new(OP, "setsid", e))?;
    if change_folder {
        nix::unistd::chdir("/").map_err(|e| SysError::new(OP, "/", e))?;
    }
    if let Some(null) = null {
        let redirected = nix::unistd::dup2_stdin(&null)
            .and_then(|()| nix::unistd::dup2_stdout(&null))
            .and_then(|()| nix::unistd::dup2_stderr(&null));
        redirected.map_err(|e| SysError::new(OP, "/dev/null", e))?;
    }
    Ok(())
}

/// Puts an open descriptor under another number, which an exec keeps open.
pub fn redirect(from: i32, to: i32) -> Result<(), Errno> {
    if from == to {
        // dup2 would leave it as it is, close-on-exec included.
        // SAFETY: fcntl(F_SETFD) takes integers and touches no memory of this process.
        return Errno::result(unsafe { libc::fcntl(to, libc::F_SETFD, 0) }).map(drop);
    }
    // SAFETY: dup2(2) takes two integers. `to` is one of the standard streams, or what the user asked
    // to replace: nothing in this process owns it.
    // JUSTIFICATION: nix's dup2 wants an owned descriptor as the target.
    Errno::result(unsafe { libc::dup2(from, to) }).map(drop)
}

/// Has the kernel send a signal after `interval` and then again and again; zero stops it. `kind` is
/// ITIMER_REAL (SIGALRM), ITIMER_VIRTUAL (SIGVTALRM) or ITIMER_PROF (SIGPROF).
pub fn set_interval_timer(kind: i32, interval: Duration) -> Result<(), Errno> {
    let time = libc::timeval {
        tv_sec: i64::try_from(interval.as_secs()).unwrap_or(i64::MAX),
        tv_usec: i64::from(interval.subsec_micros()),
    };
    let timer = libc::itimerval {
        it_interval: time,
        it_value: time,
    };
    // SAFETY: a live itimerval to read; the third pointer may be null.
    // JUSTIFICATION: nix has no setitimer. An unknown `kind` is refused by the kernel.
    let result = unsafe { libc::setitimer(kind as _, &raw const timer, std::ptr::null_mut()) };
    Errno::result(result).map(drop)
}

/// getpriority(2): -20 to 19.
pub fn priority(which: i32, who: u32) -> Result<i32, Errno> {
    // -1 is a priority, too.
    Errno::clear();
    // SAFETY: takes two integers and touches no memory of this process; an unknown `which` is refused.
    let priority = unsafe { libc::getpriority(which as _, who) };
    match Errno::last() {
        errno if priority == -1 && errno != Errno::from_raw(0) => Err(errno),
        _ => Ok(priority),
    }
}

/// setpriority(2).
pub fn set_priority(which: i32, who: u32, priority: i32) -> Result<(), Errno> {
    // SAFETY: as in `priority`.
    Errno::result(unsafe { libc::setpriority(which as _, who, priority) }).map(drop)
}

/// CPUs a set can name.
pub const MAX_CPUS: usize = libc::CPU_SETSIZE as usize;

/// Which CPUs this process may run on, ascending.
pub fn affinity() -> Result<Vec<usize>, Errno> {
    let set = nix::sched::sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..MAX_CPUS)
        .filter(|cpu| set.is_set(*cpu).unwrap_or(false))
        .collect())
}

/// Has this process run on these CPUs only, each below [`MAX_CPUS`].
pub fn set_affinity(cpus: &[usize]) -> Result<(), Errno> {
    let mut set = nix::sched::CpuSet::new();
    for cpu in cpus {
        set.set(*cpu)?;
    }
    nix::sched::sched_setaffinity(Pid::from_raw(0), &set)
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_read_and_refused() {
        let which = libc::PRIO_PROCESS as i32;
        assert!((-20..=19).contains(&priority(which, 0).expect("own")));
        assert_eq!(priority(-1000, 0), Err(Errno::EINVAL));
        assert_eq!(set_priority(-1000, 0, 1), Err(Errno::EINVAL));
    }

    #[test]
    fn affinity_is_a_list_of_cpus() {
        let cpus = affinity().expect("read");
        assert!(!cpus.is_empty());
        set_affinity(&cpus).expect("the same again");
        assert_eq!(set_affinity(&[]), Err(Errno::EINVAL));
        assert_eq!(set_affinity(&[usize::MAX]), Err(Errno::EINVAL));
    }

    #[test]
    fn an_unknown_timer_or_program_is_refused() {
        assert_eq!(
            set_interval_timer(99, Duration::from_secs(1)),
            Err(Errno::EINVAL)
        );
        assert_eq!(exec(c"/no/such/program", &[c"x"]), Errno::ENOENT);
    }

    #[test]
    fn a_signal_that_is_none_is_refused() {
        let own = std::process::id().cast_signed();
        assert_eq!(send_signal(own, 0), Ok(()));
        assert_eq!(send_signal(own, -5), Err(Errno::EINVAL));
        assert_eq!(send_signal(i32::MAX, 0), Err(Errno::ESRCH));
    }
}
