//! A matrix of rings: each of n producers has one to each of m consumers.
//!
//! With more than [`SCAN_LIMIT`] producers a consumer does not look at all its rings: it has a bitmap
//! in shared memory in which a producer marks its ring after it has published, and swaps its words for
//! zero before it reads. A producer killed between publishing and marking leaves a ring unmarked until
//! it is used again: whoever notices the death has the consumer call [`Inbox::scan_all`].

use core::cell::Cell;

use crate::shm::counters::Padded;

use crate::shm::region::{Built, Layout, RingSlot, Slot};
use crate::shm::ring::{Consumer, Corrupt, Producer, Record, Ring};
use crate::shm::sync::{AtomicU32, AtomicU64};

use super::doorbell::{Bell, Doorbell};
use super::marks;

/// Up to this many rings a consumer looks at all of them: cheaper than keeping a bitmap.
pub const SCAN_LIMIT: usize = 8;

/// The capacity of a ring, in bytes. The upper bound lets some seven messages of 64 KiB wait, so that both
/// sides work in batches: with half of it, one reactor thread and one worker took turns for each message.
pub const RING_MIN_BYTES: usize = 16 * 1024;
pub const RING_MAX_BYTES: usize = 512 * 1024;

/// What all rings of a server together may take: 8 reactor threads and 32 workers get the largest
/// rings within it.
pub const RINGS_BUDGET_BYTES: usize = 192 * 1024 * 1024;

/// A worker slot has this many rings to each reactor thread, used in turn by its incarnations, so
/// that what a dead worker left is read before, and apart from, what its successor sends.
pub const LANES: usize = 2;

/// The largest power of two such that `rings` rings fit in `budget_bytes`, in [`RING_MIN_BYTES`] to
/// [`RING_MAX_BYTES`]. With very many rings the lower bound wins over the budget; it is address space
/// only, until used.
#[must_use]
pub fn ring_capacity(rings: usize, budget_bytes: usize) -> usize {
    let share = budget_bytes / rings.max(1);
    let power = if share == 0 { 0 } else { 1 << share.ilog2() };
    power.clamp(RING_MIN_BYTES, RING_MAX_BYTES)
}

/// Rings of a server in PROCESS mode: to each worker one from each reactor thread, and back
/// [`LANES`] from each worker.
#[must_use]
pub fn process_mode_rings(reactors: usize, workers: usize) -> usize {
    reactors.saturating_mul(workers).saturating_mul(1 + LANES)
}

const WORD_BITS: usize = u64::BITS as usize;

/// Words per consumer in the bitmap: whole pairs of cache lines, 0 if there is no bitmap.
fn bitmap_stride(producers: usize) -> usize {
    if producers <= SCAN_LIMIT {
        0
    } else {
        producers.div_ceil(WORD_BITS).next_multiple_of(16)
    }
}

/// The place of an exchange in a region to be built.
#[derive(Debug)]
pub struct ExchangeSlot {
    producers: usize,
    consumers: usize,
    rings: Vec<RingSlot>,
    bitmap: Slot<AtomicU64>,
    sleeping: Slot<Padded<AtomicU32>>,
}

/// n times m rings, opened. Share it by reference between threads; children inherit it.
#[derive(Debug)]
pub struct Exchange {
    producers: usize,
    consumers: usize,
    /// All rings to consumer 0, then all to consumer 1, ...
    rings: Vec<Ring>,
    bitmap: &'static [AtomicU64],
    sleeping: &'static [Padded<AtomicU32>],
}

impl Exchange {
    /// Plans rings of `capacity_bytes` (rounded up to a power of two) from each of `producers` to
    /// each of `consumers`.
    pub fn layout(
        layout: &mut Layout,
        producers: usize,
        consumers: usize,
        capacity_bytes: usize,
    ) -> ExchangeSlot {
        let sleeping = layout.array(consumers);
        let bitmap = layout.array(consumers.saturating_mul(bitmap_stride(producers)));
        let rings = layout.rings(producers.saturating_mul(consumers), capacity_bytes);
        ExchangeSlot {
            producers,
            consumers,
            rings,
            bitmap,
            sleeping,
        }
    }

    /// Opens the rings: once, before the forks.
    #[must_use]
    pub fn open(built: &Built, slot: &ExchangeSlot) -> Self {
        Self {
            producers: slot.producers,
            consumers: slot.consumers,
            rings: built.rings(&slot.rings),
            bitmap: built.get(slot.bitmap),
            sleeping: built.get(slot.sleeping),
        }
    }

    #[must_use]
    pub fn producers(&self) -> usize {
        self.producers
    }

    #[must_use]
    pub fn consumers(&self) -> usize {
        self.consumers
    }

    /// The ring from `producer` to `consumer`.
    ///
    /// # Panics
    /// This and the methods below: if there is no such producer or consumer, a mistake of the caller.
    #[must_use]
    pub fn ring(&self, producer: usize, consumer: usize) -> Ring {
        assert!(producer < self.producers && consumer < self.consumers);
        self.rings[consumer * self.producers + producer]
    }

    /// Attaches the writing end. See [`Producer::attach`].
    #[must_use]
    pub fn producer(&self, producer: usize, consumer: usize) -> Producer {
        Producer::attach(self.ring(producer, consumer))
    }

    /// Attaches one reading end. See [`Consumer::attach`]; [`Exchange::inbox`] attaches all.
    #[must_use]
    pub fn consumer(&self, producer: usize, consumer: usize) -> Consumer {
        Consumer::attach(self.ring(producer, consumer))
    }

