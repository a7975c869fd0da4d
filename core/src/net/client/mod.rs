//! A client's socket that blocks: what `Swoole\Client` is made of. The pieces (time limits, transfers
//! to an end, the tunnel through a proxy) serve coroutine sockets, too.

mod datagrams;
mod error;
pub mod keep;
mod nonblocking;
mod outgoing;
mod packages;
mod secure;
pub mod transfer;
pub mod wait;

#[cfg(test)]
mod tests;

use crate::error::codes;
use crate::net::address::{Address, SockType};
use crate::net::tls::drive;
use crate::net::{NetError, SocketOptions};
use crate::protocol::framing::DEFAULT_MAX_BYTES;
use crate::protocol::proxy::Handshake;
use crate::protocol::{Decoder, Framing};
use crate::sys::fd as sys_fd;
use crate::sys::forks;
use crate::sys::socket::{self, SockAddr};
use crate::sys::transfer::{self as calls, Room};
pub use error::ClientError;
use nix::errno::Errno;
pub use nonblocking::Arrival;
pub use outgoing::Outgoing;
pub use packages::Package;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use transfer::{Patience, TunnelFault};
pub use wait::{Deadline, Fault, Poll, Waiter, timeout_of};

/// Time limits; None is without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Option<Duration>,
    pub read: Option<Duration>,
    pub write: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Some(Duration::from_secs(10)),
            read: Some(Duration::from_secs(60)),
            write: Some(Duration::from_secs(60)),
        }
    }
}

impl Timeouts {
    /// All the same, in seconds as PHP gives them: 0 leaves the defaults.
    #[must_use]
    pub fn all(seconds: f64) -> Timeouts {
        let default = Timeouts::default();
        Timeouts {
            connect: timeout_of(seconds, default.connect),
            read: timeout_of(seconds, default.read),
            write: timeout_of(seconds, default.write),
        }
    }
}

/// Options that hold from before the connection is made.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    pub framing: Option<Framing>,
    /// For the kernel's buffers, both.
    pub buffer_bytes: Option<u32>,
    /// The local address: host and port.
    pub bind: Option<(String, u16)>,
    pub nodelay: bool,
    /// Connect there and have a tunnel made.
    pub proxy: Option<(String, u16, Handshake)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Not connected.
    New,
    /// Connecting, without anybody waiting for it.
    Pending,
    Up,
}

/// A client's socket.
#[derive(Debug)]
pub struct Client {
    fd: Rc<OwnedFd>,
    sock_type: SockType,
    timeouts: Timeouts,
    link: Link,
    /// Where datagrams go.
    server: Option<Address>,
    /// The socket is connected to `server`, though it has no connections.
    fixed_peer: bool,
    /// Where the last datagram came from.
    remote: Option<Address>,
    decoder: Decoder,
    shut_read: bool,
    shut_write: bool,
    shut_both: bool,
    /// An error or the end of the stream was seen.
    broken: bool,
    /// How often it was taken from those that are kept.
    pub reuse_count: u32,
    /// The file of a unix socket of our own, and the process that made it.
    bound: Option<(PathBuf, u64)>,
    tls: Option<Box<secure::Secured>>,
}

impl Client {
    /// A socket that is not connected.
    pub fn new(sock_type: SockType) -> Result<Client, ClientError> {
        let fd = socket::create(sock_type.family(), sock_type.kind())?;
        Ok(Client {
            fd: Rc::new(fd),
            sock_type,
            timeouts: Timeouts::default(),
            link: Link::New,
            server: None,
            fixed_peer: false,
            remote: None,
            decoder: Decoder::new(Framing {
                max_bytes: DEFAULT_MAX_BYTES,
                ..Framing::RAW
            }),
            shut_read: false,
            shut_write: false,
            shut_both: false,
            broken: false,
            reuse_count: 0,
            bound: None,
            tls: None,
        })
    }

