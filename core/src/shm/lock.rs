//! Locks that scripts share. A holder that dies does not block the others.
//!
//! Each lock says in shared memory who holds it: process id and start time. Who has to wait looks from
//! time to time whether the holder still runs; when it does not, the lock is taken over. Unlike a
//! pthread mutex, such a lock may be released by another process than its holder, as scripts do.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::atomic::{Pool, Pooled, futex_wait, futex_wake, is_alive, me};
use super::region::ShmRecord;

/// Who waits looks this often whether the holder lives.
const LOOK: Duration = Duration::from_millis(50);

/// Tries before a process sleeps.
const SPINS: u32 = 100;

/// How a lock was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Got {
    Clean,
    /// Its holder had died: what it guards may be half changed.
    FromDead,
}

/// Why a lock was not got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Held, and the caller does not wait.
    Busy,
    TimedOut,
    /// The caller holds it for writing itself.
    Deadlock,
}

/// How long to wait for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Forever,
    Until(Instant),
    /// Not at all.
    None,
}

impl Patience {
    /// How long the next sleep may be; None: no more.
    fn sleep(self) -> Option<Duration> {
        match self {
            Patience::Forever => Some(LOOK),
            Patience::Until(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                (!left.is_zero()).then(|| left.min(LOOK))
            }
            Patience::None => None,
        }
    }

    fn refusal(self) -> Refused {
        match self {
            Patience::None => Refused::Busy,
            _ => Refused::TimedOut,
        }
    }
}

/// A lock for one holder: `SWOOLE_MUTEX` and `SWOOLE_SPINLOCK`. All zero: free.
#[derive(Debug, Default)]
#[repr(C)]
pub struct OwnerLock {
    /// The holder (see [`me`]); 0: free.
    owner: AtomicU64,
    /// What waiting processes sleep on; changes when the lock is let go.
    bell: AtomicU32,
    /// 1: some may sleep. Set by who goes to sleep and by who got the lock after sleeping; taken by who
    /// lets the lock go and then wakes one. Should the woken one die, the others look by themselves.
    waiters: AtomicU32,
}

// SAFETY: atomics only, for which all-zero bytes are the value 0.
unsafe impl ShmRecord for OwnerLock {}

impl OwnerLock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// Patience has ended.
    #[inline]
    pub fn lock(&self, patience: Patience) -> Result<Got, Refused> {
        if self.take(0) {
            return Ok(Got::Clean);
        }
        self.lock_slowly(patience)
    }

    /// Lets the lock go, whoever holds it.
    #[inline]
    pub fn unlock(&self) {
        // SeqCst, with the one in `lock_slowly`: either this sees the waiter, or the waiter sees that
        // the lock is free.
        self.owner.swap(0, Ordering::SeqCst);
        if self.waiters.load(Ordering::SeqCst) != 0 && self.waiters.swap(0, Ordering::SeqCst) != 0 {
            self.bell.fetch_add(1, Ordering::SeqCst);
            futex_wake(&self.bell, 1);
        }
    }

    /// Whether its holder is dead. Costs a few system calls if it is held.
    #[must_use]
    pub fn is_orphaned(&self) -> bool {
        let owner = self.owner.load(Ordering::Relaxed);
        owner != 0 && !is_alive(owner)
    }

    pub(super) fn clear(&self) {
        self.owner.store(0, Ordering::Relaxed);
        self.waiters.store(0, Ordering::Relaxed);
    }

    #[inline]
    fn take(&self, from: u64) -> bool {
        self.owner
            .compare_exchange(from, me(), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    #[cold]
    fn lock_slowly(&self, patience: Patience) -> Result<Got, Refused> {
        if patience != Patience::None {
            for _ in 0..SPINS {
                core::hint::spin_loop();
                if self.owner.load(Ordering::Relaxed) == 0 && self.take(0) {
                    return Ok(Got::Clean);
                }
            }
        }
        self.wait(patience)
    }

    fn wait(&self, patience: Patience) -> Result<Got, Refused> {
        // Only who is still there after a whole look, or does not wait at all, asks for the holder:
        // that costs more than most waits.
        let mut looked_at = Instant::now();
        let mut suspicious = matches!(patience, Patience::None);
        loop {
            let bell = self.bell.load(Ordering::SeqCst);
            if patience != Patience::None {
                // Before the lock is tried, so that a release from now on rings the bell; and left so
                // when it was got: others may sleep.
                self.waiters.store(1, Ordering::SeqCst);
            }
            if self.take(0) {
                return Ok(Got::Clean);
            }
            if suspicious {
                let owner = self.owner.load(Ordering::SeqCst);
                if owner != 0 && !is_alive(owner) && self.take(owner) {
                    return Ok(Got::FromDead);
                }
            }
            let sleep = patience.sleep().ok_or(patience.refusal())?;
            let _ = futex_wait(&self.bell, bell, Some(sleep));
            suspicious = looked_at.elapsed() >= LOOK;
            if suspicious {
                looked_at = Instant::now();
            }
        }
    }
}

/// Read holds at a time of one [`RwLock`]; more wait until one is let go.
const MAX_READERS: usize = 500;

/// A lock for one writer or many readers: `SWOOLE_RWLOCK`. Readers go first, as in the C library's.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct RwLock {
    /// Held for a moment by whoever changes the rest.
    gate: OwnerLock,
    bell: AtomicU32,
    waiters: AtomicU32,
    /// The writer (see [`me`]); 0: none.
    writer: AtomicU64,
    /// Behind so many, `readers` is all zero.
    used: AtomicU64,
    /// One entry for each read hold.
    readers: [AtomicU64; MAX_READERS],
}

