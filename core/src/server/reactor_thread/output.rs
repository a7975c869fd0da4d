//! From workers to sockets, and the end of connections.

use std::rc::Rc;

use super::{DEAD_DRAIN_ROUNDS, DRAIN_BATCH, OpenParts, ReactorThread, WATERMARKS_MAX};
use crate::ipc::message::{BY_SERVER, FIRST, Header, Kind, LAST, RESET, SILENT};
use crate::log;
use crate::server::connection::{Effect, Stage};
use crate::server::dispatch::Dispatcher;
use crate::server::handler::Event;

impl ReactorThread {
    pub(super) fn drain_inboxes(&mut self) -> bool {
        let mut busy = self.drain_manager();
        for worker in 0..self.shared.workers.len() {
            busy |= self.drain_worker(worker, u32::MAX);
        }
        busy
    }

    fn drain_manager(&mut self) -> bool {
        self.drain_inbox(self.shared.manager_producer(), DRAIN_BATCH, u32::MAX) > 0
    }

    /// Takes what a worker sent, incarnation by incarnation, up to the given one: what a finishing worker
    /// sent stands before what its successor sends, although it comes by the other lane.
    fn drain_worker(&mut self, worker: usize, last_epoch: u32) -> bool {
        let mut taken = 0;
        while taken < DRAIN_BATCH {
            let Some((source, epoch)) = self.next_lane(worker) else {
                break;
            };
            if epoch > last_epoch {
                break;
            }
            if epoch > self.newest_epochs[worker] {
                // What the manager said when its predecessor died stands there since before this one was
                // forked.
                self.newest_epochs[worker] = epoch;
                self.drain_manager();
            }
            taken += self.drain_inbox(source, DRAIN_BATCH - taken, epoch);
        }
        taken > 0
    }

    /// The lane with the older message, and the incarnation that sent it. A lane that was empty is looked
    /// at again when the other is not: what an incarnation sent can be seen before anything that its
    /// successor sends.
    fn next_lane(&self, worker: usize) -> Option<(usize, u32)> {
        let [even, odd] = [worker * 2, worker * 2 + 1];
        let mut first = self.front_epoch(even);
        let second = self.front_epoch(odd);
        if first.is_none() && second.is_some() {
            first = self.front_epoch(even);
        }
        match (first, second) {
            (Some(first), Some(second)) if second < first => Some((odd, second)),
            (Some(first), _) => Some((even, first)),
            (None, Some(second)) => Some((odd, second)),
            (None, None) => None,
        }
    }

    /// The incarnation whose message is the next in a ring. One that cannot be read counts as an old one:
    /// it is dealt with when it is taken.
    fn front_epoch(&self, source: usize) -> Option<u32> {
        match self.inboxes[source].peek() {
            Ok(Some(record)) => {
                let epoch = Header::read(record.bytes()).map_or(0, |(header, ..)| header.epoch);
                record.put_back();
                Some(epoch)
            }
            Ok(None) => None,
            Err(_) => Some(0),
        }
    }

    /// Takes messages of incarnations up to the given one; answers how many.
    fn drain_inbox(&mut self, source: usize, limit: usize, last_epoch: u32) -> usize {
        let mut taken = 0;
        while taken < limit {
            // The record borrows its inbox while the rest of this thread works on it.
            let inbox = Rc::clone(&self.inboxes[source]);
            match inbox.peek() {
                Ok(Some(record)) => {
                    match Header::read(record.bytes()) {
                        Ok((header, ..)) if header.epoch > last_epoch => {
                            record.put_back();
                            break;
                        }
                        Ok((header, kind, data)) => self.on_message(source, &header, kind, data),
                        Err(error) => log::error(format_args!(
                            "reactor {}: a message is dropped: {error}",
                            self.id
                        )),
                    }
                    record.release();
                }
                Ok(None) => break,
                Err(corrupt) => {
                    log::error(format_args!(
                        "reactor {}: ring {source}: {corrupt}; it is emptied",
                        self.id
                    ));
                    inbox.skip_all();
                }
            }
            taken += 1;
        }
        // Once for the batch: it costs a fence.
        if taken > 0 && self.inboxes[source].take_waiting() {
            self.shared.producer_bell(source).force();
        }
        taken
    }

    pub(super) fn on_message(&mut self, source: usize, header: &Header, kind: Kind, data: &[u8]) {
        self.check_parts(source, header);
        if kind == Kind::WorkerDied {
            return self.on_worker_died(header);
        }
        // A session that ended meanwhile: what is sent to it is dropped.
        let Some(key) = self.set.find(header.session_id) else {
            return;
        };
        match kind {
            Kind::Send => self.set.send(key, data),
            Kind::CloseConfirm => self.on_confirm(key, header.flags),
            Kind::CloseRequest => self.on_close_request(key, header.flags),
            Kind::CloseSession => {
                self.set.end_early(key);
                self.start_close(key, BY_SERVER);
            }
            _ => {}
        }
    }

