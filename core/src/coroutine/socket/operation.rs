//! One operation of a socket: as many calls and waits as it takes, within one time limit.

use super::{Failure, Fault, Interest, SockType, Socket, Waiter};
use crate::error::codes;
use crate::net::client::transfer::Patience;
use crate::net::tls::{Role, Session, drive};
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
    wire: Wire,
    is_tcp: bool,
    patience: Patience<'w, W>,
}

/// Where bytes come from and go to.
#[derive(Clone, Debug)]
pub struct Wire {
    fd: Rc<OwnedFd>,
    tls: Option<Rc<Session>>,
}

impl Wire {
    /// Receives what there is; 0: the peer sends no more. Does not wait.
    pub fn recv(&self, room: &mut Room<'_>) -> Result<usize, Fault> {
        match &self.tls {
            None => Ok(calls::recv(self.fd.as_fd(), room, libc::MSG_DONTWAIT)?),
            Some(session) => session.read(room),
        }
    }

    fn recv_vector(&self, rooms: &mut [Room<'_>]) -> Result<usize, Fault> {
        let Some(session) = &self.tls else {
            return Ok(calls::recv_vector(self.fd.as_fd(), rooms)?);
        };
        let mut got = 0;
        for room in rooms {
            let wanted = room.left();
            match session.read(room) {
                Ok(more) => got += more,
                // It comes again when it is all there is.
                Err(_) if got > 0 => {}
                Err(fault) => return Err(fault),
            }
            if wanted > 0 && room.left() > 0 {
                break;
            }
        }
        Ok(got)
    }
}

impl Socket {
    /// Begins an operation. `limit` runs from its first wait on. Where TLS is to be used, it must be ready.
    pub fn begin<'w, W: Waiter>(
        &self,
        waiter: &'w W,
        limit: Option<Duration>,
    ) -> Result<Operation<'w, W>, Fault> {
        Ok(self.begin_with(waiter, limit, self.session()?)?)
    }

    fn begin_with<'w, W: Waiter>(
        &self,
        waiter: &'w W,
        limit: Option<Duration>,
        tls: Option<Rc<Session>>,
    ) -> Result<Operation<'w, W>, Errno> {
        let fd = self.descriptor()?;
        Ok(Operation {
            is_tcp: self.sock_type().is_some_and(SockType::is_tcp),
            wire: Wire { fd, tls },
            patience: Patience::lazy(waiter, limit),
        })
    }

    /// Accepts a connection.
    pub fn accept<W: Waiter>(
        &self,
        waiter: &W,
        limit: Option<Duration>,
    ) -> Result<Socket, Failure> {
        self.tls_context(Role::Server)?;
        let mut operation = self.begin_with(waiter, limit, None)?;
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
        if operation.wire.tls.is_some() {
            return operation.send_file_encrypted(&file, offset, end - offset);
        }
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
        self.patience.attempt(self.wire.fd.as_fd(), interest, call)
    }

    /// [`Self::run`] for what goes through TLS, if that is used.
    #[inline]
    pub fn transfer<R>(
        &mut self,
        interest: Interest,
        mut call: impl FnMut(&Wire) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        let wire = &self.wire;
        let fd = wire.fd.as_fd();
        match &wire.tls {
            None => self.patience.attempt(fd, interest, |_| call(wire)),
            Some(session) => drive::run(&mut self.patience, fd, interest, session, || call(wire)),
        }
    }

    /// To be told how much a call received of what it asked for: after less, TCP has no more, and the
    /// next call need not find out. (Other sockets end a call early for other reasons, too.)
    #[inline]
    pub fn received(&self, got: usize, asked: usize) {
        if self.is_tcp && got > 0 && got < asked && self.wire.tls.is_none() {
            self.patience.drained();
        }
    }

    /// Receives what there is; 0: the peer sends no more.
    pub fn recv(&mut self, room: &mut Room<'_>) -> Result<usize, Fault> {
        let asked = room.left();
        let got = self.transfer(Interest::Read, |wire| wire.recv(room))?;
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
        let got = self.transfer(Interest::Read, |wire| wire.recv_vector(rooms))?;
        self.received(got, asked);
        Ok(got)
    }

    /// Sends as much as the kernel takes at once; a datagram whole; through TLS all.
    pub fn send(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        if self.wire.tls.is_some() {
            return some_of(self.send_all_encrypted(bytes));
        }
        self.run(Interest::Write, |fd| {
            calls::send(fd, bytes, libc::MSG_DONTWAIT)
        })
    }

    /// Sends all; how much was sent is right in any case.
    pub fn send_all(&mut self, bytes: &[u8]) -> (usize, Result<(), Fault>) {
        if self.wire.tls.is_some() {
            return self.send_all_encrypted(bytes);
        }
        let mut sent = 0;
        while sent < bytes.len() {
            match self.send(&bytes[sent..]) {
                Ok(more) => sent += more,
                Err(fault) => return (sent, Err(fault)),
            }
        }
        (sent, Ok(()))
    }

    fn send_all_encrypted(&mut self, bytes: &[u8]) -> (usize, Result<(), Fault>) {
        let wire = &self.wire;
        match &wire.tls {
            Some(session) => drive::send_all(&mut self.patience, wire.fd.as_fd(), session, bytes),
            None => (0, Err(Fault::Os(codes::SSL_NOT_READY))),
        }
    }

    fn send_file_encrypted(&mut self, file: &File, offset: u64, count: u64) -> Result<(), Failure> {
        let wire = &self.wire;
        let Some(session) = &wire.tls else {
            return Err(Failure::Code(codes::SSL_NOT_READY));
        };
        let fd = wire.fd.as_fd();
        let sent = drive::send_file(&mut self.patience, fd, session, file, offset, count)?;
        if sent < count {
            let text = "the file has become shorter meanwhile";
            return Err(Failure::explained(codes::SYSTEM_CALL_FAIL, text));
        }
        Ok(())
    }

    /// Sends as much of the slices as the kernel takes at once, from the byte `from` on; through TLS all.
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
        if self.wire.tls.is_some() {
            return some_of(self.send_parts_encrypted(&parts));
        }
        self.run(Interest::Write, |fd| socket::writev(fd, &parts))
    }

    fn send_parts_encrypted(&mut self, parts: &[IoSlice<'_>]) -> (usize, Result<(), Fault>) {
        let mut sent = 0;
        for part in parts {
            let (more, result) = self.send_all_encrypted(part);
            sent += more;
            if let Err(fault) = result {
                return (sent, Err(fault));
            }
        }
        (sent, Ok(()))
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

/// A fault of what was sent in part shows when the rest is sent.
fn some_of((sent, result): (usize, Result<(), Fault>)) -> Result<usize, Fault> {
    match result {
        Err(fault) if sent == 0 => Err(fault),
        _ => Ok(sent),
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
