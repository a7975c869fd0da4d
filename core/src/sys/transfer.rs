//! Calls that move bytes: with flags, addresses and files. None of them raises SIGPIPE.

use super::socket::{Interest, SockAddr, address_of, decode_address, zeroed_storage};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::sys::socket::{self as ns, MsgFlags};
use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// Memory that bytes are received into, one call after the other. It need not be initialised, and
/// knows how much of it is.
#[derive(Debug)]
pub struct Room<'a> {
    memory: &'a mut [MaybeUninit<u8>],
    /// The first so many bytes are initialised.
    filled: usize,
}

impl<'a> Room<'a> {
    #[must_use]
    pub fn new(memory: &'a mut [MaybeUninit<u8>]) -> Room<'a> {
        Room { memory, filled: 0 }
    }

    /// Initialised memory, too, can be written to.
    #[must_use]
    pub fn of(memory: &'a mut [u8]) -> Room<'a> {
        let (start, len) = (memory.as_mut_ptr(), memory.len());
        // SAFETY: the same bytes with the same lifetime, and `MaybeUninit<u8>` has the layout of `u8`.
        // Through the room only initialised bytes are written to it.
        let memory = unsafe { std::slice::from_raw_parts_mut(start.cast(), len) };
        Room { memory, filled: 0 }
    }

    /// What has come.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        // SAFETY: the invariant of `filled`.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast(), self.filled) }
    }

    /// How much has come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filled
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// So much still fits.
    #[must_use]
    pub fn left(&self) -> usize {
        self.memory.len() - self.filled
    }

    /// Copies as much as fits; returns how much that is.
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        let fits = bytes.len().min(self.left());
        let places = &mut self.memory[self.filled..self.filled + fits];
        for (place, byte) in places.iter_mut().zip(bytes) {
            place.write(*byte);
        }
        self.filled += fits;
        fits
    }
}

/// recv(2) with `MSG_*` flags into what is left of the room.
pub fn recv(fd: BorrowedFd<'_>, room: &mut Room<'_>, flags: i32) -> Result<usize, Errno> {
    let memory = &mut room.memory[room.filled..];
    // SAFETY: the kernel writes at most `len` bytes to the live memory, and reads none.
    // JUSTIFICATION: nix takes initialised memory only; filling 64 KiB before each receive costs more
    // than receiving a small message.
    let got = unsafe {
        libc::recv(
            fd.as_raw_fd(),
            memory.as_mut_ptr().cast(),
            memory.len(),
            flags,
        )
    };
    let got = Errno::result(got)?.cast_unsigned();
    // Of a datagram that was cut, MSG_TRUNC tells the whole length.
    room.filled += got.min(room.left());
    Ok(got)
}

/// readv(2): fills what is left of the rooms, one after the other. At most 1024 of them.
pub fn recv_vector(fd: BorrowedFd<'_>, rooms: &mut [Room<'_>]) -> Result<usize, Errno> {
    let mut parts: Vec<libc::iovec> = rooms
        .iter_mut()
        .map(|room| libc::iovec {
            iov_base: room.memory[room.filled..].as_mut_ptr().cast(),
            iov_len: room.left(),
        })
        .collect();
    let count = i32::try_from(parts.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: each part is live memory of a room of its own, which the kernel writes to and does not
    // read.
    // JUSTIFICATION: as in `recv`.
    let got = unsafe { libc::readv(fd.as_raw_fd(), parts.as_mut_ptr(), count) };
    let got = Errno::result(got)?.cast_unsigned();
    let mut rest = got;
    for room in rooms {
        let here = rest.min(room.left());
        room.filled += here;
        rest -= here;
    }
    Ok(got)
}

/// recvfrom(2), as [`recv`]; also where the bytes came from.
pub fn recv_from(
    fd: BorrowedFd<'_>,
    room: &mut Room<'_>,
    flags: i32,
) -> Result<(usize, SockAddr), Errno> {
    let memory = &mut room.memory[room.filled..];
    let mut storage = zeroed_storage();
    let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: as in `recv`; the address goes to a zeroed storage of the size that `len` says.
    // JUSTIFICATION: as in `recv`.
    let got = unsafe {
        libc::recvfrom(
            fd.as_raw_fd(),
            memory.as_mut_ptr().cast(),
            memory.len(),
            flags,
            (&raw mut storage).cast(),
            &raw mut len,
        )
    };
    let got = Errno::result(got)?.cast_unsigned();
    room.filled += got.min(room.left());
    Ok((got, decode_address(&storage, len as usize)))
}

/// send(2) with `MSG_*` flags.
pub fn send(fd: BorrowedFd<'_>, bytes: &[u8], flags: i32) -> Result<usize, Errno> {
    let flags = MsgFlags::from_bits_retain(flags) | MsgFlags::MSG_NOSIGNAL;
    ns::send(fd.as_raw_fd(), bytes, flags)
}

/// sendto(2).
pub fn send_to(
    fd: BorrowedFd<'_>,
    bytes: &[u8],
    to: &SockAddr,
    flags: i32,
) -> Result<usize, Errno> {
    let fd = fd.as_raw_fd();
    let flags = MsgFlags::from_bits_retain(flags) | MsgFlags::MSG_NOSIGNAL;
    match to {
        SockAddr::Inet(SocketAddr::V4(v4)) => {
            ns::sendto(fd, bytes, &ns::SockaddrIn::from(*v4), flags)
        }
        SockAddr::Inet(SocketAddr::V6(v6)) => {
            ns::sendto(fd, bytes, &ns::SockaddrIn6::from(*v6), flags)
        }
        SockAddr::Unix(path) => ns::sendto(fd, bytes, &address_of(path)?, flags),
    }
}

/// sendfile(2): up to `count` bytes of `file` from `offset` on. 0: the file ends there.
pub fn send_file(
    fd: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    offset: u64,
    count: usize,
) -> Result<usize, Errno> {
    let mut offset = libc::off_t::try_from(offset).map_err(|_| Errno::EOVERFLOW)?;
    let _quiet = NoSigpipe::new()?;
    // SAFETY: the kernel reads and writes the live offset, and touches no other memory of ours.
    // JUSTIFICATION: nix wraps it behind a feature with zero-copy calls that nothing else needs.
    let sent = unsafe { libc::sendfile(fd.as_raw_fd(), file.as_raw_fd(), &raw mut offset, count) };
    Errno::result(sent).map(isize::cast_unsigned)
}

/// Keeps SIGPIPE from this thread while it lives: sendfile(2) knows no MSG_NOSIGNAL.
struct NoSigpipe {
    /// None: it was blocked or pending before, which is none of our business.
    undo: Option<SigSet>,
}

impl NoSigpipe {
    fn new() -> Result<NoSigpipe, Errno> {
        let mut before = SigSet::empty();
        let only = SigSet::from(Signal::SIGPIPE);
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&only), Some(&mut before))?;
        let undo = (!before.contains(Signal::SIGPIPE)).then_some(only);
        Ok(NoSigpipe { undo })
    }
}

