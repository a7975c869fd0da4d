//! Listening sockets.

use super::NetError;
use super::address::{Address, SockType};
use super::stream::SocketOptions;
use crate::sys::{SysError, socket};
use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::PathBuf;

/// What must be known before the socket has its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BindOptions {
    /// Several sockets share the port and the kernel spreads connections over them (SO_REUSEPORT).
    pub reuse_port: bool,
}

/// How to listen. Linux hands the options of the listening socket on to each accepted one, so setting
/// `socket` here saves the calls per connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenOptions {
    /// Seconds that the kernel holds a TCP connection back until its first bytes came; 0 is off.
    pub defer_accept_s: u32,
    /// TCP Fast Open.
    pub fastopen: bool,
    /// For each accepted connection.
    pub socket: SocketOptions,
}

/// What came of an attempt to accept.
#[derive(Debug)]
#[must_use]
pub enum Accepted {
    /// A connection: nonblocking, close-on-exec.
    Connection(OwnedFd, Address),
    /// None waits.
    WouldBlock,
    /// That client went away before it was taken, or a signal came: try again at once.
    TryAgain,
    /// No descriptor or memory is left. The connection stays in the backlog, and edge-triggered polling
    /// does not report it again: pause, then try again.
    Exhausted { errno: i32 },
}

/// A socket with an address of its own. Dropping it closes it, and leaves the file of a unix socket,
/// since forked processes hold copies: the process that ends the server calls
/// [`Listener::remove_socket_file`].
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    sock_type: SockType,
    address: Address,
    file: Option<SocketFile>,
}

