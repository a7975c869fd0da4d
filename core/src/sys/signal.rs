//! Signals as events: handlers note them in an atomic set and wake the event loop.

use super::eventfd::EventFd;
use super::{SysError, forks};
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering};

/// Signals noted by the handler and not yet drained: bit n-1 is signal n.
static PENDING: AtomicU64 = AtomicU64::new(0);
/// The descriptor the handler writes to; -1 while there is none.
static WAKE_FD: AtomicI32 = AtomicI32::new(-1);
/// Owns that descriptor. It is never closed, only replaced under its number: a handler that runs in
/// another thread at that moment must not write to a descriptor that means something else.
static WAKE: OnceLock<EventFd> = OnceLock::new();
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// When SIGTERM or SIGINT was noted last, in milliseconds of [`monotonic_ms`]; 0: never.
static ENDING_MS: AtomicU64 = AtomicU64::new(0);
/// One request to end comes as several signals (terminals and service managers tell each process of a group,
/// and the parent may tell on) within so many milliseconds.
const ONE_REQUEST_MS: u64 = 500;

/// A signal number, 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(i32);

impl Signal {
    pub const HUP: Signal = Signal(libc::SIGHUP);
    pub const INT: Signal = Signal(libc::SIGINT);
    pub const QUIT: Signal = Signal(libc::SIGQUIT);
    pub const ABRT: Signal = Signal(libc::SIGABRT);
    pub const KILL: Signal = Signal(libc::SIGKILL);
    pub const USR1: Signal = Signal(libc::SIGUSR1);
    pub const SEGV: Signal = Signal(libc::SIGSEGV);
    pub const USR2: Signal = Signal(libc::SIGUSR2);
    pub const PIPE: Signal = Signal(libc::SIGPIPE);
    pub const ALRM: Signal = Signal(libc::SIGALRM);
    pub const TERM: Signal = Signal(libc::SIGTERM);
    pub const CHLD: Signal = Signal(libc::SIGCHLD);
    pub const CONT: Signal = Signal(libc::SIGCONT);
    pub const STOP: Signal = Signal(libc::SIGSTOP);
    pub const WINCH: Signal = Signal(libc::SIGWINCH);
    pub const IO: Signal = Signal(libc::SIGIO);

    /// The first real-time signal that the C library leaves free.
    #[must_use]
    pub fn rtmin() -> Signal {
        Signal(libc::SIGRTMIN())
    }

    /// `None` outside 1 to 64.
    #[must_use]
    pub fn new(number: i32) -> Option<Signal> {
        (1..=64).contains(&number).then_some(Signal(number))
    }

    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    fn bit(self) -> u64 {
        1 << (self.0 - 1)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match nix::sys::signal::Signal::try_from(self.0) {
            Ok(signal) => f.write_str(signal.as_str()),
            Err(_) => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of signals, iterated in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalSet(u64);

impl SignalSet {
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub fn contains(self, signal: Signal) -> bool {
        self.0 & signal.bit() != 0
    }
}

impl Iterator for SignalSet {
    type Item = Signal;

    fn next(&mut self) -> Option<Signal> {
        if self.0 == 0 {
            return None;
        }
        let lowest = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(Signal(lowest as i32 + 1))
    }
}

/// The signals of this process as a readable descriptor.
///
/// One at a time per process. The handlers are installed with `SA_RESTART`: a reload or a child's end must not
/// make a flock(2), read(2) or write(2) of user code fail half-way. What the kernel never restarts (poll(2),
/// nanosleep(2), msgrcv(2); see signal(7)) returns with EINTR. A signal that comes many times before it is
/// drained counts once, so a SIGCHLD means "reap until there is none".
///
/// In a forked child the handlers stay; it calls [`SignalInbox::reset_after_fork`] before it waits for
/// events. [`super::process::fork`] sees to it that the child neither inherits signals meant for the
/// parent nor loses its own. Dropping it puts the former handlers back, in the process that installed
/// it. In a forked one they stay: it is about to end, and a late SIGTERM must not make that look like a
/// death; or it installs an inbox of its own.
#[derive(Debug)]
pub struct SignalInbox {
    former: Vec<Former>,
    /// The process that installed it (see [`forks::generation`]).
    owner: u64,
    wake: &'static EventFd,
    forgives: bool,
}

struct Former {
    signal: Signal,
    action: libc::sigaction,
}

impl Former {
    fn restore(self) {
        // SAFETY: `action` was filled by sigaction(2) for this very signal, so it is a valid action, also after
        // `forgiving`; the second pointer may be null.
        unsafe { libc::sigaction(self.signal.0, &raw const self.action, std::ptr::null_mut()) };
    }
}

impl Former {
    /// For the end of an inbox that has just heard SIGTERM or SIGINT: see [`SignalInbox::forgive_repeats`].
    /// What was there before is PHP's own handler, or the default.
    fn forgiving(mut self) -> Self {
        let place = match self.signal {
            Signal::TERM => &BEFORE_LATE[0],
            Signal::INT => &BEFORE_LATE[1],
            _ => return self,
        };
        if self.action.sa_sigaction != libc::SIG_IGN && is_one_request() {
            // Never freed: the handler may be reading it. Once for each server that ends.
            place.store(Box::leak(Box::new(self.action)), Ordering::Release);
            self.action.sa_sigaction = late as *const () as libc::sighandler_t;
            self.action.sa_flags |= libc::SA_SIGINFO | libc::SA_RESTART;
        }
        self
    }
}

impl fmt::Debug for Former {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.signal, f)
    }
}

impl SignalInbox {
    /// # Errors
    /// There is one already in this process; a signal that cannot be caught (SIGKILL, SIGSTOP); no
    /// descriptor left.
    pub fn install(signals: &[Signal]) -> Result<SignalInbox, SysError> {
        if INSTALLED.swap(true, Ordering::AcqRel) {
            return Err(SysError::refused(
                "install signal handlers",
                "this process already has a signal inbox",
            ));
        }
        let wake = match wake() {
            Ok(wake) => wake,
            Err(error) => {
                INSTALLED.store(false, Ordering::Release);
                return Err(error);
            }
        };
        PENDING.store(0, Ordering::Release);
        let mut inbox = SignalInbox {
            former: Vec::with_capacity(signals.len()),
            owner: forks::generation(),
            wake,
            forgives: false,
        };
        for &signal in signals {
            inbox.listen(signal)?;
        }
        Ok(inbox)
    }

