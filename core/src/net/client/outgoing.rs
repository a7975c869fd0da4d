//! What a client that an event loop drives has yet to send: bytes and parts of files, in order.

use super::wait::Fault;
use crate::sys::transfer as calls;
use nix::errno::Errno;
use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

/// Small pushes share a buffer up to this size.
const SHARED_BYTES: usize = 64 * 1024;

/// A call sends at most so much of a file.
const FILE_CHUNK_BYTES: u64 = 1 << 20;

#[derive(Debug)]
enum Part {
    Bytes { data: Vec<u8>, sent: usize },
    File { file: File, offset: u64, left: u64 },
}

/// A queue without limits of its own: compare [`Outgoing::bytes`] and [`Outgoing::files`] with those
/// that hold before pushing.
#[derive(Debug, Default)]
pub struct Outgoing {
    parts: VecDeque<Part>,
    bytes: usize,
    files: usize,
}

impl Outgoing {
    /// Bytes in memory that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Files that wait, each of which is open.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Appends a copy of `bytes`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        match self.parts.back_mut() {
            Some(Part::Bytes { data, .. }) if data.len() + bytes.len() <= SHARED_BYTES => {
                data.extend_from_slice(bytes);
            }
            _ => self.parts.push_back(Part::Bytes {
                data: bytes.to_vec(),
                sent: 0,
            }),
        }
    }

    /// Appends `left` bytes of a file.
    pub fn push_file(&mut self, file: File, offset: u64, left: u64) {
        self.files += 1;
        self.parts.push_back(Part::File { file, offset, left });
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Outgoing::default();
    }

    /// Sends what the kernel takes now, if nothing waits, and appends a copy of the rest.
    pub fn send(&mut self, fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Fault> {
        let mut rest = bytes;
        while self.is_empty() && !rest.is_empty() {
            match calls::send(fd, rest, libc::MSG_DONTWAIT) {
                Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        if !rest.is_empty() {
            self.push(rest);
        }
        Ok(())
    }

    /// Sends until nothing is left (true) or the kernel takes no more (false).
    pub fn flush(&mut self, fd: BorrowedFd<'_>) -> Result<bool, Fault> {
        while let Some(first) = self.parts.front_mut() {
            let done = match first.send(fd) {
                Ok(Sent { bytes, done }) => {
                    self.bytes = self.bytes.saturating_sub(bytes);
                    done
                }
                Err(Errno::EAGAIN) => return Ok(false),
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            if done && let Some(Part::File { .. }) = self.parts.pop_front() {
                self.files = self.files.saturating_sub(1);
            }
        }
        // The list itself is memory, too.
        self.parts = VecDeque::new();
        Ok(true)
    }
}

struct Sent {
    /// Of those in memory.
    bytes: usize,
    /// Nothing of the part is left.
    done: bool,
}

impl Part {
    fn send(&mut self, fd: BorrowedFd<'_>) -> Result<Sent, Errno> {
        match self {
            Part::Bytes { data, sent } => {
                let rest = data.get(*sent..).unwrap_or_default();
                let bytes = calls::send(fd, rest, libc::MSG_DONTWAIT)?;
                *sent += bytes;
                let done = *sent >= data.len();
                Ok(Sent { bytes, done })
            }
            Part::File { file, offset, left } => {
                let count = usize::try_from((*left).min(FILE_CHUNK_BYTES)).unwrap_or(usize::MAX);
                let sent = match calls::send_file(fd, file.as_fd(), *offset, count)? {
                    // The file has become shorter meanwhile.
                    0 => return Err(Errno::EINVAL),
                    sent => sent as u64,
                };
                *offset += sent;
                *left = left.saturating_sub(sent);
                let done = *left == 0;
                Ok(Sent { bytes: 0, done })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn bytes_and_files_keep_their_order() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let path = std::env::temp_dir().join(format!("outgoing-{}", std::process::id()));
        File::create(&path)
            .unwrap()
            .write_all(b"0123456789")
            .unwrap();
        let mut queue = Outgoing::default();
        assert_eq!(queue.send(ours.as_fd(), b"first "), Ok(()));
        assert!(queue.is_empty());
        queue.push(b"head ");
        queue.push_file(File::open(&path).unwrap(), 2, 5);
        queue.push(b" tail");
        assert_eq!((queue.bytes(), queue.files()), (10, 1));
        assert_eq!(queue.flush(ours.as_fd()), Ok(true));
        assert_eq!((queue.bytes(), queue.files()), (0, 0));
        drop(ours);
        let mut got = String::new();
        theirs.read_to_string(&mut got).unwrap();
        assert_eq!(got, "first head 23456 tail");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_the_kernel_does_not_take_waits() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let all: Vec<u8> = (0..4_000_000_u32).map(|n| n as u8).collect();
        let mut queue = Outgoing::default();
        for piece in all.chunks(10_000) {
            queue.push(piece);
        }
        let mut got = Vec::new();
        let mut buffer = vec![0; 100_000];
        while queue.flush(ours.as_fd()) == Ok(false) {
            assert!(queue.bytes() > 0);
            let count = theirs.read(&mut buffer).unwrap();
            got.extend_from_slice(&buffer[..count]);
        }
        drop(ours);
        theirs.read_to_end(&mut got).unwrap();
        assert!(got == all, "{} bytes came", got.len());
    }

    #[test]
    fn a_peer_that_is_gone_and_a_file_that_shrank_are_errors() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let path = std::env::temp_dir().join(format!("outgoing-short-{}", std::process::id()));
        File::create(&path).unwrap();
        let mut queue = Outgoing::default();
        queue.push_file(File::open(&path).unwrap(), 0, 5);
        assert_eq!(queue.flush(ours.as_fd()), Err(Fault::Os(libc::EINVAL)));
        queue.clear();
        drop(theirs);
        queue.push(b"x");
        assert_eq!(queue.flush(ours.as_fd()), Err(Fault::Os(libc::EPIPE)));
        std::fs::remove_file(path).unwrap();
    }
}
