//! Socket pairs as pipes between a process and its children, and reading and writing them with a limit
//! of time, whether or not the descriptor is in nonblocking mode.

use super::SysError;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{self as ns, AddressFamily, MsgFlags, SockFlag, SockType, sockopt};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// What travels through a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes.
    Stream,
    /// Messages, up to about 200 KiB each (`net.core.wmem_max`).
    Datagram,
}

/// Buffers that are asked for; the kernel gives what its limits allow.
const BUFFER_BYTES: usize = 8 << 20;
/// How long to wait when the kernel is out of buffers: no event tells when it has some again.
const NO_BUFFERS_PAUSE: Duration = Duration::from_millis(10);

/// Two connected ends, blocking and close-on-exec.
pub fn pair(kind: Kind) -> Result<(OwnedFd, OwnedFd), SysError> {
    let kind = match kind {
        Kind::Stream => SockType::Stream,
        Kind::Datagram => SockType::Datagram,
    };
    let (a, b) = ns::socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
        .map_err(|e| SysError::new("make a socket pair", "", e))?;
    for end in [&a, &b] {
        // Clamped by the kernel; a smaller buffer is no error.
        let _ = ns::setsockopt(end, sockopt::SndBuf, &BUFFER_BYTES);
        let _ = ns::setsockopt(end, sockopt::RcvBuf, &BUFFER_BYTES);
    }
    Ok((a, b))
}

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// EAGAIN if it cannot be done at once.
    None,
    /// ETIMEDOUT after that long; without end if `None`. A signal does not end the waiting.
    Limited(Option<Duration>),
}

/// A point of time after which waiting ends.
#[derive(Clone, Copy, Debug)]
struct Deadline(Option<Instant>);

impl Deadline {
    fn of(limit: Option<Duration>) -> Deadline {
        // Too far away to be represented is never.
        Deadline(limit.and_then(|limit| Instant::now().checked_add(limit)))
    }

    fn wait(self, fd: impl AsFd, wanted: PollFlags) -> Result<(), Errno> {
        let timeout = match self.0 {
            None => PollTimeout::NONE,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(Errno::ETIMEDOUT);
                }
                // Rounded up, so that the last wait is not a busy one.
                let left_ms = left.as_millis().saturating_add(1);
                PollTimeout::try_from(left_ms).unwrap_or(PollTimeout::MAX)
            }
        };
        match poll(&mut [PollFd::new(fd.as_fd(), wanted)], timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// Receives what is there, up to the buffer's size. 0 bytes: an empty message, or the end of a stream.
pub fn receive(fd: impl AsFd, buffer: &mut [u8], patience: Patience) -> Result<usize, Errno> {
    let fd = fd.as_fd();
    let mut deadline = None;
    loop {
        match ns::recv(fd.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let Patience::Limited(limit) = patience else {
                    return Err(Errno::EAGAIN);
                };
                let deadline = *deadline.get_or_insert_with(|| Deadline::of(limit));
                deadline.wait(fd, PollFlags::POLLIN)?;
            }
            other => return other,
        }
    }
}

/// Sends all of it: a stream in as many parts as it takes, a message in one. SIGPIPE is not raised.
/// Returns the length; of a stream it may be less than all if no more could be sent at once, or in time.
pub fn send(fd: impl AsFd, bytes: &[u8], patience: Patience) -> Result<usize, Errno> {
    let fd = fd.as_fd();
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let mut total = 0;
    let mut deadline = None;
    // What was sent is never reported as not sent.
    let end = |total: usize, errno| if total > 0 { Ok(total) } else { Err(errno) };
    loop {
        let rest = bytes.get(total..).unwrap_or_default();
        match ns::send(fd.as_raw_fd(), rest, flags) {
            Ok(sent) => {
                total += sent;
                if total >= bytes.len() {
                    return Ok(total);
                }
            }
            Err(Errno::EINTR) => {}
            Err(errno @ (Errno::EAGAIN | Errno::ENOBUFS)) => {
                let Patience::Limited(limit) = patience else {
                    return end(total, Errno::EAGAIN);
                };
                let deadline = *deadline.get_or_insert_with(|| Deadline::of(limit));
                if let Err(errno) = deadline.wait(fd, PollFlags::POLLOUT) {
                    return end(total, errno);
                }
                if errno == Errno::ENOBUFS {
                    std::thread::sleep(NO_BUFFERS_PAUSE);
                }
            }
            Err(errno) => return end(total, errno),
        }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    const FOREVER: Patience = Patience::Limited(None);
    const SHORT: Patience = Patience::Limited(Some(Duration::from_millis(5)));

    #[test]
    fn messages_keep_their_bounds() {
        let (a, b) = pair(Kind::Datagram).expect("pair");
        send(&a, b"one", FOREVER).expect("send");
        send(&a, b"two!", FOREVER).expect("send");
        let mut buffer = [0; 16];
        assert_eq!(receive(&b, &mut buffer, FOREVER), Ok(3));
        assert_eq!(receive(&b, &mut buffer, FOREVER), Ok(4));
        assert_eq!(receive(&b, &mut buffer, Patience::None), Err(Errno::EAGAIN));
        assert_eq!(receive(&b, &mut buffer, SHORT), Err(Errno::ETIMEDOUT));
        send(&a, &[0; 100_000], FOREVER).expect("a large one");
        let huge = vec![0; 64 << 20];
        assert_eq!(send(&a, &huge, FOREVER), Err(Errno::EMSGSIZE));
    }

    #[test]
    fn a_stream_takes_any_length() {
        let (a, b) = pair(Kind::Stream).expect("pair");
        let reader = std::thread::spawn(move || {
            let (mut total, mut buffer) = (0, vec![0; 1 << 16]);
            while let Ok(n @ 1..) = receive(&b, &mut buffer, FOREVER) {
                total += n;
            }
            total
        });
        let bytes = vec![1; 5 << 20];
        send(&a, &bytes, FOREVER).expect("send");
        drop(a);
        assert_eq!(reader.join().expect("join"), bytes.len());
    }

    #[test]
    fn a_full_pipe_and_a_gone_peer_are_told() {
        let (a, b) = pair(Kind::Stream).expect("pair");
        let bytes = vec![1; 64 << 20];
        let sent = send(&a, &bytes, SHORT).expect("a part");
        assert!((1..bytes.len()).contains(&sent), "{sent}");
        assert_eq!(send(&a, &bytes, SHORT), Err(Errno::ETIMEDOUT));
        assert_eq!(send(&a, &bytes, Patience::None), Err(Errno::EAGAIN));
        drop(b);
        assert_eq!(send(&a, b"x", FOREVER), Err(Errno::EPIPE));
    }
}
