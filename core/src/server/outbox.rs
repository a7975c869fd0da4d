//! From a worker (or the manager) to the hosts that own the sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::error::Error;
use crate::ipc::doorbell::Doorbell;
use crate::ipc::message::{FIRST, HEADER_BYTES, Header, Kind, LAST, parts};
use crate::shm::ring::Producer;
use crate::sys::socket::{Interest, poll_one};

/// How long to sleep at most before looking at a full ring again, in milliseconds: a host that dies
/// rings no bell.
const RECHECK_MS: i32 = 100;

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
        match self.shared.worker_bells.get(self.source) {
            Some(bell) => bell,
            None => &self.shared.manager_bell,
        }
    }

    fn header(&self, session_id: u64, kind: Kind, len: u32) -> Header {
        Header {
            epoch: self.epoch,
            source: self.source as u16,
            ..Header::new(kind, session_id, len)
        }
    }

    /// Sends bytes to a connection of `host`, in parts where they are larger than a record. Waits at
    /// most `send_timeout` for room each time; nothing is sent if there is none for the first part.
    pub fn send(&mut self, host: usize, session_id: u64, data: &[u8]) -> Result<(), Error> {
        let part_bytes = self.producers[host].max_record() - HEADER_BYTES;
        let header = self.header(session_id, Kind::Send, data.len() as u32);
        for (header, part) in parts(header, data, part_bytes) {
            self.push(host, &header, part)?;
            // The host can work on this part while the next one is copied.
            self.shared.host_bell(host).notify();
        }
        Ok(())
    }

    /// Sends a message without data.
    pub fn tell(&mut self, host: usize, session_id: u64, kind: Kind, how: u8) -> Result<(), Error> {
        let mut header = self.header(session_id, kind, 0);
        header.flags = how | FIRST | LAST;
        self.push(host, &header, &[])?;
        self.shared.host_bell(host).notify();
        Ok(())
    }

    /// Sends a prepared header, without waiting for room; answers whether there was some.
    pub fn try_tell(&mut self, host: usize, header: &Header) -> bool {
        let sent = self.producers[host].try_push(&[header.as_bytes()]);
        self.shared.host_bell(host).force();
        sent
    }

    fn push(&mut self, host: usize, header: &Header, data: &[u8]) -> Result<(), Error> {
        let parts = [header.as_bytes(), data];
        if self.producers[host].try_push(&parts) {
            return Ok(());
        }
        self.wait_for_room(host, header, HEADER_BYTES + data.len())?;
        if self.producers[host].try_push(&parts) {
            return Ok(());
        }
        Err(self.no_room(header))
    }

    fn wait_for_room(&mut self, host: usize, header: &Header, bytes: usize) -> Result<(), Error> {
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
