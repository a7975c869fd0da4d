//! Connecting, sending and receiving to an end, whoever waits (see [`Waiter`]). No function keeps
//! anything but its arguments, so a coroutine may be left in the middle of each.

use super::wait::{Deadline, Fault, Waiter};
use crate::protocol::proxy::{Handshake, ProxyError, Turn};
use crate::sys::socket::{self, Interest, SockAddr};
use crate::sys::transfer::{self as calls, Room};
use nix::errno::Errno;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// A call takes at most so many bytes to send, so that signals and time limits are looked at.
const SEND_CHUNK_BYTES: usize = 1 << 20;

/// What no descriptor tells the end of is tried again after this time.
const NAP: Duration = Duration::from_millis(10);

/// How one operation waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'w, W> {
    waiter: &'w W,
    limit: Limit,
    /// The socket's own time limit is as long as what is left: the next call may block.
    fresh: bool,
}

/// When an operation gives up.
#[derive(Clone, Copy, Debug)]
enum Limit {
    At(Deadline),
    /// So long after its first wait.
    Waiting(Option<Duration>),
}

impl<'w, W: Waiter> Patience<'w, W> {
    /// `timeout` is the socket's own time limit, too (see [`calls::set_kernel_timeouts`]).
    pub fn fresh(waiter: &'w W, timeout: Option<Duration>) -> Self {
        Patience {
            waiter,
            limit: Limit::At(Deadline::after(timeout)),
            fresh: W::MAY_BLOCK,
        }
    }

    /// So long after the first wait: an operation that need not wait reads no clock.
    pub fn lazy(waiter: &'w W, timeout: Option<Duration>) -> Self {
        Patience {
            waiter,
            limit: Limit::Waiting(timeout),
            fresh: false,
        }
    }

    /// Until `deadline`, whatever the socket's own limit is.
    pub fn until(waiter: &'w W, deadline: Deadline) -> Self {
        Patience {
            waiter,
            limit: Limit::At(deadline),
            fresh: false,
        }
    }

    fn deadline(&mut self) -> Deadline {
        match self.limit {
            Limit::At(deadline) => deadline,
            Limit::Waiting(timeout) => {
                let deadline = Deadline::after(timeout);
                self.limit = Limit::At(deadline);
                deadline
            }
        }
    }

    /// Waits until the descriptor is ready.
    pub fn wait(&mut self, fd: BorrowedFd<'_>, interest: Interest) -> Result<(), Fault> {
        let deadline = self.deadline();
        self.waiter.wait(fd, interest, deadline)
    }

    /// See [`Waiter::drained`].
    pub fn drained(&self) {
        self.waiter.drained();
    }

    /// Waits a little for what no descriptor tells of.
    pub fn nap(&mut self) -> Result<(), Fault> {
        if self.deadline().has_passed() {
            return Err(Fault::TimedOut);
        }
        self.waiter.nap(NAP)
    }

    /// `MSG_DONTWAIT`, but for the first call.
    fn flag(&mut self) -> i32 {
        if std::mem::take(&mut self.fresh) {
            0
        } else {
            libc::MSG_DONTWAIT
        }
    }

    /// After a call that did not succeed: waits, or gives up.
    fn retry(&mut self, fd: BorrowedFd<'_>, interest: Interest, errno: Errno) -> Result<(), Fault> {
        match errno {
            Errno::EINTR => Ok(()),
            // The kernel is short of memory for buffers.
            Errno::ENOBUFS => self.nap(),
            Errno::EAGAIN if self.deadline().has_passed() => Err(Fault::TimedOut),
            Errno::EAGAIN => self.wait(fd, interest),
            other => Err(other.into()),
        }
    }

    /// Makes a call that does not wait itself until it has an answer.
    pub fn attempt<R, E: Into<Fault>>(
        &mut self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        mut call: impl FnMut(BorrowedFd<'_>) -> Result<R, E>,
    ) -> Result<R, Fault> {
        loop {
            let result = if self.waiter.may_try(interest) {
                call(fd).map_err(Into::into)
            } else {
                Err(Fault::Os(libc::EAGAIN))
            };
            match result {
                Ok(answer) => return Ok(answer),
                Err(Fault::Os(libc::EAGAIN)) => self.wait(fd, interest)?,
                Err(Fault::Os(errno @ (libc::EINTR | libc::ENOBUFS))) => {
                    self.retry(fd, interest, Errno::from_raw(errno))?;
                }
                Err(fault) => return Err(fault),
            }
        }
    }
}

/// Receives what there is, at least a byte; 0: the peer sends no more. With `MSG_DONTWAIT` in `flags`
/// it does not wait.
pub fn recv<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    room: &mut Room<'_>,
    flags: i32,
) -> Result<usize, Fault> {
    loop {
        let flag = patience.flag();
        match calls::recv(fd, room, flags | flag) {
            Ok(got) => return Ok(got),
            Err(errno @ Errno::EAGAIN) if flags & libc::MSG_DONTWAIT != 0 => {
                return Err(errno.into());
            }
            Err(errno) => patience.retry(fd, Interest::Read, errno)?,
        }
    }
}

