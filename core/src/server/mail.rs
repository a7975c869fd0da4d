//! Messages from this process to workers and task workers.
//!
//! A process with an event loop keeps what finds no room in a backlog, within limits, and sends it when its
//! bell says that there is some; one without waits. What is larger than a record goes in parts.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::{Duration, Instant};

use super::incoming::KEPT_BYTES;
use super::posts::{Posts, To, low_bits};
use super::shared::Shared;
use crate::error::Error;
use crate::ipc::doorbell::Doorbell;
use crate::ipc::message::{HEADER_BYTES, Header, Kind, LAST};
use crate::reactor::clock;
use crate::sys::forks;
use crate::sys::socket::{Interest, poll_one};

/// Bytes that wait in this process for room; a single message of any allowed size may.
const BACKLOG_MAX_BYTES: usize = 64 << 20;
/// The largest message.
pub(super) const MESSAGE_MAX_BYTES: usize = 1 << 30;
/// How long to sleep at most before looking at a full intake again, in milliseconds: one whose consumer
/// dies rings no bell.
const RECHECK_MS: u64 = 100;

/// What to do where there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Keep it for later; wait only if too much is kept already.
    Backlog,
    /// Wait, so long at most since the last progress; `None` is without limit.
    Wait(Option<Duration>),
}

/// A message that is not through yet.
#[derive(Debug)]
struct Outgoing {
    to: To,
    header: Header,
    data: Vec<u8>,
    sent_bytes: usize,
}

/// The sending side of a process.
#[derive(Debug)]
pub(super) struct Mail {
    shared: Arc<Shared>,
    /// This process' place among the producers.
    source: usize,
    epoch: u32,
    patience: Patience,
    /// The process it was made in (see [`forks::generation`]).
    born_in: u64,
    next_task: Cell<u64>,
    /// By intake, in order.
    backlog: RefCell<BTreeMap<usize, VecDeque<Outgoing>>>,
    backlog_bytes: Cell<usize>,
}

impl Mail {
    pub fn new(shared: &Arc<Shared>, source: usize, epoch: u32, patience: Patience) -> Self {
        Self {
            shared: Arc::clone(shared),
            source,
            epoch,
            patience,
            born_in: forks::generation(),
            next_task: Cell::new(0),
            backlog: RefCell::default(),
            backlog_bytes: Cell::new(0),
        }
    }

    /// What waits for results of this very process.
    pub fn epoch_bits(&self) -> u16 {
        low_bits(self.epoch)
    }

    /// The bell of this process.
    pub fn bell(&self) -> &Doorbell {
        self.shared.producer_bell(self.source)
    }

    /// A number for a task.
    pub fn next_task(&self) -> u64 {
        self.next_task.replace(self.next_task.get() + 1)
    }

    /// A header from here.
    pub fn header(&self, kind: Kind, id: u64, len: usize, flags: u16) -> Header {
        Header {
            time_us: clock::wall_us(),
            epoch: self.epoch,
            source: self.source as u16,
            port: flags,
            ..Header::new(kind, id, len as u32)
        }
    }

    /// Whether a message of so many bytes goes in one record.
    pub fn fits_in_one(&self, posts: &Posts, len: usize) -> bool {
        HEADER_BYTES + len <= posts.intakes.max_record()
    }

