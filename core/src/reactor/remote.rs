//! Work handed to an event loop by other threads.

use crate::sys::SysError;
use crate::sys::eventfd::EventFd;
use parking_lot::Mutex;
use std::fmt;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

/// What another thread wants to run in the loop's thread.
pub type RemoteJob = Box<dyn FnOnce() + Send>;

/// A thread's way to an event loop of this process. The queue has no limit of its own: who posts has one
/// (a thread pool posts one result for each job that was let in).
#[derive(Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

struct Shared {
    jobs: Mutex<Vec<RemoteJob>>,
    bell: EventFd,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote(fd {})", self.fd())
    }
}

impl Remote {
    pub(super) fn new() -> Result<Remote, SysError> {
        Ok(Remote {
            shared: Arc::new(Shared {
                jobs: Mutex::new(Vec::new()),
                bell: EventFd::new()?,
            }),
        })
    }

    /// Runs `job` in the loop's thread, soon. If the loop is gone, never.
    pub fn post(&self, job: RemoteJob) {
        let mut jobs = self.shared.jobs.lock();
        jobs.push(job);
        if jobs.len() == 1 {
            // While others are waiting the bell has been rung.
            self.shared.bell.ring();
        }
    }

    pub(super) fn fd(&self) -> RawFd {
        self.shared.bell.as_raw_fd()
    }

    pub(super) fn take(&self) -> Vec<RemoteJob> {
        // The bell first: a job that comes after that rings it again.
        self.shared.bell.clear();
        std::mem::take(&mut *self.shared.jobs.lock())
    }
}
