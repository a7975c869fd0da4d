//! Stacks of machine code for coroutines: many of them carved out of few mappings.
//!
//! A mapping of its own for each stack, with a guard page, costs two entries of the kernel's map
//! (`vm.max_map_count`, usually 65,530), which ends near 32,000 stacks. Here a mapping holds many
//! stacks, so their number is limited by memory alone; the guards are pages that fault without being an
//! entry of the map (`MADV_GUARD_INSTALL`, Linux 6.13), or on older kernels protected pages as long as
//! there is room for their entries.

use super::SysError;
use nix::errno::Errno;
use std::ptr::NonNull;

/// Below each stack: running over the end faults instead of writing into a neighbour. More than a page, as
/// functions keep buffers of several on the stack, and may write to their far end first.
pub const GUARD_BYTES: usize = 32 * 1024;
/// Between the guard and the stack: faults, too, but may be opened once ([`super::stack_fault`]), so that what
/// runs there comes to a point at which it can be ended in order. It is not part of the stack's size.
pub const RESERVE_BYTES: usize = 64 * 1024;
/// What is closed below each stack.
const CLOSED_BYTES: usize = GUARD_BYTES + RESERVE_BYTES;
/// A mapping starts with so many stacks, and each further one doubles, up to [`MAX_SLOTS`].
const MIN_SLOTS: usize = 16;
const MAX_SLOTS: usize = 1024;
/// Stacks that get a protected page where the kernel has no cheaper guard: two entries of the map each.
const MAX_PROTECTED: usize = 12_000;
/// `MADV_GUARD_INSTALL` and `MADV_GUARD_REMOVE`, which libc does not name yet.
const MADV_GUARD_INSTALL: i32 = 102;
const MADV_GUARD_REMOVE: i32 = 103;

/// Opens memory that was closed as a guard. Two system calls, nothing else: for signal handlers.
///
/// # Safety
/// The range is whole pages, part of what [`Stacks`] or [`close`] has closed and left otherwise unused.
#[must_use]
pub unsafe fn open(start: usize, bytes: usize) -> bool {
    let start: *mut libc::c_void = std::ptr::with_exposed_provenance_mut(start);
    // SAFETY: the caller's promise. Which of the two closed it is not known here; on kernels without the
    // first it is refused, and on memory that was closed by it the second changes nothing.
    unsafe {
        let removed = libc::madvise(start, bytes, MADV_GUARD_REMOVE) == 0;
        let allowed = libc::mprotect(start, bytes, libc::PROT_READ | libc::PROT_WRITE) == 0;
        removed || allowed
    }
}

/// Closes memory, so that whoever touches it faults. False: the kernel has no room for another entry in its
/// map.
///
/// # Safety
/// The range is whole pages of a private mapping that nothing uses.
pub unsafe fn close(start: usize, bytes: usize) -> bool {
    let start: *mut libc::c_void = std::ptr::with_exposed_provenance_mut(start);
    // SAFETY: the caller's promise.
    unsafe { libc::mprotect(start, bytes, libc::PROT_NONE) == 0 }
}

/// One stack, usable from `top` down to `bottom`. It goes back with [`Stacks::give`].
#[derive(Debug, PartialEq, Eq)]
pub struct Stack {
    bottom: NonNull<u8>,
    bytes: usize,
}

impl Stack {
    /// The lowest usable byte.
    #[must_use]
    pub fn bottom(&self) -> *mut u8 {
        self.bottom.as_ptr()
    }

    /// One past the highest byte; aligned to a page.
    #[must_use]
    pub fn top(&self) -> *mut u8 {
        self.bottom.as_ptr().wrapping_add(self.bytes)
    }

    /// From bottom to top.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// How guards are made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guards {
    /// Not tried yet.
    Unknown,
    Installed,
    Protected {
        left: usize,
    },
    None,
}

/// Stacks of one size.
#[derive(Debug)]
pub struct Stacks {
    bytes: usize,
    /// Of the newest mapping: what was not given out yet.
    fresh: usize,
    next: *mut u8,
    slots: usize,
    /// Given back; their memory belongs to the kernel again.
    free: Vec<Stack>,
    guards: Guards,
}

