//! One shared mapping, carved into typed parts before the forks.
//!
//! A [`Layout`] collects what is needed and hands out slots; [`Layout::build`] makes the memory and
//! [`Built`] turns each slot into a `&'static` slice or a [`Ring`]. The memory is zero at first and
//! costs nothing until it is touched.

use crate::error::Error;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use std::ffi::CString;
use std::fs::File;

use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::memory::{Claims, Control, Ring};

/// The largest region: far above what a server needs, far below what address arithmetic could
/// overflow on.
pub const MAX_REGION_BYTES: usize = 1 << 40;

/// Parts begin on a pair of cache lines (see [`super::counters::Padded`]).
const PART_ALIGN: usize = 128;

/// The data of a ring begins on a page, so that an unused ring costs none.
const PAGE_BYTES: usize = 4096;

/// The smallest and the largest capacity of a ring, in bytes.
pub const RING_CAPACITY_BYTES: core::ops::RangeInclusive<usize> = 1024..=(1 << 30);

/// Why shared memory could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    #[error("cannot make {bytes} bytes of shared memory: {op} failed: {source}")]
    Os {
        op: &'static str,
        bytes: usize,
        source: std::io::Error,
    },
    #[error("shared memory of {bytes} bytes is not possible: 1 to {MAX_REGION_BYTES} are")]
    Size { bytes: usize },
    #[error("the name of a shared memory region must be 1 to 200 bytes without a NUL")]
    Name,
}

impl From<RegionError> for Error {
    fn from(error: RegionError) -> Error {
        Error::Os {
            op: "make shared memory",
            detail: error.to_string(),
            errno: libc::ENOMEM,
        }
    }
}

/// A type that may live in memory shared between processes.
///
/// # Safety
/// All-zero bytes must be a valid value; what changes after the fork must be atomics (or guarded by
/// a [`super::mutex::RobustMutex`] in the same region); there must be no pointer, reference, handle
/// or `Drop`.
pub unsafe trait ShmRecord: Sync + 'static {}

/// A shared mapping that lives as long as the process and is inherited by its children.
#[derive(Debug)]
pub struct Region {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a region is an address and a length of a mapping that is never unmapped; access to it goes
// through `ShmRecord` types (which are `Sync`) and rings (which order their own access).
unsafe impl Send for Region {}
// SAFETY: as above; a region has no state of its own.
unsafe impl Sync for Region {}

impl Region {
    /// Makes a zeroed region of `bytes`; `name` shows in `/proc/<pid>/maps`. Sealed against resize,
    /// so that no holder of the file can make an access fault. No descriptor stays open.
    ///
    /// # Errors
    /// [`RegionError`]: out of memory, no memfd, a bad name or size.
    pub fn create(name: &str, bytes: usize) -> Result<&'static Region, RegionError> {
        if bytes == 0 || bytes > MAX_REGION_BYTES {
            return Err(RegionError::Size { bytes });
        }
        if name.is_empty() || name.len() > 200 {
            return Err(RegionError::Name);
        }
        let name = CString::new(name).map_err(|_| RegionError::Name)?;
        let os = |op| {
            move |errno: nix::Error| RegionError::Os {
                op,
                bytes,
                source: errno.into(),
            }
        };
        let io = |op| move |source| RegionError::Os { op, bytes, source };

        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let file = File::from(memfd_create(name.as_c_str(), flags).map_err(os("memfd_create"))?);
        file.set_len(bytes as u64).map_err(io("ftruncate"))?;
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).map_err(os("fcntl(F_ADD_SEALS)"))?;
        let map: MmapRaw = MmapOptions::new()
            .len(bytes)
            .map_raw(&file)
            .map_err(io("mmap"))?;
        // A huge page would make one touched byte cost 2 MiB. Kernels without them refuse the
        // advice, which then is not needed.
        let _ = map.advise(Advice::NoHugePage);
        let base = NonNull::new(map.as_mut_ptr()).ok_or(RegionError::Size { bytes })?;
        // The mapping belongs to the process from here on: every slice of it is `&'static`.
        core::mem::forget(map);
        Ok(Box::leak(Box::new(Region { base, bytes })))
    }

    /// The size in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// `count` records of `T` at `offset`, if they are inside and aligned. The region must hold
    /// nothing but `T`s there: [`Built`] sees to it.
    fn slice<T: ShmRecord>(&'static self, offset: usize, count: usize) -> Option<&'static [T]> {
        let pointer = self.pointer(offset, size_of::<T>().checked_mul(count)?)?;
        let pointer = pointer.cast::<T>();
        if !pointer.is_aligned() {
            return None;
        }
        // SAFETY: in bounds of a live, never unmapped mapping (`pointer`), aligned (checked);
        // initialised, as memfd pages are zero and all-zero is a valid `T` (`ShmRecord`); not
        // aliased by another type, as slots are disjoint and typed (`Layout`); changed by others only
        // through atomics (`ShmRecord`).
        Some(unsafe { core::slice::from_raw_parts(pointer.as_ptr(), count) })
    }

    fn pointer(&'static self, offset: usize, bytes: usize) -> Option<NonNull<u8>> {
        if offset.checked_add(bytes)? > self.bytes {
            return None;
        }
        // SAFETY: `offset` is inside the mapping or one past its end (checked above), and a mapping
        // is one allocation, no larger than isize::MAX (`MAX_REGION_BYTES`).
        Some(unsafe { self.base.add(offset) })
    }
}

