//! A socket of coroutines: what `Swoole\Coroutine\Socket` and what stands on it are made of. It waits by
//! a [`Waiter`], so the same code runs in coroutines and, in tests, without.
//!
//! Nothing is borrowed while something waits: another coroutine may use the same socket meanwhile, or
//! close it. Who waits holds the descriptor, which so stays open until the last of them has left.

mod error;
mod link;
mod operation;
mod packages;
mod rules;
mod secure;

#[cfg(test)]
mod tests;

use crate::net::{Address, NetError};
use crate::options;
use crate::protocol::{Decoder, Framing};
use crate::sys::fd;
use crate::sys::forks;
use crate::sys::socket::{self, Shutdown, SockAddr};
use crate::sys::transfer::{self as calls, Room};
use nix::errno::Errno;
use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

pub use crate::net::SockType;
pub use crate::net::client::wait::timeout_of;
pub use crate::net::client::{Deadline, Fault, Waiter};
pub use crate::sys::socket::Interest;
pub use error::Failure;
pub use link::{Proxy, ProxyKind};
pub use operation::{MAX_SLICES, Operation};
pub use packages::Package;
pub use rules::{LengthSource, Rules};

/// The kernel's buffers of a UDP socket are asked to be so large.
const DATAGRAM_BUFFER_BYTES: i32 = 8 * 1024 * 1024;

/// Time limits in seconds, as PHP gives them: less than 0 is without.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timeouts {
    pub dns: f64,
    pub connect: f64,
    pub read: f64,
    pub write: f64,
}

impl Timeouts {
    /// Those of the process.
    #[must_use]
    pub fn of_process() -> Timeouts {
        let limits = options::process().socket;
        let seconds = |ms: Option<u64>| ms.map_or(-1.0, |ms| ms as f64 / 1000.0);
        Timeouts {
            dns: seconds(limits.dns_timeout_ms),
            connect: seconds(limits.connect_timeout_ms),
            read: seconds(limits.read_timeout_ms),
            write: seconds(limits.write_timeout_ms),
        }
    }

    /// That of reading or writing.
    #[must_use]
    pub fn of(&self, interest: Interest) -> f64 {
        match interest {
            Interest::Read => self.read,
            Interest::Write | Interest::ReadWrite => self.write,
        }
    }
}

/// What a socket is, by the numbers of socket(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub domain: i32,
    pub kind: i32,
    pub protocol: i32,
}

impl Kind {
    #[must_use]
    pub fn of(sock_type: SockType) -> Kind {
        let (domain, kind) = sock_type.domain_and_kind();
        let protocol = 0;
        Kind {
            domain,
            kind,
            protocol,
        }
    }

    /// None: a raw socket, or anything else.
    #[must_use]
    pub fn sock_type(self) -> Option<SockType> {
        SockType::from_kind(self.domain, self.kind)
    }

    /// Whether an address has a port.
    #[must_use]
    pub fn has_ports(self) -> bool {
        self.sock_type().is_some_and(|kind| !kind.is_unix())
    }

    #[must_use]
    pub fn is_datagram(self) -> bool {
        self.sock_type().is_some_and(|kind| !kind.is_stream())
    }
}

/// The life of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Open,
    /// Closed by somebody while others waited: it answers so until it is closed once more.
    Closing,
    Closed,
}

/// See the module's description.
#[derive(Debug)]
pub struct Socket {
    fd: RefCell<Option<Rc<OwnedFd>>>,
    kind: Cell<Kind>,
    phase: Cell<Phase>,
    timeouts: Cell<Timeouts>,
    /// By `connect()` or `accept()`.
    connected: Cell<bool>,
    shut_read: Cell<bool>,
    shut_write: Cell<bool>,
    listening: Cell<bool>,
    /// By `accept()`.
    accepted: Cell<bool>,
    decoder: RefCell<Decoder>,
    rules: RefCell<Rules>,
    proxy: RefCell<Option<Proxy>>,
    /// The file of a unix socket that was bound to it, and the process that did so.
    bound: RefCell<Option<(PathBuf, u64)>>,
    tls: RefCell<Option<secure::Secured>>,
}

impl Socket {
    /// A new socket.
    pub fn new(kind: Kind) -> Result<Socket, Errno> {
        let fd = socket::create_any(kind.domain, kind.kind, kind.protocol)?;
        let socket = Socket::of(fd, kind);
        socket.set_defaults();
        Ok(socket)
    }