    /// Catches one more signal.
    pub fn listen(&mut self, signal: Signal) -> Result<(), SysError> {
        let note = note as *const () as libc::sighandler_t;
        let action = set_handler(signal, note, libc::SA_RESTART)?;
        if self.former.iter().all(|former| former.signal != signal) {
            self.former.push(Former { signal, action });
        }
        Ok(())
    }

    /// When it is dropped right after a SIGTERM or SIGINT, the repetition of that is not taken for another
    /// request: a server that has ended in order must not be killed in its script's last steps.
    pub fn forgive_repeats(&mut self) {
        self.forgives = true;
    }

    /// Whether it catches this signal.
    #[must_use]
    pub fn listens(&self, signal: Signal) -> bool {
        self.former.iter().any(|former| former.signal == signal)
    }

    /// Gives a signal the meaning back that it had before [`SignalInbox::listen`].
    pub fn unlisten(&mut self, signal: Signal) {
        if let Some(index) = self.former.iter().position(|f| f.signal == signal) {
            self.former.swap_remove(index).restore();
        }
    }

    /// Readable when signals came. The number stays the same for the life of the process.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.wake.as_raw_fd()
    }

    /// Whether [`SignalInbox::drain`] has something to give; costs one load.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        PENDING.load(Ordering::Relaxed) != 0
    }

    /// Takes the signals that came since the last call.
    pub fn drain(&self) -> SignalSet {
        // Cleared first: a signal in between leaves a needless wake, not a lost one.
        self.wake.clear();
        SignalSet(PENDING.swap(0, Ordering::AcqRel))
    }

    /// Gives a forked child a descriptor of its own under the same number; until then it shares the
    /// parent's and would wake it. Signals that came since the fork are kept.
    pub fn reset_after_fork(&self) -> Result<(), SysError> {
        replace(self.wake)?;
        if PENDING.load(Ordering::Acquire) != 0 {
            self.wake.ring();
        }
        Ok(())
    }
}

impl AsFd for SignalInbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl Drop for SignalInbox {
    fn drop(&mut self) {
        if self.owner != forks::generation() {
            INSTALLED.store(false, Ordering::Release);
            return;
        }
        for former in self.former.drain(..) {
            if self.forgives {
                former.forgiving().restore();
            } else {
                former.restore();
            }
        }
        INSTALLED.store(false, Ordering::Release);
    }
}

