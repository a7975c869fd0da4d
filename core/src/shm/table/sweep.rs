//! Putting a table right after a process died while it changed something.
//!
//! Chains are whole at every moment, so rows need no repair. Lost may be slots (taken and not yet
//! linked, or unlinked and not yet given back) and the count of rows. Both are found again by looking
//! at everything, with all locks held.

use core::sync::atomic::Ordering;

use super::Table;
use super::row::next_of;
use super::store::{Held, changed};

impl Table {
    /// Whether a dead process holds a lock, or one has died and nobody has swept since.
    pub(super) fn has_orphans(&self) -> bool {
        self.memory.header().needs_sweep.load(Ordering::Acquire) != 0
            || self.memory.stripes().iter().any(|s| s.lock.is_orphaned())
    }

    /// Takes all locks, in order, so that two that do so do not wait for each other; who takes one
    /// lock never waits for another.
    pub(super) fn sweep(&self) {
        let stripes = 0..self.memory.shape().stripes;
        let held: Vec<Held<'_>> = stripes.map(|stripe| self.begin(stripe)).collect();
        let header = self.memory.header();
        if header.needs_sweep.load(Ordering::Acquire) == 0 {
            return;
        }
        // A process that dies from here on leaves an empty list, and the mark that sends the next one
        // here.
        let head = changed(header.free.load(Ordering::Relaxed), 0);
        header.free.store(head, Ordering::Release);
        let mut seen = Seen::new(self.memory.shape().slots);
        let mut rows = 0;
        for bucket in self.memory.buckets() {
            let mut at = (bucket.load(Ordering::Relaxed) as usize).checked_sub(1);
            while let Some(index) = at {
                seen.mark(index);
                rows += 1;
                at = next_of(self.memory.slot(index)[0].load(Ordering::Relaxed));
            }
        }
        for stripe in self.memory.stripes() {
            let spare = stripe.spare.load(Ordering::Relaxed);
            if spare != 0 && !seen.mark(spare as usize - 1) {
                stripe.spare.store(0, Ordering::Relaxed);
            }
        }
        let used = header.used.load(Ordering::Relaxed) as usize;
        let mut first = 0;
        for index in (0..used).filter(|&index| !seen.has(index)) {
            self.memory.slot(index)[0].store(first, Ordering::Relaxed);
            first = index as u64 + 1;
        }
        header.free.store(changed(head, first), Ordering::Release);
        header.rows.store(rows, Ordering::Relaxed);
        header.needs_sweep.store(0, Ordering::Release);
        drop(held);
    }
}

/// A set of slots.
struct Seen(Vec<u64>);

impl Seen {
    fn new(slots: usize) -> Self {
        Seen(vec![0; slots.div_ceil(64)])
    }

    /// False: it was marked already.
    fn mark(&mut self, index: usize) -> bool {
        let is_new = !self.has(index);
        self.0[index / 64] |= 1 << (index % 64);
        is_new
    }

    fn has(&self, index: usize) -> bool {
        self.0[index / 64] & (1 << (index % 64)) != 0
    }
}
