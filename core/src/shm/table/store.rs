//! Writing: under the lock of a stripe, each change made visible by one store.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::super::lock::{Got, Patience};
use super::memory::{DATA_START, Stripe};
use super::row::{NEXT, Needle, next_of};
use super::{Column, Full, Kind, Number, Stats, Table, Value, Written};

/// The lock of a stripe, and the mark for readers that something changes.
#[derive(Debug)]
pub(super) struct Held<'a> {
    stripe: &'a Stripe,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let sequence = self.stripe.sequence.load(Ordering::Relaxed);
        // Release: who sees this number sees the changes.
        let even = (sequence | 1).wrapping_add(1);
        self.stripe.sequence.store(even, Ordering::Release);
        self.stripe.lock.unlock();
    }
}

/// Where a link stands.
#[derive(Clone, Copy)]
enum Place<'a> {
    Bucket(&'a AtomicU32),
    Slot(&'a AtomicU64),
}

impl Place<'_> {
    /// The slot after it, counted from 1.
    fn next(self) -> u64 {
        match self {
            Place::Bucket(first) => u64::from(first.load(Ordering::Relaxed)),
            Place::Slot(link) => link.load(Ordering::Relaxed) & NEXT,
        }
    }

    /// Makes it lead elsewhere. This one store publishes a change.
    fn publish(self, next: u64) {
        match self {
            Place::Bucket(first) => first.store(next as u32, Ordering::Release),
            Place::Slot(link) => {
                let mark = link.load(Ordering::Relaxed) & !NEXT;
                link.store(mark | (next & NEXT), Ordering::Release);
            }
        }
    }
}

/// What a search under the lock found.
struct Found<'a> {
    /// What leads to the row, or where a new one goes.
    place: Place<'a>,
    row: Option<usize>,
    /// Rows before it.
    depth: u64,
}

/// Where a new version of a row gets its columns.
enum Source<'a> {
    Old(&'a [AtomicU64]),
    Nothing,
}

