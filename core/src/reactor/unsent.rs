//! What a descriptor has not taken yet, in order: the bytes of a stream run together, messages stay apart.

use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;

use crate::sys::{fd, socket};

/// See the module.
#[derive(Debug, Default)]
pub struct Unsent {
    pieces: VecDeque<Vec<u8>>,
    bytes: usize,
    keeps_messages: bool,
}

impl Unsent {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// In bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Drops all of it.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.bytes = 0;
    }

    /// Sends what the descriptor takes at once and keeps the rest. How much is kept is the caller's to limit.
    ///
    /// # Errors
    /// The descriptor is gone, or takes no message of this length.
    pub fn send(&mut self, fd: RawFd, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        if self.is_empty() {
            self.keeps_messages = socket::keeps_messages(fd);
            match fd::write_to(fd, bytes) {
                Ok(_) if self.keeps_messages => return Ok(()),
                Ok(sent) => rest = bytes.get(sent..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        self.bytes += rest.len();
        match self.pieces.back_mut() {
            Some(last) if !self.keeps_messages => last.extend_from_slice(rest),
            _ => self.pieces.push_back(rest.to_vec()),
        }
        Ok(())
    }

    /// Sends on. What fails is dropped: of a stream everything, of messages the one.
    pub fn flush(&mut self, fd: RawFd) {
        while let Some(front) = self.pieces.front_mut() {
            let sent = match fd::write_to(fd, front) {
                Ok(sent) if !self.keeps_messages => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A stream that is gone: who reads is told.
                Err(_) if !self.keeps_messages => return self.clear(),
                Ok(_) | Err(_) => front.len(),
            };
            self.bytes -= sent;
            front.drain(..sent);
            if front.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sys::Errno;
    use crate::sys::fd::set_nonblocking;
    use crate::sys::pipe::{Kind, Patience, pair, receive};
    use std::os::fd::AsRawFd;

    /// Fills a pipe, then empties it from the other end, and returns what came.
    fn through(kind: Kind, piece_bytes: usize) -> Vec<Vec<u8>> {
        let (a, b) = pair(kind).unwrap();
        set_nonblocking(&a, true).unwrap();
        let mut unsent = Unsent::default();
        let mut number = 0_u8;
        while unsent.len() < 4 * piece_bytes {
            unsent
                .send(a.as_raw_fd(), &vec![number; piece_bytes])
                .unwrap();
            number += 1;
        }
        let mut got = Vec::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match receive(&b, &mut buffer, Patience::None) {
                Ok(count) => got.push(buffer[..count].to_vec()),
                Err(Errno::EAGAIN) if unsent.is_empty() => break,
                Err(_) => unsent.flush(a.as_raw_fd()),
            }
        }
        assert_eq!(unsent.len(), 0);
        let expected: Vec<u8> = (0..number).flat_map(|n| vec![n; piece_bytes]).collect();
        assert!(got.concat() == expected);
        got
    }

    #[test]
    fn messages_stay_apart() {
        let got = through(Kind::Datagram, 50_000);
        assert!(got.iter().all(|message| message.len() == 50_000));
    }

    #[test]
    fn streams_run_together() {
        through(Kind::Stream, 300_000);
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_and_nothing_else() {
        let (a, b) = pair(Kind::Datagram).unwrap();
        let mut unsent = Unsent::default();
        assert!(unsent.send(a.as_raw_fd(), &vec![0; 64 << 20]).is_err());
        assert!(unsent.is_empty());
        drop(b);
        assert!(unsent.send(a.as_raw_fd(), b"x").is_err());
    }
}
