//! The memory of a ring: its control block, its bytes, and the checked ways to reach them. The
//! protocol over it is in [`super::ring`].

use core::ptr::NonNull;
use core::sync::atomic::AtomicBool;

use super::counters::Padded;
use super::region::ShmRecord;
use super::sync::{AtomicU32, AtomicU64, Ordering};

/// What the consumer writes. The producer writes `waiting` only when the ring is full.
#[derive(Debug, Default)]
#[repr(C)]
pub struct ConsumerLine {
    /// Position of the first byte not yet released; counts up for ever. Written by the consumer.
    pub head: AtomicU64,
    /// 1: the producer wants its bell rung when there is room. Set by the producer, taken by the
    /// consumer, which looks at it after each batch: hence it is on the consumer's line.
    pub waiting: AtomicU32,
}

/// What the producer writes.
#[derive(Debug, Default)]
#[repr(C)]
pub struct ProducerLine {
    /// Position after the last committed byte; counts up for ever. Written by the producer.
    pub tail: AtomicU64,
}

/// The shared state of a ring. Positions are byte counts modulo 2^64; a position's place in the
/// data is its low bits. No capacity is stored here: it comes from the layout, not from shared
/// memory.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Control {
    pub consumer: Padded<ConsumerLine>,
    pub producer: Padded<ProducerLine>,
}

// SAFETY: atomics only, for which all-zero bytes are the value 0: an empty ring.
unsafe impl ShmRecord for Control {}

/// Whether this process has a producer and a consumer attached. Private memory: a child that is
/// forked later starts with what its parent had.
#[derive(Debug, Default)]
pub struct Claims {
    pub producer: AtomicBool,
    pub consumer: AtomicBool,
}

/// A handle on a ring: copy it freely, attach one `Producer` and one `Consumer` to it.
///
/// "One at a time" is enforced within a process by marks that the copies of a handle share. Between
/// processes it is the duty of whoever hands out roles: a successor attaches only when its
/// predecessor is dead, and a process does not use what it attached before it forked.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    control: &'static Control,
    data: NonNull<u8>,
    capacity_bytes: u64,
    claims: &'static Claims,
}

// SAFETY: the pointer is to a mapping that is never unmapped (`Ring::new`), and all access to its
// bytes is ordered by the positions in `control`, whichever thread does it.
unsafe impl Send for Ring {}
// SAFETY: as above; the handle itself is never changed.
unsafe impl Sync for Ring {}

impl Ring {
    /// # Safety
    /// `data` begins `capacity_bytes` that stay readable and writable for the life of the process,
    /// are aligned to 8, and are accessed through this ring alone. `capacity_bytes` is a power of
    /// two, at least 16.
    pub(super) unsafe fn new(
        control: &'static Control,
        data: NonNull<u8>,
        capacity_bytes: usize,
        claims: &'static Claims,
    ) -> Self {
        debug_assert!(capacity_bytes.is_power_of_two() && capacity_bytes >= 16);
        Self {
            control,
            data,
            capacity_bytes: capacity_bytes as u64,
            claims,
        }
    }

    /// Size of the data in bytes, a power of two.
    #[inline]
    #[must_use]
    pub fn capacity_bytes(&self) -> u64 {
        self.capacity_bytes
    }

    /// Whether there was nothing in it a moment ago. For whoever is neither its producer nor its consumer.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used_bytes() == 0
    }

    /// Bytes that were in use a moment ago.
    #[inline]
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        // The head first: it never passes the tail, so this is never negative.
        let head = self.head().load(Ordering::Acquire);
        let tail = self.tail().load(Ordering::Acquire);
        tail.wrapping_sub(head).min(self.capacity_bytes)
    }

    #[inline]
    pub(super) fn head(&self) -> &'static AtomicU64 {
        &self.control.consumer.head
    }

    #[inline]
    pub(super) fn tail(&self) -> &'static AtomicU64 {
        &self.control.producer.tail
    }

    #[inline]
    pub(super) fn waiting(&self) -> &'static AtomicU32 {
        &self.control.consumer.waiting
    }

    #[inline]
    pub(super) fn claims(&self) -> &'static Claims {
        self.claims
    }

    /// Where a position lies in the data.
    #[inline]
    pub(super) fn offset(&self, position: u64) -> u64 {
        position & (self.capacity_bytes - 1)
    }

    /// Reads the word at `offset`, a multiple of 8 inside the data.
    #[inline]
    pub(super) fn load_word(&self, offset: u64) -> u64 {
        self.word(offset).load(Ordering::Relaxed)
    }

    /// Writes the word at `offset`, a multiple of 8 inside the data.
    #[inline]
    pub(super) fn store_word(&self, offset: u64, word: u64) {
        self.word(offset).store(word, Ordering::Relaxed);
    }

    #[inline]
    fn word(&self, offset: u64) -> &AtomicU64 {
        assert!(offset & 7 == 0 && offset < self.capacity_bytes);
        // SAFETY: in bounds and aligned: `offset` is a multiple of 8 below the capacity (asserted),
        // which is a multiple of 8 itself, and the data is aligned to 8 (`new`). The memory lives for
        // ever (`new`). An atomic, because a word may be looked at by a successor that was started
        // too early: then the value is wrong, not the behaviour undefined.
        unsafe { self.data.add(offset as usize).cast::<AtomicU64>().as_ref() }
    }

    /// The bytes at `offset`, for reading.
    ///
    /// # Safety
    /// While the slice lives no one writes to these bytes: they lie between head and tail.
    #[inline]
    pub(super) unsafe fn bytes<'a>(&self, offset: u64, len: usize) -> &'a [u8] {
        let start = self.start(offset, len);
        // SAFETY: in bounds (`start`), initialised (memfd pages begin as zero), alive for ever
        // (`new`), not written to while the slice lives (the caller).
        unsafe { core::slice::from_raw_parts(start.as_ptr(), len) }
    }

    /// The bytes at `offset`, for writing.
    ///
    /// # Safety
    /// While the slice lives no one else reads or writes these bytes: they lie outside head to tail,
    /// and there is one producer, which makes one such slice at a time. `'a` ends before the
    /// producer publishes them.
    #[inline]
    pub(super) unsafe fn bytes_mut<'a>(&self, offset: u64, len: usize) -> &'a mut [u8] {
        let start = self.start(offset, len);
        // SAFETY: in bounds (`start`), initialised (memfd pages begin as zero), alive for ever
        // (`new`), exclusive (the caller).
        unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), len) }
    }

    /// A release-mode check too: it is the last wall between a wrong length and another ring.
    #[inline]
    fn start(&self, offset: u64, len: usize) -> NonNull<u8> {
        assert!(offset <= self.capacity_bytes && len as u64 <= self.capacity_bytes - offset);
        // SAFETY: inside the data or one past its end (asserted), which is part of one mapping.
        unsafe { self.data.add(offset as usize) }
    }
}
