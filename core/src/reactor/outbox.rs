//! What could not be sent at once to a pipe that is not to block, and the event loop sends later.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use super::event_loop::{EventLoop, Trigger, WatchId};
use super::{Interest, Ready};
use crate::log;
use crate::sys::forks;
use crate::sys::pipe::{self, Patience};
use crate::sys::{Errno, fd};

/// Messages (or parts of a stream) in order, for one pipe.
pub struct Outbox {
    /// A copy of its own, so that user code may watch the original.
    fd: OwnedFd,
    queue: RefCell<VecDeque<Vec<u8>>>,
    bytes: Cell<usize>,
    max_bytes: usize,
    watch: Cell<Option<(WatchId, Rc<EventLoop>)>>,
    /// The process it works in (see [`forks::generation`]).
    generation: u64,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outbox({} bytes)", self.bytes.get())
    }
}

impl Outbox {
    /// For this pipe; more than `max_bytes` does not wait.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn new(pipe: &OwnedFd, max_bytes: usize) -> Result<Rc<Outbox>, Errno> {
        Ok(Rc::new(Outbox {
            fd: fd::dup(pipe).map_err(|failed| Errno::from_raw(failed.errno))?,
            queue: RefCell::default(),
            bytes: Cell::new(0),
            max_bytes,
            watch: Cell::new(None),
            generation: forks::generation(),
        }))
    }

    /// False in a forked child: what waits is the parent's to send.
    #[must_use]
    pub fn is_of_this_process(&self) -> bool {
        self.generation == forks::generation()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    /// Whether so many bytes more may wait.
    #[must_use]
    pub fn has_room(&self, bytes: usize) -> bool {
        self.bytes.get().saturating_add(bytes) <= self.max_bytes
    }

    /// Appends what `event_loop` is to send.
    ///
    /// # Errors
    /// ENOBUFS: more than the limit would wait.
    pub fn push(self: &Rc<Self>, event_loop: &Rc<EventLoop>, bytes: Vec<u8>) -> Result<(), Errno> {
        if !self.has_room(bytes.len()) {
            return Err(Errno::ENOBUFS);
        }
        self.watch(event_loop)?;
        self.bytes.set(self.bytes.get() + bytes.len());
        self.queue.borrow_mut().push_back(bytes);
        Ok(())
    }

    /// Sees to it that this loop sends. The one that was to do so may be over, with all that it watched.
    fn watch(self: &Rc<Self>, event_loop: &Rc<EventLoop>) -> Result<(), Errno> {
        if let Some((id, known)) = self.watch.take() {
            let is_at_work = Rc::ptr_eq(&known, event_loop) && known.interest(id).is_some();
            self.watch.set(Some((id, known)));
            if is_at_work {
                return Ok(());
            }
            self.unwatch();
        }
        let this = Rc::downgrade(self);
        let send = move |_: Ready| {
            if let Some(this) = this.upgrade() {
                // What is left is sent when there is room again.
                let _ = this.flush(Patience::None);
            }
        };
        let fd = self.fd.as_raw_fd();
        let watch = event_loop.watch(fd, Interest::WRITABLE, Trigger::Level, Rc::new(send));
        let id = watch.map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?;
        self.watch.set(Some((id, Rc::clone(event_loop))));
        Ok(())
    }

    /// Sends what waits, here and now; each message waits for room as `patience` says.
    ///
    /// # Errors
    /// EAGAIN, ETIMEDOUT: not all of it could be sent, the rest still waits. Whatever else keeps it from being
    /// sent goes to the log, and what waited is lost.
    pub fn flush(&self, patience: Patience) -> Result<(), Errno> {
        let mut queue = self.queue.borrow_mut();
        while let Some(front) = queue.front_mut() {
            match pipe::send(&self.fd, front, patience) {
                Ok(sent) => {
                    self.bytes.set(self.bytes.get() - sent);
                    if sent < front.len() {
                        front.drain(..sent);
                        return Err(match patience {
                            Patience::None => Errno::EAGAIN,
                            Patience::Limited(_) => Errno::ETIMEDOUT,
                        });
                    }
                    queue.pop_front();
                }
                Err(errno @ (Errno::EAGAIN | Errno::ETIMEDOUT)) => return Err(errno),
                Err(errno) => {
                    let lost = self.bytes.replace(0);
                    let why = errno.desc();
                    log::warning(format_args!(
                        "{lost} bytes that waited for a pipe between processes are lost: {why}"
                    ));
                    queue.clear();
                }
            }
        }
        drop(queue);
        self.unwatch();
        Ok(())
    }

    fn unwatch(&self) {
        if let Some((id, event_loop)) = self.watch.take() {
            if self.is_of_this_process() {
                event_loop.unwatch(id);
            } else {
                std::mem::forget(event_loop);
            }
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.unwatch();
    }
}
