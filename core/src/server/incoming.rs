//! Messages from other workers and task workers to this process.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use super::context::Context;
use super::handler::{FinishEvent, MessageEvent, TaskEvent, TaskRef};
use super::mail::MESSAGE_MAX_BYTES;
use super::posts::{Posts, TaskKey, To, low_bits};
use super::serving::Serving;
use crate::error::codes;
use crate::ipc::message::{FIRST, Header, Kind};
use crate::ipc::reassembly::{Assembler, Reason};
use crate::log::{self, Level};
use crate::reactor::clock;

/// Messages served before the process looks at its connections again.
pub(super) const SERVE_BATCH: usize = 64;
/// Bytes taken out early, so that others who wait for this process are not stuck, at most.
const ARRIVED_MAX_BYTES: usize = 256 << 20;
/// What a message that is kept takes besides its data.
pub(super) const KEPT_BYTES: usize = 128;
/// `SWOOLE_TASK_*`.
pub(super) const COROUTINE: u16 = 32;
pub(super) const NONBLOCK: u16 = 4;
pub(super) const NOREPLY: u16 = 128;
/// A message that is whole.
#[derive(Debug)]
pub(super) struct Arrived {
    pub header: Header,
    pub kind: Kind,
    pub data: Vec<u8>,
    /// Of a task: it stands in the lane record.
    pub serving: Option<Serving>,
}

impl Arrived {
    /// What it costs to keep it.
    fn held_bytes(&self) -> usize {
        self.data.len() + KEPT_BYTES
    }
}

/// A message on its way, of one sender.
#[derive(Debug)]
struct Partial {
    assembler: Assembler,
    /// Its beginning, or, where it is refused, the part by which it was.
    begun: Option<(Header, Kind)>,
    serving: Option<Serving>,
}

/// The receiving side of a process.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// What this process takes from, the most urgent first.
    pub sources: Vec<To>,
    /// The one of them with results that this process waits for.
    pub replies: Option<To>,
    /// Taken out early, for user code.
    arrived: RefCell<VecDeque<Arrived>>,
    /// The same of `replies`: nothing but what somebody waits for.
    early_replies: RefCell<VecDeque<Arrived>>,
    /// Bytes of both.
    held_bytes: Cell<usize>,
    /// By intake and sender: one that keeps a backlog sends to several intakes at a time.
    partial: RefCell<HashMap<(usize, u16), Partial>>,
    /// When a process that was told to stop waits no longer for the rest, monotonic milliseconds.
    pub rest_by_ms: Cell<Option<u64>>,
}

impl Incoming {
    pub fn new(sources: Vec<To>) -> Self {
        let of_lane = |to: &To| matches!(to, To::Lane(_));
        Self {
            replies: sources.iter().copied().find(of_lane),
            sources,
            ..Self::default()
        }
    }

    /// Keeps a message that was taken out early.
    fn keep(&self, message: Arrived) {
        self.held_bytes
            .set(self.held_bytes.get() + message.held_bytes());
        let is_reply = matches!(message.kind, Kind::Finish | Kind::TaskLost)
            && is_awaited(message.header.port);
        let queue = if is_reply {
            &self.early_replies
        } else {
            &self.arrived
        };
        queue.borrow_mut().push_back(message);
    }

    fn taken(&self, message: Option<Arrived>) -> Option<Arrived> {
        let bytes = message.as_ref().map_or(0, Arrived::held_bytes);
        self.held_bytes
            .set(self.held_bytes.get().saturating_sub(bytes));
        message
    }

    /// The next message for user code that was taken out early.
    pub fn next_early(&self) -> Option<Arrived> {
        let message = self.arrived.borrow_mut().pop_front();
        self.taken(message)
    }

    /// The next result that somebody waits for, of those that were taken out early.
    pub fn next_early_reply(&self) -> Option<Arrived> {
        let reply = self.early_replies.borrow_mut().pop_front();
        self.taken(reply)
    }

