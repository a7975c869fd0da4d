//! Counters that several processes write, each on a cache line of its own.

use core::fmt;
use core::ops::Deref;
use core::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use super::region::ShmRecord;

/// Keeps a value away from its neighbours: 128 bytes, because x86-64 prefetches cache lines in
/// pairs and some aarch64 cores have lines of 128 bytes.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub struct Padded<T>(T);

impl<T> Padded<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Padded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

// SAFETY: padding adds no invariant to those of `T`, whose all-zero pattern is valid by its own
// `ShmRecord`; the added bytes are never read.
unsafe impl<T: ShmRecord> ShmRecord for Padded<T> {}

/// A count of events; wraps after 2^64. Any process may add.
#[derive(Default)]
#[repr(C, align(128))]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`. Relaxed: a counter orders nothing else.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Adds `n` where the caller is the only writer: no locked instruction.
    #[inline]
    pub fn add_single_writer(&self, n: u64) {
        let value = self.0.load(Ordering::Relaxed);
        self.0.store(value.wrapping_add(n), Ordering::Relaxed);
    }

    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counter({})", self.get())
    }
}

// SAFETY: a single atomic, for which all-zero bytes are the value 0.
unsafe impl ShmRecord for Counter {}

/// An amount that goes up and down, such as bytes queued. Any process may change it.
#[derive(Default)]
#[repr(C, align(128))]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Adds `n`, which may be negative; gives the value after it.
    #[inline]
    pub fn add(&self, n: i64) -> i64 {
        self.0.fetch_add(n, Ordering::Relaxed).wrapping_add(n)
    }

    /// Takes `n` away; gives the value after it.
    #[inline]
    pub fn sub(&self, n: i64) -> i64 {
        self.0.fetch_sub(n, Ordering::Relaxed).wrapping_sub(n)
    }

    #[inline]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gauge({})", self.get())
    }
}

// SAFETY: a single atomic, for which all-zero bytes are the value 0.
unsafe impl ShmRecord for Gauge {}

// SAFETY: all-zero bytes are the atomic's value 0.
unsafe impl ShmRecord for AtomicU64 {}
// SAFETY: as above.
unsafe impl ShmRecord for AtomicI64 {}
// SAFETY: as above.
unsafe impl ShmRecord for AtomicU32 {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_do_not_share_cache_lines() {
        assert_eq!(size_of::<Counter>(), 128);
        assert_eq!(size_of::<Gauge>(), 128);
        assert_eq!(size_of::<Padded<AtomicU32>>(), 128);
    }

    #[test]
    fn counters_count() {
        let counter = Counter::default();
        counter.add(2);
        counter.add_single_writer(3);
        assert_eq!(counter.get(), 5);
        let gauge = Gauge::default();
        assert_eq!(gauge.add(10), 10);
        assert_eq!(gauge.sub(12), -2);
        assert_eq!(gauge.get(), -2);
    }
}
