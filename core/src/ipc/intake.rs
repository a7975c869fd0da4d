//! Queues of messages between any of n processes and any of m, without a ring for each pair: their number
//! would grow with n times m, and n and m are both all processes of a server. An intake is one ring with a
//! lock, so it has any number of producers and consumers, and the order of its messages is that in which
//! they were put in.
//!
//! The lock is held while one record is copied, and survives the death of its holder: the ring is consistent
//! at every instruction (see [`crate::shm::ring`]), so there is nothing to repair.
//!
//! A producer that finds no room sets its bit among the intake's waiters, looks once more, and waits for its
//! bell; a consumer that has made room takes the bits and rings.

use crate::log;
use crate::shm::mutex::{Guard, MutexError, RobustMutex};
use crate::shm::region::{Built, Layout, RingSlot, Slot};
use crate::shm::ring::{Consumer, Producer, Ring, max_record_bytes};
use crate::shm::sync::{AtomicU64, Ordering, fence};

const WORD_BITS: usize = u64::BITS as usize;

/// Capacity of an intake, in bytes.
const MIN_BYTES: usize = 64 * 1024;
const MAX_BYTES: usize = 512 * 1024;

/// The largest power of two such that `count` intakes fit in `budget_bytes`, in 64 to 512 KiB. It is address
/// space only, until used.
#[must_use]
pub fn intake_capacity(count: usize, budget_bytes: usize) -> usize {
    let share = budget_bytes / count.max(1);
    let power = if share == 0 { 0 } else { 1 << share.ilog2() };
    power.clamp(MIN_BYTES, MAX_BYTES)
}

/// The place of intakes in a region to be built.
#[derive(Debug)]
pub struct IntakesSlot {
    rings: Vec<RingSlot>,
    locks: Slot<RobustMutex>,
    waiters: Slot<AtomicU64>,
    words: usize,
}

/// Intakes, opened. Children inherit them.
#[derive(Debug)]
pub struct Intakes {
    rings: Vec<Ring>,
    locks: &'static [RobustMutex],
    /// For each intake a bit for each producer.
    waiters: &'static [AtomicU64],
    words: usize,
}

impl Intakes {
    /// Plans `count` intakes for up to `producers` processes.
    pub fn layout(
        layout: &mut Layout,
        count: usize,
        producers: usize,
        capacity_bytes: usize,
    ) -> IntakesSlot {
        let words = producers.div_ceil(WORD_BITS).max(1);
        IntakesSlot {
            locks: layout.array(count),
            waiters: layout.array(count.saturating_mul(words)),
            rings: layout.rings(count, capacity_bytes),
            words,
        }
    }

    /// Opens them: once, before the forks.
    ///
    /// # Errors
    /// The system has no such locks.
    pub fn open(built: &Built, slot: &IntakesSlot) -> Result<Self, MutexError> {
        let locks = built.get(slot.locks);
        for lock in locks {
            lock.init()?;
        }
        Ok(Self {
            rings: built.rings(&slot.rings),
            locks,
            waiters: built.get(slot.waiters),
            words: slot.words,
        })
    }

    /// The largest record.
    #[must_use]
    pub fn max_record(&self) -> usize {
        self.rings
            .first()
            .map_or(0, |ring| max_record_bytes(ring.capacity_bytes()))
    }

    /// Whether there was nothing in it a moment ago; takes no lock.
    ///
    /// # Panics
    /// This and the methods below: if there is no such intake, a mistake of the caller.
    #[inline]
    #[must_use]
    pub fn is_empty(&self, index: usize) -> bool {
        self.rings[index].is_empty()
    }

    /// Bytes that were in it a moment ago; takes no lock.
    #[must_use]
    pub fn used_bytes(&self, index: usize) -> u64 {
        self.rings[index].used_bytes()
    }

    fn lock(&self, index: usize) -> Option<Guard> {
        match self.locks[index].lock() {
            Ok(guard) => Some(guard),
            Err(error) => {
                log::error(format_args!("a message queue cannot be locked: {error}"));
                None
            }
        }
    }

    /// Puts a record in, made of `parts`; false if there is no room now.
    #[must_use]
    pub fn try_push(&self, index: usize, parts: &[&[u8]]) -> bool {
        let Some(_guard) = self.lock(index) else {
            return false;
        };
        Producer::attach(self.rings[index]).try_push(parts)
    }