/// The file of a unix socket, with what tells it from a later one of the same name.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Listener {
    /// Takes the address; nobody can connect before [`Listener::listen`]. Port 0 is any free one. For a
    /// unix socket `host` is the path, of at most 107 bytes, and `port` is not looked at; a socket file
    /// that a dead server left is replaced.
    ///
    /// # Errors
    /// One sentence with the address, the reason, and what to do.
    pub fn bind(sock_type: SockType, host: &str, port: i64) -> Result<Listener, NetError> {
        Listener::bind_with(sock_type, host, port, BindOptions::default())
    }

    /// As [`Listener::bind`], with options.
    pub fn bind_with(
        sock_type: SockType,
        host: &str,
        port: i64,
        options: BindOptions,
    ) -> Result<Listener, NetError> {
        let wanted = Address::resolve(sock_type, host, port)?;
        let refused = |errno| listen_error(&wanted, errno);
        let fd = socket::create(sock_type.family(), sock_type.kind()).map_err(refused)?;
        if !sock_type.is_unix() {
            // A server that restarts must not wait for the last connections of the former one.
            set(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1, "SO_REUSEADDR")?;
            if options.reuse_port {
                set(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1, "SO_REUSEPORT")?;
            }
        }
        match socket::bind(&fd, wanted.as_sys()) {
            Err(Errno::EADDRINUSE) if remove_stale_file(sock_type, &wanted) => {
                socket::bind(&fd, wanted.as_sys()).map_err(refused)?;
            }
            result => result.map_err(refused)?,
        }
        let address = socket::local_address(&fd).map_err(refused)?.into();
        let file = SocketFile::of(&wanted);
        Ok(Listener {
            fd,
            sock_type,
            address,
            file,
        })
    }

    /// Lets clients in; at most `backlog` wait to be accepted (0 and less is 512, and the kernel's own
    /// limit is net.core.somaxconn). Nothing to do for datagram sockets but to set buffer sizes.
    pub fn listen(&self, backlog: i32, options: &ListenOptions) -> Result<(), NetError> {
        let tcp = self.sock_type.is_tcp();
        options.socket.set_on(&self.fd, tcp)?;
        if !self.sock_type.is_stream() {
            return Ok(());
        }
        if tcp && options.defer_accept_s > 0 {
            let seconds = i32::try_from(options.defer_accept_s).unwrap_or(i32::MAX);
            let (level, name) = (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT);
            set(&self.fd, level, name, seconds, "TCP_DEFER_ACCEPT")?;
        }
        let backlog = if backlog <= 0 { 512 } else { backlog };
        if tcp && options.fastopen {
            let (level, name) = (libc::IPPROTO_TCP, libc::TCP_FASTOPEN);
            set(&self.fd, level, name, backlog, "TCP_FASTOPEN")?;
        }
        socket::listen(&self.fd, backlog).map_err(|errno| listen_error(&self.address, errno))
    }

    /// Takes one connection that waits.
    ///
    /// # Errors
    /// The socket itself is unusable: it does not listen, or was shut down.
    pub fn accept(&self) -> Result<Accepted, NetError> {
        let errno = match socket::accept4(&self.fd) {
            Ok((fd, peer)) => return Ok(Accepted::Connection(fd, peer.into())),
            Err(errno) => errno,
        };
        match errno {
            Errno::EAGAIN => Ok(Accepted::WouldBlock),
            Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => {
                Ok(Accepted::Exhausted {
                    errno: errno as i32,
                })
            }
            // The last are network errors that waited on the new connection: accept(2) says to treat
            // them as EAGAIN and try again. EPERM is a firewall's no to this one client.
            Errno::EINTR
            | Errno::ECONNABORTED
            | Errno::ECONNRESET
            | Errno::EPERM
            | Errno::EPROTO
            | Errno::ENOPROTOOPT
            | Errno::ETIMEDOUT
            | Errno::ENETDOWN
            | Errno::ENETUNREACH
            | Errno::EHOSTDOWN
            | Errno::EHOSTUNREACH
            | Errno::ENONET => Ok(Accepted::TryAgain),
            errno => {
                Err(SysError::new("accept connections", self.address.to_string(), errno).into())
            }
        }
    }

    /// The address in force: with the real port where 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> &Address {
        &self.address
    }

    #[must_use]
    pub fn sock_type(&self) -> SockType {
        self.sock_type
    }

    #[must_use]
    pub fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Removes the file of a unix socket if it is still the one made by `bind`; true if it did.
    pub fn remove_socket_file(&self) -> bool {
        self.file.as_ref().is_some_and(|file| {
            SocketFile::at(file.path.clone())
                .is_some_and(|now| (now.device, now.inode) == (file.device, file.inode))
                && std::fs::remove_file(&file.path).is_ok()
        })
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.raw_fd()
    }
}

impl SocketFile {
    fn of(address: &Address) -> Option<SocketFile> {
        use std::os::unix::ffi::OsStrExt;
        let path = std::ffi::OsStr::from_bytes(address.unix_path()?);
        SocketFile::at(PathBuf::from(path))
    }

    fn at(path: PathBuf) -> Option<SocketFile> {
        let metadata = std::fs::symlink_metadata(&path).ok()?;
        metadata.file_type().is_socket().then(|| SocketFile {
            path,
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// A socket file that nobody listens on stays behind when a server is killed, and would block its
/// successor for ever. Only a socket is removed, and only when connecting to it is refused.
fn remove_stale_file(sock_type: SockType, address: &Address) -> bool {
    let Some(file) = SocketFile::of(address) else {
        return false;
    };
    let Ok(probe) = socket::create(sock_type.family(), sock_type.kind()) else {
        return false;
    };
    socket::connect(&probe, address.as_sys()) == Err(Errno::ECONNREFUSED)
        && std::fs::remove_file(&file.path).is_ok()
}

fn listen_error(address: &Address, errno: Errno) -> NetError {
    NetError::Listen {
        address: address.to_string(),
        errno: errno as i32,
    }
}

pub(super) fn set(
    fd: impl AsFd,
    level: i32,
    name: i32,
    value: i32,
    label: &str,
) -> Result<(), NetError> {
    socket::set_option(fd, level, name, value).map_err(|errno| {
        SysError::new("set a socket option", format!("{label} to {value}"), errno).into()
    })
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
