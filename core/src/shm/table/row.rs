//! Reading: rows are copied out of shared memory without a lock, and looked at again if a writer was
//! about.

use core::sync::atomic::{AtomicU64, Ordering, fence};

use super::memory::{DATA_START, KEY_WORDS};
use super::{Column, Kind, MAX_KEY_BYTES, Table, cut_key};

/// Looks without a lock before a reader takes its turn with the writers.
const LOOKS: u32 = 64;

/// A chain this long is looked at in parts, each of which ends with a check for writers: a reader on
/// the way along links that are being changed could go round for ever.
const STEPS: u32 = 32;

/// A place for a copy of a row, used again and again.
#[derive(Clone, Debug, Default)]
pub struct RowBuf {
    words: Vec<u64>,
}

impl RowBuf {
    /// An int column of the row that was read last.
    #[must_use]
    pub fn int(&self, column: &Column) -> i64 {
        self.word(column.offset).cast_signed()
    }

    /// A float column.
    #[must_use]
    pub fn float(&self, column: &Column) -> f64 {
        f64::from_bits(self.word(column.offset))
    }

    /// A string column.
    #[must_use]
    pub fn bytes(&self, column: &Column) -> &[u8] {
        let len = self.word(column.offset) as usize;
        let words = self.words.get(column.offset + 1..).unwrap_or(&[]);
        let bytes: &[u8] = bytemuck::cast_slice(words);
        &bytes[..len.min(column.max_bytes()).min(bytes.len())]
    }

    fn word(&self, index: usize) -> u64 {
        self.words.get(index).copied().unwrap_or(0)
    }
}

/// A writer was about: what was read means nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Torn;

/// A key as the table compares it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needle<'a> {
    pub key: &'a [u8],
    pub bucket: usize,
    /// Tag and key length as they stand in a link word.
    pub mark: u64,
}

/// The low half of a link word: the next slot, counted from 1.
pub(super) const NEXT: u64 = 0xffff_ffff;

/// The slot that a link leads to.
#[inline]
pub(super) fn next_of(link: u64) -> Option<usize> {
    ((link & NEXT) as usize).checked_sub(1)
}

impl Table {
    #[inline]
    pub(super) fn needle<'a>(&self, key: &'a [u8], hash: u64) -> Needle<'a> {
        let key = cut_key(key);
        // The low bits of the hash choose the bucket; the tag takes a share of all.
        let tag = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        Needle {
            key,
            bucket: hash as usize & (self.memory.shape().buckets - 1),
            mark: (tag << 40) | ((key.len() as u64) << 32),
        }
    }

    #[inline]
    pub(super) fn stripe_of(&self, bucket: usize) -> usize {
        bucket & (self.memory.shape().stripes - 1)
    }

    /// Whether the slot holds the key.
    #[inline]
    pub(super) fn holds(slot: &[AtomicU64], link: u64, needle: &Needle<'_>) -> bool {
        link & !NEXT == needle.mark
            && needle.key.chunks(8).zip(&slot[1..]).all(|(chunk, word)| {
                let mut bytes = [0; 8];
                bytes[..chunk.len()].copy_from_slice(chunk);
                word.load(Ordering::Relaxed) == u64::from_ne_bytes(bytes)
            })
    }

    /// The slot of a key, if nothing changes meanwhile.
    fn find(
        &self,
        needle: &Needle<'_>,
        unchanged: impl Fn() -> bool,
    ) -> Result<Option<usize>, Torn> {
        let first = self.memory.buckets()[needle.bucket].load(Ordering::Acquire);
        let mut at = (first as usize).checked_sub(1);
        let mut steps = 0;
        while let Some(index) = at {
            steps += 1;
            if index >= self.memory.shape().slots || (steps % STEPS == 0 && !unchanged()) {
                return Err(Torn);
            }
            let slot = self.memory.slot(index);
            let link = slot[0].load(Ordering::Acquire);
            if Self::holds(slot, link, needle) {
                return Ok(Some(index));
            }
            at = next_of(link);
        }
        Ok(None)
    }

    /// Runs `look` on a moment of a bucket at which nothing changed.
    pub(super) fn observe<R>(
        &self,
        bucket: usize,
        mut look: impl FnMut(&dyn Fn() -> bool) -> Result<R, Torn>,
    ) -> Option<R> {
        let stripe = &self.memory.stripes()[self.stripe_of(bucket)];
        for _ in 0..LOOKS {
            // Acquire: what is read below is at least as new as this number.
            let sequence = stripe.sequence.load(Ordering::Acquire);
            if sequence & 1 == 1 {
                core::hint::spin_loop();
                continue;
            }
            let unchanged = || {
                // With the release fence that a writer passes before it writes to a slot: if anything
                // above was its work, the number has changed too.
                fence(Ordering::Acquire);
                stripe.sequence.load(Ordering::Relaxed) == sequence
            };
            let result = look(&unchanged);
            if unchanged()
                && let Ok(result) = result
            {
                return Some(result);
            }
        }
        // Takes its turn, and so puts right what a dead writer left.
        let held = self.lock(self.stripe_of(bucket));
        let result = look(&|| true);
        drop(held);
        result.ok()
    }

    /// Copies a row, or one column of it, into `row`. False: no such key.
    ///
    /// `hash` is [`hash_key`] of the key (cut to [`MAX_KEY_BYTES`]).
    #[inline]
    pub fn get(&self, key: &[u8], hash: u64, column: Option<usize>, row: &mut RowBuf) -> bool {
        self.copy(&self.needle(key, hash), column, row)
    }

    #[inline]
    fn copy(&self, needle: &Needle<'_>, column: Option<usize>, row: &mut RowBuf) -> bool {
        if row.words.len() < self.data_words {
            row.words.resize(self.data_words, 0);
        }
        let found = self.observe(needle.bucket, |unchanged| {
            let Some(index) = self.find(needle, unchanged)? else {
                return Ok(false);
            };
            let slot = self.memory.slot(index);
            let only = column.and_then(|column| self.columns.get(column));
            let columns = only.map_or(&self.columns[..], core::slice::from_ref);
            for column in columns {
                copy_out(slot, column, row)?;
            }
            Ok(true)
        });
        found.unwrap_or(false)
    }

    /// Whether there is such a row.
    #[must_use]
    pub fn exists(&self, key: &[u8], hash: u64) -> bool {
        let needle = self.needle(key, hash);
        let found = self.observe(needle.bucket, |unchanged| self.find(&needle, unchanged));
        found.flatten().is_some()
    }

    /// The keys of a bucket.
    fn keys_of(&self, bucket: usize, keys: &mut Vec<Key>) {
        keys.clear();
        let Some(first) = self.memory.buckets().get(bucket) else {
            return;
        };
        if first.load(Ordering::Acquire) == 0 {
            return;
        }
        let seen = self.observe(bucket, |unchanged| {
            keys.clear();
            let mut at = (first.load(Ordering::Acquire) as usize).checked_sub(1);
            let mut steps = 0;
            while let Some(index) = at {
                steps += 1;
                if index >= self.memory.shape().slots || (steps % STEPS == 0 && !unchanged()) {
                    return Err(Torn);
                }
                let slot = self.memory.slot(index);
                let link = slot[0].load(Ordering::Acquire);
                keys.push(Key::read(slot, link));
                at = next_of(link);
            }
            Ok(())
        });
        if seen.is_none() {
            keys.clear();
        }
    }
}