    #[must_use]
    pub fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    #[must_use]
    pub fn sock_type(&self) -> SockType {
        self.sock_type
    }

    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link == Link::Up
    }

    /// Whether an error or the end of the stream was seen.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Applies what must be there before connecting.
    pub fn prepare(&mut self, options: &ClientOptions) -> Result<(), ClientError> {
        if let Some(framing) = options.framing {
            self.set_framing(framing);
        }
        let socket_options = SocketOptions {
            nodelay: options.nodelay,
            recv_buffer_bytes: options.buffer_bytes,
            send_buffer_bytes: options.buffer_bytes,
            ..SocketOptions::default()
        };
        socket_options.set_on(&self.fd, self.sock_type.is_tcp())?;
        if let Some((host, port)) = &options.bind {
            socket::set_option(&self.fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
            let address = Address::resolve(self.sock_type, host, i64::from(*port))?;
            socket::bind(&self.fd, address.as_sys())?;
        }
        Ok(())
    }

    /// Connects; names are resolved. `now_or_later`: for a stream, do not wait (the next call does);
    /// for datagrams, take them from this peer alone.
    pub fn connect(
        &mut self,
        host: &str,
        port: i64,
        timeouts: Timeouts,
        now_or_later: bool,
        proxy: Option<(String, u16, Handshake)>,
    ) -> Result<(), ClientError> {
        self.timeouts = timeouts;
        if self.sock_type.is_stream() {
            self.connect_stream(host, port, now_or_later, proxy)
        } else {
            self.connect_datagrams(host, port, now_or_later)
        }
    }

    fn connect_stream(
        &mut self,
        host: &str,
        port: i64,
        later: bool,
        proxy: Option<(String, u16, Handshake)>,
    ) -> Result<(), ClientError> {
        self.ask_for(host);
        let mut patience = Patience::until(&Poll, Deadline::after(self.timeouts.connect));
        let (address, mut handshake) = match proxy {
            Some((host, port, handshake)) => (
                Address::resolve(self.sock_type, &host, i64::from(port))?,
                Some(handshake),
            ),
            None => (Address::resolve(self.sock_type, host, port)?, None),
        };
        if later && handshake.is_none() {
            if !transfer::start_connect(self.fd.as_fd(), address.as_sys())? {
                self.link = Link::Pending;
                return Ok(());
            }
            // As unix sockets do.
            return self.established();
        }
        transfer::connect(&mut patience, self.fd.as_fd(), address.as_sys())?;
        if let Some(handshake) = &mut handshake {
            let came = transfer::tunnel(&mut patience, self.fd.as_fd(), handshake);
            self.decoder.extend(&came.map_err(tunnel_error)?);
        }
        self.established()
    }

    /// The connection stands.
    fn established(&mut self) -> Result<(), ClientError> {
        self.link = Link::Up;
        self.block()?;
        self.secure()
    }

    /// From now on calls wait in the kernel.
    fn block(&mut self) -> Result<(), ClientError> {
        sys_fd::set_nonblocking(&self.fd, false).map_err(NetError::from)?;
        let Timeouts { read, write, .. } = self.timeouts;
        calls::set_kernel_timeouts(self.fd.as_fd(), read, write)?;
        Ok(())
    }

    /// Ready for `sendto()`, without a server of its own.
    pub fn start_datagrams(&mut self) -> Result<(), ClientError> {
        self.link = Link::Up;
        self.block()
    }

    /// Waits for a connection that is under way.
    fn settle(&mut self, timeout: Option<Duration>) -> Result<(), ClientError> {
        if self.link != Link::Pending {
            return Ok(());
        }
        let mut patience = Patience::until(&Poll, Deadline::after(timeout));
        let settled = transfer::finish_connect(&mut patience, self.fd.as_fd());
        self.noted(settled)?;
        self.established()
    }

    /// Whether there is a connection, or one under way that has not failed.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        match self.link {
            Link::Up => true,
            Link::Pending => socket::take_error(&self.fd) == Ok(0),
            Link::New => false,
        }
    }

    fn noted<T>(&mut self, result: Result<T, Fault>) -> Result<T, ClientError> {
        if let Err(fault) = &result {
            self.broken |= fault.breaks_connection();
        }
        Ok(result?)
    }

    /// Sends everything, or one datagram.
    pub fn send(&mut self, bytes: &[u8], flags: i32) -> Result<usize, ClientError> {
        self.settle(self.timeouts.write)?;
        let mut patience = Patience::fresh(&Poll, self.timeouts.write);
        let fd = self.fd.as_fd();
        let result = if let Some(session) = self.session()? {
            let (sent, result) = drive::send_all(&mut patience, fd, &session, bytes);
            result.map(|()| sent)
        } else if self.sock_type.is_stream() {
            let (sent, result) = transfer::send_all(&mut patience, fd, bytes, flags);
            result.map(|()| sent)
        } else {
            let to = match (&self.server, self.fixed_peer) {
                (Some(address), false) => Some(address.as_sys()),
                _ => None,
            };
            transfer::send_datagram(&mut patience, fd, bytes, to)
        };
        self.noted(result)
    }

    /// Sends one datagram to an address.
    pub fn send_to(&mut self, host: &str, port: i64, bytes: &[u8]) -> Result<(), ClientError> {
        if self.sock_type.is_stream() {
            return Err(ClientError::Refused(codes::OPERATION_NOT_SUPPORT));
        }
        let address = Address::resolve(self.sock_type, host, port)?;
        let mut patience = Patience::fresh(&Poll, self.timeouts.write);
        transfer::send_datagram(
            &mut patience,
            self.fd.as_fd(),
            bytes,
            Some(address.as_sys()),
        )?;
        Ok(())
    }

    /// Sends `length` bytes of a file from `offset` on, 0: to its end.
    pub fn send_file(&mut self, path: &Path, offset: i64, length: i64) -> Result<(), ClientError> {
        let (file, offset, count) = open_range(path, offset, length)?;
        self.settle(self.timeouts.write)?;
        let mut patience = Patience::fresh(&Poll, self.timeouts.write);
        let fd = self.fd.as_fd();
        let sent = match self.session()? {
            Some(session) => {
                drive::send_file(&mut patience, fd, &session, &file, offset, count).map(|_| ())
            }
            None => transfer::send_file(&mut patience, fd, file.as_fd(), offset, count),
        };
        self.noted(sent)
    }

    /// Receives into the room, with `MSG_*` flags; 0: the peer sends no more (or an empty datagram).
    /// With `MSG_WAITALL` the room is filled unless the stream ends; what came before a fault is kept
    /// for the next call.
    pub fn recv(&mut self, room: &mut Room<'_>, flags: i32) -> Result<usize, ClientError> {
        self.settle(self.timeouts.read)?;
        let mut patience = Patience::fresh(&Poll, self.timeouts.read);
        if !self.sock_type.is_stream() {
            let got = transfer::recv_from(&mut patience, self.fd.as_fd(), room, flags);
            let (got, from) = self.noted(got)?;
            self.remote = Some(from.into());
            return Ok(got);
        }
        let had = room.put(self.decoder.filled());
        if flags & libc::MSG_PEEK == 0 && had > 0 {
            self.decoder.consume(had);
        }
        const SPECIAL: i32 = libc::MSG_PEEK | libc::MSG_DONTWAIT | libc::MSG_OOB;
        let all = flags & libc::MSG_WAITALL != 0 && flags & SPECIAL == 0;
        if room.left() == 0 || (had > 0 && !all) {
            return Ok(had);
        }
        if all {
            let result = self.fill(&mut patience, room);
            match self.noted(result) {
                Ok(whole) => self.broken |= !whole,
                Err(error) => {
                    self.decoder.put_back(room.filled());
                    return Err(error);
                }
            }
        } else {
            let got = self.take(&mut patience, room, flags);
            self.broken |= self.noted(got)? == 0;
        }
        Ok(room.len())
    }

    /// shutdown(2); false: that side is shut already.
    pub fn shutdown(&mut self, how: Shut) -> Result<bool, ClientError> {
        let (done, call) = match how {
            Shut::Read => (self.shut_read, socket::Shutdown::Read),
            Shut::Write => (self.shut_write, socket::Shutdown::Write),
            Shut::Both => (self.shut_both, socket::Shutdown::Both),
        };
        if done {
            return Ok(false);
        }
        self.end_tls();
        socket::shutdown(&self.fd, call)?;
        self.shut_read |= how != Shut::Write;
        self.shut_write |= how != Shut::Read;
        self.shut_both |= how == Shut::Both;
        Ok(true)
    }

    pub fn local_address(&self) -> Result<Address, ClientError> {
        Ok(Address::of_type(
            socket::local_address(&self.fd)?,
            self.sock_type,
        ))
    }

    /// The peer; for datagrams, where the last one came from.
    pub fn peer_address(&self) -> Result<Address, ClientError> {
        if self.sock_type.is_stream() {
            return Ok(Address::of_type(
                socket::peer_address(&self.fd)?,
                self.sock_type,
            ));
        }
        Ok(match &self.remote {
            Some(address) => address.clone(),
            None => Address::of_type(SockAddr::Unix(Vec::new()), self.sock_type),
        })
    }

    /// Whether the peer has neither closed nor reset the connection, as far as the kernel knows.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let mut byte = [0];
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        match calls::recv(self.fd.as_fd(), &mut Room::of(&mut byte), flags) {
            Ok(0) => !self.sock_type.is_stream(),
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => true,
            Err(_) => false,
        }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.end_tls();
        if let Some((path, made_in)) = &self.bound
            && *made_in == forks::generation()
        {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Which side to shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    Read,
    Write,
    Both,
}