    /// A socket that was made elsewhere; it becomes nonblocking.
    pub fn adopt(fd: OwnedFd, kind: Kind) -> Result<Socket, Errno> {
        fd::set_nonblocking(&fd, true).map_err(|error| Errno::from_raw(error.errno))?;
        let socket = Socket::of(fd, kind);
        socket.set_defaults();
        Ok(socket)
    }

    fn of(fd: OwnedFd, kind: Kind) -> Socket {
        let rules = Rules::default();
        Socket {
            fd: RefCell::new(Some(Rc::new(fd))),
            kind: Cell::new(kind),
            phase: Cell::new(Phase::Open),
            timeouts: Cell::new(Timeouts::of_process()),
            connected: Cell::new(false),
            shut_read: Cell::new(false),
            shut_write: Cell::new(false),
            listening: Cell::new(false),
            accepted: Cell::new(false),
            decoder: RefCell::new(Decoder::new(rules.framing())),
            rules: RefCell::new(rules),
            proxy: RefCell::new(None),
            bound: RefCell::new(None),
            tls: RefCell::new(None),
        }
    }

    /// Without effect where the kernel does not know the option.
    fn set_defaults(&self) {
        let Ok(fd) = self.descriptor() else { return };
        let set = |level, name, value| {
            let _ = socket::set_option(&*fd, level, name, value);
        };
        match self.sock_type() {
            Some(SockType::Tcp | SockType::Tcp6) => set(libc::IPPROTO_TCP, libc::TCP_NODELAY, 1),
            Some(SockType::Udp | SockType::Udp6) => {
                set(libc::SOL_SOCKET, libc::SO_RCVBUF, DATAGRAM_BUFFER_BYTES);
                set(libc::SOL_SOCKET, libc::SO_SNDBUF, DATAGRAM_BUFFER_BYTES);
            }
            _ => {}
        }
    }

    /// A connection that this listening socket has accepted. It inherits limits and rules; the kernel
    /// lets it inherit options.
    fn accepted(&self, fd: OwnedFd) -> Socket {
        let socket = Socket::of(fd, self.kind.get());
        socket.timeouts.set(self.timeouts.get());
        socket.connected.set(true);
        socket.accepted.set(true);
        socket.set_rules(self.rules.borrow().clone());
        socket.serve_tls(self);
        socket
    }

    /// The descriptor, which stays open for as long as the answer is held.
    pub fn descriptor(&self) -> Result<Rc<OwnedFd>, Errno> {
        self.fd.borrow().clone().ok_or(Errno::EBADF)
    }

    /// The descriptor's number; -1: closed.
    #[must_use]
    pub fn raw_fd(&self) -> RawFd {
        self.fd.borrow().as_ref().map_or(-1, |fd| fd.as_raw_fd())
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind.get()
    }