fn copy_out(slot: &[AtomicU64], column: &Column, row: &mut RowBuf) -> Result<(), Torn> {
    let words = &slot[DATA_START..];
    let first = words[column.offset].load(Ordering::Relaxed);
    row.words[column.offset] = first;
    if let Kind::Str { max_bytes } = column.kind {
        let len = first as usize;
        if len > max_bytes {
            return Err(Torn);
        }
        let range = column.offset + 1..column.offset + 1 + len.div_ceil(8);
        for (to, from) in row.words[range.clone()].iter_mut().zip(&words[range]) {
            *to = from.load(Ordering::Relaxed);
        }
    }
    Ok(())
}

/// A key, copied.
#[derive(Clone, Copy, Debug)]
struct Key {
    words: [u64; KEY_WORDS],
    len: usize,
    /// See [`Needle`].
    mark: u64,
}

impl Key {
    fn read(slot: &[AtomicU64], link: u64) -> Self {
        let mut words = [0; KEY_WORDS];
        for (to, from) in words.iter_mut().zip(&slot[1..]) {
            *to = from.load(Ordering::Relaxed);
        }
        let len = ((link >> 32) & 0xff) as usize;
        Key {
            words,
            len: len.min(MAX_KEY_BYTES),
            mark: link & !NEXT,
        }
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::bytes_of(&self.words)[..self.len]
    }
}

/// A way through a table: bucket by bucket, each with the rows that it has when the cursor comes there.
/// Rows may come and go meanwhile; one that is gone is passed over.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// The next bucket.
    bucket: usize,
    /// The keys of the bucket before it, and how many of them were passed.
    keys: Vec<Key>,
    passed: usize,
    current: Option<Key>,
    row: RowBuf,
}

impl Cursor {
    /// Goes to the first row.
    pub fn rewind(&mut self, table: &Table) {
        (self.bucket, self.passed) = (0, 0);
        self.keys.clear();
        self.advance(table);
    }

    /// Goes on.
    pub fn advance(&mut self, table: &Table) {
        self.current = None;
        loop {
            while let Some(&key) = self.keys.get(self.passed) {
                self.passed += 1;
                let needle = Needle {
                    key: key.bytes(),
                    bucket: self.bucket.saturating_sub(1),
                    mark: key.mark,
                };
                if table.copy(&needle, None, &mut self.row) {
                    self.current = Some(key);
                    return;
                }
            }
            let buckets = table.memory.buckets();
            while buckets
                .get(self.bucket)
                .is_some_and(|first| first.load(Ordering::Relaxed) == 0)
            {
                self.bucket += 1;
            }
            if self.bucket >= buckets.len() {
                return;
            }
            self.passed = 0;
            table.keys_of(self.bucket, &mut self.keys);
            self.bucket += 1;
        }
    }

    /// The key of the row it stands at; None: past the end, or not begun.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.current.as_ref().map(Key::bytes)
    }

    /// The row as it was when the cursor came.
    #[must_use]
    pub fn row(&self) -> &RowBuf {
        &self.row
    }
}
