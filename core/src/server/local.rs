//! The connections of a process that owns them itself (base mode), and what other processes send to them.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

use super::connection::ConnectionSet;
use super::shared::Shared;
use crate::ipc::message::{FIRST, Header, Kind, LAST, RESET};
use crate::log;
use crate::shm::ring::Consumer;

/// Messages taken from one producer before the next one's turn.
const DRAIN_BATCH: usize = 64;
/// Close requests that came in while this process was waiting for room, at most.
const POSTPONED_MAX: usize = 100_000;

/// A message to a connection that is not through yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenParts {
    session_id: u64,
    epoch: u32,
}

/// The connections that this process owns itself (base mode), and what others send to them.
#[derive(Debug)]
pub(super) struct Local {
    pub host: usize,
    pub set: RefCell<ConnectionSet>,
    pub inboxes: Vec<Consumer>,
    /// What must run user code and has to wait until none is running.
    pub postponed: RefCell<VecDeque<Header>>,
    /// By producer: the message of which it has sent a part.
    pub open_parts: RefCell<HashMap<usize, OpenParts>>,
}

impl Local {
    /// Takes what others send to this process' connections, without running user code.
    pub fn take_in(&self, shared: &Shared) {
        for source in 0..self.inboxes.len() {
            while self.drain(shared, source) {}
        }
        self.set.borrow_mut().flush_dirty();
    }

    /// Takes messages of one producer; answers whether there were some.
    pub fn drain(&self, shared: &Shared, source: usize) -> bool {
        let inbox = &self.inboxes[source];
        let mut taken = 0;
        while taken < DRAIN_BATCH {
            match inbox.peek() {
                Ok(Some(record)) => {
                    match Header::read(record.bytes()) {
                        Ok((header, kind, data)) => {
                            self.take_one(shared, source, &header, kind, data)
                        }
                        Err(error) => log::error(format_args!("a message is dropped: {error}")),
                    }
                    record.release();
                }
                Ok(None) => break,
                Err(corrupt) => {
                    log::error(format_args!(
                        "ring of process {source}: {corrupt}; it is emptied"
                    ));
                    inbox.skip_all();
                }
            }
            taken += 1;
        }
        if taken > 0 && inbox.take_waiting() {
            shared.producer_bell(source).force();
        }
        taken > 0
    }

    /// One message for a connection of this process; a close is put off.
    fn take_one(&self, shared: &Shared, source: usize, header: &Header, kind: Kind, data: &[u8]) {
        self.check_parts(source, header);
        if kind == Kind::WorkerDied {
            return self.on_worker_died(shared, header);
        }
        let mut set = self.set.borrow_mut();
        let Some(key) = set.find(header.session_id) else {
            return;
        };
        match kind {
            Kind::Send => set.send(key, data),
            Kind::CloseConfirm => set.confirm_close(key, header.has(RESET)),
            Kind::CloseRequest => {
                let mut postponed = self.postponed.borrow_mut();
                if postponed.len() < POSTPONED_MAX {
                    postponed.push_back(*header);
                }
            }
            _ => {}
        }
    }

    /// Notices a message whose sender died between its parts: what follows would be taken for the rest of
    /// it, so its connection is reset.
    fn check_parts(&self, source: usize, header: &Header) {
        let is_send = header.kind == Kind::Send as u8;
        let open = self.open_parts.borrow().get(&source).copied();
        if let Some(open) = open {
            let continues = is_send
                && !header.has(FIRST)
                && (header.session_id, header.epoch) == (open.session_id, open.epoch);
            if !continues {
                self.cut_short(source, open);
            } else if header.has(LAST) {
                self.open_parts.borrow_mut().remove(&source);
            }
        }
        if is_send && header.has(FIRST) && !header.has(LAST) {
            let begun = OpenParts {
                session_id: header.session_id,
                epoch: header.epoch,
            };
            self.open_parts.borrow_mut().insert(source, begun);
        }
    }

    fn cut_short(&self, source: usize, open: OpenParts) {
        self.open_parts.borrow_mut().remove(&source);
        self.set.borrow_mut().cut_short(open.session_id);
    }

    /// The manager says that a process is dead: takes what it still sent, then looks at what it left open.
    fn on_worker_died(&self, shared: &Shared, header: &Header) {
        let source = header.source as usize;
        let Some(inbox) = self.inboxes.get(source) else {
            return;
        };
        while let Ok(Some(record)) = inbox.peek() {
            match Header::read(record.bytes()) {
                // Of a later incarnation.
                Ok((header_of, ..)) if header_of.epoch > header.epoch => {
                    record.put_back();
                    break;
                }
                // From the manager only.
                Ok((_, Kind::WorkerDied, _)) => {}
                Ok((header, kind, data)) => self.take_one(shared, source, &header, kind, data),
                Err(error) => log::error(format_args!("a message is dropped: {error}")),
            }
            record.release();
        }
        let open = self.open_parts.borrow().get(&source).copied();
        if let Some(open) = open.filter(|open| open.epoch == header.epoch) {
            self.cut_short(source, open);
        }
    }
}