/// Fills the room; false: the peer sends no more. What came before a fault is in the room.
pub fn recv_all<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    room: &mut Room<'_>,
) -> Result<bool, Fault> {
    while room.left() > 0 {
        if recv(patience, fd, room, libc::MSG_WAITALL)? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Receives one datagram; what does not fit is lost.
pub fn recv_from<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    room: &mut Room<'_>,
    flags: i32,
) -> Result<(usize, SockAddr), Fault> {
    loop {
        let flag = patience.flag();
        match calls::recv_from(fd, room, flags | flag) {
            Ok(got) => return Ok(got),
            Err(errno @ Errno::EAGAIN) if flags & libc::MSG_DONTWAIT != 0 => {
                return Err(errno.into());
            }
            Err(errno) => patience.retry(fd, Interest::Read, errno)?,
        }
    }
}

/// Sends all bytes; how many were sent is right in any case.
pub fn send_all<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    bytes: &[u8],
    flags: i32,
) -> (usize, Result<(), Fault>) {
    let mut sent = 0;
    while sent < bytes.len() {
        let chunk = &bytes[sent..bytes.len().min(sent + SEND_CHUNK_BYTES)];
        let flag = patience.flag();
        let result = match calls::send(fd, chunk, flags | flag) {
            Ok(more) => {
                sent += more;
                continue;
            }
            Err(errno @ Errno::EAGAIN) if flags & libc::MSG_DONTWAIT != 0 => Err(errno.into()),
            Err(errno) => patience.retry(fd, Interest::Write, errno),
        };
        if let Err(fault) = result {
            return (sent, Err(fault));
        }
    }
    (sent, Ok(()))
}

/// Sends one datagram, to `to` or to where the socket is connected.
pub fn send_datagram<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    bytes: &[u8],
    to: Option<&SockAddr>,
) -> Result<usize, Fault> {
    loop {
        let flag = patience.flag();
        let result = match to {
            Some(to) => calls::send_to(fd, bytes, to, flag),
            None => calls::send(fd, bytes, flag),
        };
        match result {
            Ok(sent) => return Ok(sent),
            Err(errno) => patience.retry(fd, Interest::Write, errno)?,
        }
    }
}

/// Sends `count` bytes of a file from `offset` on.
pub fn send_file<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    mut offset: u64,
    mut count: u64,
) -> Result<(), Fault> {
    // There is no flag for it: wait before each call, so that none blocks for longer than a chunk.
    while count > 0 {
        patience.wait(fd, Interest::Write)?;
        let chunk = usize::try_from(count).unwrap_or(usize::MAX).min(1 << 16);
        match calls::send_file(fd, file, offset, chunk) {
            // The file has become shorter meanwhile.
            Ok(0) => return Err(Errno::EINVAL.into()),
            Ok(sent) => {
                offset += sent as u64;
                count = count.saturating_sub(sent as u64);
            }
            Err(errno) => patience.retry(fd, Interest::Write, errno)?,
        }
    }
    Ok(())
}

/// Starts to connect a nonblocking socket: true if it is connected already.
pub fn start_connect(fd: BorrowedFd<'_>, address: &SockAddr) -> Result<bool, Fault> {
    match socket::connect(fd, address) {
        Ok(()) => Ok(true),
        // Interrupted, it goes on by itself.
        Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Waits until a connection under way stands or has failed.
pub fn finish_connect<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
) -> Result<(), Fault> {
    patience.wait(fd, Interest::Write)?;
    match socket::take_error(fd) {
        Ok(0) => Ok(()),
        Ok(errno) => Err(Fault::Os(errno)),
        Err(errno) => Err(errno.into()),
    }
}

/// Connects a nonblocking socket.
pub fn connect<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    address: &SockAddr,
) -> Result<(), Fault> {
    loop {
        match start_connect(fd, address) {
            Ok(true) => return Ok(()),
            Ok(false) => return finish_connect(patience, fd),
            // A unix socket's queue is full, and no event tells when it is not.
            Err(Fault::Os(libc::EAGAIN)) => patience.nap()?,
            Err(fault) => return Err(fault),
        }
    }
}

/// Why there is no tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TunnelFault {
    Link(Fault),
    Proxy(ProxyError),
    /// The proxy closed the connection.
    Closed,
}

/// An answer of a proxy is shorter than this.
const TUNNEL_MAX_BYTES: usize = 32 * 1024;

/// Speaks with a proxy until the tunnel stands; what came through it already is the result.
pub fn tunnel<W: Waiter>(
    patience: &mut Patience<'_, W>,
    fd: BorrowedFd<'_>,
    handshake: &mut Handshake,
) -> Result<Vec<u8>, TunnelFault> {
    let mut outgoing = handshake.start();
    let mut came = Vec::new();
    loop {
        let (_, sent) = send_all(patience, fd, &outgoing, 0);
        sent.map_err(TunnelFault::Link)?;
        outgoing.clear();
        match handshake.advance(&came).map_err(TunnelFault::Proxy)? {
            Turn::Send { consumed, bytes } => {
                came.drain(..consumed.min(came.len()));
                outgoing = bytes;
            }
            Turn::Done { consumed } => {
                came.drain(..consumed.min(came.len()));
                return Ok(came);
            }
            Turn::NeedMore => {
                let mut chunk = [0; 1024];
                let got = recv(patience, fd, &mut Room::of(&mut chunk), 0);
                let got = got.map_err(TunnelFault::Link)?;
                if got == 0 || came.len() > TUNNEL_MAX_BYTES {
                    return Err(TunnelFault::Closed);
                }
                came.extend_from_slice(&chunk[..got]);
            }
        }
    }
}
