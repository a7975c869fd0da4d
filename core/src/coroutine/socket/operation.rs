//! One operation of a socket: as many calls and waits as it takes, within one time limit.

use super::{Failure, Fault, Interest, SockType, Socket, Waiter};
use crate::net::client::transfer::Patience;
use crate::sys::socket::{self, SockAddr};
use crate::sys::transfer::{self as calls, Room};
use nix::errno::Errno;
use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// sendfile(2) is asked for so much at a time.
const FILE_CHUNK_BYTES: u64 = 1 << 20;

/// The kernel takes at most so many slices.
pub const MAX_SLICES: usize = 1024;

/// See the module's description. It holds the descriptor.
#[derive(Debug)]
pub struct Operation<'w, W> {
    fd: Rc<OwnedFd>,
    is_tcp: bool,
    patience: Patience<'w, W>,
}

impl Socket {
    /// Begins an operation. `limit` runs from its first wait on.
    pub fn begin<'w, W: Waiter>(
        &self,
        waiter: &'w W,
        limit: Option<Duration>,
    ) -> Result<Operation<'w, W>, Errno> {
        Ok(Operation {
            fd: self.descriptor()?,
            is_tcp: self.sock_type().is_some_and(SockType::is_tcp),
            patience: Patience::lazy(waiter, limit),
        })
    }

    /// Accepts a connection.
    pub fn accept<W: Waiter>(
        &self,
        waiter: &W,
        limit: Option<Duration>,
    ) -> Result<Socket, Failure> {
        let mut operation = self.begin(waiter, limit)?;
        let (fd, _) = operation.run(Interest::Read, |fd| socket::accept4(fd))?;
        Ok(self.accepted(fd))
    }

    /// Sends `length` bytes of a file from `offset` on; 0: to its end.
    pub fn send_file<W: Waiter>(
        &self,
        waiter: &W,
        path: &Path,
        offset: i64,
        length: i64,
    ) -> Result<(), Failure> {
        let (file, mut offset, end) = open_part(path, offset, length)?;
        let limit = self.limit(0.0, Interest::Write);
        let mut operation = self.begin(waiter, limit)?;
        while offset < end {
            let chunk = usize::try_from((end - offset).min(FILE_CHUNK_BYTES)).unwrap_or(0);
            let sent = operation.run(Interest::Write, |fd| {
                calls::send_file(fd, file.as_fd(), offset, chunk)
            });
            match sent {
                Ok(0) => {
                    let code = crate::error::codes::SYSTEM_CALL_FAIL;
                    return Err(Failure::explained(code, "sendfile return zero"));
                }
                Ok(sent) => offset += sent as u64,
                Err(Fault::Os(errno)) => {
                    let (fd, path) = (self.raw_fd(), path.display());
                    let reason = crate::error::describe(errno);
                    let text = format!("sendfile({fd}, {path}) failed, {reason}");
                    return Err(Failure::explained(errno, text));
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(())
    }
}

impl<W: Waiter> Operation<'_, W> {
    /// Makes a call that does not wait until it has an answer.
    pub fn run<R>(
        &mut self,
        interest: Interest,
        call: impl FnMut(BorrowedFd<'_>) -> Result<R, Errno>,
    ) -> Result<R, Fault> {
        self.patience.attempt(self.fd.as_fd(), interest, call)
    }

    /// The descriptor.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// To be told how much a call received of what it asked for: after less, TCP has no more, and the
    /// next call need not find out. (Other sockets end a call early for other reasons, too.)
    #[inline]
    pub fn received(&self, got: usize, asked: usize) {
        if self.is_tcp && got > 0 && got < asked {
            self.patience.drained();
        }
    }

    /// Receives what there is; 0: the peer sends no more.
    pub fn recv(&mut self, room: &mut Room<'_>) -> Result<usize, Fault> {
        let asked = room.left();
        let got = self.run(Interest::Read, |fd| {
            calls::recv(fd, room, libc::MSG_DONTWAIT)
        })?;
        self.received(got, asked);
        Ok(got)
    }

    /// Fills the room; false: the peer sends no more. What came before a fault is in the room.
    pub fn recv_all(&mut self, room: &mut Room<'_>) -> Result<bool, Fault> {
        while room.left() > 0 {
            if self.recv(room)? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fills the rooms with what there is; 0: the peer sends no more.
    pub fn recv_vector(&mut self, rooms: &mut [Room<'_>]) -> Result<usize, Fault> {
        let asked = rooms
            .iter()
            .fold(0_usize, |sum, room| sum.saturating_add(room.left()));
        let got = self.run(Interest::Read, |fd| calls::recv_vector(fd, rooms))?;
        self.received(got, asked);
        Ok(got)
    }

    /// Sends as much as the kernel takes at once; a datagram whole.
    pub fn send(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        self.run(Interest::Write, |fd| {
            calls::send(fd, bytes, libc::MSG_DONTWAIT)
        })
    }

    /// Sends all; how much was sent is right in any case.
    pub fn send_all(&mut self, bytes: &[u8]) -> (usize, Result<(), Fault>) {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.send(&bytes[sent..]) {
                Ok(more) => sent += more,
                Err(fault) => return (sent, Err(fault)),
            }
        }
        (sent, Ok(()))
    }

    /// Sends as much of the slices as the kernel takes at once, from the byte `from` on.
    pub fn send_vector(&mut self, slices: &[&[u8]], from: usize) -> Result<usize, Fault> {
        let mut skip = from;
        let mut parts = Vec::with_capacity(slices.len());
        for slice in slices {
            match slice.get(skip..) {
                Some(rest) => {
                    parts.push(IoSlice::new(rest));
                    skip = 0;
                }
                None => skip -= slice.len(),
            }
        }
        self.run(Interest::Write, |fd| socket::writev(fd, &parts))
    }

    /// Sends all; how much was sent is right in any case.
    pub fn send_vector_all(&mut self, slices: &[&[u8]]) -> (usize, Result<(), Fault>) {
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        let mut sent = 0;
        while sent < total {
            match self.send_vector(slices, sent) {
                Ok(more) => sent += more,
                Err(fault) => return (sent, Err(fault)),
            }
        }
        (sent, Ok(()))
    }

    /// Sends one datagram.
    pub fn send_to(&mut self, bytes: &[u8], to: &SockAddr) -> Result<usize, Fault> {
        self.run(Interest::Write, |fd| {
            calls::send_to(fd, bytes, to, libc::MSG_DONTWAIT)
        })
    }
}

/// Opens a file; from where to where it is to be sent.
fn open_part(path: &Path, offset: i64, length: i64) -> Result<(File, u64, u64), Failure> {
    let failed = |call: &str, error: &std::io::Error| {
        let code = error.raw_os_error().unwrap_or(libc::EIO);
        let reason = crate::error::describe(code);
        Failure::explained(code, format!("{call}({}) failed, {reason}", path.display()))
    };
    let (Ok(offset), Ok(length)) = (u64::try_from(offset), u64::try_from(length)) else {
        return Err(Errno::EINVAL.into());
    };
    // A FIFO would wait for its other side.
    let opened = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path);
    let file = opened.map_err(|error| failed("open", &error))?;
    let status = file.metadata().map_err(|error| failed("fstat", &error))?;
    let end = if length == 0 {
        status.len()
    } else {
        offset.saturating_add(length)
    };
    Ok((file, offset, end))
}