// SAFETY: atomics only, for which all-zero bytes are the value 0.
unsafe impl ShmRecord for RwLock {}

impl Pooled for RwLock {
    fn clear(&self) {
        self.gate.clear();
        self.waiters.store(0, Ordering::Relaxed);
        self.writer.store(0, Ordering::Relaxed);
        self.used.store(0, Ordering::Relaxed);
        for reader in &self.readers {
            reader.store(0, Ordering::Relaxed);
        }
    }
}

/// The reader-writer locks of this process and its children.
pub static RW_LOCKS: Pool<RwLock> = Pool::new("swoole-rs-rwlocks", 16);

impl RwLock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// Patience has ended, or this process holds it for writing and would wait for itself.
    pub fn lock(&self, exclusive: bool, patience: Patience) -> Result<(), Refused> {
        if self.attempt(exclusive, patience == Patience::None) {
            return Ok(());
        }
        if patience != Patience::None && self.writer.load(Ordering::Relaxed) == me() {
            return Err(Refused::Deadlock);
        }
        self.waiters.fetch_add(1, Ordering::SeqCst);
        let result = self.wait(exclusive, patience);
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        result
    }

    fn wait(&self, exclusive: bool, patience: Patience) -> Result<(), Refused> {
        let mut looked_at = Instant::now();
        let mut suspicious = false;
        loop {
            let bell = self.bell.load(Ordering::SeqCst);
            if self.attempt(exclusive, suspicious) {
                return Ok(());
            }
            let sleep = patience.sleep().ok_or(patience.refusal())?;
            let _ = futex_wait(&self.bell, bell, Some(sleep));
            suspicious = looked_at.elapsed() >= LOOK;
            if suspicious {
                looked_at = Instant::now();
            }
        }
    }

    /// Lets one hold go: the writer's, whoever it is; else one of this process; else any.
    pub fn unlock(&self) {
        self.with_gate(|| {
            if self.writer.swap(0, Ordering::SeqCst) != 0 {
                return;
            }
            let holder = me();
            let is_mine = |r: &&AtomicU64| r.load(Ordering::Relaxed) == holder;
            let is_held = |r: &&AtomicU64| r.load(Ordering::Relaxed) != 0;
            let readers = self.used_readers();
            let found = readers.iter().find(is_mine);
            if let Some(reader) = found.or_else(|| readers.iter().find(is_held)) {
                reader.store(0, Ordering::SeqCst);
            }
        });
        if self.waiters.load(Ordering::SeqCst) != 0 {
            self.bell.fetch_add(1, Ordering::SeqCst);
            futex_wake(&self.bell, i32::MAX);
        }
    }

    /// `bury`: first let go what dead processes hold.
    fn attempt(&self, exclusive: bool, bury: bool) -> bool {
        self.with_gate(|| {
            if bury {
                self.bury();
            }
            if self.writer.load(Ordering::Relaxed) != 0 {
                return false;
            }
            let is_free = |reader: &AtomicU64| reader.load(Ordering::Relaxed) == 0;
            if exclusive {
                let free = self.used_readers().iter().all(is_free);
                if free {
                    self.used.store(0, Ordering::Relaxed);
                    self.writer.store(me(), Ordering::SeqCst);
                }
                return free;
            }
            let Some(index) = self.readers.iter().position(is_free) else {
                return false;
            };
            // Before the hold itself: a process may die between the two.
            self.used.fetch_max(index as u64 + 1, Ordering::SeqCst);
            self.readers[index].store(me(), Ordering::SeqCst);
            true
        })
    }

    fn used_readers(&self) -> &[AtomicU64] {
        let used = self.used.load(Ordering::Relaxed) as usize;
        &self.readers[..used.min(MAX_READERS)]
    }

    fn bury(&self) {
        for hold in self.used_readers().iter().chain([&self.writer]) {
            let holder = hold.load(Ordering::Relaxed);
            if holder != 0 && holder != me() && !is_alive(holder) {
                hold.store(0, Ordering::SeqCst);
            }
        }
    }

    /// A process that dies with the gate leaves nothing half done: each change is one store.
    fn with_gate<R>(&self, f: impl FnOnce() -> R) -> R {
        // Without a limit it is never refused.
        let _ = self.gate.lock(Patience::Forever);
        let result = f();
        self.gate.unlock();
        result
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::atomic::CELLS;
    use super::*;

    fn soon() -> Patience {
        Patience::Until(Instant::now() + Duration::from_millis(2))
    }

    /// The identity of a process that is not there: ids end at 2^22 (`/proc/sys/kernel/pid_max`). No
    /// test of this binary starts a process: a child holds copies of the descriptors of the tests
    /// beside it for a moment, and what they close then stays open.
    fn dead() -> u64 {
        (1 << 22) + 1
    }

    #[test]
    fn one_holder_at_a_time() {
        let cell = CELLS.take().unwrap();
        let lock = &cell.lock;
        assert_eq!(lock.lock(Patience::Forever), Ok(Got::Clean));
        assert_eq!(lock.lock(Patience::None), Err(Refused::Busy));
        assert_eq!(lock.lock(soon()), Err(Refused::TimedOut));
        lock.unlock();
        assert_eq!(lock.lock(Patience::None), Ok(Got::Clean));
    }

    #[test]
    fn a_waiter_is_woken() {
        let cell = CELLS.take().unwrap();
        let counter = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5000 {
                        let _ = cell.lock.lock(Patience::Forever);
                        let value = counter.load(Ordering::Relaxed);
                        counter.store(value + 1, Ordering::Relaxed);
                        cell.lock.unlock();
                    }
                });
            }
        });
        assert_eq!(counter.load(Ordering::Relaxed), 20_000);
    }

    #[test]
    fn the_dead_hold_nothing() {
        let cell = CELLS.take().unwrap();
        for patience in [Patience::None, Patience::Forever] {
            cell.lock.owner.store(dead(), Ordering::Relaxed);
            assert!(cell.lock.is_orphaned());
            assert_eq!(cell.lock.lock(patience), Ok(Got::FromDead));
        }
        let lock = RW_LOCKS.take().unwrap();
        for exclusive in [true, false] {
            for patience in [Patience::None, Patience::Forever] {
                lock.writer.store(dead(), Ordering::Relaxed);
                lock.used.store(4, Ordering::Relaxed);
                lock.readers[3].store(dead(), Ordering::Relaxed);
                assert_eq!(lock.lock(exclusive, patience), Ok(()));
                lock.unlock();
            }
        }
    }

    #[test]
    fn readers_together_writers_alone() {
        let lock = RW_LOCKS.take().unwrap();
        lock.unlock();
        assert_eq!(lock.lock(false, Patience::Forever), Ok(()));
        assert_eq!(lock.lock(false, Patience::None), Ok(()));
        assert_eq!(lock.lock(true, Patience::None), Err(Refused::Busy));
        assert_eq!(lock.lock(true, soon()), Err(Refused::TimedOut));
        lock.unlock();
        lock.unlock();
        assert_eq!(lock.lock(true, Patience::None), Ok(()));
        assert_eq!(lock.lock(true, Patience::None), Err(Refused::Busy));
        assert_eq!(lock.lock(true, Patience::Forever), Err(Refused::Deadlock));
        assert_eq!(lock.lock(false, soon()), Err(Refused::Deadlock));
        lock.unlock();
        assert_eq!(lock.lock(false, Patience::None), Ok(()));
    }

    #[test]
    fn too_many_readers_are_refused() {
        let lock = RW_LOCKS.take().unwrap();
        for _ in 0..MAX_READERS {
            assert_eq!(lock.lock(false, Patience::None), Ok(()));
        }
        assert_eq!(lock.lock(false, Patience::None), Err(Refused::Busy));
    }
}
