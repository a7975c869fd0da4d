//! A mutex between processes that survives the death of its holder.

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;

use super::region::ShmRecord;

const NEW: u32 = 0;
const IN_WORK: u32 = 1;
const READY: u32 = 2;

/// A robust, process-shared pthread mutex in shared memory. It guards what the caller says it does.
///
/// Made before the forks: [`RobustMutex::init`], once. A holder that dies is noticed by the next one
/// to lock, which gets [`Guard::holder_died`] and repairs what is guarded.
#[repr(C)]
pub struct RobustMutex {
    inner: UnsafeCell<MaybeUninit<libc::pthread_mutex_t>>,
    state: AtomicU32,
}

// SAFETY: the pthread mutex is used through its own functions, which are made for concurrent use,
// and only once `state` says that it is initialised.
unsafe impl Sync for RobustMutex {}
// SAFETY: as above; it is never moved once in shared memory.
unsafe impl Send for RobustMutex {}
// SAFETY: all-zero bytes are "not initialised" (`NEW`), in which nothing but `state` is read; the
// pthread mutex holds no pointer of one process that another follows: a robust mutex is in its
// holder's private list, which the kernel walks in the holder.
unsafe impl ShmRecord for RobustMutex {}

/// Why a lock is not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MutexError {
    #[error("the mutex is not initialised")]
    NotReady,
    #[error("the mutex is initialised already")]
    AlreadyReady,
    #[error("{op} failed: {errno}")]
    Os { op: &'static str, errno: Errno },
}

fn check(op: &'static str, status: i32) -> Result<(), MutexError> {
    match status {
        0 => Ok(()),
        errno => Err(MutexError::Os {
            op,
            errno: Errno::from_raw(errno),
        }),
    }
}

impl RobustMutex {
    /// Makes the mutex usable. Once, before the forks.
    ///
    /// # Errors
    /// `AlreadyReady` the second time; `Os` if the system has no robust shared mutexes.
    pub fn init(&'static self) -> Result<(), MutexError> {
        self.state
            .compare_exchange(NEW, IN_WORK, Ordering::Acquire, Ordering::Relaxed)
            .map_err(|_| MutexError::AlreadyReady)?;
        let made = self.make();
        let state = if made.is_ok() { READY } else { NEW };
        self.state.store(state, Ordering::Release);
        made
    }

    fn make(&'static self) -> Result<(), MutexError> {
        let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: `attributes` points to writable memory of the right type, initialised by the first
        // call before the others use it and destroyed at the end; `inner` is memory of the right
        // type at an address that does not change (`&'static`), which nobody else uses while `state`
        // is IN_WORK.
        // JUSTIFICATION: std and parking_lot have no mutex for shared memory, nix none at all.
        unsafe {
            check(
                "pthread_mutexattr_init",
                libc::pthread_mutexattr_init(attributes),
            )?;
            let made = check(
                "pthread_mutexattr_setpshared",
                libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED),
            )
            .and_then(|()| {
                check(
                    "pthread_mutexattr_setrobust",
                    libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST),
                )
            })
            .and_then(|()| {
                // Locking twice in one thread is then an error, not a hang.
                check(
                    "pthread_mutexattr_settype",
                    libc::pthread_mutexattr_settype(attributes, libc::PTHREAD_MUTEX_ERRORCHECK),
                )
            })
            .and_then(|()| {
                check(
                    "pthread_mutex_init",
                    libc::pthread_mutex_init(self.pointer(), attributes),
                )
            });
            libc::pthread_mutexattr_destroy(attributes);
            made
        }
    }

    /// Waits for the mutex.
    ///
    /// # Errors
    /// `NotReady` before [`RobustMutex::init`]; `Os` with EDEADLK if this thread holds it already.
    pub fn lock(&'static self) -> Result<Guard, MutexError> {
        self.ready()?;
        // SAFETY: the mutex is initialised (`ready`) and is never destroyed or moved (`&'static`).
        let status = unsafe { libc::pthread_mutex_lock(self.pointer()) };
        self.locked("pthread_mutex_lock", status)
    }

    /// Takes the mutex if it is free; `None` if it is not.
    ///
    /// # Errors
    /// As [`RobustMutex::lock`].
    pub fn try_lock(&'static self) -> Result<Option<Guard>, MutexError> {
        self.ready()?;
        // SAFETY: as in `lock`.
        let status = unsafe { libc::pthread_mutex_trylock(self.pointer()) };
        if status == libc::EBUSY {
            return Ok(None);
        }
        self.locked("pthread_mutex_trylock", status).map(Some)
    }

    fn locked(&'static self, op: &'static str, status: i32) -> Result<Guard, MutexError> {
        let holder_died = status == libc::EOWNERDEAD;
        if holder_died {
            // SAFETY: this thread holds the mutex (EOWNERDEAD says so), as the call demands.
            let status = unsafe { libc::pthread_mutex_consistent(self.pointer()) };
            check("pthread_mutex_consistent", status)?;
        } else {
            check(op, status)?;
        }
        Ok(Guard {
            mutex: self,
            holder_died,
            not_send: PhantomData,
        })
    }

    fn ready(&self) -> Result<(), MutexError> {
        // Acquire: pairs with the store in `init`.
        match self.state.load(Ordering::Acquire) {
            READY => Ok(()),
            _ => Err(MutexError::NotReady),
        }
    }

    fn pointer(&self) -> *mut libc::pthread_mutex_t {
        self.inner.get().cast()
    }
}

impl fmt::Debug for RobustMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RobustMutex")
            .field("ready", &(self.state.load(Ordering::Relaxed) == READY))
            .finish_non_exhaustive()
    }
}

/// The mutex is held; dropping the guard lets it go.
#[derive(Debug)]
#[must_use = "the mutex is let go when the guard is dropped"]
pub struct Guard {
    mutex: &'static RobustMutex,
    holder_died: bool,
    /// The thread that locked must unlock.
    not_send: PhantomData<*const ()>,
}

impl Guard {
    /// The last holder died holding it: what is guarded may be half changed.
    #[must_use]
    pub fn holder_died(&self) -> bool {
        self.holder_died
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // SAFETY: this thread holds the mutex: a guard is made only by locking and does not leave
        // its thread (`not_send`).
        let status = unsafe { libc::pthread_mutex_unlock(self.mutex.pointer()) };
        debug_assert_eq!(status, 0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::super::region::Layout;
    use super::*;

    fn mutex() -> &'static RobustMutex {
        let mut layout = Layout::new();
        let slot = layout.array::<RobustMutex>(1);
        &layout.build("test-mutex").unwrap().get(slot)[0]
    }

    #[test]
    fn it_must_be_initialised_once() {
        let mutex = mutex();
        assert_eq!(mutex.lock().unwrap_err(), MutexError::NotReady);
        mutex.init().unwrap();
        assert_eq!(mutex.init().unwrap_err(), MutexError::AlreadyReady);
        drop(mutex.lock().unwrap());
        assert!(!mutex.lock().unwrap().holder_died());
    }

    #[test]
    fn it_excludes() {
        let mutex = mutex();
        mutex.init().unwrap();
        let guard = mutex.lock().unwrap();
        assert!(matches!(
            mutex.lock().unwrap_err(),
            MutexError::Os {
                errno: Errno::EDEADLK,
                ..
            }
        ));
        std::thread::spawn(|| assert!(mutex.try_lock().unwrap().is_none()))
            .join()
            .unwrap();
        drop(guard);
        std::thread::spawn(|| assert!(mutex.try_lock().unwrap().is_some()))
            .join()
            .unwrap();
    }
}