/// A place for an array of `T` in a region to be built.
#[derive(Debug)]
pub struct Slot<T> {
    layout_id: u64,
    offset: usize,
    count: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slot<T> {}

/// A place for a ring in a region to be built.
#[derive(Clone, Copy, Debug)]
pub struct RingSlot {
    layout_id: u64,
    control_offset: usize,
    data_offset: usize,
    capacity_bytes: usize,
}

/// Collects the parts of a region.
#[derive(Debug)]
pub struct Layout {
    id: u64,
    bytes: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self::new()
    }
}

impl Layout {
    #[must_use]
    pub fn new() -> Self {
        // A slot opened in another region would have the wrong type behind it: ids tell them apart.
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            bytes: 0,
        }
    }

    /// Room for `count` records.
    pub fn array<T: ShmRecord>(&mut self, count: usize) -> Slot<T> {
        let offset = self.take(size_of::<T>().saturating_mul(count), align_of::<T>());
        Slot {
            layout_id: self.id,
            offset,
            count,
            kind: PhantomData,
        }
    }

    /// Room for a ring. `capacity_bytes` becomes the next power of two in [`RING_CAPACITY_BYTES`].
    pub fn ring(&mut self, capacity_bytes: usize) -> RingSlot {
        self.rings(1, capacity_bytes)[0]
    }

    /// Room for `count` rings, their control blocks side by side: who looks at many rings for news
    /// touches few pages.
    pub fn rings(&mut self, count: usize, capacity_bytes: usize) -> Vec<RingSlot> {
        let capacity_bytes = capacity_bytes
            .clamp(*RING_CAPACITY_BYTES.start(), *RING_CAPACITY_BYTES.end())
            .next_power_of_two();
        let controls: Slot<Control> = self.array(count);
        let rings = (0..count).map(|index| RingSlot {
            layout_id: self.id,
            control_offset: controls
                .offset
                .saturating_add(index.saturating_mul(size_of::<Control>())),
            data_offset: self.take(capacity_bytes, PAGE_BYTES),
            capacity_bytes,
        });
        rings.collect()
    }

    /// What the region will need, in bytes of address space.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes the region.
    ///
    /// # Errors
    /// As [`Region::create`].
    pub fn build(self, name: &str) -> Result<Built, RegionError> {
        Ok(Built {
            layout_id: self.id,
            region: Region::create(name, self.bytes)?,
        })
    }

    /// Saturates instead of overflowing: `build` then refuses the size.
    fn take(&mut self, bytes: usize, align: usize) -> usize {
        let align = align.max(PART_ALIGN);
        let offset = self.bytes.checked_next_multiple_of(align);
        let offset = offset.unwrap_or(usize::MAX);
        self.bytes = offset.saturating_add(bytes);
        offset
    }
}

/// A region with its parts.
#[derive(Debug)]
pub struct Built {
    layout_id: u64,
    region: &'static Region,
}