/// What each caught signal runs. Only async-signal-safe steps: atomics and write(2).
extern "C" fn note(signal: libc::c_int) {
    // SAFETY: __errno_location returns the address of this thread's errno, valid while it lives. The
    // interrupted code may be about to read it, so it is put back.
    let saved = unsafe { *libc::__errno_location() };
    if let Some(signal) = Signal::new(signal) {
        PENDING.fetch_or(signal.bit(), Ordering::AcqRel);
        if signal == Signal::TERM || signal == Signal::INT {
            ENDING_MS.store(monotonic_ms(), Ordering::Relaxed);
        }
    }
    let fd = WAKE_FD.load(Ordering::Acquire);
    if fd >= 0 {
        let one = 1u64.to_ne_bytes();
        // JUSTIFICATION: a wrapper may do more than is safe in a handler one day.
        // SAFETY: `one` is 8 readable bytes, what an eventfd takes; the descriptor is never closed, so
        // it cannot mean another file. It is nonblocking: a full counter is EAGAIN, and rung already.
        unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = saved };
}

/// Whether a SIGTERM or SIGINT that comes now belongs to the request that was heard last.
fn is_one_request() -> bool {
    let heard = ENDING_MS.load(Ordering::Relaxed);
    heard != 0 && monotonic_ms().saturating_sub(heard) < ONE_REQUEST_MS
}

/// May be called in handlers.
fn monotonic_ms() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a live struct of the right type; clock_gettime is async-signal-safe.
    // JUSTIFICATION: a wrapper may do more than is safe in a handler one day.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// What SIGTERM and SIGINT meant before [`late`]; null while that is not set.
static BEFORE_LATE: [AtomicPtr<libc::sigaction>; 2] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; 2];

/// What SIGTERM and SIGINT run after the end of an inbox that had just heard one: what they did before it, but
/// for a repetition by others.
extern "C" fn late(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes the signal's description; the sender is set where it is no fault.
    // getpid is async-signal-safe.
    let is_own = unsafe { (*info).si_pid() == libc::getpid() };
    if !is_own && is_one_request() {
        return;
    }
    let before = BEFORE_LATE[usize::from(signal != libc::SIGTERM)].load(Ordering::Acquire);
    // SAFETY: all are async-signal-safe; `before` is null or an action that sigaction(2) has filled and nobody
    // frees. The signal is blocked while this runs, and comes right after.
    unsafe {
        if before.is_null() {
            libc::signal(signal, libc::SIG_DFL);
        } else {
            libc::sigaction(signal, before, std::ptr::null_mut());
        }
        libc::raise(signal);
    }
}

/// The descriptor of this process, without rings of another time or process.
fn wake() -> Result<&'static EventFd, SysError> {
    let wake = match WAKE.get() {
        Some(wake) => {
            // It may be the parent's: made before a fork, its inbox dropped since.
            replace(wake)?;
            wake
        }
        None => {
            let fresh = EventFd::new()?;
            WAKE.get_or_init(|| fresh)
        }
    };
    WAKE_FD.store(wake.as_raw_fd(), Ordering::Release);
    Ok(wake)
}

/// Puts a new eventfd under the number of the old one.
fn replace(wake: &EventFd) -> Result<(), SysError> {
    let fresh = EventFd::new()?;
    // SAFETY: both descriptors are open: `fresh` is owned here, and `wake` is the one in `WAKE`, which is
    // never closed; both are eventfds. dup3 replaces it atomically, so a handler at any moment writes to
    // the old or to the new one.
    // JUSTIFICATION: nix::unistd::dup3 wants to own the target, which a static cannot give.
    let copied = unsafe { libc::dup3(fresh.as_raw_fd(), wake.as_raw_fd(), libc::O_CLOEXEC) };
    if copied < 0 {
        return Err(SysError::last("replace the signal descriptor", ""));
    }
    Ok(())
}

/// `flags`: 0, or `SA_RESTART`, by which calls that the signal interrupts go on by themselves.
fn set_handler(
    signal: Signal,
    handler: libc::sighandler_t,
    flags: libc::c_int,
) -> Result<libc::sigaction, SysError> {
    // SAFETY: sigaction is a plain C struct of integers, a set and an optional function pointer, for
    // all of which zero is valid: no flags, no restorer.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut former: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: all pointers are to live locals of the right type. `handler` is SIG_IGN, SIG_DFL, `nothing`
    // or `note`, which have the signature that a handler without SA_SIGINFO has and are async-signal-safe.
    // JUSTIFICATION: nix's sigaction does not take real-time signals.
    let result = unsafe {
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal.0, &raw const action, &raw mut former)
    };
    if result != 0 {
        return Err(SysError::last("set a signal handler", signal.to_string()));
    }
    Ok(former)
}