    /// Sends a message, behind all that was sent there before. `meanwhile` runs while it waits for room.
    pub fn post(
        &self,
        to: To,
        header: Header,
        data: &[u8],
        meanwhile: impl Fn(),
    ) -> Result<(), Error> {
        let Some(posts) = &self.shared.posts else {
            return Err(Error::OperationNotSupport(
                "this server has neither task workers nor onPipeMessage".to_owned(),
            ));
        };
        if data.len() > MESSAGE_MAX_BYTES {
            return Err(Error::DataTooLarge {
                len: data.len() as u64,
                max: MESSAGE_MAX_BYTES as u64,
                hint: "put it into a file and send its name",
            });
        }
        let patience = self.patience_here(posts, data.len())?;
        self.flush();
        let index = posts.index(to);
        let mut sent_bytes = 0;
        let is_first = !self.backlog.borrow().contains_key(&index);
        if is_first && self.push(posts, to, &header, data, &mut sent_bytes) {
            return Ok(());
        }
        let kept = self.backlog_bytes.get();
        let has_place = kept == 0 || kept + data.len() + KEPT_BYTES <= BACKLOG_MAX_BYTES;
        if patience == Patience::Backlog && has_place {
            self.keep(index, to, header, data, sent_bytes);
            return Ok(());
        }
        let limit = match patience {
            Patience::Backlog => Some(Duration::from_millis(self.shared.settings.send_timeout_ms)),
            Patience::Wait(limit) => limit,
        };
        self.push_waiting(posts, to, &header, data, sent_bytes, limit, meanwhile)
    }

    /// A child that user code has forked has no loop that would send a backlog, and its parts would mingle
    /// with those of its parent.
    fn patience_here(&self, posts: &Posts, len: usize) -> Result<Patience, Error> {
        if self.born_in == forks::generation() {
            return Ok(self.patience);
        }
        if !self.fits_in_one(posts, len) {
            return Err(Error::DataTooLarge {
                len: len as u64,
                max: (posts.intakes.max_record() - HEADER_BYTES) as u64,
                hint: "this is a child process that a callback has made: send it from the process of the server",
            });
        }
        // What its parent keeps is the parent's to send.
        self.backlog.borrow_mut().clear();
        self.backlog_bytes.set(0);
        let limit_ms = self.shared.settings.send_timeout_ms;
        Ok(Patience::Wait(Some(Duration::from_millis(limit_ms))))
    }

    /// Puts as much in as there is room for; answers whether that was all.
    fn push(
        &self,
        posts: &Posts,
        to: To,
        header: &Header,
        data: &[u8],
        sent_bytes: &mut usize,
    ) -> bool {
        let index = posts.index(to);
        let part_bytes = posts.intakes.max_record() - HEADER_BYTES;
        let mut pushed = false;
        let done = loop {
            let (head, part) = header.part(data, *sent_bytes, part_bytes);
            if !posts.intakes.try_push(index, &[head.as_bytes(), part]) {
                break false;
            }
            pushed = true;
            *sent_bytes += part.len();
            if head.has(LAST) {
                break true;
            }
        };
        if pushed {
            self.shared.announce(to);
        }
        done
    }

    fn keep(&self, index: usize, to: To, header: Header, data: &[u8], sent_bytes: usize) {
        let outgoing = Outgoing {
            to,
            header,
            data: data.to_vec(),
            sent_bytes,
        };
        self.backlog_bytes
            .set(self.backlog_bytes.get() + data.len() + KEPT_BYTES);
        self.backlog
            .borrow_mut()
            .entry(index)
            .or_default()
            .push_back(outgoing);
        self.count_unsent();
        // There may be room by now, and then nobody would ring.
        self.flush();
    }

    #[allow(clippy::too_many_arguments, reason = "one step of `post`")]
    fn push_waiting(
        &self,
        posts: &Posts,
        to: To,
        header: &Header,
        data: &[u8],
        mut sent_bytes: usize,
        limit: Option<Duration>,
        meanwhile: impl Fn(),
    ) -> Result<(), Error> {
        let index = posts.index(to);
        let mut progress = Instant::now();
        let bell = self.bell();
        loop {
            if self.is_for_nobody(to, header) {
                bell.force();
                return Err(terminated(to));
            }
            posts.intakes.wait_for_room(index, self.source);
            let before = sent_bytes;
            self.flush();
            let is_first = !self.backlog.borrow().contains_key(&index);
            if is_first && self.push(posts, to, header, data, &mut sent_bytes) {
                // Rings that were not for this were read, too: the event loop looks once more.
                bell.force();
                return Ok(());
            }
            if sent_bytes != before {
                progress = Instant::now();
                continue;
            }
            let left = limit.map(|limit| limit.saturating_sub(progress.elapsed()));
            if left == Some(Duration::ZERO) {
                bell.force();
                return Err(Error::MessageNotTaken {
                    len: data.len() as u64,
                    waited_ms: limit.map_or(0, |limit| limit.as_millis() as u64),
                });
            }
            meanwhile();
            let left_ms = left.map_or(RECHECK_MS, |left| left.as_millis() as u64 + 1);
            poll_one(bell.bell(), Interest::Read, left_ms.min(RECHECK_MS) as i32)?;
            super::start::clear_bell(bell);
        }
    }