    #[must_use]
    pub fn sock_type(&self) -> Option<SockType> {
        self.kind.get().sock_type()
    }

    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.get() && self.phase.get() != Phase::Closed
    }

    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts.get()
    }

    /// Changes time limits; 0 leaves one as it is.
    pub fn set_timeouts(&self, change: impl FnOnce(&mut Timeouts)) {
        let old = self.timeouts.get();
        let mut new = old;
        change(&mut new);
        let keep = |new: f64, old: f64| if new == 0.0 || new.is_nan() { old } else { new };
        self.timeouts.set(Timeouts {
            dns: keep(new.dns, old.dns),
            connect: keep(new.connect, old.connect),
            read: keep(new.read, old.read),
            write: keep(new.write, old.write),
        });
    }

    /// The limit of one operation: its own in seconds, unless that is 0.
    #[must_use]
    pub fn limit(&self, own_s: f64, interest: Interest) -> Option<Duration> {
        timeout_of(own_s, timeout_of(self.timeouts.get().of(interest), None))
    }

    /// How packages end.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.rules.borrow().clone()
    }

    /// Holds for what comes from now on, and for what is in the buffer.
    pub fn set_rules(&self, rules: Rules) {
        self.decoder.borrow_mut().set_framing(rules.framing());
        self.rules.replace(rules);
    }

    #[must_use]
    pub fn framing(&self) -> Framing {
        *self.decoder.borrow().framing()
    }

    pub fn set_proxy(&self, proxy: Proxy) {
        self.proxy.replace(Some(proxy));
    }

    /// Binds it to an address of this machine.
    pub fn bind(&self, address: &Address) -> Result<(), Errno> {
        let fd = self.descriptor()?;
        socket::set_option(&*fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        socket::bind(&*fd, address.as_sys())?;
        if let Some(path) = address.unix_path() {
            let path = PathBuf::from(String::from_utf8_lossy(path).into_owned());
            self.bound.replace(Some((path, forks::generation())));
        }
        Ok(())
    }

    pub fn listen(&self, backlog: i32) -> Result<(), Errno> {
        socket::listen(&*self.descriptor()?, backlog)?;
        self.listening.set(true);
        Ok(())
    }

    /// Whether it takes connections.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.listening.get()
    }

    pub fn local_address(&self) -> Result<Address, Errno> {
        Ok(self.typed(socket::local_address(&*self.descriptor()?)?))
    }

    pub fn peer_address(&self) -> Result<Address, Errno> {
        Ok(self.typed(socket::peer_address(&*self.descriptor()?)?))
    }

    /// No address, in the form of the socket's type.
    #[must_use]
    pub fn typed(&self, address: SockAddr) -> Address {
        match self.sock_type() {
            Some(sock_type) => Address::of_type(address, sock_type),
            None => address.into(),
        }
    }

    /// What has come and was not read yet, which is left there; 0: the peer sends no more. Does not wait.
    pub fn peek(&self, room: &mut Room<'_>) -> Result<usize, Fault> {
        match self.session()? {
            Some(session) => session.peek(room),
            None => Ok(self.peek_raw(room)?),
        }
    }

    fn peek_raw(&self, room: &mut Room<'_>) -> Result<usize, Errno> {
        let fd = self.descriptor()?;
        loop {
            match calls::recv(fd.as_fd(), room, libc::MSG_PEEK | libc::MSG_DONTWAIT) {
                Err(Errno::EINTR) => {}
                result => return result,
            }
        }
    }

    /// Whether the peer has neither closed nor reset the connection, as far as the kernel knows; else why
    /// not.
    pub fn check_liveness(&self) -> Result<(), Errno> {
        let mut byte = [0];
        match self.peek_raw(&mut Room::of(&mut byte)) {
            Ok(0) => Err(Errno::ECONNRESET),
            Err(errno) if Fault::from(errno).breaks_connection() => Err(errno),
            _ => Ok(()),
        }
    }

    /// shutdown(2) of a connection.
    pub fn shutdown(&self, how: i32) -> Result<(), Errno> {
        let is_done = (how == libc::SHUT_RD && self.shut_read.get())
            || (how == libc::SHUT_WR && self.shut_write.get());
        if !self.is_connected() || is_done {
            return Err(Errno::ENOTCONN);
        }
        let (read, write, call) = match how {
            libc::SHUT_RD => (true, false, Shutdown::Read),
            libc::SHUT_WR => (false, true, Shutdown::Write),
            libc::SHUT_RDWR => (true, true, Shutdown::Both),
            _ => return Err(Errno::EINVAL),
        };
        self.end_tls();
        let is_gone = match socket::shutdown(&*self.descriptor()?, call) {
            Ok(()) => false,
            // The peer has reset the connection.
            Err(Errno::ENOTCONN) => true,
            Err(errno) => return Err(errno),
        };
        self.shut_read.set(self.shut_read.get() || read || is_gone);
        self.shut_write
            .set(self.shut_write.get() || write || is_gone);
        if self.shut_read.get() && self.shut_write.get() {
            self.connected.set(false);
        }
        Ok(())
    }

    /// Begins to close: ends the connection, so that peer and own coroutines learn of it. Returns the
    /// descriptor, which is closed when everybody has let go of it.
    pub fn start_close(&self, phase: Phase) -> Option<Rc<OwnedFd>> {
        if self.connected.get() {
            let _ = self.shutdown(libc::SHUT_RDWR);
        }
        self.phase.set(phase);
        self.drop_tls();
        self.decoder.borrow_mut().reset();
        self.unlink();
        self.fd.take()
    }

    /// After [`Self::start_close`] with [`Phase::Closing`].
    pub fn finish_close(&self) {
        self.phase.set(Phase::Closed);
    }

    fn unlink(&self) {
        if let Some((path, made_in)) = self.bound.take()
            && made_in == forks::generation()
        {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.unlink();
    }
}

/// The errno in an error of the network's.
#[must_use]
pub fn errno_of(error: &NetError) -> Errno {
    Errno::from_raw(error.errno())
}
