//! A single-producer single-consumer ring of variable-size records in shared memory.
//!
//! # Format
//! The data is a sequence of 8-byte aligned records: a length word, then the bytes, rounded up to 8.
//! A record never wraps: where it does not fit before the end of the data, a pad word stands for the
//! rest and the record begins at offset 0. `tail` is where the next record goes, `head` is the first
//! one not released; both count up for ever and are the only thing that publishes or frees bytes.
//!
//! # Why it holds
//! - The producer writes bytes, length word and pad word outside `head..tail` and then stores `tail`
//!   with Release; the consumer loads `tail` with Acquire, so it sees whole records only. A producer
//!   killed at any instruction has either stored `tail` (the record is there, whole) or not (it never
//!   was, and its successor writes over it).
//! - The consumer reads inside `head..tail` and then stores `head` with Release; the producer loads
//!   `head` with Acquire before it reuses the bytes, so no read is overtaken. A consumer killed before
//!   the store leaves the record to its successor: delivery is at least once for the one record in
//!   hand, exactly once for all others.
//! - When the consumer has caught up, the producer goes back to the start of the data early (with a pad,
//!   as at the end), so that a ring with little traffic keeps to a few pages of it.
//! - Both sides keep their own position and the last seen one of the other privately, and look at the
//!   other's cache line only when that says "full" or "empty".
//!
//! Positions and words read from shared memory are checked; what cannot be right is [`Corrupt`] for
//! the consumer and "full" for the producer.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

// By their full paths: the model check compiles this file over other ones.
pub use crate::shm::memory::Ring;
use crate::shm::sync::{Ordering, fence};

/// Bytes of a length word; also the alignment of records.
pub const WORD_BYTES: u64 = 8;

/// The upper half of a word tells what it is, so that stray bytes are not taken for a length.
const RECORD_TAG: u64 = 0x5357_5243_0000_0000;
const PAD_TAG: u64 = 0x5357_5044_0000_0000;
const TAG_MASK: u64 = 0xffff_ffff_0000_0000;

/// The contents of a ring cannot have been written by a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shared-memory ring is corrupt: {what} (head {head}, tail {tail}, word {word:#x})")]
pub struct Corrupt {
    pub what: &'static str,
    pub head: u64,
    pub tail: u64,
    pub word: u64,
}

/// The largest record of a ring of this capacity: any such record fits once the ring is empty,
/// wherever the positions stand.
#[inline]
#[must_use]
pub fn max_record_bytes(capacity_bytes: u64) -> usize {
    (capacity_bytes / 2 - WORD_BYTES) as usize
}

/// The producer looks whether it may go back to the start after this part of the ring.
const REWIND_SHARE: u64 = 16;

/// And, if the consumer had not caught up, looks again after this part.
const LOOK_SHARE: u64 = 256;

/// Bytes that a record of `len` takes. No overflow: callers bound `len` by `max_record_bytes`.
#[inline]
fn span_bytes(len: usize) -> u64 {
    WORD_BYTES + ((len as u64 + 7) & !7)
}

/// The writing end.
pub struct Producer {
    ring: Ring,
    /// Own position; equals the shared `tail` between calls.
    tail: u64,
    /// The consumer's position when last looked at: never ahead of the true one.
    head_seen: u64,
    max_record: usize,
    /// Offset from which on to look whether the ring can be rewound.
    rewind_from: u64,
    /// The positions found at `attach` cannot be right: nothing can be written.
    corrupt: bool,
}

impl Producer {
    /// Takes the writing end, going on where a dead predecessor stopped. One at a time: see [`Ring`].
    ///
    /// # Panics
    /// If this process has a producer on this ring already: a mistake of the caller.
    #[must_use]
    pub fn attach(ring: Ring) -> Self {
        let taken = ring
            .claims()
            .producer
            .swap(true, core::sync::atomic::Ordering::Acquire);
        assert!(!taken, "the ring has a producer in this process already");
        // Acquire on `tail` as well: it orders this after what the predecessor wrote.
        let tail = ring.tail().load(Ordering::Acquire);
        let head = ring.head().load(Ordering::Acquire);
        let capacity = ring.capacity_bytes();
        Self {
            corrupt: (tail | head) & 7 != 0 || tail.wrapping_sub(head) > capacity,
            ring,
            tail,
            head_seen: head,
            max_record: max_record_bytes(capacity),
            rewind_from: 0,
        }
    }

