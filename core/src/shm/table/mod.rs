//! `Swoole\Table`: rows of typed columns under string keys, in memory that processes share.
//!
//! - A table of `size` rows takes that many rows and a share of `conflict_proportion` more, whatever
//!   their keys are; it refuses a row only when it holds so many.
//! - A row changes at once: the new version is written beside the old one and then linked in its place
//!   with one store. A process that is killed while it writes leaves the old row or the new one. What
//!   else it leaves behind (a lock, a slot that is in no list) the next process that comes across it
//!   puts right.
//! - Writers of the same part of the table (a stripe) take turns; readers take no lock.
//!
//! Split: [`memory`] is what lies where, [`store`] how rows change, [`row`] how they are read.

pub mod memory;
pub mod row;
pub mod store;
mod sweep;

use memory::{DATA_START, Memory, Shape};
pub use row::{Cursor, RowBuf};

/// The longest key, in bytes. Longer ones are cut.
pub const MAX_KEY_BYTES: usize = 63;
/// The longest string column, in bytes.
pub const MAX_STRING_BYTES: usize = 1 << 30;
/// Rows are rounded up to a power of two, at least the first of these and at most the second.
pub const SIZES: [u32; 2] = [64, 1 << 31];
/// The range of the conflict proportion.
pub const CONFLICT_PROPORTIONS: [f64; 2] = [0.2, 1.0];
/// The most stripes: so many processes can write at a time.
const MAX_STRIPES: usize = 512;

/// A column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Int,
    Float,
    /// Holds so many bytes, a multiple of 8.
    Str {
        max_bytes: usize,
    },
}

/// A column and where it stands in a row.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub kind: Kind,
    /// In words from the start of the columns.
    offset: usize,
}

impl Column {
    /// The largest string it holds; 8 for numbers.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        match self.kind {
            Kind::Int | Kind::Float => 8,
            Kind::Str { max_bytes } => max_bytes,
        }
    }
}

/// A value for a column. One of another kind than the column's is not stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Int(i64),
    Float(f64),
    /// Cut to what the column holds.
    Str(&'a [u8]),
}

/// A number to add, or the sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
}

/// What a table will be.
#[derive(Clone, Debug)]
pub struct Spec {
    size: u32,
    conflict_proportion: f64,
    columns: Vec<Column>,
    data_words: usize,
}

/// The size that a table asked for `size` rows has.
#[must_use]
pub fn rounded_size(size: u32) -> u32 {
    size.clamp(SIZES[0], SIZES[1]).next_power_of_two()
}

impl Spec {
    /// Sizes and proportions out of range are brought into it.
    #[must_use]
    pub fn new(size: u32, conflict_proportion: f64) -> Self {
        let [least, most] = CONFLICT_PROPORTIONS;
        Self {
            size: rounded_size(size),
            conflict_proportion: if conflict_proportion.is_nan() {
                least
            } else {
                conflict_proportion.clamp(least, most)
            },
            columns: Vec::new(),
            data_words: 0,
        }
    }

    /// Adds a column and gives its number. A string column is rounded up to 8 bytes and holds at most
    /// [`MAX_STRING_BYTES`].
    pub fn column(&mut self, kind: Kind) -> usize {
        let (kind, words) = match kind {
            Kind::Str { max_bytes } => {
                let max_bytes = max_bytes.clamp(1, MAX_STRING_BYTES).next_multiple_of(8);
                (Kind::Str { max_bytes }, 1 + max_bytes / 8)
            }
            number => (number, 1),
        };
        let offset = self.data_words;
        self.data_words = self.data_words.saturating_add(words);
        self.columns.push(Column { kind, offset });
        self.columns.len() - 1
    }

    #[must_use]
    pub fn size(&self) -> u32 {
        self.size
    }

    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Makes the table. None: there is not so much memory.
    #[must_use]
    pub fn create(&self) -> Option<Table> {
        let buckets = usize::try_from(self.size).ok()?;
        let extra = (f64::from(self.size) * self.conflict_proportion) as usize;
        // Each stripe may keep one slot in hand.
        let stripes = (buckets / 16).clamp(8, MAX_STRIPES);
        let capacity = (buckets + extra).min(u32::MAX as usize - stripes - 1);
        let shape = Shape {
            buckets,
            stripes,
            slots: capacity + stripes,
            slot_words: DATA_START.checked_add(self.data_words)?,
        };
        Some(Table {
            memory: Memory::create(shape)?,
            columns: self.columns.clone(),
            data_words: self.data_words,
            capacity: capacity as u64,
        })
    }
}

/// A table. Made before the forks; every process works with its own copy of this handle.
#[derive(Debug)]
pub struct Table {
    memory: Memory,
    columns: Vec<Column>,
    data_words: usize,
    /// Rows.
    capacity: u64,
}

/// Counts since the table was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub rows: u64,
    /// Rows that came into a bucket with others.
    pub conflicts: u64,
    pub longest_chain: u64,
    pub inserts: u64,
    pub updates: u64,
    pub deletes: u64,
    /// How many more rows than its size the table takes.
    pub spare_rows: u64,
    /// How many of those there is still room for.
    pub spare_rows_left: u64,
}

/// The table holds as many rows as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table is full")]
pub struct Full;

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Inserted,
    Updated,
}

/// The hash of a key as PHP's arrays make it, so that rows come in the same order as in the reference.
#[must_use]
pub fn hash_key(key: &[u8]) -> u64 {
    // As PHP does, whose characters have a sign where those of C have one.
    #[allow(clippy::unnecessary_cast, reason = "c_char is u8 or i8")]
    let step = |hash: u64, &byte: &u8| {
        hash.wrapping_mul(33)
            .wrapping_add(byte as core::ffi::c_char as i64 as u64)
    };
    key.iter().fold(5381, step) | (1 << 63)
}

/// The part of a key that counts.
#[must_use]
#[inline]
pub fn cut_key(key: &[u8]) -> &[u8] {
    &key[..key.len().min(MAX_KEY_BYTES)]
}
