//! Packages in a worker of base mode: read into a buffer of the connection's own, and served when whole.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use super::BaseWorker;
use crate::ipc::message::Kind;
use crate::net::stream::ReadOutcome;
use crate::protocol::framing::{Framing, Malformed};
use crate::server::handler::Payload;
use crate::server::packages::{PackageBuffer, log_refused};

impl BaseWorker {
    /// Serves what is whole, reads once, and serves what is whole then. What is left stays with the
    /// connection; one without a rest holds no memory. No borrow is held while user code runs: it may
    /// close this very connection.
    pub(super) fn read_framed(&mut self, key: usize) {
        let finishing = self.end_by_ms.is_some();
        let framing = self.shared().framing;
        let own = self.with(key, |c| c.packages.take()).flatten();
        let is_own = own.is_some();
        let mut buffer = own.or_else(|| self.spare.take()).unwrap_or_default();
        let session_id = self.with(key, |c| c.session_id);
        self.serve_packages(key, &framing, &mut buffer);
        // The key may be another connection's by now.
        let same = self.with(key, |c| c.session_id) == session_id;
        if same && !buffer.is_empty() && self.with(key, |c| c.takes_input()) == Some(true) {
            let kept = if is_own {
                buffer
            } else {
                let moved = Box::new(buffer.move_out());
                self.spare = Some(buffer);
                moved
            };
            self.with(key, |c| c.packages = Some(kept));
        } else if !is_own {
            buffer.clear();
            self.spare = Some(buffer);
        }
        if same {
            self.after_read(key, finishing);
        }
    }

    fn serve_packages(&mut self, key: usize, framing: &Framing, buffer: &mut PackageBuffer) {
        if !self.serve_whole(key, framing, buffer) {
            return;
        }
        let now_us = self.local().set.borrow().now_us();
        let chunk_bytes = self.shared().settings.input_chunk_bytes as usize;
        let read = self.with(key, |c| {
            if !c.readable || !c.takes_input() {
                return None;
            }
            let room = buffer.room(framing, chunk_bytes);
            let room_bytes = room.len();
            let read = c.stream.read(room);
            match read {
                ReadOutcome::Data(n) => {
                    c.readable = n == room_bytes || c.fin_pending;
                    c.session.last_recv_us.store(now_us, Relaxed);
                    c.session.last_dispatch_us.store(now_us, Relaxed);
                }
                ReadOutcome::WouldBlock => c.readable = false,
                _ => {}
            }
            Some(read)
        });
        match read.flatten() {
            Some(ReadOutcome::Data(n)) => {
                buffer.added(n);
                let record = &self.shared().hosts[self.local().host];
                record.received_bytes.add_single_writer(n as u64);
                self.serve_whole(key, framing, buffer);
            }
            // What is not whole now never will be.
            Some(ReadOutcome::Eof) => self.on_eof(key),
            Some(ReadOutcome::Gone(errno)) => self.local().set.borrow_mut().peer_gone(key, errno),
            Some(ReadOutcome::WouldBlock) | None => {}
        }
    }

    /// Serves every whole package; false if this worker takes no more for now, or nothing more can come.
    fn serve_whole(&mut self, key: usize, framing: &Framing, buffer: &mut PackageBuffer) -> bool {
        while !buffer.is_empty() {
            let context = Rc::clone(&self.context);
            let next = buffer.next_asking(framing, |head| context.ask_length(head));
            if self.context.end_status.get().is_some() {
                return false;
            }
            match next {
                Ok(Some(_)) if !self.takes_messages() => return false,
                Ok(Some(_)) if self.with(key, |c| c.takes_input()) != Some(true) => return false,
                Ok(Some(_)) => self.serve_package(key, buffer),
                Ok(None) => return true,
                Err(malformed) => {
                    self.refuse(key, buffer, &malformed);
                    return false;
                }
            }
        }
        true
    }

    fn takes_messages(&self) -> bool {
        let context = &self.context;
        let served = self.shared().lanes[self.who.lane()].requests.get();
        let finishing = self.end_by_ms.is_some();
        let stops = context.stop.get() || self.limit.is_reached(served);
        !context.is_full() && context.end_status.get().is_none() && (finishing || !stops)
    }

    fn serve_package(&mut self, key: usize, buffer: &mut PackageBuffer) {
        let Some((session_id, port)) = self.with(key, |c| (c.session_id, c.port)) else {
            return;
        };
        let mut header = self.header(session_id, Kind::Receive);
        header.port = port;
        // Within `package_max_length`, which is a u32.
        header.len = buffer.front().len() as u32;
        let record = &self.shared().hosts[self.local().host];
        record.dispatched.add_single_writer(1);
        let context = Rc::clone(&self.context);
        context.receive(&header, Payload::Buffer(buffer.front()));
        buffer.consume();
    }

    /// Nothing that follows can be read: closes this connection, and says why.
    fn refuse(&mut self, key: usize, buffer: &mut PackageBuffer, malformed: &Malformed) {
        let known = self.with(key, |c| (c.session_id, c.session.address()));
        if let Some((session_id, address)) = known {
            log_refused(session_id, &address, malformed, buffer.len());
        }
        buffer.clear();
        self.start_close(key, 0);
    }
}