    /// Room for a record of up to `len` bytes, or `None` if there is not enough now (or ever, if
    /// `len` is above [`Producer::max_record`]). Touches no ring memory.
    #[inline]
    pub fn try_reserve(&mut self, len: usize) -> Option<Reservation<'_>> {
        if len > self.max_record || self.corrupt {
            return None;
        }
        let (mut pad, span) = self.place(len);
        let offset = self.ring.offset(self.tail);
        // Two such records and some more must fit between the start and the pad, or going back would
        // make a ring full that is nearly empty.
        let enough = 2 * span + self.ring.capacity_bytes() / REWIND_SHARE;
        if pad == 0 && offset >= enough.max(self.rewind_from) && self.rewinds(offset) {
            pad = self.ring.capacity_bytes() - offset;
        }
        if self.free_bytes(self.head_seen) < pad + span {
            // Acquire: what the consumer read is read before its bytes are written over.
            self.head_seen = self.ring.head().load(Ordering::Acquire);
            if self.free_bytes(self.head_seen) < pad + span {
                return None;
            }
        }
        Some(Reservation {
            producer: self,
            pad,
            len,
        })
    }

    /// Writes one record made of `parts`; false if there is no room now (or ever, above
    /// [`Producer::max_record`]).
    #[inline]
    pub fn try_push(&mut self, parts: &[&[u8]]) -> bool {
        // Saturating: an impossible sum is above every limit, so refused.
        let len = parts
            .iter()
            .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let Some(mut reservation) = self.try_reserve(len) else {
            return false;
        };
        let mut rest = reservation.bytes_mut();
        for part in parts {
            let (place, after) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = after;
        }
        reservation.commit(len);
        true
    }

    /// Bytes in use now, length words and padding included.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        let head = self.ring.head().load(Ordering::Acquire);
        self.tail.wrapping_sub(head).min(self.ring.capacity_bytes())
    }

    /// The largest record in bytes.
    #[inline]
    #[must_use]
    pub fn max_record(&self) -> usize {
        self.max_record
    }

    /// Whether a record of `len` bytes fits now; looks at the consumer's present position.
    #[must_use]
    pub fn free_for(&self, len: usize) -> bool {
        if len > self.max_record || self.corrupt {
            return false;
        }
        let (pad, span) = self.place(len);
        self.free_bytes(self.ring.head().load(Ordering::Acquire)) >= pad + span
    }

    /// Asks the consumer for a ring of this side's bell when there is room (or takes that back).
    ///
    /// To wait without losing the wake-up: `set_waiting(true)`, then look at [`Producer::free_for`]
    /// once more, and only if it still says no wait for the bell. The fence pairs with the one in
    /// [`Consumer::take_waiting`]: either this side sees the moved head, or the consumer sees the flag.
    pub fn set_waiting(&self, on: bool) {
        // A swap, like the consumer's: each write of the flag then sees the one before it.
        self.ring.waiting().swap(u32::from(on), Ordering::AcqRel);
        if on {
            fence(Ordering::SeqCst);
        }
    }

    /// Whether the positions found at [`Producer::attach`] were sound; if not, nothing can be pushed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.corrupt
    }

    /// Padding before and size of a record of `len` at the present tail.
    #[inline]
    fn place(&self, len: usize) -> (u64, u64) {
        let span = span_bytes(len);
        let to_end = self.ring.capacity_bytes() - self.ring.offset(self.tail);
        (if span > to_end { to_end } else { 0 }, span)
    }

    /// Whether the consumer has caught up; if not, the next look is some way on, to leave its cache
    /// line alone.
    #[cold]
    fn rewinds(&mut self, offset: u64) -> bool {
        self.head_seen = self.ring.head().load(Ordering::Acquire);
        let empty = self.head_seen == self.tail;
        if !empty {
            self.rewind_from = offset + self.ring.capacity_bytes() / LOOK_SHARE;
        }
        empty
    }

    /// Free bytes given the consumer's position; 0 if that position cannot be right. A misaligned
    /// one counts down to the next word, so that no byte before it is taken.
    #[inline]
    fn free_bytes(&self, head: u64) -> u64 {
        let used = self.tail.wrapping_sub(head & !7);
        self.ring.capacity_bytes().saturating_sub(used)
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let claim = &self.ring.claims().producer;
        claim.store(false, core::sync::atomic::Ordering::Release);
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("tail", &self.tail)
            .field("head_seen", &self.head_seen)
            .field("capacity_bytes", &self.ring.capacity_bytes())
            .finish_non_exhaustive()
    }
}

/// Room for one record. Dropping it abandons it: nothing was written that anyone can see.
#[must_use = "a reservation that is dropped is abandoned"]
pub struct Reservation<'a> {
    producer: &'a mut Producer,
    pad: u64,
    len: usize,
}