    /// Takes the first of them for which `place_of` knows a place.
    pub fn find_early_reply(
        &self,
        place_of: impl Fn(&Arrived) -> Option<usize>,
    ) -> Option<(usize, Arrived)> {
        let mut replies = self.early_replies.borrow_mut();
        let mut numbered = replies.iter().enumerate();
        let (at, place) = numbered.find_map(|(at, reply)| Some((at, place_of(reply)?)))?;
        let reply = replies.remove(at);
        Some((place, self.taken(reply)?))
    }

    pub fn has_early(&self) -> bool {
        !self.arrived.borrow().is_empty()
    }

    pub fn has_early_replies(&self) -> bool {
        !self.early_replies.borrow().is_empty()
    }
}

/// The number among the workers of who sent a message.
fn sender(context: &Context, source: u16) -> u32 {
    let lanes = context.shared.lanes.len();
    if usize::from(source) < lanes {
        u32::from(source) / 2
    } else {
        0
    }
}

fn seconds(time_us: u64) -> f64 {
    time_us as f64 / 1e6
}

impl Context {
    /// Whether a message is there for this process.
    #[inline]
    pub(super) fn has_posts(&self) -> bool {
        let Some(posts) = &self.shared.posts else {
            return false;
        };
        let sources = &self.incoming.sources;
        self.incoming.has_early()
            || self.incoming.has_early_replies()
            || sources
                .iter()
                .any(|to| !posts.intakes.is_empty(posts.index(*to)))
    }

    /// Whether the rest of a message is still to come that a successor could make nothing of.
    pub(super) fn is_open(&self) -> bool {
        let Some(posts) = &self.shared.posts else {
            return false;
        };
        self.give_up_partials(posts);
        let replies = self.incoming.replies.map(|to| posts.index(to));
        let partial = self.incoming.partial.borrow();
        let mut open = partial.iter().filter(|((at, _), _)| Some(*at) != replies);
        open.any(|(_, p)| p.assembler.held_bytes() > 0)
    }

    /// Serves messages of other processes, a batch at most; answers whether there were some. A process that is
    /// full takes what user code waits for: else it would stay full.
    #[inline]
    pub(super) fn serve_posts(&self) -> bool {
        if self.is_full() {
            return self.serve_replies();
        }
        self.mail.flush();
        self.has_posts() && self.serve_batch(&self.incoming.sources, SERVE_BATCH)
    }

    /// Serves up to `limit` messages; answers whether there were some.
    pub(super) fn serve_batch(&self, sources: &[To], limit: usize) -> bool {
        let mut served = 0;
        while served < limit && self.end_status.get().is_none() && !self.is_full() {
            let next = self.pop_early().or_else(|| self.take_message(sources));
            let Some(arrived) = next else { break };
            self.serve_arrived(arrived);
            served += 1;
            if self.stop.get() {
                break;
            }
        }
        served > 0
    }

    fn pop_early(&self) -> Option<Arrived> {
        let reply = self.incoming.next_early_reply();
        reply.or_else(|| self.incoming.next_early())
    }

    /// The next whole message from one of `sources`.
    pub(super) fn take_message(&self, sources: &[To]) -> Option<Arrived> {
        let posts = self.shared.posts.as_ref()?;
        for to in sources {
            while let Some(taken) = self.take_record(posts, *to) {
                if taken.is_some() {
                    return taken;
                }
            }
        }
        self.give_up_partials(posts);
        None
    }

    /// Gives up the messages whose sender is dead and has left no more of them.
    fn give_up_partials(&self, posts: &Posts) {
        let mut partials = self.incoming.partial.borrow_mut();
        if partials.is_empty() {
            return;
        }
        partials.retain(|(index, _), partial| {
            let is_over = partial.begun.is_some_and(|(begun, _)| {
                // In this order: what a dead process has sent stands there already.
                self.is_sender_dead(&begun) && posts.intakes.is_empty(*index)
            });
            if is_over {
                self.give_up(partial);
            }
            !is_over
        });
    }

    fn is_sender_dead(&self, header: &Header) -> bool {
        // The master and the manager have no lane, and no successor either.
        let lane = self.shared.lanes.get(usize::from(header.source));
        lane.is_some_and(|lane| lane.incarnation.load(Acquire) != header.epoch)
    }

