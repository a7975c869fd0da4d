//! What a thread can set about itself, and which of this crate's stand in a fork's way. Spawning is
//! `std::thread`.

use super::{SysError, forks};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::ffi::CString;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Names the calling thread for ps, top and debuggers; the kernel keeps the first 15 bytes. In the main
/// thread this is the process' short name (`ps -o comm`). A NUL ends the name.
pub fn set_thread_name(name: &str) {
    let bytes: Vec<u8> = name.bytes().take_while(|b| *b != 0).take(15).collect();
    if let Ok(name) = CString::new(bytes) {
        // Cannot fail with a valid pointer, and a name is not worth an error.
        let _ = nix::sys::prctl::set_name(&name);
    }
}

/// Binds the calling thread (before any other exists: the process) to these CPUs, numbered from 0.
pub fn set_affinity(cpus: &[usize]) -> Result<(), SysError> {
    const OP: &str = "set the CPU affinity";
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu)
            .map_err(|e| SysError::new(OP, format!("CPU {cpu}"), e))?;
    }
    sched_setaffinity(Pid::from_raw(0), &set)
        .map_err(|e| SysError::new(OP, format!("CPUs {cpus:?}"), e))
}

/// How many there are in one process.
struct Count {
    number: AtomicUsize,
    /// The process (see [`forks::incarnation`]).
    of: AtomicU64,
}

impl Count {
    const fn new() -> Count {
        Count {
            number: AtomicUsize::new(0),
            of: AtomicU64::new(0),
        }
    }

    fn add(&self) {
        let here = forks::incarnation();
        if self.of.swap(here, Ordering::AcqRel) != here {
            // The parent's are not in this process.
            self.number.store(0, Ordering::Release);
        }
        self.number.fetch_add(1, Ordering::AcqRel);
    }

    fn get(&self) -> usize {
        if self.of.load(Ordering::Acquire) == forks::incarnation() {
            self.number.load(Ordering::Acquire)
        } else {
            0
        }
    }
}

static HELPERS: Count = Count::new();
static LOCKING: Count = Count::new();

/// A thread that does not stand in the way of a fork (see [`super::process::fork`]): it takes no lock that
/// a child could miss. Made by the thread that starts it, dropped by itself at its end.
#[derive(Debug)]
pub struct HelperThread(());

impl HelperThread {
    /// Counts a thread that is about to be started. Only the main thread does so.
    #[must_use]
    pub fn announce() -> HelperThread {
        HELPERS.add();
        HelperThread(())
    }
}

impl Drop for HelperThread {
    fn drop(&mut self) {
        HELPERS.number.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A thread that takes locks that a child would miss: while there is one, [`super::process::fork`] refuses.
/// Made by the thread that starts it, dropped by itself at its end.
#[derive(Debug)]
pub struct LockingThread(());

impl LockingThread {
    /// Counts a thread that is about to be started. Only the main thread does so.
    #[must_use]
    pub fn announce() -> LockingThread {
        LOCKING.add();
        LockingThread(())
    }
}

impl Drop for LockingThread {
    fn drop(&mut self) {
        LOCKING.number.fetch_sub(1, Ordering::AcqRel);
    }
}

/// How many helper threads this process has.
#[must_use]
pub fn helpers() -> usize {
    HELPERS.get()
}

/// How many [`LockingThread`]s this process has.
#[must_use]
pub fn locking() -> usize {
    LOCKING.get()
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_to_what_the_kernel_keeps() {
        let name = std::thread::spawn(|| {
            set_thread_name("a name that is too long");
            std::fs::read_to_string("/proc/thread-self/comm").expect("comm")
        });
        assert_eq!(name.join().expect("join"), "a name that is \n");
    }

    #[test]
    fn a_cpu_that_is_not_there_is_refused() {
        let refused = std::thread::spawn(|| (set_affinity(&[]), set_affinity(&[100_000])));
        let (none, far) = refused.join().expect("join");
        assert!(none.is_err());
        assert!(far.expect_err("CPU").to_string().contains("CPU 100000"));
    }
}
