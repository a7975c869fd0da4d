//! Words that processes share: where they come from, who holds them, and waiting for them.
//!
//! A script makes such words at any time, before or between forks, so they come from pools of shared
//! memory. A pool gives a record out again only if the process has not forked since it was taken:
//! otherwise a child may still use it.

use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::lock::OwnerLock;
use super::region::{Layout, RegionError, ShmRecord};
use crate::sys::forks;

/// A record that a pool can give out again.
pub trait Pooled: ShmRecord {
    /// Back to all zero. Only while nobody else uses it.
    fn clear(&self);
}

/// One shared cell: a word of each width and a lock. An object uses the one it needs.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Cell {
    /// `Swoole\Atomic\Long`.
    pub long: AtomicU64,
    /// `Swoole\Atomic`; processes may wait on it.
    pub word: AtomicU32,
    /// `Swoole\Lock`.
    pub lock: OwnerLock,
}

// SAFETY: atomics only, for which all-zero bytes are the value 0; the padding is never read.
unsafe impl ShmRecord for Cell {}

impl Pooled for Cell {
    fn clear(&self) {
        self.long.store(0, Ordering::Relaxed);
        self.word.store(0, Ordering::Relaxed);
        self.lock.clear();
    }
}

/// The cells of all atomics and mutexes of this process and its children.
pub static CELLS: Pool<Cell> = Pool::new("swoole-rs-cells", 1024);

/// Records of shared memory, in chunks.
pub struct Pool<T: Pooled> {
    name: &'static str,
    chunk_records: usize,
    state: Mutex<PoolState<T>>,
}

struct PoolState<T: Pooled> {
    /// The chunk in use, and the count of records given out from it. The count is shared with the
    /// children, which go on taking from the same chunk.
    chunk: Option<(&'static [T], &'static AtomicU64)>,
    /// Given back, in generation `generation`.
    free: Vec<&'static T>,
    generation: u64,
}

impl<T: Pooled> Pool<T> {
    /// A pool that makes `chunk_records` at a time.
    #[must_use]
    pub const fn new(name: &'static str, chunk_records: usize) -> Self {
        Self {
            name,
            chunk_records,
            state: Mutex::new(PoolState {
                chunk: None,
                free: Vec::new(),
                generation: 0,
            }),
        }
    }

    /// A zeroed record.
    ///
    /// # Errors
    /// No shared memory.
    pub fn take(&'static self) -> Result<Taken<T>, RegionError> {
        let mut state = self.state.lock();
        let generation = forks::count();
        if state.generation != generation {
            // Parent and child have the same list: neither may give these out any more.
            state.free.clear();
            state.generation = generation;
        }
        let record = match state.free.pop() {
            Some(record) => record,
            None => self.fresh(&mut state)?,
        };
        Ok(Taken {
            pool: self,
            record,
            generation,
        })
    }

    fn fresh(&self, state: &mut PoolState<T>) -> Result<&'static T, RegionError> {
        if let Some((records, count)) = state.chunk {
            let index = count.fetch_add(1, Ordering::Relaxed);
            if let Some(record) = usize::try_from(index).ok().and_then(|i| records.get(i)) {
                return Ok(record);
            }
        }
        let mut layout = Layout::new();
        let count = layout.array::<AtomicU64>(1);
        let records = layout.array::<T>(self.chunk_records.max(1));
        let built = layout.build(self.name)?;
        let (records, count) = (built.get(records), &built.get(count)[0]);
        count.store(1, Ordering::Relaxed);
        state.chunk = Some((records, count));
        Ok(&records[0])
    }

    fn give_back(&self, record: &'static T, generation: u64) {
        let mut state = self.state.lock();
        if generation == forks::count() && generation == state.generation {
            record.clear();
            state.free.push(record);
        }
    }
}

impl<T: Pooled> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.name)
    }
}

/// A record taken from a pool; goes back when dropped, if no child can know it.
#[derive(Debug)]
pub struct Taken<T: Pooled> {
    pool: &'static Pool<T>,
    record: &'static T,
    generation: u64,
}

impl<T: Pooled> core::ops::Deref for Taken<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.record
    }
}

impl<T: Pooled> Drop for Taken<T> {
    fn drop(&mut self) {
        self.pool.give_back(self.record, self.generation);
    }
}

/// See [`me`], and the process ([`forks::incarnation`], counted from 1) that it was learned in.
static ME: AtomicU64 = AtomicU64::new(0);
static ME_LEARNED_IN: AtomicU64 = AtomicU64::new(0);

/// Who holds something: the process id below, and the low half of its start time (in clock ticks)
/// above, so that a later process with the same id is another one. Never 0.
#[inline]
#[must_use]
pub fn me() -> u64 {
    if ME_LEARNED_IN.load(Ordering::Acquire) == forks::incarnation() + 1 {
        ME.load(Ordering::Relaxed)
    } else {
        learn_me()
    }
}

