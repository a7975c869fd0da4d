//! Model check: the sources of the ring and the doorbell, compiled over loom's atomics, in every
//! interleaving (up to a bound of preemptions) and with every value that the memory model lets a
//! load return.
//!
//! The bytes of a ring are shadowed by one `loom::cell::UnsafeCell` per word: each access by the
//! producer and by the consumer is checked for a race.

#![allow(clippy::unwrap_used, dead_code)]

#[path = "../src/ipc/doorbell.rs"]
mod doorbell;
#[path = "../src/ipc/marks.rs"]
mod marks;
#[path = "../src/shm/ring.rs"]
mod ring;

mod shm {
    pub mod sync {
        pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
    }

    /// What `src/shm/memory.rs` is, over memory that loom watches.
    pub mod memory {
        use super::sync::{AtomicU32, AtomicU64};
        use loom::cell::UnsafeCell;
        use std::sync::atomic::AtomicBool;

        const WORDS: usize = 8;

        pub struct Claims {
            pub producer: AtomicBool,
            pub consumer: AtomicBool,
        }

        pub struct Shared {
            head: AtomicU64,
            waiting: AtomicU32,
            tail: AtomicU64,
            claims: Claims,
            data: *mut [u64; WORDS],
            shadow: Vec<UnsafeCell<()>>,
        }

        #[derive(Clone, Copy)]
        pub struct Ring(&'static Shared);

        // SAFETY: that this holds is what the model is there to show: loom's cells find races.
        unsafe impl Send for Ring {}
        // SAFETY: as above.
        unsafe impl Sync for Ring {}

        impl Ring {
            pub fn new_at(position: u64) -> Self {
                Self(Box::leak(Box::new(Shared {
                    head: AtomicU64::new(position),
                    waiting: AtomicU32::new(0),
                    tail: AtomicU64::new(position),
                    claims: Claims {
                        producer: AtomicBool::new(false),
                        consumer: AtomicBool::new(false),
                    },
                    data: Box::leak(Box::new([0; WORDS])),
                    shadow: (0..WORDS).map(|_| UnsafeCell::new(())).collect(),
                })))
            }

            pub fn capacity_bytes(&self) -> u64 {
                WORDS as u64 * 8
            }

            pub fn head(&self) -> &'static AtomicU64 {
                &self.0.head
            }

            pub fn tail(&self) -> &'static AtomicU64 {
                &self.0.tail
            }

            pub fn waiting(&self) -> &'static AtomicU32 {
                &self.0.waiting
            }

            pub fn claims(&self) -> &'static Claims {
                &self.0.claims
            }

            pub fn offset(&self, position: u64) -> u64 {
                position & (self.capacity_bytes() - 1)
            }

            pub fn load_word(&self, offset: u64) -> u64 {
                self.reads(offset, 8);
                // SAFETY: in bounds; loom has checked that nobody writes meanwhile.
                unsafe { *self.pointer(offset).cast::<u64>() }
            }

            pub fn store_word(&self, offset: u64, value: u64) {
                self.writes(offset, 8);
                // SAFETY: in bounds; loom has checked that nobody else is here meanwhile.
                unsafe { *self.pointer(offset).cast::<u64>() = value }
            }

            /// # Safety
            /// As in the real one.
            pub unsafe fn bytes<'a>(&self, offset: u64, len: usize) -> &'a [u8] {
                self.reads(offset, len);
                // SAFETY: in bounds (`reads`); for the rest see the caller.
                unsafe { std::slice::from_raw_parts(self.pointer(offset), len) }
            }

            /// # Safety
            /// As in the real one.
            pub unsafe fn bytes_mut<'a>(&self, offset: u64, len: usize) -> &'a mut [u8] {
                self.writes(offset, len);
                // SAFETY: in bounds (`writes`); for the rest see the caller.
                unsafe { std::slice::from_raw_parts_mut(self.pointer(offset), len) }
            }

            fn pointer(&self, offset: u64) -> *mut u8 {
                self.0.data.cast::<u8>().wrapping_add(offset as usize)
            }

            fn reads(&self, offset: u64, len: usize) {
                let first = offset as usize / 8;
                for word in &self.0.shadow[first..first + len.div_ceil(8)] {
                    word.with(|_| ());
                }
            }

            fn writes(&self, offset: u64, len: usize) {
                let first = offset as usize / 8;
                for word in &self.0.shadow[first..first + len.div_ceil(8)] {
                    word.with_mut(|_| ());
                }
            }
        }
    }
}

use std::sync::Arc;

use doorbell::{Bell, Doorbell};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use ring::{Consumer, Producer};
use shm::memory::Ring;
use shm::sync::{AtomicU32, AtomicU64};

/// An eventfd: a ring before the wait ends it at once.
struct ModelBell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl ModelBell {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            rung: Mutex::new(false),
            changed: Condvar::new(),
        })
    }

    /// Never comes back if nobody rings: loom reports that as a deadlock.
    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}

impl Bell for ModelBell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

fn sleeping() -> &'static AtomicU32 {
    Box::leak(Box::new(AtomicU32::new(0)))
}

/// A consumer that takes `count` records, `1, 2, ...`, sleeping while there is none; `released` is
/// called after each.
fn consume(ring: Ring, bell: &Doorbell<Arc<ModelBell>>, count: u64, released: impl Fn(&Consumer)) {
    let consumer = Consumer::attach(ring);
    let mut next = 1;
    while next <= count {
        if let Some(record) = consumer.peek().unwrap() {
            assert_eq!(record.bytes(), next.to_ne_bytes());
            record.release();
            released(&consumer);
            next += 1;
            continue;
        }
        bell.prepare_sleep();
        if consumer.is_empty() {
            bell.bell().wait();
        }
        bell.awake();
    }
    assert!(consumer.is_empty());
}