    pub(super) fn on_close_request(&mut self, key: usize, how: u8) {
        if let Some(c) = self.set.get_mut(key) {
            c.reset_wanted |= how & RESET != 0;
        }
        self.start_close(key, how | BY_SERVER);
    }

    pub(super) fn on_confirm(&mut self, key: usize, how: u8) {
        let Some(c) = self.set.get_mut(key) else {
            return;
        };
        c.awaiting = c.awaiting.saturating_sub(1);
        if how & (BY_SERVER | RESET) != 0 || c.awaiting == 0 {
            self.set.confirm_close(key, how & RESET != 0);
        }
    }

    /// Notices a message whose sender died between its parts: what follows would be taken for the rest
    /// of it, so its connection is reset.
    pub(super) fn check_parts(&mut self, source: usize, header: &Header) {
        if let Some(open) = self.open_parts[source] {
            let continues = header.kind == Kind::Send as u8
                && !header.has(FIRST)
                && (header.session_id, header.epoch) == (open.session_id, open.epoch);
            if !continues {
                self.cut_short(source);
            }
        }
        if header.kind == Kind::Send as u8 {
            let last = header.has(LAST);
            self.open_parts[source] = (!last).then_some(OpenParts {
                session_id: header.session_id,
                epoch: header.epoch,
            });
        }
    }

    pub(super) fn cut_short(&mut self, source: usize) {
        if let Some(open) = self.open_parts[source].take() {
            self.set.cut_short(open.session_id);
        }
    }

    /// The manager says that a worker is dead: take what it still sent, then look at what it left open.
    pub(super) fn on_worker_died(&mut self, header: &Header) {
        let source = header.source as usize;
        if source >= self.inboxes.len() - 1 {
            return;
        }
        for _ in 0..DEAD_DRAIN_ROUNDS {
            if !self.drain_worker(source / 2, header.epoch) {
                break;
            }
        }
        if self.open_parts[source].is_some_and(|open| open.epoch == header.epoch) {
            self.cut_short(source);
        }
    }

    /// Tells every worker that has messages of this connection that it ends; the last one's
    /// confirmation closes the socket.
    pub(super) fn start_close(&mut self, key: usize, how: u8) {
        let settings = &self.shared.settings;
        let sticky = Dispatcher::is_sticky(settings.dispatch_mode);
        let announced = sticky || settings.enable_unsafe_event;
        let worker_num = settings.worker_num;
        let Some(c) = self.set.get_mut(key) else {
            return;
        };
        if c.close_sent || c.stage != Stage::Open {
            return;
        }
        c.close_sent = true;
        c.packages = None;
        let used = c.used_workers;
        let told = announced.then(|| self.choose(key));
        let others = (0..worker_num).filter(|w| used & (1 << (w % 64)) != 0 && Some(*w) != told);
        let mut awaiting = 0;
        if let Some(worker) = told {
            awaiting += 1;
            self.post(worker, key, Kind::Close, how);
        }
        for worker in others {
            awaiting += 1;
            self.post(worker, key, Kind::Close, how | SILENT);
        }
        if let Some(c) = self.set.get_mut(key) {
            c.awaiting = awaiting;
        }
        if awaiting == 0 {
            self.set.confirm_close(key, how & RESET != 0);
        }
    }

    pub(super) fn pass_on_effects(&mut self) {
        while self.set.has_effects() {
            for effect in self.set.take_effects() {
                match effect {
                    Effect::Gone { key } => self.start_close(key, 0),
                    Effect::Linger { key } => self.list(key),
                    Effect::BufferFull { key } => self.post_watermark(key, Event::BufferFull),
                    Effect::BufferEmpty { key } => self.post_watermark(key, Event::BufferEmpty),
                }
            }
        }
    }

    pub(super) fn post_watermark(&mut self, key: usize, event: Event) {
        let told = self.set.get(key).is_some_and(|c| !c.close_sent);
        if !told || !self.shared.listens.to(event) {
            return;
        }
        let kind = match event {
            Event::BufferFull => Kind::BufferFull,
            _ => Kind::BufferEmpty,
        };
        let worker = self.choose(key);
        if self.outboxes[worker as usize].waiting.len() < WATERMARKS_MAX {
            self.post(worker, key, kind, 0);
        }
    }
}
