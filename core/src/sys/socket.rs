//! Thin calls on sockets. Policy (what an errno means) is in room `net`.

use super::SysError;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{self as ns, AddressFamily, MsgFlags, SockFlag};
use std::io::IoSlice;
use std::mem::{MaybeUninit, offset_of, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

pub use nix::sys::socket::{Shutdown, SockType as Kind};

/// An address as the kernel gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SockAddr {
    Inet(SocketAddr),
    /// The path without the closing NUL; empty for an unnamed socket.
    Unix(Vec<u8>),
}

/// A nonblocking, close-on-exec socket.
pub fn create(family: AddressFamily, kind: Kind) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    ns::socket(family, kind, flags, None)
}

/// [`create`] with whatever numbers user code gave.
pub fn create_any(domain: i32, kind: i32, protocol: i32) -> Result<OwnedFd, Errno> {
    let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: socket(2) takes three integers and touches no memory of this process.
    // JUSTIFICATION: nix takes the families and kinds that it knows alone.
    let fd = Errno::result(unsafe { libc::socket(domain, kind, protocol) })?;
    // SAFETY: the kernel just made this descriptor for us and nothing else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Two connected sockets, nonblocking and close-on-exec, of whatever kind user code asks for.
pub fn pair(domain: i32, kind: i32, protocol: i32) -> Result<(OwnedFd, OwnedFd), Errno> {
    let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let mut fds = [-1; 2];
    // SAFETY: the kernel writes two integers to the live array.
    // JUSTIFICATION: as in `create_any`.
    Errno::result(unsafe { libc::socketpair(domain, kind, protocol, fds.as_mut_ptr()) })?;
    // SAFETY: the kernel just made these descriptors for us and nothing else knows of them.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

pub fn bind(fd: impl AsFd, address: &SockAddr) -> Result<(), Errno> {
    let fd = fd.as_fd().as_raw_fd();
    match address {
        SockAddr::Inet(SocketAddr::V4(v4)) => ns::bind(fd, &ns::SockaddrIn::from(*v4)),
        SockAddr::Inet(SocketAddr::V6(v6)) => ns::bind(fd, &ns::SockaddrIn6::from(*v6)),
        SockAddr::Unix(path) => ns::bind(fd, &address_of(path)?),
    }
}

pub fn connect(fd: impl AsFd, address: &SockAddr) -> Result<(), Errno> {
    let fd = fd.as_fd().as_raw_fd();
    match address {
        SockAddr::Inet(SocketAddr::V4(v4)) => ns::connect(fd, &ns::SockaddrIn::from(*v4)),
        SockAddr::Inet(SocketAddr::V6(v6)) => ns::connect(fd, &ns::SockaddrIn6::from(*v6)),
        SockAddr::Unix(path) => ns::connect(fd, &address_of(path)?),
    }
}

pub fn listen(fd: impl AsFd, backlog: i32) -> Result<(), Errno> {
    // SAFETY: listen(2) takes two integers and touches no memory of this process.
    // JUSTIFICATION: nix refuses a backlog above SOMAXCONN of compile time; the kernel clamps it to the
    // limit of the machine.
    let result = unsafe { libc::listen(fd.as_fd().as_raw_fd(), backlog) };
    Errno::result(result).map(drop)
}

/// Takes a connection; its socket is nonblocking and close-on-exec.
pub fn accept4(fd: impl AsFd) -> Result<(OwnedFd, SockAddr), Errno> {
    let fd = fd.as_fd().as_raw_fd();
    let mut accepted = -1;
    let address = with_storage(|storage, len| {
        // SAFETY: `storage` and `len` come from `with_storage`, which see.
        // JUSTIFICATION: nix's accept4 does not give the address.
        accepted =
            unsafe { libc::accept4(fd, storage, len, libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) };
        accepted
    })?;
    // SAFETY: the kernel just made this descriptor for us and nothing else knows of it.
    let owned = unsafe { OwnedFd::from_raw_fd(accepted) };
    Ok((owned, address))
}

pub fn local_address(fd: impl AsFd) -> Result<SockAddr, Errno> {
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: `storage` and `len` come from `with_storage`, which see.
    // JUSTIFICATION: one way to read addresses, that of accept4, for which nix has none.
    with_storage(|storage, len| unsafe { libc::getsockname(fd, storage, len) })
}

pub fn peer_address(fd: impl AsFd) -> Result<SockAddr, Errno> {
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: `storage` and `len` come from `with_storage`, which see.
    // JUSTIFICATION: one way to read addresses, that of accept4, for which nix has none.
    with_storage(|storage, len| unsafe { libc::getpeername(fd, storage, len) })
}

/// Runs a call that fills in an address: the pointers are to a zeroed sockaddr_storage and to its size.
fn with_storage(
    call: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> i32,
) -> Result<SockAddr, Errno> {
    let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    Errno::result(call(storage.as_mut_ptr().cast(), &raw mut len))?;
    // SAFETY: zeroed at first and then written by the kernel: plain bytes, all of them initialised.
    let storage = unsafe { storage.assume_init() };
    Ok(decode_address(&storage, len as usize))
}

/// Room for any address.
pub(super) fn zeroed_storage() -> libc::sockaddr_storage {
    // SAFETY: plain bytes and integers, for which all zero is valid.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// The address of a unix socket; a path that starts with NUL is a name in the abstract space.
pub(super) fn address_of(path: &[u8]) -> Result<ns::UnixAddr, Errno> {
    match path.split_first() {
        Some((0, name)) => ns::UnixAddr::new_abstract(name),
        _ => ns::UnixAddr::new(path),
    }
}

pub(super) fn decode_address(storage: &libc::sockaddr_storage, len: usize) -> SockAddr {
    let start = std::ptr::from_ref(storage);
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: sockaddr_storage is as large and as aligned as any address, and its family says
            // that these bytes are a sockaddr_in; every bit pattern is a valid one.
            let v4 = unsafe { *start.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            SockAddr::Inet(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, for sockaddr_in6.
            let v6 = unsafe { *start.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            SockAddr::Inet(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id).into())
        }
        libc::AF_UNIX => {
            // SAFETY: as above, for sockaddr_un.
            let un = unsafe { *start.cast::<libc::sockaddr_un>() };
            let given = len.saturating_sub(offset_of!(libc::sockaddr_un, sun_path));
            // c_char is signed on some architectures only: its bytes are the same.
            let path = un.sun_path.iter().take(given).flat_map(|c| c.to_ne_bytes());
            SockAddr::Unix(path.take_while(|b| *b != 0).collect())
        }
        _ => SockAddr::Unix(Vec::new()),
    }
}

/// recv(2). 0 bytes into a buffer that is not empty is the end of the stream.
pub fn read(fd: impl AsFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    ns::recv(fd.as_fd().as_raw_fd(), buffer, MsgFlags::empty())
}

/// send(2) without SIGPIPE.
pub fn write(fd: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    ns::send(fd.as_fd().as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL)
}

/// writev(2) without SIGPIPE; at most 1024 slices.
pub fn writev(fd: impl AsFd, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
    let fd = fd.as_fd().as_raw_fd();
    ns::sendmsg::<()>(fd, slices, &[], MsgFlags::MSG_NOSIGNAL, None)
}

pub fn shutdown(fd: impl AsFd, how: Shutdown) -> Result<(), Errno> {
    ns::shutdown(fd.as_fd().as_raw_fd(), how)
}

/// The error the kernel keeps for the socket (SO_ERROR), which it forgets: 0 is none.
pub fn take_error(fd: impl AsFd) -> Result<i32, Errno> {
    ns::getsockopt(&fd, ns::sockopt::SocketError)
}

/// With 0, close(2) drops what is queued and sends RST; with more, it waits so long.
pub fn set_linger(fd: impl AsFd, seconds: u16) -> Result<(), Errno> {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: i32::from(seconds),
    };
    ns::setsockopt(&fd, ns::sockopt::Linger, &linger)
}

/// Sets an option whose value is an int, `level` and `name` as in setsockopt(2).
pub fn set_option(fd: impl AsFd, level: i32, name: i32, value: i32) -> Result<(), Errno> {
    // SAFETY: the pointer is to a live int and the length is that of an int; the kernel only reads it
    // and checks the rest.
    // JUSTIFICATION: nix has no type for some of the options used.
    let result = unsafe {
        libc::setsockopt(
            fd.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}

/// Reads an option whose value is an int.
pub fn get_option(fd: impl AsFd, level: i32, name: i32) -> Result<i32, Errno> {
    let mut value = 0i32;
    let mut len = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, the size of the live int it is given.
    // JUSTIFICATION: nix has no type for some of the options used.
    let result = unsafe {
        libc::getsockopt(
            fd.as_fd().as_raw_fd(),
            level,
            name,
            (&raw mut value).cast(),
            &raw mut len,
        )
    };
    Errno::result(result).map(|_| value)
}

/// Sets an option whose value is a structure, given as its bytes.
pub fn set_option_bytes(fd: impl AsFd, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
    let len = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel reads at most `len` bytes of the live slice and checks what they are.
    // JUSTIFICATION: nix has no type for most of the options that user code may name.
    let result = unsafe {
        let value = value.as_ptr().cast();
        libc::setsockopt(fd.as_fd().as_raw_fd(), level, name, value, len)
    };
    Errno::result(result).map(drop)
}

/// Reads an option whose value is a structure; how many bytes of `place` it takes.
pub fn get_option_bytes(
    fd: impl AsFd,
    level: i32,
    name: i32,
    place: &mut [u8],
) -> Result<usize, Errno> {
    let mut len = libc::socklen_t::try_from(place.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel writes at most `len` bytes to the live slice, and how many to `len`.
    // JUSTIFICATION: as in `set_option_bytes`.
    let result = unsafe {
        let place = place.as_mut_ptr().cast();
        libc::getsockopt(fd.as_fd().as_raw_fd(), level, name, place, &raw mut len)
    };
    Errno::result(result)?;
    Ok((len as usize).min(place.len()))
}

/// Whether what is written to a descriptor arrives as messages, not as a run of bytes.
#[must_use]
pub fn keeps_messages(fd: RawFd) -> bool {
    let Ok(fd) = super::fd::borrow(fd) else {
        return false;
    };
    let kind = get_option(fd, libc::SOL_SOCKET, libc::SO_TYPE);
    matches!(kind, Ok(libc::SOCK_DGRAM | libc::SOCK_SEQPACKET))
}

/// What [`poll_one`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    Read,
    Write,
    ReadWrite,
}

/// What [`poll_one`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    pub readable: bool,
    pub writable: bool,
    /// The peer is gone or the descriptor has an error: reading or writing says which.
    pub hung_up: bool,
}

/// Waits for one descriptor; nothing set is a time-out, or a signal that came (errors: EINTR is none).
/// A negative `timeout_ms` waits without end.
pub fn poll_one(fd: impl AsFd, interest: Interest, timeout_ms: i32) -> Result<Polled, SysError> {
    let wanted = match interest {
        Interest::Read => PollFlags::POLLIN,
        Interest::Write => PollFlags::POLLOUT,
        Interest::ReadWrite => PollFlags::POLLIN | PollFlags::POLLOUT,
    };
    let fd = fd.as_fd();
    let mut fds = [PollFd::new(fd, wanted)];
    let timeout = PollTimeout::try_from(timeout_ms).unwrap_or(PollTimeout::NONE);
    match nix::poll::poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(e) => {
            return Err(SysError::new(
                "poll a descriptor",
                format!("fd {}", fd.as_raw_fd()),
                e,
            ));
        }
    }
    let got = fds[0].revents().unwrap_or(PollFlags::empty());
    Ok(Polled {
        readable: got.contains(PollFlags::POLLIN),
        writable: got.contains(PollFlags::POLLOUT),
        hung_up: got.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL),
    })
}

/// The number of a descriptor, for messages.
pub fn number(fd: impl AsFd) -> RawFd {
    fd.as_fd().as_raw_fd()
}