/// The signal by which this crate ends a system call of one of its own threads: one of the last real-time
/// signals, which nobody else is likely to use.
#[must_use]
pub fn interrupter() -> Signal {
    Signal(libc::SIGRTMAX() - 1)
}

extern "C" fn nothing(_: libc::c_int) {}

/// Lets [`interrupter`] interrupt system calls, and do nothing else.
pub fn catch_interrupter() -> Result<(), SysError> {
    let nothing = nothing as *const () as libc::sighandler_t;
    set_handler(interrupter(), nothing, 0).map(drop)
}

/// In a thread of our own, started with all signals blocked: lets this one through.
pub fn unblock_interrupter() {
    // SAFETY: zero is valid for a set; both calls are given live sets or null, and a thread may change
    // its own mask.
    // JUSTIFICATION: nix's SigSet does not take real-time signals.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, interrupter().0);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
    }
}

/// Ignores a signal. Children inherit that, also through exec.
pub fn ignore(signal: Signal) -> Result<(), SysError> {
    set_handler(signal, libc::SIG_IGN, 0).map(drop)
}

/// Gives a signal its default meaning back.
pub fn restore_default(signal: Signal) -> Result<(), SysError> {
    set_handler(signal, libc::SIG_DFL, 0).map(drop)
}

/// In a forked child that does not go on with its parent's work: signals that the parent caught have
/// their default meaning again (those ignored stay so), and the child may install an inbox of its own.
/// The parent's inbox must not be used any more.
pub fn forget_in_child() {
    let ours = [note as *const (), late as *const ()].map(|f| f as libc::sighandler_t);
    for number in 1..=64 {
        // SAFETY: zero is a valid sigaction, see `set_handler`.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: the second pointer may be null, the third is to a live local. The two numbers that the
        // C library keeps for itself are refused.
        let known = unsafe { libc::sigaction(number, std::ptr::null(), &raw mut action) } == 0;
        if known && ours.contains(&action.sa_sigaction) {
            // Cannot fail: the signal was caught, so its action can be set.
            let _ = set_handler(Signal(number), libc::SIG_DFL, 0);
        }
    }
    // A late handler must not ring the parent's descriptor.
    WAKE_FD.store(-1, Ordering::Release);
    forget_pending();
    INSTALLED.store(false, Ordering::Release);
}

/// Blocks every signal in the calling thread until dropped. Threads spawned meanwhile start with all
/// blocked, which keeps signals in the main thread.
#[derive(Debug)]
#[must_use]
pub struct MaskGuard {
    former: SigSet,
}

/// See [`MaskGuard`].
pub fn block_all() -> Result<MaskGuard, SysError> {
    let mut former = SigSet::empty();
    sigprocmask(
        SigmaskHow::SIG_SETMASK,
        Some(&SigSet::all()),
        Some(&mut former),
    )
    .map(|()| MaskGuard { former })
    .map_err(|e| SysError::new("block signals", "", e))
}

/// Unblocks every signal in the calling thread: a program started with some blocked would otherwise
/// never see them.
pub fn unblock_all() -> Result<(), SysError> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
        .map_err(|e| SysError::new("unblock signals", "", e))
}

impl Drop for MaskGuard {
    fn drop(&mut self) {
        // Cannot fail: the set came from the kernel.
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.former), None);
    }
}

/// In a fresh child, while signals are still blocked: what is noted was meant for the parent.
pub(super) fn forget_pending() {
    PENDING.store(0, Ordering::Release);
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn sets_iterate_in_order() {
        let set = SignalSet(Signal::TERM.bit() | Signal::HUP.bit() | 1 << 63);
        assert!(set.contains(Signal::TERM) && !set.contains(Signal::INT));
        let numbers: Vec<i32> = set.map(Signal::number).collect();
        assert_eq!(numbers, [1, 15, 64]);
        assert!(SignalSet::default().is_empty());
    }

    #[test]
    fn numbers_are_checked_and_named() {
        assert_eq!(Signal::new(0), None);
        assert_eq!(Signal::new(65), None);
        assert_eq!(Signal::new(15), Some(Signal::TERM));
        assert_eq!(Signal::TERM.to_string(), "SIGTERM");
        assert_eq!(Signal::rtmin().to_string(), "signal 34");
    }
}