    /// The shared word that says whether a consumer sleeps, for its [`Doorbell`].
    #[must_use]
    pub fn sleeping(&self, consumer: usize) -> &'static AtomicU32 {
        &self.sleeping[consumer]
    }

    /// Attaches all reading ends of a consumer; everything left by a predecessor is found.
    #[must_use]
    pub fn inbox(&self, consumer: usize) -> Inbox {
        let rings = (0..self.producers).map(|producer| self.consumer(producer, consumer));
        let inbox = Inbox {
            rings: rings.collect(),
            marks: self.marks(consumer),
            ready: (0..self.producers.div_ceil(WORD_BITS))
                .map(|_| Cell::new(0))
                .collect(),
            cursor: Cell::new(0),
        };
        inbox.scan_all();
        inbox
    }

    /// Producer: after publishing (once per batch will do) and before [`Doorbell::notify`], lets the
    /// consumer know which ring to look at.
    #[inline]
    pub fn mark(&self, producer: usize, consumer: usize) {
        assert!(producer < self.producers && consumer < self.consumers);
        let Some(word) = self.marks(consumer).get(producer / WORD_BITS) else {
            return; // No bitmap: the consumer looks at all rings.
        };
        marks::set(word, 1 << (producer % WORD_BITS));
    }

    /// [`Exchange::mark`] and [`Doorbell::notify`]: what a producer does after a batch.
    #[inline]
    pub fn announce<B: Bell>(&self, producer: usize, consumer: usize, bell: &Doorbell<B>) -> bool {
        self.mark(producer, consumer);
        bell.notify()
    }

    #[inline]
    fn marks(&self, consumer: usize) -> &'static [AtomicU64] {
        let stride = bitmap_stride(self.producers);
        let all = self.bitmap;
        all.get(consumer * stride..(consumer + 1) * stride)
            .unwrap_or_default()
    }
}

/// All reading ends of one consumer. Belongs to one thread; methods take `&self` because callbacks
/// re-enter.
///
/// ```text
/// while let Some(producer) = inbox.next_ready() {
///     for _ in 0..budget {
///         let Some(record) = inbox.peek(producer)? else { break };
///         ...; record.release();
///     }
///     if inbox.consumer(producer).take_waiting() { ring the producer's bell }
/// }
/// doorbell.prepare_sleep();
/// if !inbox.collect() { wait for the bell }
/// doorbell.awake();
/// ```
#[derive(Debug)]
pub struct Inbox {
    rings: Vec<Consumer>,
    /// Shared; empty without a bitmap.
    marks: &'static [AtomicU64],
    /// Rings known to have something: a bit is cleared when `peek` finds its ring empty.
    ready: Vec<Cell<u64>>,
    /// Where `next_ready` goes on, so that all rings get their turn.
    cursor: Cell<usize>,
}

impl Inbox {
    /// How many rings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rings.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rings.is_empty()
    }

    /// The reading end of the ring from `producer`.
    ///
    /// # Panics
    /// If there is no such producer: a mistake of the caller.
    #[inline]
    #[must_use]
    pub fn consumer(&self, producer: usize) -> &Consumer {
        &self.rings[producer]
    }

    /// Finds the rings that producers have announced; whether any ring has something to read. The
    /// look before a sleep.
    pub fn collect(&self) -> bool {
        if self.marks.is_empty() {
            return self.scan_all();
        }
        marks::take(self.marks, |index, bits| {
            if let Some(ready) = self.ready.get(index) {
                ready.set(ready.get() | bits);
            }
        });
        self.ready.iter().any(|ready| ready.get() != 0)
    }

    /// Looks at every ring; whether any has something to read. After a process died.
    pub fn scan_all(&self) -> bool {
        let mut any = false;
        for (producer, ring) in self.rings.iter().enumerate() {
            if !ring.is_empty() {
                self.set_ready(producer);
                any = true;
            }
        }
        any
    }

    /// The next ring with something to read, each in its turn; `None` if there is none.
    pub fn next_ready(&self) -> Option<usize> {
        self.next_known().or_else(|| {
            self.collect();
            self.next_known()
        })
    }

    /// The oldest record from `producer`; `None` if there is none, which takes the ring off the list
    /// of ready ones until it is announced again.
    ///
    /// # Errors
    /// As [`Consumer::peek`]; the ring is off the list then, too.
    #[inline]
    pub fn peek(&self, producer: usize) -> Result<Option<Record<'_>>, Corrupt> {
        let peeked = self.rings[producer].peek();
        match peeked {
            Ok(Some(_)) => {}
            // Not by the answer alone: `None` is also said while a record is being looked at.
            Ok(None) if !self.rings[producer].is_empty() => {}
            Ok(None) | Err(_) => self.clear_ready(producer),
        }
        peeked
    }

    fn next_known(&self) -> Option<usize> {
        let words = self.ready.len();
        if words == 0 {
            return None;
        }
        let start = self.cursor.get();
        // The word of the cursor comes first without, and last with, its bits before the cursor.
        let mut index = start / WORD_BITS;
        let mut mask = u64::MAX << (start % WORD_BITS);
        for _ in 0..=words {
            let bits = self.ready[index].get() & mask;
            if bits != 0 {
                let producer = index * WORD_BITS + bits.trailing_zeros() as usize;
                let next = producer + 1;
                self.cursor
                    .set(if next == self.rings.len() { 0 } else { next });
                return Some(producer);
            }
            mask = u64::MAX;
            index = if index + 1 == words { 0 } else { index + 1 };
        }
        None
    }

    fn set_ready(&self, producer: usize) {
        let word = &self.ready[producer / WORD_BITS];
        word.set(word.get() | 1 << (producer % WORD_BITS));
    }

    fn clear_ready(&self, producer: usize) {
        let word = &self.ready[producer / WORD_BITS];
        word.set(word.get() & !(1 << (producer % WORD_BITS)));
    }
}