impl Table {
    /// Takes a stripe's lock, whatever its last holder left.
    pub(super) fn lock(&self, stripe: usize) -> Held<'_> {
        loop {
            let held = self.begin(stripe);
            if self.memory.header().needs_sweep.load(Ordering::Acquire) == 0 {
                return held;
            }
            drop(held);
            self.sweep();
        }
    }

    /// As `lock`, but leaves putting right to the caller.
    pub(super) fn begin(&self, stripe: usize) -> Held<'_> {
        let stripe = &self.memory.stripes()[stripe];
        if stripe.lock.lock(Patience::Forever) != Ok(Got::Clean) {
            self.memory.header().needs_sweep.store(1, Ordering::Release);
        }
        let sequence = stripe.sequence.load(Ordering::Relaxed);
        stripe.sequence.store(sequence | 1, Ordering::Relaxed);
        // Release: whoever sees a later store sees this number, too.
        fence(Ordering::Release);
        Held { stripe }
    }

    /// Under the lock.
    fn locate(&self, needle: &Needle<'_>) -> Found<'_> {
        let mut place = Place::Bucket(&self.memory.buckets()[needle.bucket]);
        let mut depth = 0;
        while let Some(index) = next_of(place.next()) {
            let slot = self.memory.slot(index);
            if Self::holds(slot, slot[0].load(Ordering::Relaxed), needle) {
                let row = Some(index);
                return Found { place, row, depth };
            }
            place = Place::Slot(&slot[0]);
            depth += 1;
        }
        let row = None;
        Found { place, row, depth }
    }

    /// Stores a row: given columns get their values; the others keep theirs, or are zero and empty in
    /// a new row. Values stand in the order of the columns.
    ///
    /// # Errors
    /// A new row, and the table is full.
    pub fn set(
        &self,
        key: &[u8],
        hash: u64,
        values: &[Option<Value<'_>>],
    ) -> Result<Written, Full> {
        self.retry(|| self.try_set(key, hash, values))
    }

    fn try_set(
        &self,
        key: &[u8],
        hash: u64,
        values: &[Option<Value<'_>>],
    ) -> Result<Written, Full> {
        let needle = self.needle(key, hash);
        let held = self.lock(self.stripe_of(needle.bucket));
        let found = self.locate(&needle);
        let Some(old) = found.row else {
            self.insert(&held, &needle, &found, values)?;
            return Ok(Written::Inserted);
        };
        let mut given = self.columns.iter().zip(values).filter(|(_, v)| v.is_some());
        match (given.next(), given.next()) {
            (None, _) => {}
            // One word changes at once by itself.
            (Some((column, &Some(Value::Int(n)))), None) if column.kind == Kind::Int => {
                self.word(old, column)
                    .store(n.cast_unsigned(), Ordering::Relaxed);
            }
            (Some((column, &Some(Value::Float(f)))), None) if column.kind == Kind::Float => {
                self.word(old, column).store(f.to_bits(), Ordering::Relaxed);
            }
            _ => self.replace(&held, &needle, &found, old, values)?,
        }
        add_one(&held.stripe.updates);
        Ok(Written::Updated)
    }

    /// Adds to a column of a number and gives the sum; a row that is not there counts as zero and is
    /// made. Ints wrap. None: a string column, or a number of another kind than the column.
    ///
    /// # Errors
    /// A new row, and the table is full.
    pub fn add(
        &self,
        key: &[u8],
        hash: u64,
        column: usize,
        number: Number,
    ) -> Result<Option<Number>, Full> {
        self.retry(|| self.try_add(key, hash, column, number))
    }

    fn try_add(
        &self,
        key: &[u8],
        hash: u64,
        column: usize,
        number: Number,
    ) -> Result<Option<Number>, Full> {
        let Some(at) = self.columns.get(column) else {
            return Ok(None);
        };
        let needle = self.needle(key, hash);
        let held = self.lock(self.stripe_of(needle.bucket));
        let found = self.locate(&needle);
        let before = found
            .row
            .map_or(0, |row| self.word(row, at).load(Ordering::Relaxed));
        let (sum, value, word) = match (at.kind, number) {
            (Kind::Int, Number::Int(n)) => {
                let sum = before.cast_signed().wrapping_add(n);
                (Number::Int(sum), Value::Int(sum), sum.cast_unsigned())
            }
            (Kind::Float, Number::Float(f)) => {
                let sum = f64::from_bits(before) + f;
                (Number::Float(sum), Value::Float(sum), sum.to_bits())
            }
            _ => return Ok(None),
        };
        if let Some(row) = found.row {
            self.word(row, at).store(word, Ordering::Relaxed);
            add_one(&held.stripe.updates);
        } else {
            let mut values = vec![None; self.columns.len()];
            values[column] = Some(value);
            self.insert(&held, &needle, &found, &values)?;
        }
        Ok(Some(sum))
    }

    /// Removes a row. False: there was none.
    pub fn remove(&self, key: &[u8], hash: u64) -> bool {
        let needle = self.needle(key, hash);
        let held = self.lock(self.stripe_of(needle.bucket));
        let found = self.locate(&needle);
        let Some(index) = found.row else {
            return false;
        };
        let next = self.memory.slot(index)[0].load(Ordering::Relaxed) & NEXT;
        found.place.publish(next);
        self.put_back(&held, index);
        add_one(&held.stripe.deletes);
        self.memory.header().rows.fetch_sub(1, Ordering::Release);
        true
    }

    fn insert(
        &self,
        held: &Held<'_>,
        needle: &Needle<'_>,
        found: &Found<'_>,
        values: &[Option<Value<'_>>],
    ) -> Result<(), Full> {
        let header = self.memory.header();
        if header.rows.fetch_add(1, Ordering::Acquire) >= self.capacity {
            header.rows.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        let Some(index) = self.take_slot(held) else {
            header.rows.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        };
        self.write(index, needle, 0, &Source::Nothing, values);
        found.place.publish(index as u64 + 1);
        add_one(&held.stripe.inserts);
        if found.depth > 0 {
            header.conflicts.fetch_add(1, Ordering::Relaxed);
            let longest = &header.longest_chain;
            if longest.load(Ordering::Relaxed) < found.depth {
                longest.fetch_max(found.depth, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn replace(
        &self,
        held: &Held<'_>,
        needle: &Needle<'_>,
        found: &Found<'_>,
        old: usize,
        values: &[Option<Value<'_>>],
    ) -> Result<(), Full> {
        let index = self.take_slot(held).ok_or(Full)?;
        let source = self.memory.slot(old);
        let next = source[0].load(Ordering::Relaxed) & NEXT;
        self.write(index, needle, next, &Source::Old(source), values);
        found.place.publish(index as u64 + 1);
        self.put_back(held, old);
        Ok(())
    }

    /// Fills a slot that no chain leads to.
    fn write(
        &self,
        index: usize,
        needle: &Needle<'_>,
        next: u64,
        source: &Source<'_>,
        values: &[Option<Value<'_>>],
    ) {
        let slot = self.memory.slot(index);
        // A slow reader may still be in this slot, from when it was another row's: it must see that
        // the other row's stripe has changed.
        fence(Ordering::Release);
        slot[0].store(needle.mark | next, Ordering::Relaxed);
        store_bytes(&slot[1..], needle.key);
        let words = &slot[DATA_START..];
        for (number, column) in self.columns.iter().enumerate() {
            let value = values.get(number).copied().flatten();
            let word = &words[column.offset];
            match (column.kind, value, source) {
                (Kind::Int, Some(Value::Int(n)), _) => {
                    word.store(n.cast_unsigned(), Ordering::Relaxed);
                }
                (Kind::Float, Some(Value::Float(f)), _) => {
                    word.store(f.to_bits(), Ordering::Relaxed);
                }
                (Kind::Str { max_bytes }, Some(Value::Str(bytes)), _) => {
                    let bytes = &bytes[..bytes.len().min(max_bytes)];
                    word.store(bytes.len() as u64, Ordering::Relaxed);
                    store_bytes(&words[column.offset + 1..], bytes);
                }
                (_, _, Source::Old(old)) => copy_column(&old[DATA_START..], words, column),
                (_, _, Source::Nothing) => word.store(0, Ordering::Relaxed),
            }
        }
    }

    fn word(&self, index: usize, column: &Column) -> &AtomicU64 {
        &self.memory.slot(index)[DATA_START + column.offset]
    }

    /// A free slot. While fewer rows than the capacity are in the table there is one.
    fn take_slot(&self, held: &Held<'_>) -> Option<usize> {
        let spare = held.stripe.spare.load(Ordering::Relaxed);
        if spare != 0 {
            // Before the slot is published: a process that dies loses a slot, and does not leave one
            // that is free and in use.
            held.stripe.spare.store(0, Ordering::Relaxed);
            return Some(spare as usize - 1);
        }
        self.pop_free().or_else(|| self.unused_slot())
    }

    fn put_back(&self, held: &Held<'_>, index: usize) {
        if held.stripe.spare.load(Ordering::Relaxed) == 0 {
            // Release: after the store that took the slot out of its chain.
            held.stripe.spare.store(index as u64 + 1, Ordering::Release);
        } else {
            self.push_free(index);
        }
    }

    fn pop_free(&self) -> Option<usize> {
        let free = &self.memory.header().free;
        let mut head = free.load(Ordering::Acquire);
        loop {
            let index = next_of(head)?;
            // The slot may be gone already, its link nonsense: then the count of changes differs.
            let next = self.memory.slot(index)[0].load(Ordering::Relaxed) & NEXT;
            match free.compare_exchange_weak(
                head,
                changed(head, next),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(index),
                Err(now) => head = now,
            }
        }
    }

    fn push_free(&self, index: usize) {
        let free = &self.memory.header().free;
        let mut head = free.load(Ordering::Relaxed);
        loop {
            let link = &self.memory.slot(index)[0];
            link.store(head & NEXT, Ordering::Relaxed);
            match free.compare_exchange_weak(
                head,
                changed(head, index as u64 + 1),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    fn unused_slot(&self) -> Option<usize> {
        let slots = self.memory.shape().slots as u64;
        let more = |used: u64| (used < slots).then_some(used + 1);
        let used = &self.memory.header().used;
        let used = used.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
        used.ok().map(|index| index as usize)
    }

    /// A full table may be full of what a dead process left.
    fn retry<R>(&self, write: impl Fn() -> Result<R, Full>) -> Result<R, Full> {
        match write() {
            Err(Full) if self.has_orphans() => {
                self.memory.header().needs_sweep.store(1, Ordering::Release);
                self.sweep();
                write()
            }
            result => result,
        }
    }

    /// The number of rows.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.memory.header().rows.load(Ordering::Relaxed)
    }

    /// The most rows it takes.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Its shared memory, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory.bytes()
    }

    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        let header = self.memory.header();
        let sum = |count: fn(&Stripe) -> &AtomicU64| {
            let stripes = self.memory.stripes().iter();
            stripes.map(|s| count(s).load(Ordering::Relaxed)).sum()
        };
        let rows = self.count();
        let spare_rows = self.capacity - self.memory.shape().buckets as u64;
        Stats {
            rows,
            conflicts: header.conflicts.load(Ordering::Relaxed),
            longest_chain: header.longest_chain.load(Ordering::Relaxed),
            inserts: sum(|s| &s.inserts),
            updates: sum(|s| &s.updates),
            deletes: sum(|s| &s.deletes),
            spare_rows,
            spare_rows_left: spare_rows.min(self.capacity.saturating_sub(rows)),
        }
    }
}

/// The head of the free list with another first slot.
pub(super) fn changed(head: u64, first: u64) -> u64 {
    ((head & !NEXT).wrapping_add(NEXT + 1)) | first
}

/// The holder of the lock is the only writer.
fn add_one(count: &AtomicU64) {
    let value = count.load(Ordering::Relaxed);
    count.store(value.wrapping_add(1), Ordering::Relaxed);
}

fn store_bytes(words: &[AtomicU64], bytes: &[u8]) {
    for (word, chunk) in words.iter().zip(bytes.chunks(8)) {
        let mut padded = [0; 8];
        padded[..chunk.len()].copy_from_slice(chunk);
        word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
    }
}

fn copy_column(from: &[AtomicU64], to: &[AtomicU64], column: &Column) {
    let first = from[column.offset].load(Ordering::Relaxed);
    let words = match column.kind {
        Kind::Int | Kind::Float => 1,
        Kind::Str { max_bytes } => 1 + (first as usize).min(max_bytes).div_ceil(8),
    };
    let range = column.offset..column.offset + words;
    for (to, from) in to[range.clone()].iter().zip(&from[range]) {
        to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}
