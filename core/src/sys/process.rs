//! Processes: fork, reap, signal, leave, and what the machine gives them.

use super::SysError;
use super::signal::{self, Signal};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Pid, SysconfVar, sysconf};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::thread;
pub use super::thread::{set_affinity, set_thread_name};
pub use nix::unistd::{getpid, getppid};

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Forked {
    Parent(Pid),
    Child,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitStatus {
    /// The exit code, 0 to 255; 0 if a signal ended it.
    pub code: i32,
    /// The signal that ended it, or 0.
    pub signal: i32,
    /// The status as wait(2) gives it.
    pub raw: i32,
}

impl ExitStatus {
    pub(super) fn from_raw(raw: i32) -> ExitStatus {
        ExitStatus {
            code: if libc::WIFEXITED(raw) {
                libc::WEXITSTATUS(raw)
            } else {
                0
            },
            signal: if libc::WIFSIGNALED(raw) {
                libc::WTERMSIG(raw)
            } else {
                0
            },
            raw,
        }
    }
}

/// Splits the process in two, for a process of this crate's own (a server's). A process with threads that
/// are neither this one nor helpers ([`thread::HelperThread`]) has them from other extensions or libraries.
/// Those do not go on in the child, and a lock that one of them holds at this moment stays locked there. Most
/// libraries see to that themselves, and refusing would keep servers from starting; so the log says it, once.
///
/// Signals are held back meanwhile: those that came before are the parent's alone, those sent to the
/// child from its first moment on are noted there.
///
/// # Errors
/// The process has threads of this crate that hold locks of it ([`thread::LockingThread`]); the limit of
/// processes or memory is reached.
pub fn fork() -> Result<Forked, SysError> {
    let locking = thread::locking();
    if locking > 0 {
        return Err(SysError::refused(
            "fork",
            format!(
                "{locking} reactor threads are at work in this process; fork before they start"
            ),
        ));
    }
    warn_of_foreign_threads();
    fork_with_threads()
}

/// Once: the children of this process do not say it again.
fn warn_of_foreign_threads() {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if WARNED.load(Ordering::Relaxed) {
        return;
    }
    let foreign = settled_thread_count().saturating_sub(1 + thread::helpers());
    if foreign > 0 && !WARNED.swap(true, Ordering::Relaxed) {
        crate::log::warning(format_args!(
            "threads of other extensions or libraries ({foreign}) run in this process while it starts another one: they do not go on there, and a lock that one of them holds now stays locked there; where that is a risk, begin with what makes them in onWorkerStart"
        ));
    }
}

/// As [`fork`], but without a look at other threads: for processes that user code starts.
///
/// Why the child may go on: the C library makes its allocator usable in the child of a threaded process;
/// PHP's own state belongs to the thread that forks; the log's lock is taken here, so it is free in the
/// child; pools of threads are not the child's, which makes its own; and no other lock of this crate is
/// taken both by helper threads and by the main one.
///
/// # Errors
/// The limit of processes or memory is reached.
pub fn fork_with_threads() -> Result<Forked, SysError> {
    let _log = crate::log::hold();
    fork_now()
}

fn fork_now() -> Result<Forked, SysError> {
    let _mask = signal::block_all()?;
    // SAFETY: fork(2) is unsafe in a process with several threads, since the child may then only use
    // async-signal-safe functions. What is used there nevertheless is as `fork_with_threads` says.
    // JUSTIFICATION: there is no safe fork; this is it.
    match unsafe { libc::fork() } {
        -1 => Err(SysError::last("fork", "")),
        0 => {
            signal::forget_pending();
            Ok(Forked::Child)
        }
        pid => Ok(Forked::Parent(Pid::from_raw(pid))),
    }
}

/// Threads of this process; 1 where /proc cannot tell.
#[must_use]
pub fn thread_count() -> usize {
    fs::read_dir("/proc/self/task")
        .map(|tasks| tasks.count().max(1))
        .unwrap_or(1)
}

/// A thread that has ended is listed for a moment longer, until the kernel has cleaned up after it.
fn settled_thread_count() -> usize {
    const TRIES: usize = 50;
    for _ in 0..TRIES {
        let count = thread_count();
        if count <= 1 + thread::helpers() {
            return count;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    thread_count()
}

/// Reaps one child that ended, without waiting: `None` if none has. Call it until `None` after SIGCHLD.
pub fn wait_any() -> Result<Option<(Pid, ExitStatus)>, SysError> {
    wait(-1, libc::WNOHANG)
}

/// Waits until this child ends; `None` if it is no child of ours.
pub fn wait_for(pid: Pid) -> Result<Option<ExitStatus>, SysError> {
    Ok(wait(pid.as_raw(), 0)?.map(|(_, status)| status))
}

fn wait(pid: i32, flags: i32) -> Result<Option<(Pid, ExitStatus)>, SysError> {
    loop {
        let mut raw = 0;
        // SAFETY: `raw` is a live int.
        // JUSTIFICATION: nix's waitpid drops the raw status, which user code is given.
        match unsafe { libc::waitpid(pid, &raw mut raw, flags) } {
            -1 => match Errno::last() {
                Errno::EINTR => {}
                Errno::ECHILD => return Ok(None),
                errno => return Err(SysError::new("wait for a child", format!("{pid}"), errno)),
            },
            0 => return Ok(None),
            pid => return Ok(Some((Pid::from_raw(pid), ExitStatus::from_raw(raw)))),
        }
    }
}

/// Sends a signal to one process. Pids below 1, which mean groups, are refused.
pub fn kill(pid: Pid, signal: Signal) -> Result<(), SysError> {
    send_signal(pid, signal.number())
        .map_err(|errno| SysError::new("send a signal", format!("{signal} to pid {pid}"), errno))
}

/// Whether there is such a process, a zombie included.
#[must_use]
pub fn is_alive(pid: Pid) -> bool {
    matches!(send_signal(pid, 0), Ok(()) | Err(Errno::EPERM))
}

fn send_signal(pid: Pid, number: i32) -> Result<(), Errno> {
    if pid.as_raw() < 1 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: kill(2) takes two integers and touches no memory of this process.
    // JUSTIFICATION: nix's kill does not take real-time signals.
    let result = unsafe { libc::kill(pid.as_raw(), number) };
    Errno::result(result).map(drop)
}

/// Has the kernel send `signal` to this process when the thread that forked it ends. Survives neither a
/// fork nor a switch of identity, so set it after both; then compare getppid(), for the parent may have
/// ended before.
pub fn set_parent_death_signal(signal: Signal) -> Result<(), SysError> {
    // SAFETY: PR_SET_PDEATHSIG takes an integer and touches no memory of this process.
    // JUSTIFICATION: nix's set_pdeathsig does not take real-time signals.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.number() as libc::c_ulong) };
    Errno::result(result)
        .map(drop)
        .map_err(|e| SysError::new("set the parent death signal", signal.to_string(), e))
}

/// Goes to the background, in a session of its own, without a terminal, and cannot get one again. The
/// working folder becomes / and stdin /dev/null; every other descriptor stays, so direct stdout and
/// stderr to the log before. The pid changes twice. The starting process exits with status 0.
///
/// # Errors
/// As [`fork`]; then nothing has changed, or this is a child whose parent has already gone.
pub fn daemonize() -> Result<(), SysError> {
    const OP: &str = "become a daemon";
    if let Forked::Parent(_) = fork()? {
        exit_now(0);
    }
    nix::unistd::setsid().map_err(|e| SysError::new(OP, "setsid", e))?;
    if let Forked::Parent(_) = fork()? {
        exit_now(0);
    }
    nix::unistd::chdir("/").map_err(|e| SysError::new(OP, "/", e))?;
    let null = fs::File::open("/dev/null").map_err(|e| SysError::from_io(OP, "/dev/null", &e))?;
    nix::unistd::dup2_stdin(&null).map_err(|e| SysError::new(OP, "/dev/null as stdin", e))
}

/// Ends the process, running what was registered with atexit(3).
pub fn exit(status: i32) -> ! {
    std::process::exit(status)
}

/// Ends the process at once: no atexit handlers, no flushing.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit(2) does not return and runs no code of this process.
    // JUSTIFICATION: std::process::exit runs the handlers that a forked child must not run.
    unsafe { libc::_exit(status) }
}

/// CPUs online, at least 1.
#[must_use]
pub fn cpu_count() -> usize {
    sysconf_positive(SysconfVar::_NPROCESSORS_ONLN).map_or(1, |n| n as usize)
}

/// How many descriptors this process may have open (the soft limit).
#[must_use]
pub fn nofile_limit() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft)
}