impl Reservation<'_> {
    /// The bytes to fill; they hold what was there before.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let ring = &self.producer.ring;
        let offset = ring.offset(self.producer.tail.wrapping_add(self.pad)) + WORD_BYTES;
        // SAFETY: `try_reserve` found these bytes free: outside `head..tail`, and the consumer moves
        // `head` up to `tail` at most, so they stay free. There is one producer (`Ring`), borrowed
        // mutably by this reservation, which is borrowed mutably by the slice: no second slice, and
        // `commit`, which publishes, takes the reservation by value.
        unsafe { ring.bytes_mut(offset, self.len) }
    }

    /// The reserved length in bytes.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing but an empty record was reserved.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Publishes the first `len` bytes as one record; the rest of the reservation is given back.
    ///
    /// # Panics
    /// If `len` is more than was reserved: a mistake of the caller.
    #[inline]
    pub fn commit(self, len: usize) {
        assert!(len <= self.len, "commit of more than was reserved");
        let producer = self.producer;
        let ring = &producer.ring;
        if self.pad > 0 {
            ring.store_word(ring.offset(producer.tail), PAD_TAG | self.pad);
            producer.rewind_from = 0;
        }
        let start = producer.tail.wrapping_add(self.pad);
        ring.store_word(ring.offset(start), RECORD_TAG | len as u64);
        producer.tail = start.wrapping_add(span_bytes(len));
        // Release: the bytes and words above are seen by whoever sees this tail. Pad and record
        // appear together, so a pad is never the last thing in a ring.
        ring.tail().store(producer.tail, Ordering::Release);
    }
}

impl fmt::Debug for Reservation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// The reading end. Methods take `&self` because callbacks re-enter; it belongs to one thread.
pub struct Consumer {
    ring: Ring,
    /// Own position; equals the shared `head`.
    head: Cell<u64>,
    /// The producer's position when last looked at: never ahead of the true one.
    tail_seen: Cell<u64>,
    /// A [`Record`] is alive: there is no second one before it is released.
    lent: Cell<bool>,
    /// May move to another thread, may not be shared.
    not_sync: PhantomData<Cell<()>>,
}

impl Consumer {
    /// Takes the reading end, going on where a dead predecessor stopped. One at a time: see [`Ring`].
    ///
    /// # Panics
    /// If this process has a consumer on this ring already: a mistake of the caller.
    #[must_use]
    pub fn attach(ring: Ring) -> Self {
        let taken = ring
            .claims()
            .consumer
            .swap(true, core::sync::atomic::Ordering::Acquire);
        assert!(!taken, "the ring has a consumer in this process already");
        let head = ring.head().load(Ordering::Acquire);
        Self {
            ring,
            head: Cell::new(head),
            // "Nothing seen": the first peek looks.
            tail_seen: Cell::new(head),
            lent: Cell::new(false),
            not_sync: PhantomData,
        }
    }

