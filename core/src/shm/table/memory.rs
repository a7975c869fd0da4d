//! The memory of a table and the checked ways to reach it.
//!
//! ```text
//! header | stripes | buckets | slots
//! slot:  link word | key (8 words) | columns
//! link:  tag (24 bits) | key length (8) | next slot, counted from 1 (32)
//! ```
//! Everything is an atomic, so that a reader may look at a row that is being written: it gets nonsense,
//! sees that it did, and looks again.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64};
use std::num::NonZeroUsize;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::super::counters::Padded;
use super::super::lock::OwnerLock;
use super::super::region::ShmRecord;

/// Words of a slot before its columns.
pub const KEY_WORDS: usize = 8;
/// Where the columns begin in a slot.
pub const DATA_START: usize = 1 + KEY_WORDS;

/// What the whole table shares.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Header {
    /// Rows, and room taken for rows on their way in.
    pub rows: Padded<AtomicU64>,
    /// Free slots: the first, counted from 1, in the low half; above it a count of changes, so that a
    /// slot that went and came back is noticed.
    pub free: Padded<AtomicU64>,
    /// How many slots were ever used; the ones behind are free and not in the list.
    pub used: Padded<AtomicU64>,
    /// 1: a process died while it changed something; slots may be lost.
    pub needs_sweep: Padded<AtomicU64>,
    pub conflicts: AtomicU64,
    pub longest_chain: AtomicU64,
}

// SAFETY: atomics only, for which all-zero bytes are the value 0.
unsafe impl ShmRecord for Header {}

/// What guards a part of the buckets: those with the same remainder.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Stripe {
    pub lock: OwnerLock,
    /// Odd while the holder of the lock changes something. A reader whose rows stand between two equal
    /// even values saw no change.
    pub sequence: AtomicU64,
    /// A free slot for the next new version of a row, counted from 1; 0: none.
    pub spare: AtomicU64,
    pub inserts: AtomicU64,
    pub updates: AtomicU64,
    pub deletes: AtomicU64,
}

// SAFETY: atomics only, for which all-zero bytes are the value 0; the padding is never read.
unsafe impl ShmRecord for Stripe {}

/// How many of each a table has.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// A power of two.
    pub buckets: usize,
    /// A power of two, at most `buckets`.
    pub stripes: usize,
    pub slots: usize,
    pub slot_words: usize,
}

impl Shape {
    const fn stripes_at() -> usize {
        size_of::<Header>()
    }

    fn buckets_at(self) -> Option<usize> {
        let bytes = self.stripes.checked_mul(size_of::<Stripe>())?;
        Self::stripes_at().checked_add(bytes)
    }

    fn slots_at(self) -> Option<usize> {
        let bytes = self.buckets.checked_mul(size_of::<AtomicU32>())?;
        self.buckets_at()?
            .checked_add(bytes)?
            .checked_next_multiple_of(64)
    }

    /// All of it, in bytes; None: more than there are addresses.
    #[must_use]
    pub fn bytes(self) -> Option<usize> {
        let words = self.slots.checked_mul(self.slot_words)?;
        let bytes = self.slots_at()?.checked_add(words.checked_mul(8)?)?;
        isize::try_from(bytes).is_ok().then_some(bytes)
    }
}

/// A shared mapping. Each process that forks from the maker has it, and unmaps its own.
#[derive(Debug)]
pub struct Memory {
    base: NonNull<u8>,
    bytes: usize,
    shape: Shape,
    buckets_at: usize,
    slots_at: usize,
}

// SAFETY: an address of memory that lives as long as this value; what is in it are atomics.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Zeroed memory, which the kernel must be willing to give in full: a table that is too large is
    /// refused here, not when it fills. None: it is not.
    #[must_use]
    pub fn create(shape: Shape) -> Option<Self> {
        let bytes = shape.bytes()?;
        let (buckets_at, slots_at) = (shape.buckets_at()?, shape.slots_at()?);
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        // JUSTIFICATION: memmap2's anonymous maps are private, its file maps are not accounted for.
        let base = unsafe {
            mmap_anonymous(
                None,
                NonZeroUsize::new(bytes)?,
                protection,
                MapFlags::MAP_SHARED,
            )
        };
        Some(Self {
            base: base.ok()?.cast(),
            bytes,
            shape,
            buckets_at,
            slots_at,
        })
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    #[inline]
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.slice(0, 1)[0]
    }

    #[inline]
    #[must_use]
    pub fn stripes(&self) -> &[Stripe] {
        self.slice(Shape::stripes_at(), self.shape.stripes)
    }

    /// The first slot of each chain, counted from 1; 0: none.
    #[inline]
    #[must_use]
    pub fn buckets(&self) -> &[AtomicU32] {
        self.slice(self.buckets_at, self.shape.buckets)
    }

    /// The words of a slot. Panics if there is no such slot.
    #[inline]
    #[must_use]
    pub fn slot(&self, index: usize) -> &[AtomicU64] {
        assert!(index < self.shape.slots);
        let words = self.shape.slot_words;
        self.slice(self.slots_at + index * words * 8, words)
    }

    #[inline]
    fn slice<T: ShmRecord>(&self, offset: usize, count: usize) -> &[T] {
        debug_assert!(offset + count * size_of::<T>() <= self.bytes);
        debug_assert!(offset.is_multiple_of(align_of::<T>()));
        // SAFETY: in bounds: the callers' offsets and counts are those of `shape`, with which the size
        // of the mapping was calculated without overflow (`create`), and `slot` checks its index.
        // Aligned: the mapping begins on a page; each part's offset is a multiple of its records'
        // alignment: sizes of `Header` (128) and `Stripe` (64) before buckets of 4, slots on 64, words
        // of 8 within. Initialised: new pages are zero, which is valid (`ShmRecord`). One type per
        // place. Changed through atomics only (`ShmRecord`). Alive as long as `self`.
        unsafe { core::slice::from_raw_parts(self.base.add(offset).cast::<T>().as_ptr(), count) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping of `create`, unmapped once; every slice borrows `self` and is gone.
        let _ = unsafe { munmap(self.base.cast(), self.bytes) };
    }
}

const _: () = assert!(align_of::<Header>() == 128 && size_of::<Header>().is_multiple_of(128));
const _: () = assert!(size_of::<Stripe>() == 64);