/// Raises the soft limit of open descriptors towards `wanted`, as far as the hard limit allows; returns
/// the limit now in force. Never lowers it.
pub fn raise_nofile_limit(wanted: u64) -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return nofile_limit();
    };
    let target = wanted.min(hard);
    if target > soft {
        // Refused by a stricter sandbox: then the old limit holds, and is what is returned.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, target, hard);
    }
    nofile_limit()
}

/// Memory this process can count on: that of the machine, or the limit of its container if lower.
#[must_use]
pub fn memory_bytes() -> u64 {
    let pages = sysconf_positive(SysconfVar::_PHYS_PAGES).unwrap_or(0);
    let physical = pages.saturating_mul(page_bytes());
    // A container sees its own control group as the root.
    let limits = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    limits
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok())
        .filter(|limit| *limit > 0)
        .fold(physical, u64::min)
}

/// Memory of this process that is in RAM, shared pages included.
#[must_use]
pub fn rss_bytes() -> u64 {
    fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok())
        .map_or(0, |pages| pages.saturating_mul(page_bytes()))
}

/// Descriptors this process has open; 0 where /proc cannot tell.
#[must_use]
pub fn open_fd_count() -> usize {
    // One of them is the folder being read.
    fs::read_dir("/proc/self/fd").map_or(0, |fds| fds.count().saturating_sub(1))
}

fn page_bytes() -> u64 {
    sysconf_positive(SysconfVar::PAGE_SIZE).unwrap_or(4096)
}

fn sysconf_positive(name: SysconfVar) -> Option<u64> {
    let value = sysconf(name).ok()??;
    u64::try_from(value).ok().filter(|value| *value > 0)
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_not_signalled() {
        for pid in [0, -1, -4] {
            assert!(kill(Pid::from_raw(pid), Signal::KILL).is_err());
            assert!(!is_alive(Pid::from_raw(pid)));
        }
        assert!(is_alive(getpid()));
    }

    #[test]
    fn figures_of_the_machine_are_plausible() {
        assert!(cpu_count() >= 1);
        assert!(nofile_limit() >= 16);
        assert_eq!(raise_nofile_limit(1), nofile_limit());
        assert!(memory_bytes() > 64 << 20);
        assert!((1 << 20..memory_bytes()).contains(&rss_bytes()));
        assert!(open_fd_count() >= 3);
    }
}