impl Stacks {
    /// `bytes` for each stack, a multiple of the page size.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Stacks {
            bytes,
            fresh: 0,
            next: std::ptr::null_mut(),
            slots: 0,
            free: Vec::new(),
            guards: Guards::Unknown,
        }
    }

    /// The size of each stack.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Other stacks will be so large; those given out keep their size, and are let go when given back.
    pub fn resize(&mut self, bytes: usize) {
        if bytes != self.bytes {
            let guards = self.guards;
            // The mappings stay: stacks of theirs may be in use.
            *self = Stacks {
                guards,
                ..Stacks::new(bytes)
            };
        }
    }

    /// A stack, all zero.
    ///
    /// # Errors
    /// The kernel gives no more address space (`ulimit -v`, `vm.overcommit_memory`, `vm.max_map_count`).
    pub fn take(&mut self) -> Result<Stack, SysError> {
        if let Some(stack) = self.free.pop() {
            return Ok(stack);
        }
        if self.fresh == 0 {
            self.map()?;
        }
        let guard = self.next;
        let slot_bytes = self.bytes + CLOSED_BYTES;
        self.next = self.next.wrapping_add(slot_bytes);
        self.fresh -= 1;
        self.guard(guard);
        let bottom = NonNull::new(guard.wrapping_add(CLOSED_BYTES));
        let bottom =
            bottom.ok_or_else(|| SysError::refused("make a stack", "the mapping is at 0"))?;
        let stack = Stack {
            bottom,
            bytes: self.bytes,
        };
        super::valgrind::register_stack(stack.bottom() as usize, stack.top() as usize);
        Ok(stack)
    }

    /// Takes a stack back that nothing runs on any more; its memory goes to the kernel.
    pub fn give(&mut self, stack: Stack) {
        // SAFETY: the range belongs to a private anonymous mapping of ours, and by the caller's word
        // nothing uses it; the guard below is not touched.
        let done =
            unsafe { libc::madvise(stack.bottom().cast(), stack.bytes, libc::MADV_DONTNEED) };
        // One of a former size is left to the kernel's map; one that could not be emptied is not reused.
        if done == 0 && stack.bytes == self.bytes {
            self.free.push(stack);
        }
    }

    fn map(&mut self) -> Result<(), SysError> {
        let slots = (self.slots * 2).clamp(MIN_SLOTS, MAX_SLOTS);
        let bytes = slots * (self.bytes + CLOSED_BYTES);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
        // SAFETY: a new mapping at a place of the kernel's choice; no memory of ours is touched.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(SysError::new(
                "map memory for coroutine stacks",
                format!("{slots} stacks of {} bytes", self.bytes),
                Errno::last(),
            ));
        }
        // A stack touches one page; a huge one in its place would cost 2 MiB. Advice may be refused.
        // SAFETY: the mapping just made.
        unsafe { libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE) };
        self.next = start.cast();
        self.fresh = slots;
        self.slots = slots;
        Ok(())
    }

    fn guard(&mut self, page: *mut u8) {
        if matches!(self.guards, Guards::Unknown | Guards::Installed) {
            // SAFETY: the first page of a slot of ours, which nothing uses.
            let done = unsafe { libc::madvise(page.cast(), CLOSED_BYTES, MADV_GUARD_INSTALL) };
            self.guards = match (done, self.guards) {
                (0, _) => Guards::Installed,
                (_, Guards::Unknown) => Guards::Protected {
                    left: MAX_PROTECTED,
                },
                (_, guards) => guards,
            };
        }
        if let Guards::Protected { left } = self.guards {
            // SAFETY: as above.
            let done = unsafe { libc::mprotect(page.cast(), CLOSED_BYTES, libc::PROT_NONE) };
            self.guards = match left.checked_sub(1) {
                Some(left) if done == 0 => Guards::Protected { left },
                _ => Guards::None,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 64 * 1024;

    fn fill(stack: &Stack) {
        // SAFETY: the whole stack is ours to write.
        unsafe { std::ptr::write_bytes(stack.bottom(), 0xAA, stack.bytes()) };
    }

    fn first(stack: &Stack) -> u8 {
        // SAFETY: as above.
        unsafe { *stack.bottom() }
    }

    #[test]
    fn stacks_do_not_overlap_and_are_zero_again() {
        let mut stacks = Stacks::new(BYTES);
        let taken: Vec<Stack> = (0..40).map(|_| stacks.take().unwrap()).collect();
        taken.iter().for_each(fill);
        let mut places: Vec<usize> = taken.iter().map(|s| s.bottom() as usize).collect();
        places.sort_unstable();
        assert!(
            places
                .windows(2)
                .all(|pair| pair[1] - pair[0] >= BYTES + CLOSED_BYTES)
        );
        taken.into_iter().for_each(|stack| stacks.give(stack));
        let again = stacks.take().unwrap();
        assert_eq!(first(&again), 0);
        assert_eq!(again.top() as usize - again.bottom() as usize, BYTES);
    }

    #[test]
    fn the_reserve_opens() {
        let mut stacks = Stacks::new(BYTES);
        let stack = stacks.take().unwrap();
        let reserve = stack.bottom().wrapping_sub(RESERVE_BYTES);
        // SAFETY: the reserve below a stack of ours, which nothing uses.
        assert!(unsafe { open(reserve as usize, RESERVE_BYTES) });
        // SAFETY: open now.
        unsafe { std::ptr::write_bytes(reserve, 0xAA, RESERVE_BYTES) };
        fill(&stack);
    }

    #[test]
    fn a_new_size_is_for_new_stacks() {
        let mut stacks = Stacks::new(BYTES);
        let small = stacks.take().unwrap();
        stacks.resize(2 * BYTES);
        let large = stacks.take().unwrap();
        assert_eq!((small.bytes(), large.bytes()), (BYTES, 2 * BYTES));
        fill(&large);
        stacks.give(small);
        assert_eq!(stacks.take().unwrap().bytes(), 2 * BYTES);
    }
}
