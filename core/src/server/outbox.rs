//! From a worker (or the manager) to the hosts that own the sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::error::Error;
use crate::ipc::doorbell::Doorbell;
use crate::ipc::message::{FIRST, HEADER_BYTES, Header, Kind, LAST, RESET, parts};
use crate::shm::ring::Producer;
use crate::sys::socket::{Interest, poll_one};

/// How long to sleep at most before looking at a full ring again, in milliseconds: a host that dies
/// rings no bell.
const RECHECK_MS: i32 = 100;

/// Why a message was not sent, or not all of it.
#[derive(Debug)]
pub struct SendFailure {
    pub error: Error,
    /// A part of it is on its way.
    pub begun: bool,
}

/// This process' rings to all hosts.
#[derive(Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
    /// This process' place among the producers.
    source: usize,
    epoch: u32,
    producers: Vec<Producer>,
}

impl Outbox {
    #[must_use]
    pub fn new(shared: &Arc<Shared>, source: usize, epoch: u32) -> Self {
        let producers = (0..shared.hosts.len())
            .map(|host| shared.to_hosts.producer(source, host))
            .collect();
        Self {
            shared: Arc::clone(shared),
            source,
            epoch,
            producers,
        }
    }

    fn bell(&self) -> &Doorbell {
        self.shared.producer_bell(self.source)
    }

    fn header(&self, session_id: u64, kind: Kind, len: u32) -> Header {
        Header {
            epoch: self.epoch,
            source: self.source as u16,
            ..Header::new(kind, session_id, len)
        }
    }

    /// Sends bytes to a connection of `host`, in parts where they are larger than a record. Waits for room
    /// at most `send_timeout` without progress; `meanwhile` runs while it waits and says whether waiting
    /// still makes sense.
    pub fn send(
        &mut self,
        host: usize,
        session_id: u64,
        data: &[u8],
        meanwhile: impl Fn() -> bool,
    ) -> Result<(), SendFailure> {
        let part_bytes = self.producers[host].max_record() - HEADER_BYTES;
        let header = self.header(session_id, Kind::Send, data.len() as u32);
        let mut begun = false;
        for (header, part) in parts(header, data, part_bytes) {
            self.push(host, &header, part, &meanwhile)
                .map_err(|error| SendFailure { error, begun })?;
            begun = true;
            // The host can work on this part while the next one is copied.
            self.shared.host_bell(host).notify();
        }
        Ok(())
    }

    /// Has a connection closed whose message was cut, if there is room to say so; if there is none, the
    /// host notices the cut with the next message from here.
    pub fn request_close(&mut self, host: usize, session_id: u64) {
        let mut header = self.header(session_id, Kind::CloseRequest, 0);
        header.flags |= RESET;
        let _ = self.try_tell(host, &header);
    }

    /// Sends a message without data.
    pub fn tell(
        &mut self,
        host: usize,
        session_id: u64,
        kind: Kind,
        how: u8,
        meanwhile: impl Fn() -> bool,
    ) -> Result<(), Error> {
        let mut header = self.header(session_id, kind, 0);
        header.flags = how | FIRST | LAST;
        self.push(host, &header, &[], &meanwhile)?;
        self.shared.host_bell(host).notify();
        Ok(())
    }

    /// Sends a prepared header, without waiting for room; answers whether there was some.
    pub fn try_tell(&mut self, host: usize, header: &Header) -> bool {
        let sent = self.producers[host].try_push(&[header.as_bytes()]);
        self.shared.host_bell(host).force();
        sent
    }

    fn push(
        &mut self,
        host: usize,
        header: &Header,
        data: &[u8],
        meanwhile: &impl Fn() -> bool,
    ) -> Result<(), Error> {
        let parts = [header.as_bytes(), data];
        if self.producers[host].try_push(&parts) {
            return Ok(());
        }
        let waited = self.wait_for_room(host, header, HEADER_BYTES + data.len(), meanwhile);
        // Rings that were not for this were read, too: the event loop looks once more.
        self.bell().force();
        waited?;
        if self.producers[host].try_push(&parts) {
            return Ok(());
        }
        Err(self.no_room(header))
    }

    fn wait_for_room(
        &mut self,
        host: usize,
        header: &Header,
        bytes: usize,
        meanwhile: &impl Fn() -> bool,
    ) -> Result<(), Error> {
        let limit = Duration::from_millis(self.shared.settings.send_timeout_ms);
        let start = Instant::now();
        let mut used = self.producers[host].used_bytes();
        let mut progress = start;
        self.shared.host_bell(host).notify();
        loop {
            self.producers[host].set_waiting(true);
            if self.producers[host].free_for(bytes) {
                self.producers[host].set_waiting(false);
                return Ok(());
            }
            let now_used = self.producers[host].used_bytes();
            if now_used != used {
                used = now_used;
                progress = Instant::now();
            }
            if !meanwhile() {
                self.producers[host].set_waiting(false);
                return Err(Error::SessionNotExist {
                    session_id: header.session_id,
                });
            }
            if progress.elapsed() >= limit {
                self.producers[host].set_waiting(false);
                return Err(self.no_room(header));
            }
            poll_one(self.bell().bell(), Interest::Read, RECHECK_MS)?;
            super::start::clear_bell(self.bell());
        }
    }

    fn no_room(&self, header: &Header) -> Error {
        Error::SendTimeout {
            session_id: header.session_id,
            len: u64::from(header.len),
            waited_ms: self.shared.settings.send_timeout_ms,
        }
    }

    /// Bytes on their way to a host.
    #[must_use]
    pub fn used_bytes(&self, host: usize) -> u64 {
        self.producers[host].used_bytes()
    }
}