    fn give_up(&self, partial: &mut Partial) {
        if let (Some(abandoned), Some((begun, kind))) = (partial.assembler.abandon(), partial.begun)
        {
            self.lose(&begun, kind, abandoned.reason);
        }
        if let Some(serving) = partial.serving.take() {
            self.end_serving(serving);
        }
    }

    /// A message in parts will not be put together.
    fn lose(&self, header: &Header, kind: Kind, reason: Reason) {
        // Of a task that found no room for its rest the sender knows, which lives.
        if kind == Kind::Task && self.is_sender_dead(header) {
            // It waits for nobody any more.
            self.shared.global.tasks_taken.fetch_add(1, Relaxed);
        }
        log_lost(header, kind, reason, sender(self, header.source));
    }

    /// Takes one record; the inner `None` is a part of something larger, or nothing of use.
    fn take_record(&self, posts: &Posts, to: To) -> Option<Option<Arrived>> {
        let index = posts.index(to);
        let taken = posts
            .intakes
            .take(index, |bytes| self.read_record(index, bytes))?;
        posts.intakes.take_waiters(index, |producer| {
            self.shared.producer_bell(producer).force();
        });
        let any = To::AnyTaskWorker;
        if self.is_task_worker() && !posts.intakes.is_empty(posts.index(any)) {
            // Whoever was woken for it may be busy with this one.
            self.shared.announce(any);
        }
        Some(taken)
    }

    /// Copies a record out; the task it belongs to stands in the lane record from here on.
    fn read_record(&self, index: usize, bytes: &[u8]) -> Option<Arrived> {
        let (header, kind, data) = match Header::read(bytes) {
            Ok(read) => read,
            Err(error) => {
                log::error(format_args!("a message is dropped: {error}"));
                return None;
            }
        };
        if header.is_whole() {
            return Some(Arrived {
                header,
                kind,
                data: data.to_vec(),
                serving: self.begin_task(&header, kind),
            });
        }
        self.read_part(index, header, kind, data)
    }

    fn begin_task(&self, header: &Header, kind: Kind) -> Option<Serving> {
        (kind == Kind::Task).then(|| self.begin_serving(key_of(header).pack()))
    }

    fn read_part(&self, index: usize, header: Header, kind: Kind, data: &[u8]) -> Option<Arrived> {
        let mut partial = self.incoming.partial.borrow_mut();
        let place = (index, header.source);
        let entry = partial.entry(place).or_insert_with(|| Partial {
            assembler: Assembler::new(MESSAGE_MAX_BYTES),
            begun: None,
            serving: None,
        });
        if header.has(FIRST) {
            let left = entry.serving.take();
            entry.serving = self.begin_task(&header, kind);
            if let Some(left) = left {
                // Its sender died.
                self.end_serving(left);
            }
        }
        let assembled = entry.assembler.push(&header, data);
        if let (Some(abandoned), Some((begun, kind))) = (assembled.abandoned, entry.begun) {
            self.lose(&begun, kind, abandoned.reason);
        }
        if header.has(FIRST) || assembled.refused.is_some() {
            entry.begun = Some((header, kind));
        }
        let whole = assembled.message.map(Cow::into_owned);
        if let Some(refused) = assembled.refused {
            if let Some(serving) = entry.serving.take() {
                self.end_serving(serving);
            }
            self.lose(&header, kind, refused.reason);
        }
        let data = whole?;
        let serving = entry.serving.take();
        partial.remove(&place);
        Some(Arrived {
            header,
            kind,
            data,
            serving,
        })
    }