impl Drop for NoSigpipe {
    fn drop(&mut self) {
        let Some(only) = self.undo else { return };
        let errno = Errno::last();
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: a live set and timeout; no information is asked for. Takes the signal, if this call
        // raised it, and fails if not.
        // JUSTIFICATION: nix has no sigtimedwait.
        unsafe { libc::sigtimedwait(only.as_ref(), std::ptr::null_mut(), &raw const now) };
        // It was blocked a moment ago by this very set, so it can be unblocked.
        let _ = pthread_sigmask(SigmaskHow::SIG_UNBLOCK, Some(&only), None);
        errno.set();
    }
}

/// So much is received into [`with_scratch`] at once.
pub const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Memory of this thread for one call that receives what may be short: so who waits holds no memory.
/// Not to be used within itself.
pub fn with_scratch<R>(f: impl FnOnce(&mut [u8]) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.is_empty() {
            scratch.resize(SCRATCH_BYTES, 0);
        }
        f(scratch)
    })
}

/// Sets how long a call on a blocking socket may wait, for receiving and for sending; None: without
/// limit.
pub fn set_kernel_timeouts(
    fd: BorrowedFd<'_>,
    recv: Option<Duration>,
    send: Option<Duration>,
) -> Result<(), Errno> {
    let value = |timeout: Option<Duration>| {
        // 0 means without limit.
        let timeout = timeout.map_or(Duration::ZERO, |t| t.max(Duration::from_micros(1)));
        let seconds = libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX);
        nix::sys::time::TimeVal::new(seconds, libc::suseconds_t::from(timeout.subsec_micros()))
    };
    ns::setsockopt(&fd, ns::sockopt::ReceiveTimeout, &value(recv))?;
    ns::setsockopt(&fd, ns::sockopt::SendTimeout, &value(send))
}

/// One descriptor for [`poll_many`].
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct PollEntry(libc::pollfd);

impl PollEntry {
    #[must_use]
    pub fn new(fd: RawFd) -> PollEntry {
        PollEntry(libc::pollfd {
            fd,
            events: 0,
            revents: 0,
        })
    }

    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.0.fd
    }

    pub fn want(&mut self, interest: Interest) {
        self.0.events |= match interest {
            Interest::Read => libc::POLLIN,
            Interest::Write => libc::POLLOUT,
            Interest::ReadWrite => libc::POLLIN | libc::POLLOUT,
        };
    }

    #[must_use]
    pub fn readable(&self) -> bool {
        self.0.revents & libc::POLLIN != 0
    }

    #[must_use]
    pub fn writable(&self) -> bool {
        self.0.revents & libc::POLLOUT != 0
    }

    /// The peer has closed, or the descriptor has an error or is none.
    #[must_use]
    pub fn hung_up(&self) -> bool {
        self.0.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
    }

    /// There is no such descriptor.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.revents & libc::POLLNVAL != 0
    }

    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.revents != 0
    }
}