#[cold]
fn learn_me() -> u64 {
    let pid = std::process::id();
    let start = status_of(pid).map_or(0, |(_, start)| start);
    let me = u64::from(pid) | (u64::from(start) << 32);
    ME.store(me, Ordering::Relaxed);
    ME_LEARNED_IN.store(forks::incarnation() + 1, Ordering::Release);
    me
}

/// The process id of a holder.
#[must_use]
pub fn pid_of(holder: u64) -> u32 {
    holder as u32
}

/// Whether a holder (see [`me`]) still runs. A zombie does not. Costs a few system calls.
#[must_use]
pub fn is_alive(holder: u64) -> bool {
    let (pid, start) = (pid_of(holder), (holder >> 32) as u32);
    match status_of(pid) {
        Some((state, now_start)) => {
            !matches!(state, b'Z' | b'X') && (start == 0 || now_start == 0 || start == now_start)
        }
        // No such process, or no /proc to ask.
        None => {
            let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
            nix::sys::signal::kill(pid, None) != Err(nix::errno::Errno::ESRCH)
        }
    }
}

/// State letter and low half of the start time from `/proc/<pid>/stat`.
fn status_of(pid: u32) -> Option<(u8, u32)> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, which may hold anything.
    let end_of_name = text.iter().rposition(|&byte| byte == b')')?;
    let mut fields = text.get(end_of_name + 2..)?.split(|&byte| byte == b' ');
    let state = *fields.next()?.first()?;
    let start = std::str::from_utf8(fields.nth(18)?).ok()?;
    Some((state, start.parse::<u64>().ok()? as u32))
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// By a wake-up (or for no reason, which the kernel allows).
    Woken,
    /// The word had another value.
    Changed,
    TimedOut,
    /// By a signal.
    Interrupted,
}

/// Sleeps while `word` is `expected`, at most `timeout` (None: without limit).
#[must_use]
pub fn futex_wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> Woken {
    let timeout = timeout.map(|timeout| libc::timespec {
        // A year is as good as for ever, and far from the limits of the type.
        tv_sec: i64::try_from(timeout.as_secs().min(31_536_000)).unwrap_or(0),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    });
    let timeout: *const libc::timespec = timeout.as_ref().map_or(core::ptr::null(), |t| t);
    // SAFETY: FUTEX_WAIT reads the word, which is alive and aligned, and the timeout, which is null or
    // points to a live timespec; nothing is kept after the call.
    // JUSTIFICATION: neither std nor nix has a futex that works between processes.
    let status = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            timeout,
        )
    };
    if status == 0 {
        return Woken::Woken;
    }
    match nix::errno::Errno::last() {
        nix::errno::Errno::ETIMEDOUT => Woken::TimedOut,
        nix::errno::Errno::EINTR => Woken::Interrupted,
        _ => Woken::Changed,
    }
}

/// Wakes up to `count` who wait on `word`.
pub fn futex_wake(word: &AtomicU32, count: i32) {
    // SAFETY: FUTEX_WAKE uses the address as a name; the word is alive.
    // JUSTIFICATION: as above.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count) };
}

/// `Swoole\Atomic::wait`: takes the 1 that a wake-up leaves. While the word is 0 it waits for one, at
/// most `timeout`; with any other value it does not wait. A signal ends the wait. True: taken.
pub fn wait_for_one(word: &AtomicU32, timeout: Option<Duration>) -> bool {
    let take = || {
        word.compare_exchange(1, 0, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    };
    take() || (futex_wait(word, 0, timeout) == Woken::Woken && take())
}

/// `Swoole\Atomic::wakeup`: leaves a 1 where a 0 was, and wakes up to `count` who wait for it.
pub fn wake(word: &AtomicU32, count: i32) {
    if word
        .compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst)
        .is_ok()
    {
        futex_wake(word, count);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself_and_that_it_lives() {
        assert_eq!(pid_of(me()), std::process::id());
        assert!(is_alive(me()));
        assert!(!is_alive(me() ^ (1 << 40)), "another start time");
    }

    #[test]
    fn cells_are_zero_and_used_again() {
        let first = CELLS.take().unwrap();
        let address: *const Cell = &*first;
        assert_eq!(first.word.load(Ordering::Relaxed), 0);
        first.word.store(7, Ordering::Relaxed);
        let second = CELLS.take().unwrap();
        assert_ne!(address, &raw const *second);
        drop(first);
        let cells: Vec<_> = (0..3000).map(|_| CELLS.take().unwrap()).collect();
        assert!(
            cells
                .iter()
                .all(|cell| cell.word.load(Ordering::Relaxed) == 0)
        );
    }

    #[test]
    fn waiting_takes_the_one() {
        let word = AtomicU32::new(1);
        assert!(wait_for_one(&word, None));
        assert_eq!(word.load(Ordering::Relaxed), 0);
        assert!(!wait_for_one(&word, Some(Duration::from_millis(1))));
        word.store(5, Ordering::Relaxed);
        assert!(!wait_for_one(&word, None));
        word.store(0, Ordering::Relaxed);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| wait_for_one(&word, None));
            wake(&word, 1);
            assert!(waiter.join().unwrap());
        });
    }
}