    /// Whether a message is for an incarnation that is dead: nobody makes room for it.
    fn is_for_nobody(&self, to: To, header: &Header) -> bool {
        matches!(to, To::Lane(lane) if !self.shared.is_alive(lane, header.asker_epoch))
    }

    /// Whether something waits for room.
    pub fn has_backlog(&self) -> bool {
        self.backlog_bytes.get() > 0 || !self.backlog.borrow().is_empty()
    }

    /// Sends of the backlog what there is room for. Called in each turn of an event loop.
    #[inline]
    pub fn flush(&self) {
        if self.has_backlog() {
            self.flush_backlog();
        }
    }

    #[cold]
    fn flush_backlog(&self) {
        let Some(posts) = &self.shared.posts else {
            return;
        };
        let mut backlog = self.backlog.borrow_mut();
        for (index, queue) in backlog.iter_mut() {
            // Once more after saying that room is wanted, so that none is missed.
            if !self.flush_queue(posts, queue) {
                posts.intakes.wait_for_room(*index, self.source);
                self.flush_queue(posts, queue);
            }
        }
        backlog.retain(|_, queue| !queue.is_empty());
        drop(backlog);
        self.count_unsent();
    }

    fn flush_queue(&self, posts: &Posts, queue: &mut VecDeque<Outgoing>) -> bool {
        while let Some(outgoing) = queue.front_mut() {
            let Outgoing {
                to,
                header,
                data,
                sent_bytes,
            } = outgoing;
            let is_dropped = self.is_for_nobody(*to, header);
            if !is_dropped && !self.push(posts, *to, header, data, sent_bytes) {
                return false;
            }
            let kept = self.backlog_bytes.get();
            self.backlog_bytes
                .set(kept.saturating_sub(data.len() + KEPT_BYTES));
            queue.pop_front();
        }
        true
    }

    /// For whoever finds this process dead.
    fn count_unsent(&self) {
        if let Some(record) = self.shared.lanes.get(self.source) {
            let unsent: usize = self.backlog.borrow().values().map(VecDeque::len).sum();
            record.unsent.store(unsent as u32, Release);
        }
    }

    /// The least busy task worker, for what only one can take: one that is idle, else the one with the fewest
    /// bytes before it, each in its turn.
    pub fn choose_task_worker(&self, posts: &Posts) -> usize {
        let shared = &self.shared;
        let (first, count) = (shared.event_workers(), shared.task_workers().len().max(1));
        let round = shared.global.task_round.fetch_add(1, Relaxed) as usize;
        let turn = (0..count).map(|step| first + (round + step) % count);
        let load = |slot: &usize| {
            let busy = shared.workers[*slot].state() != super::WorkerState::Idle;
            (posts.intakes.used_bytes(*slot), busy)
        };
        turn.min_by_key(load).unwrap_or(first)
    }
}

fn terminated(to: To) -> Error {
    let lane = match to {
        To::Lane(lane) => lane,
        To::Worker(_) | To::AnyTaskWorker => 0,
    };
    Error::WorkerTerminated {
        worker_id: lane as u32 / 2,
    }
}