fn model(preemptions: usize, check: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // LOOM_MAX_PREEMPTIONS asks for more.
    let asked = builder.preemption_bound.unwrap_or(0);
    builder.preemption_bound = Some(preemptions.max(asked));
    builder.check(check);
}

/// Records are whole and in order, across the end of the data and with padding, and no sleeper is
/// left alone. The ring holds four records of 16 bytes; the positions overflow on the way.
#[test]
fn no_record_is_torn_and_no_sleeper_forgotten() {
    model(3, || {
        let ring = Ring::new_at(0_u64.wrapping_sub(24));
        let (bell, flag) = (ModelBell::new(), sleeping());
        let theirs = Doorbell::new(bell.clone(), flag);
        let reader = thread::spawn(move || consume(ring, &theirs, 2, |_| {}));
        let bell = Doorbell::new(bell, flag);
        let mut producer = Producer::attach(ring);
        for number in 1..=2_u64 {
            // The second one is padded; both fit at once: no waiting for room here.
            let mut reservation = producer.try_reserve(16).unwrap();
            reservation.bytes_mut()[..8].copy_from_slice(&number.to_ne_bytes());
            // As after read(2): less than was reserved.
            reservation.commit(8);
            bell.notify();
        }
        reader.join().unwrap();
    });
}

/// A producer that finds the ring full asks for a bell and sleeps; it always gets it. Space is
/// written over while the consumer reads on.
#[test]
fn no_waiting_producer_is_forgotten() {
    model(2, || {
        let ring = Ring::new_at(8);
        let mut producer = Producer::attach(ring);
        // 3 of at most 4 places: soon full unless the consumer was quick.
        for number in 1..=3_u64 {
            assert!(producer.try_push(&[&number.to_ne_bytes()]));
        }
        let (room_bell, room_flag) = (ModelBell::new(), sleeping());
        let (data_bell, data_flag) = (ModelBell::new(), sleeping());
        let room = Doorbell::new(room_bell.clone(), room_flag);
        let data = Doorbell::new(data_bell.clone(), data_flag);
        let reader = thread::spawn(move || {
            consume(ring, &data, 5, |consumer| {
                if consumer.take_waiting() {
                    room.force();
                }
            });
        });
        let data = Doorbell::new(data_bell, data_flag);
        for number in 4..=5_u64 {
            while !producer.try_push(&[&number.to_ne_bytes()]) {
                producer.set_waiting(true);
                if !producer.free_for(8) {
                    room_bell.wait();
                }
            }
            data.notify();
        }
        reader.join().unwrap();
    });
}

/// Two producers with a ring each and one sleeper: either may be the one that rings.
#[test]
fn two_producers_wake_one_consumer() {
    model(2, || {
        // The second one goes back to its start before its end.
        let rings = [Ring::new_at(0), Ring::new_at(40)];
        let (bell, flag) = (ModelBell::new(), sleeping());
        let writers = rings.map(|ring| {
            let bell = Doorbell::new(bell.clone(), flag);
            thread::spawn(move || {
                assert!(Producer::attach(ring).try_push(&[&1_u64.to_ne_bytes()]));
                bell.notify();
            })
        });
        let bell = Doorbell::new(bell, flag);
        let consumers = rings.map(Consumer::attach);
        let mut taken = 0;
        loop {
            for consumer in &consumers {
                if let Some(record) = consumer.peek().unwrap() {
                    assert_eq!(record.bytes(), 1_u64.to_ne_bytes());
                    taken += 1;
                }
            }
            if taken == 2 {
                break;
            }
            bell.prepare_sleep();
            if consumers.iter().all(Consumer::is_empty) {
                bell.bell().wait();
            }
            bell.awake();
        }
        for writer in writers {
            writer.join().unwrap();
        }
    });
}

/// A consumer that looks only at rings whose mark it finds misses nothing.
#[test]
fn no_marked_ring_is_missed() {
    model(3, || {
        let ring = Ring::new_at(0);
        let words: &'static [AtomicU64] = Box::leak(Box::new([AtomicU64::new(0)]));
        let (bell, flag) = (ModelBell::new(), sleeping());
        let theirs = Doorbell::new(bell.clone(), flag);
        let writer = thread::spawn(move || {
            let mut producer = Producer::attach(ring);
            for number in 1..=2_u64 {
                assert!(producer.try_push(&[&number.to_ne_bytes()]));
                marks::set(&words[0], 2);
                theirs.notify();
            }
        });
        let bell = Doorbell::new(bell, flag);
        let consumer = Consumer::attach(ring);
        let mut taken = 0_u64;
        let collect = || {
            let mut marked = 0;
            marks::take(words, |_, bits| marked |= bits);
            marked != 0
        };
        while taken < 2 {
            let mut ready = collect();
            if !ready {
                bell.prepare_sleep();
                ready = collect();
                if !ready {
                    bell.bell().wait();
                }
                bell.awake();
            }
            while ready {
                match consumer.peek().unwrap() {
                    Some(record) => {
                        taken += 1;
                        assert_eq!(record.bytes(), taken.to_ne_bytes());
                    }
                    None => ready = false,
                }
            }
        }
        writer.join().unwrap();
    });
}