    /// Takes the oldest record out. What `take` does with its bytes is done before anyone else can see that
    /// it is gone; it must not come back here. `None`: there is none.
    pub fn take<R>(&self, index: usize, take: impl FnOnce(&[u8]) -> R) -> Option<R> {
        if self.is_empty(index) {
            return None;
        }
        let _guard = self.lock(index)?;
        let consumer = Consumer::attach(self.rings[index]);
        match consumer.peek() {
            Ok(Some(record)) => {
                let taken = take(record.bytes());
                record.release();
                Some(taken)
            }
            Ok(None) => None,
            Err(corrupt) => {
                log::error(format_args!("a message queue: {corrupt}; it is emptied"));
                consumer.skip_all();
                None
            }
        }
    }

    /// Has the next consumer that makes room ring this producer. Then look for room once more before
    /// waiting.
    pub fn wait_for_room(&self, index: usize, producer: usize) {
        if let Some(word) = self.waiter_words(index).get(producer / WORD_BITS) {
            word.fetch_or(1 << (producer % WORD_BITS), Ordering::AcqRel);
        }
        // Between the wish and the look at the ring; pairs with the fence in `take_waiters`.
        fence(Ordering::SeqCst);
    }

    /// After taking records out: gives each producer that waits for room to `ring`.
    pub fn take_waiters(&self, index: usize, mut ring: impl FnMut(usize)) {
        fence(Ordering::SeqCst);
        for (at, word) in self.waiter_words(index).iter().enumerate() {
            if word.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = word.swap(0, Ordering::AcqRel);
            while bits != 0 {
                ring(at * WORD_BITS + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }

    fn waiter_words(&self, index: usize) -> &'static [AtomicU64] {
        let words = self.waiters;
        words
            .get(index * self.words..(index + 1) * self.words)
            .unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn intakes(count: usize, producers: usize) -> Intakes {
        let mut layout = Layout::new();
        let slot = Intakes::layout(&mut layout, count, producers, MIN_BYTES);
        let built = layout.build("intakes").unwrap();
        Intakes::open(&built, &slot).unwrap()
    }

    #[test]
    fn records_come_out_in_order() {
        let intakes = intakes(2, 3);
        assert!(intakes.is_empty(1));
        assert_eq!(intakes.take(1, <[u8]>::to_vec), None);
        assert!(intakes.try_push(1, &[b"a", b"b"]));
        assert!(intakes.try_push(1, &[b"c"]));
        assert!(intakes.is_empty(0) && !intakes.is_empty(1));
        assert_eq!(intakes.take(1, <[u8]>::to_vec).unwrap(), b"ab");
        assert_eq!(intakes.take(1, <[u8]>::to_vec).unwrap(), b"c");
        assert!(intakes.is_empty(1));
    }

    #[test]
    fn who_waits_for_room_is_rung_once() {
        let intakes = intakes(1, 130);
        let big = vec![7; intakes.max_record()];
        assert!(intakes.try_push(0, &[&big]));
        assert!(intakes.try_push(0, &[&big]));
        assert!(!intakes.try_push(0, &[&big]));
        for producer in [0, 64, 129] {
            intakes.wait_for_room(0, producer);
        }
        assert!(!intakes.try_push(0, &[&big]));
        intakes.take(0, |_| ()).unwrap();
        let mut rung = Vec::new();
        intakes.take_waiters(0, |producer| rung.push(producer));
        intakes.take_waiters(0, |_| panic!("rung twice"));
        assert_eq!(rung, [0, 64, 129]);
        assert!(intakes.try_push(0, &[&big]));
    }

    #[test]
    fn many_threads_share_one() {
        let intakes = intakes(1, 4);
        let total: u64 = std::thread::scope(|scope| {
            for thread in 0..2_u64 {
                let intakes = &intakes;
                scope.spawn(move || {
                    for number in 0..500_u64 {
                        while !intakes.try_push(0, &[&(thread * 500 + number).to_ne_bytes()]) {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            let mut sum = 0;
            for _ in 0..1000 {
                sum += loop {
                    let taken =
                        intakes.take(0, |bytes| u64::from_ne_bytes(bytes.try_into().unwrap()));
                    match taken {
                        Some(number) => break number,
                        None => std::thread::yield_now(),
                    }
                };
            }
            sum
        });
        assert_eq!(total, (0..1000).sum::<u64>());
    }

    #[test]
    fn all_intakes_of_a_large_server_stay_small() {
        let count = 4 * 32 + 2 * 32 + 1;
        assert!(count * intake_capacity(count, 64 << 20) <= 64 << 20);
        assert_eq!(intake_capacity(1, 64 << 20), MAX_BYTES);
        assert_eq!(intake_capacity(100_000, 64 << 20), MIN_BYTES);
    }
}
