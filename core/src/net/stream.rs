//! Connections.

use super::NetError;
use super::address::Address;
use super::listener::set;
use crate::sys::{SysError, socket};
use nix::errno::Errno;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// TCP keep-alive probes. A 0 leaves the system's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// Seconds without traffic before the first probe.
    pub idle_s: u32,
    /// Seconds between probes.
    pub interval_s: u32,
    /// Probes without an answer before the connection is given up.
    pub count: u32,
}

/// Options of a connection. The default is what a fresh server sets: no delay, nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// Send small segments at once (TCP_NODELAY).
    pub nodelay: bool,
    pub keepalive: Option<KeepAlive>,
    /// How long sent data may stay unacknowledged before the connection is given up; 0 is the system's
    /// default.
    pub user_timeout_ms: u32,
    /// Size of the kernel's receive buffer; the kernel doubles it for its own needs.
    pub recv_buffer_bytes: Option<u32>,
    /// Size of the kernel's send buffer; the kernel doubles it for its own needs.
    pub send_buffer_bytes: Option<u32>,
}

impl Default for SocketOptions {
    fn default() -> SocketOptions {
        SocketOptions {
            nodelay: true,
            keepalive: None,
            user_timeout_ms: 0,
            recv_buffer_bytes: None,
            send_buffer_bytes: None,
        }
    }
}

impl SocketOptions {
    /// Sets them all; those of TCP only where `tcp` says that it is.
    pub(super) fn set_on(&self, fd: impl AsFd, tcp: bool) -> Result<(), NetError> {
        let fd = fd.as_fd();
        let whole = libc::SOL_SOCKET;
        if let Some(bytes) = self.recv_buffer_bytes {
            set(fd, whole, libc::SO_RCVBUF, int(bytes), "SO_RCVBUF")?;
        }
        if let Some(bytes) = self.send_buffer_bytes {
            set(fd, whole, libc::SO_SNDBUF, int(bytes), "SO_SNDBUF")?;
        }
        if !tcp {
            return Ok(());
        }
        let level = libc::IPPROTO_TCP;
        set(
            fd,
            level,
            libc::TCP_NODELAY,
            self.nodelay.into(),
            "TCP_NODELAY",
        )?;
        if let Some(keepalive) = self.keepalive {
            set(fd, whole, libc::SO_KEEPALIVE, 1, "SO_KEEPALIVE")?;
            let times = [
                (libc::TCP_KEEPIDLE, keepalive.idle_s, "TCP_KEEPIDLE"),
                (libc::TCP_KEEPINTVL, keepalive.interval_s, "TCP_KEEPINTVL"),
                (libc::TCP_KEEPCNT, keepalive.count, "TCP_KEEPCNT"),
            ];
            for (name, value, label) in times.into_iter().filter(|(_, value, _)| *value > 0) {
                set(fd, level, name, int(value), label)?;
            }
        }
        if self.user_timeout_ms > 0 {
            let value = int(self.user_timeout_ms);
            set(fd, level, libc::TCP_USER_TIMEOUT, value, "TCP_USER_TIMEOUT")?;
        }
        Ok(())
    }
}

fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum ReadOutcome {
    /// So many bytes, at least 1.
    Data(usize),
    WouldBlock,
    /// The peer sends no more; it may still read.
    Eof,
    /// The connection is broken, for this errno.
    Gone(i32),
}

/// What came of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum WriteOutcome {
    /// So many bytes, maybe fewer than given.
    Wrote(usize),
    WouldBlock,
    /// The connection is broken, for this errno.
    Gone(i32),
}

/// A nonblocking connection. No call of it raises SIGPIPE. Dropping it closes it; if the peer's bytes
/// were not all read, the kernel then sends RST, which may overtake what was sent: to let the peer read
/// everything, [`Stream::shutdown_write`], and [`Stream::discard_input`] until its end.
#[derive(Debug)]
pub struct Stream {
    fd: OwnedFd,
}