fn tunnel_error(fault: TunnelFault) -> ClientError {
    match fault {
        TunnelFault::Link(fault) => ClientError::Link(fault),
        TunnelFault::Proxy(error) => ClientError::Proxy(error),
        TunnelFault::Closed => ClientError::Refused(codes::HTTP_PROXY_HANDSHAKE_ERROR),
    }
}

/// Opens a file and checks which part of it is meant.
pub fn open_range(path: &Path, offset: i64, length: i64) -> Result<(File, u64, u64), ClientError> {
    let os =
        |error: std::io::Error| ClientError::Link(Fault::Os(error.raw_os_error().unwrap_or(0)));
    let file = File::options()
        .read(true)
        // A FIFO would wait for its other side.
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(os)?;
    let status = file.metadata().map_err(os)?;
    if !status.is_file() {
        return Err(Errno::EINVAL.into());
    }
    if status.len() == 0 {
        return Err(ClientError::Refused(codes::FILE_EMPTY));
    }
    let refused = ClientError::Refused(codes::INVALID_PARAMS);
    let (Ok(offset), Ok(length)) = (u64::try_from(offset), u64::try_from(length)) else {
        return Err(refused);
    };
    let left = status.len().checked_sub(offset).filter(|left| *left > 0);
    match left {
        Some(left) if length == 0 => Ok((file, offset, left)),
        Some(left) if length <= left => Ok((file, offset, length)),
        _ => Err(refused),
    }
}