/// poll(2): how many are ready. A negative `timeout_ms` waits without end. EINTR is an error.
pub fn poll_many(entries: &mut [PollEntry], timeout_ms: i32) -> Result<usize, Errno> {
    let count = entries.len() as libc::nfds_t;
    // SAFETY: `PollEntry` is a `pollfd` in all but name; the kernel writes to the live slice only.
    // JUSTIFICATION: nix wants a borrowed descriptor for each, and these are numbers that user code
    // gave, which may be closed: the kernel says so.
    let ready = unsafe { libc::poll(entries.as_mut_ptr().cast(), count, timeout_ms) };
    Errno::result(ready).map(|ready| usize::try_from(ready).unwrap_or(0))
}

/// poll(2) on one descriptor: whether it is ready (hung up counts) before the time is over. EINTR is an
/// error.
pub fn poll_for(fd: impl AsFd, interest: Interest, timeout_ms: i32) -> Result<bool, Errno> {
    let mut entries = [PollEntry::new(fd.as_fd().as_raw_fd())];
    entries[0].want(interest);
    poll_many(&mut entries, timeout_ms).map(|ready| ready > 0)
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write};
    use std::os::unix::net::{UnixDatagram, UnixStream};

    #[test]
    fn bytes_arrive_in_fresh_memory() {
        let (a, b) = UnixStream::pair().expect("pair");
        assert_eq!(send(a.as_fd(), b"hello", 0), Ok(5));
        let mut memory = [MaybeUninit::uninit(); 16];
        let mut room = Room::new(&mut memory);
        assert_eq!(recv(b.as_fd(), &mut room, libc::MSG_PEEK), Ok(5));
        assert_eq!(recv(b.as_fd(), &mut room, 0), Ok(5));
        assert_eq!((room.filled(), room.left()), (b"hellohello".as_slice(), 6));
        let flags = libc::MSG_DONTWAIT;
        assert_eq!(recv(b.as_fd(), &mut room, flags), Err(Errno::EAGAIN));
        assert_eq!(room.put(b"1234567"), 6);
        let mut bytes = [0; 2];
        send(a.as_fd(), b"x", 0).expect("send");
        assert_eq!(recv(b.as_fd(), &mut Room::of(&mut bytes), 0), Ok(1));
        assert_eq!(bytes[0], b'x');
    }

    #[test]
    fn a_broken_socket_is_an_error_and_no_signal() {
        let mut file = tempfile::tempfile().expect("file");
        file.write_all(b"0123456789").expect("write");
        let (a, mut b) = UnixStream::pair().expect("pair");
        assert_eq!(send_file(a.as_fd(), file.as_fd(), 2, 5), Ok(5));
        let mut got = [0; 5];
        b.read_exact(&mut got).expect("read");
        assert_eq!(&got, b"23456");
        assert_eq!(send_file(a.as_fd(), file.as_fd(), 10, 5), Ok(0));
        assert_eq!(file.stream_position().expect("place"), 10);
        drop(b);
        // Rust's runtime ignores SIGPIPE, PHP may not: what counts is that none is left pending.
        assert_eq!(send(a.as_fd(), b"x", 0), Err(Errno::EPIPE));
        let sent = send_file(a.as_fd(), file.as_fd(), 0, 5);
        assert_eq!(sent, Err(Errno::EPIPE));
    }

    #[test]
    fn datagrams_tell_where_they_come_from() {
        let folder = tempfile::tempdir().expect("folder");
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        let a = UnixDatagram::bind(&one).expect("bind");
        let b = UnixDatagram::bind(&two).expect("bind");
        let path =
            |path: &std::path::Path| SockAddr::Unix(path.as_os_str().as_encoded_bytes().to_vec());
        assert_eq!(send_to(a.as_fd(), b"x", &path(&two), 0), Ok(1));
        let mut bytes = [0; 4];
        let mut room = Room::of(&mut bytes);
        assert_eq!(recv_from(b.as_fd(), &mut room, 0), Ok((1, path(&one))));
        assert_eq!(room.filled(), b"x");
    }

    #[test]
    fn polling_tells_ready_from_not() {
        let (a, b) = UnixStream::pair().expect("pair");
        assert_eq!(poll_for(&a, Interest::Read, 0), Ok(false));
        assert_eq!(poll_for(&a, Interest::Write, 0), Ok(true));
        drop(b);
        assert_eq!(poll_for(&a, Interest::Read, 0), Ok(true));
        let mut entries = [PollEntry::new(a.as_raw_fd()), PollEntry::new(1 << 20)];
        entries[0].want(Interest::Read);
        assert_eq!(poll_many(&mut entries, -1), Ok(2));
        assert!(entries[0].readable() && entries[0].hung_up());
        assert!(entries[1].hung_up() && !entries[1].writable());
    }
}