impl Stream {
    /// Around a nonblocking socket, as [`super::Listener::accept`] gives it.
    #[must_use]
    pub fn new(fd: OwnedFd) -> Stream {
        Stream { fd }
    }

    /// Reads into a buffer that must not be empty.
    pub fn read(&self, buffer: &mut [u8]) -> ReadOutcome {
        debug_assert!(!buffer.is_empty(), "0 bytes read would look like the end");
        loop {
            return match socket::read(&self.fd, buffer) {
                Ok(0) => ReadOutcome::Eof,
                Ok(n) => ReadOutcome::Data(n),
                Err(Errno::EAGAIN) => ReadOutcome::WouldBlock,
                Err(Errno::EINTR) => continue,
                Err(errno) => ReadOutcome::Gone(errno as i32),
            };
        }
    }

    /// Reads and forgets, about `limit_bytes` at most; `Data` says how much.
    pub fn discard_input(&self, limit_bytes: usize) -> ReadOutcome {
        let mut scratch = [0; 8192];
        let mut discarded = 0;
        while discarded < limit_bytes {
            match self.read(&mut scratch) {
                ReadOutcome::Data(n) => discarded += n,
                ReadOutcome::WouldBlock if discarded > 0 => break,
                other => return other,
            }
        }
        ReadOutcome::Data(discarded)
    }

    pub fn write(&self, bytes: &[u8]) -> WriteOutcome {
        written(|| socket::write(&self.fd, bytes))
    }

    /// At most 1024 slices.
    pub fn writev(&self, slices: &[IoSlice<'_>]) -> WriteOutcome {
        written(|| socket::writev(&self.fd, slices))
    }

    /// Sends FIN after what was written. A connection that is gone already is no error.
    pub fn shutdown_write(&self) {
        let _ = socket::shutdown(&self.fd, socket::Shutdown::Write);
    }

    /// Drops what the kernel has not sent yet and sends RST.
    pub fn reset(self) {
        // Without it the close below still ends the connection, only with FIN.
        let _ = socket::set_linger(&self.fd, 0);
    }

    /// Sets options of this connection. Those given to [`super::Listener::listen`] hold already.
    pub fn apply(&self, options: &SocketOptions, tcp: bool) -> Result<(), NetError> {
        options.set_on(&self.fd, tcp)
    }

    /// The errno the kernel keeps for the connection and forgets by this call, or 0.
    #[must_use]
    pub fn take_error(&self) -> i32 {
        socket::take_error(&self.fd).unwrap_or_else(|errno| errno as i32)
    }

    pub fn peer_addr(&self) -> Result<Address, NetError> {
        let fail = |e| SysError::new("get the address of a peer", "", e);
        Ok(socket::peer_address(&self.fd).map_err(fail)?.into())
    }

    pub fn local_addr(&self) -> Result<Address, NetError> {
        let fail = |e| SysError::new("get the address of a connection", "", e);
        Ok(socket::local_address(&self.fd).map_err(fail)?.into())
    }

    #[must_use]
    pub fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    #[must_use]
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

fn written(mut attempt: impl FnMut() -> Result<usize, Errno>) -> WriteOutcome {
    loop {
        return match attempt() {
            Ok(n) => WriteOutcome::Wrote(n),
            Err(Errno::EAGAIN) => WriteOutcome::WouldBlock,
            Err(Errno::EINTR) => continue,
            Err(errno) => WriteOutcome::Gone(errno as i32),
        };
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.raw_fd()
    }
}

impl From<std::net::TcpStream> for Stream {
    fn from(stream: std::net::TcpStream) -> Stream {
        Stream::new(stream.into())
    }
}

impl From<std::os::unix::net::UnixStream> for Stream {
    fn from(stream: std::os::unix::net::UnixStream) -> Stream {
        Stream::new(stream.into())
    }
}