impl Built {
    /// The records of a slot.
    ///
    /// # Panics
    /// If the slot is of another layout: a mistake of the caller.
    #[must_use]
    pub fn get<T: ShmRecord>(&self, slot: Slot<T>) -> &'static [T] {
        assert_eq!(slot.layout_id, self.layout_id, "a slot of another layout");
        match self.region.slice(slot.offset, slot.count) {
            Some(records) => records,
            None => unreachable!("a layout places its slots inside its region"),
        }
    }

    /// The ring of a slot. Ask once per slot and copy the handle: each call makes a new set of
    /// attachment marks (see [`Ring`]).
    ///
    /// # Panics
    /// If the slot is of another layout: a mistake of the caller.
    #[must_use]
    pub fn ring(&self, slot: RingSlot) -> Ring {
        self.rings(&[slot])[0]
    }

    /// The rings of many slots.
    ///
    /// # Panics
    /// As [`Built::ring`].
    #[must_use]
    pub fn rings(&self, slots: &[RingSlot]) -> Vec<Ring> {
        // One allocation for the marks of all: they live as long as the region.
        let claims: Vec<Claims> = slots.iter().map(|_| Claims::default()).collect();
        let claims: &'static [Claims] = Vec::leak(claims);
        let rings = slots.iter().zip(claims);
        rings
            .map(|(slot, claims)| self.open(*slot, claims))
            .collect()
    }

    /// The size of the region in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.region.bytes()
    }

    fn open(&self, slot: RingSlot, claims: &'static Claims) -> Ring {
        assert_eq!(slot.layout_id, self.layout_id, "a slot of another layout");
        let control = self.region.slice::<Control>(slot.control_offset, 1);
        let data = self.region.pointer(slot.data_offset, slot.capacity_bytes);
        let (Some([control]), Some(data)) = (control, data) else {
            unreachable!("a layout places its rings inside its region")
        };
        // SAFETY: `data` begins `capacity_bytes` of a mapping that is never unmapped (`pointer`);
        // it is aligned to a page (`Layout::rings`); the capacity is a power of two in range (`Layout::rings`); no other slot
        // covers these bytes, so only this ring's producer and consumer access them.
        unsafe { Ring::new(control, data, slot.capacity_bytes, claims) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::super::counters::Counter;
    use super::*;

    #[test]
    fn parts_are_zero_disjoint_and_writable() {
        let mut layout = Layout::new();
        let counters = layout.array::<Counter>(3);
        let words = layout.array::<AtomicU64>(5);
        let more = layout.array::<AtomicU64>(2);
        let built = layout.build("test-parts").unwrap();
        let (counters, words, more) = (built.get(counters), built.get(words), built.get(more));
        assert_eq!((counters.len(), words.len(), more.len()), (3, 5, 2));
        words.iter().for_each(|word| {
            assert_eq!(word.swap(u64::MAX, Ordering::Relaxed), 0);
        });
        assert!(counters.iter().all(|counter| counter.get() == 0));
        assert!(more.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn an_empty_array_is_fine() {
        let mut layout = Layout::new();
        let none = layout.array::<AtomicU64>(0);
        let some = layout.array::<AtomicU64>(1);
        let built = layout.build("test-empty").unwrap();
        assert!(built.get(none).is_empty());
        assert_eq!(built.get(some).len(), 1);
    }

    #[test]
    fn impossible_sizes_and_names_are_refused() {
        assert!(matches!(
            Region::create("test", 0),
            Err(RegionError::Size { bytes: 0 })
        ));
        let mut layout = Layout::new();
        let _ = layout.array::<AtomicU64>(usize::MAX);
        let _ = layout.ring(4096);
        assert!(matches!(
            layout.build("test"),
            Err(RegionError::Size { .. })
        ));
        for name in ["", "a\0b", &"x".repeat(201)] {
            assert!(matches!(Region::create(name, 4096), Err(RegionError::Name)));
        }
    }

    #[test]
    #[should_panic(expected = "another layout")]
    fn a_slot_of_another_layout_is_refused() {
        let mut one = Layout::new();
        let slot = one.array::<AtomicU64>(1);
        let mut two = Layout::new();
        let _ = two.array::<Counter>(1);
        let _ = two.build("test-other").unwrap().get(slot);
    }

    #[test]
    fn no_descriptor_stays_open() {
        let name = "test-descriptors";
        let _region = Region::create(name, 4096).unwrap();
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        let open = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        assert_eq!(
            open.filter(|target| target.to_string_lossy().contains(name))
                .count(),
            0
        );
    }
}