    /// The oldest record, or `None` if there is none, or if the one from an earlier call is still
    /// alive.
    ///
    /// # Errors
    /// [`Corrupt`] if the ring holds what no producer writes; it stays so.
    #[inline]
    pub fn peek(&self) -> Result<Option<Record<'_>>, Corrupt> {
        if self.lent.get() {
            return Ok(None);
        }
        let head = self.head.get();
        let mut tail = self.tail_seen.get();
        if tail == head {
            // Acquire: the records before this tail are whole.
            tail = self.ring.tail().load(Ordering::Acquire);
            if tail == head {
                return Ok(None);
            }
            self.check_positions(head, tail)?;
            self.tail_seen.set(tail);
        }
        let (start, len) = self.locate(head, tail)?;
        self.lent.set(true);
        Ok(Some(Record {
            consumer: self,
            start,
            len,
        }))
    }

    /// Passes over everything that is in the ring, unread: the way on after [`Corrupt`]. Does nothing,
    /// and says false, while a record is alive: its bytes must stay.
    pub fn skip_all(&self) -> bool {
        if self.lent.get() {
            return false;
        }
        let tail = self.ring.tail().load(Ordering::Acquire);
        self.head.set(tail);
        // With `head`, or the next `peek` would take what lies beyond the tail for records.
        self.tail_seen.set(tail);
        self.ring.head().store(tail, Ordering::Release);
        true
    }

    /// Whether there is nothing to read now; looks at the producer's present position.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ring.tail().load(Ordering::Acquire) == self.head.get()
    }

    /// How many records there are now, at most `limit`: each is walked to. Ends at what is corrupt.
    #[must_use]
    pub fn count_up_to(&self, limit: usize) -> usize {
        let tail = self.ring.tail().load(Ordering::Acquire);
        let mut position = self.head.get();
        if self.check_positions(position, tail).is_err() {
            return 0;
        }
        let mut count = 0;
        while count < limit && position != tail {
            let Ok((start, len)) = self.locate(position, tail) else {
                break;
            };
            position = start.wrapping_add(span_bytes(len));
            count += 1;
        }
        count
    }

    /// Takes the producer's wish for a bell, if it has one: then ring it. Call after releasing (once
    /// per batch will do), or the producer may wait for ever. See [`Producer::set_waiting`].
    #[inline]
    #[must_use]
    pub fn take_waiting(&self) -> bool {
        // Orders the stores of `head` before the look at the flag.
        fence(Ordering::SeqCst);
        let waiting = self.ring.waiting();
        waiting.load(Ordering::Relaxed) != 0 && waiting.swap(0, Ordering::AcqRel) != 0
    }

    /// Where the record at `head` starts (after padding) and how long it is, checked.
    #[inline]
    fn locate(&self, head: u64, tail: u64) -> Result<(u64, usize), Corrupt> {
        let mut start = head;
        let mut word = self.ring.load_word(self.ring.offset(start));
        if word & TAG_MASK == PAD_TAG {
            let to_end = self.ring.capacity_bytes() - self.ring.offset(start);
            // A record follows each pad, so the pad alone cannot fill `head..tail`.
            if word & !TAG_MASK != to_end || to_end >= tail.wrapping_sub(start) {
                return Err(corrupt("padding of a wrong size", head, tail, word));
            }
            start = start.wrapping_add(to_end);
            word = self.ring.load_word(0);
        }
        if word & TAG_MASK != RECORD_TAG {
            return Err(corrupt("no length word", head, tail, word));
        }
        // Below 2^32, so its span does not overflow.
        let len = (word & !TAG_MASK) as usize;
        let span = span_bytes(len);
        let to_end = self.ring.capacity_bytes() - self.ring.offset(start);
        if span > tail.wrapping_sub(start) || span > to_end {
            return Err(corrupt("a record of a wrong size", head, tail, word));
        }
        Ok((start, len))
    }

    #[inline]
    fn check_positions(&self, head: u64, tail: u64) -> Result<(), Corrupt> {
        if (head | tail) & 7 != 0 || tail.wrapping_sub(head) > self.ring.capacity_bytes() {
            return Err(corrupt("impossible positions", head, tail, 0));
        }
        Ok(())
    }
}

#[cold]
fn corrupt(what: &'static str, head: u64, tail: u64, word: u64) -> Corrupt {
    Corrupt {
        what,
        head,
        tail,
        word,
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let claim = &self.ring.claims().consumer;
        claim.store(false, core::sync::atomic::Ordering::Release);
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("head", &self.head.get())
            .field("tail_seen", &self.tail_seen.get())
            .field("capacity_bytes", &self.ring.capacity_bytes())
            .finish_non_exhaustive()
    }
}

/// A record still in the ring. Releasing it, by [`Record::release`] or by dropping it, gives the
/// space back and counts it as taken.
#[derive(Debug)]
pub struct Record<'a> {
    consumer: &'a Consumer,
    // Not the slice itself: it would still be there when `drop` gives the bytes back.
    start: u64,
    len: usize,
}

impl Record<'_> {
    /// The whole record, as it was committed.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let ring = &self.consumer.ring;
        let offset = ring.offset(self.start) + WORD_BYTES;
        // SAFETY: `Consumer::locate` found `len` bytes at `start` inside `head..tail`, and the
        // producer writes there only after `head` has moved past them, which only the drop of this
        // record does: there is one consumer (`Ring`), and `lent` keeps it from a second record
        // meanwhile. The slice borrows the record, so it is gone by then.
        unsafe { ring.bytes(offset, self.len) }
    }

    /// Length of the record in bytes.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives the space back.
    #[inline]
    pub fn release(self) {}

    /// Leaves the record where it is: the next [`Consumer::peek`] gives it again.
    #[inline]
    pub fn put_back(self) {
        self.consumer.lent.set(false);
        // Without the drop, which would move the head.
        core::mem::forget(self);
    }
}

impl Drop for Record<'_> {
    #[inline]
    fn drop(&mut self) {
        let consumer = self.consumer;
        let next = self.start.wrapping_add(span_bytes(self.len));
        consumer.head.set(next);
        // Release: the reads of the bytes come before the producer may write over them.
        consumer.ring.head().store(next, Ordering::Release);
        consumer.lent.set(false);
    }
}