    /// Runs user code for a message.
    pub(super) fn serve_arrived(&self, arrived: Arrived) {
        let Arrived {
            header,
            kind,
            data,
            serving,
        } = arrived;
        match kind {
            Kind::Task => self.serve_task(&header, &data, serving.unwrap_or_default()),
            Kind::Finish => self.serve_result(&header, Some(&data)),
            Kind::TaskLost => self.serve_result(&header, None),
            Kind::PipeMessage => {
                let event = MessageEvent {
                    worker_id: sender(self, header.source),
                    flags: header.port,
                    dispatch_time_s: seconds(header.time_us),
                };
                self.note(self.handler.on_pipe_message(&event, &data));
            }
            kind => log::error(format_args!("a message {kind:?} came to a worker's queue")),
        }
    }

    pub(super) fn serve_task(&self, header: &Header, data: &[u8], serving: Serving) {
        self.shared.global.tasks_taken.fetch_add(1, Relaxed);
        let event = TaskEvent {
            task: TaskRef {
                id: header.session_id,
                worker_id: sender(self, header.source),
                flags: header.port,
                source: header.source,
                epoch: header.epoch,
            },
            dispatch_time_s: seconds(header.time_us),
            serving,
        };
        let outcome = self.handler.on_task(&event, data);
        let record = &self.shared.lanes[self.lane];
        record.requests.add_single_writer(1);
        self.after_callback(serving, outcome);
    }

    fn serve_result(&self, header: &Header, data: Option<&[u8]>) {
        let event = FinishEvent {
            task_id: header.session_id,
            worker_id: sender(self, header.source),
            is_own: header.asker_epoch == self.mail.epoch_bits(),
            flags: header.port,
            dispatch_time_s: seconds(header.time_us),
        };
        if is_awaited(header.port) && !event.is_own {
            return expired(event.task_id);
        }
        if header.port & (COROUTINE | NONBLOCK) == 0 {
            // A call of taskwait() that has given up meanwhile.
            return expired(event.task_id);
        }
        let outcome = self.handler.on_finish(&event, data);
        self.note(outcome);
    }

    /// Takes out what others have sent, without running user code, so that who waits for this process can go
    /// on.
    pub(super) fn take_in_posts(&self) {
        // Tasks stay: another task worker may take them.
        if self.shared.posts.is_none() || self.is_task_worker() {
            return;
        }
        let incoming = &self.incoming;
        loop {
            // Where too much is kept: still what ends the waiting.
            let is_full = incoming.held_bytes.get() > ARRIVED_MAX_BYTES;
            let sources = if is_full {
                incoming.replies.as_slice()
            } else {
                &incoming.sources
            };
            let Some(message) = self.take_message(sources) else {
                return;
            };
            incoming.keep(message);
        }
    }
}

/// Whether a coroutine or a call waits for the result of a task with these flags.
pub(super) fn is_awaited(flags: u16) -> bool {
    flags & COROUTINE != 0 || flags & NONBLOCK == 0
}

/// A message in parts that cannot be put together.
fn log_lost(header: &Header, kind: Kind, reason: Reason, worker_id: u32) {
    let what = match kind {
        Kind::Task => format!("task {}", header.session_id),
        Kind::Finish => format!("the result of task {}", header.session_id),
        _ => "a message".to_owned(),
    };
    let why = match reason {
        Reason::Orphan => "the process that took its beginning is dead",
        Reason::Unfinished => "the process that sent its beginning is dead",
        Reason::TooLarge | Reason::Inconsistent => "its parts do not fit together",
    };
    log::warning(format_args!(
        "{what} ({} bytes, from worker {worker_id}) is lost: {why}",
        header.len
    ));
}

/// A result that nobody waits for any more.
fn expired(task_id: u64) {
    log::coded(
        Level::Debug,
        "Server::finish()",
        codes::TASK_TIMEOUT,
        format_args!("task[{task_id}] has expired"),
    );
}

/// What a task's record says of it.
pub(super) fn key_of(header: &Header) -> TaskKey {
    TaskKey {
        id: header.session_id,
        source: header.source,
        epoch_bits: low_bits(header.epoch),
        is_awaited: header.port & NOREPLY == 0 && is_awaited(header.port),
        in_coroutine: header.port & COROUTINE != 0,
    }
}

/// Now, for a log line once in a second.
pub(super) fn now_s() -> u32 {
    (clock::monotonic_ms() / 1000) as u32
}
