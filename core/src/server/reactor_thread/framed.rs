//! Packages: read into a buffer of the connection's own, and passed on when they are whole.
//!
//! A package that is larger than a record of the ring goes in parts, one right behind the other. From the
//! first part on it is the ring's, not the connection's: its bytes are all there, so it is always sent to
//! its end, whatever becomes of the client, and nothing else enters the ring before.

use std::sync::atomic::Ordering::Relaxed;

use super::input::Read;
use super::{Outbox, ReactorThread};
use crate::ipc::message::{HEADER_BYTES, Header, Kind, LAST};
use crate::net::stream::ReadOutcome;
use crate::protocol::framing::{Framing, Malformed};
use crate::protocol::input::InputBuffer;
use crate::server::packages::{PackageBuffer, log_refused};

/// Most bytes of a part: the worker takes one while the next is written.
const PART_BYTES: usize = 64 * 1024;

/// A message on its way in parts.
#[derive(Debug)]
pub(super) struct LongMessage {
    header: Header,
    bytes: InputBuffer,
    sent_bytes: usize,
}

impl Outbox {
    /// Sends on what is on its way in parts, as far as there is room; answers whether anything went.
    pub(super) fn push_parts(&mut self) -> bool {
        let most = PART_BYTES.min(self.producer.max_record() - HEADER_BYTES);
        let mut pushed = false;
        while let Some(long) = &mut self.long {
            let data = &long.bytes.filled()[..long.header.len as usize];
            let (header, part) = long.header.part(data, long.sent_bytes, most);
            if !self.producer.try_push(&[header.as_bytes(), part]) {
                self.wanted_bytes = self.wanted_bytes.max(HEADER_BYTES + part.len());
                self.producer.set_waiting(true);
                break;
            }
            pushed = true;
            long.sent_bytes += part.len();
            if header.has(LAST) {
                self.long = None;
            }
        }
        pushed
    }

    /// Whether nothing stands before a new message.
    pub(super) fn is_clear(&self) -> bool {
        self.waiting.is_empty() && self.long.is_none()
    }
}

impl ReactorThread {
    /// Passes on what is whole, reads once, and passes on what is whole then. What is left stays with the
    /// connection; one without a rest holds no memory.
    pub(super) fn read_packages(&mut self, key: usize, framing: &Framing) -> Read {
        let Some(c) = self.set.get_mut(key) else {
            return Read::Blocked;
        };
        let own = c.packages.take();
        let is_own = own.is_some();
        let mut buffer = own.or_else(|| self.spare.take()).unwrap_or_default();
        let read = self.read_into(key, framing, &mut buffer);
        match self.set.get_mut(key) {
            Some(c) if !buffer.is_empty() && c.takes_input() => {
                if is_own {
                    c.packages = Some(buffer);
                } else {
                    c.packages = Some(Box::new(buffer.move_out()));
                    self.spare = Some(buffer);
                }
            }
            _ if !is_own => {
                buffer.clear();
                self.spare = Some(buffer);
            }
            _ => {}
        }
        read
    }

    fn read_into(&mut self, key: usize, framing: &Framing, buffer: &mut PackageBuffer) -> Read {
        // What came before goes first, and while it cannot go nothing is read.
        if let Some(stopped) = self.pass_packages(key, framing, buffer) {
            return stopped;
        }
        let now_us = self.set.now_us();
        let Some(c) = self.set.get_mut(key).filter(|c| c.readable) else {
            return Read::Blocked;
        };
        let room = buffer.room(framing, self.shared.settings.input_chunk_bytes as usize);
        let room_bytes = room.len();
        let n = match c.stream.read(room) {
            ReadOutcome::Data(n) => n,
            ReadOutcome::WouldBlock => {
                c.readable = false;
                return Read::Blocked;
            }
            // What is not whole now never will be.
            ReadOutcome::Eof => return Read::Eof,
            ReadOutcome::Gone(errno) => return Read::Gone(errno),
        };
        buffer.added(n);
        let more = n == room_bytes || c.fin_pending;
        c.readable = more;
        c.session.last_recv_us.store(now_us, Relaxed);
        let record = &self.shared.hosts[self.id];
        record.received_bytes.add_single_writer(n as u64);
        match self.pass_packages(key, framing, buffer) {
            Some(stopped) => stopped,
            None if more => Read::More,
            None => Read::Blocked,
        }
    }

    /// Passes on every whole package; says why it could not, if so.
    fn pass_packages(
        &mut self,
        key: usize,
        framing: &Framing,
        buffer: &mut PackageBuffer,
    ) -> Option<Read> {
        if buffer.is_empty() {
            return None;
        }
        loop {
            match buffer.next(framing) {
                Ok(Some(_)) => {
                    let worker = self.choose(key);
                    if !self.pass_package(key, worker, buffer) {
                        return Some(Read::Stalled(worker));
                    }
                }
                Ok(None) => return None,
                Err(malformed) => {
                    self.refuse(key, buffer, &malformed);
                    return Some(Read::More);
                }
            }
        }
    }

    /// Puts the package at the start into the worker's ring; false if there is no room.
    fn pass_package(&mut self, key: usize, worker: u32, buffer: &mut PackageBuffer) -> bool {
        let now_us = self.set.now_us();
        let outbox = &mut self.outboxes[worker as usize];
        let Some(c) = self.set.get_mut(key) else {
            return false;
        };
        if !outbox.is_clear() {
            return false;
        }
        let package = buffer.front();
        let header = Header {
            time_us: now_us,
            source: self.id as u16,
            port: c.port,
            // Within `package_max_length`, which is a u32.
            ..Header::new(Kind::Receive, c.session_id, package.len() as u32)
        };
        let record_bytes = HEADER_BYTES + package.len();
        if record_bytes > outbox.producer.max_record() {
            outbox.long = Some(LongMessage {
                header,
                bytes: buffer.take_package(),
                sent_bytes: 0,
            });
            outbox.push_parts();
        } else if outbox.producer.try_push(&[header.as_bytes(), package]) {
            buffer.consume();
        } else {
            outbox.wanted_bytes = outbox.wanted_bytes.max(record_bytes);
            return false;
        }
        c.used_workers |= 1 << (worker % 64);
        c.session.last_dispatch_us.store(now_us, Relaxed);
        self.shared.hosts[self.id].dispatched.add_single_writer(1);
        self.announce(worker as usize);
        true
    }

    /// Nothing that follows can be read: closes this connection, and says why.
    fn refuse(&mut self, key: usize, buffer: &mut PackageBuffer, malformed: &Malformed) {
        if let Some(c) = self.set.get(key) {
            log_refused(c.session_id, &c.session.address(), malformed, buffer.len());
        }
        buffer.clear();
        self.start_close(key, 0);
    }
}
