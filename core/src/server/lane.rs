//! What an incarnation of a process writes down for whoever finds it dead.

use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use crate::shm::counters::Counter;
use crate::shm_record;

/// Room for the text of a worker's last fault, in words of 8 bytes.
const FAULT_WORDS: usize = 32;
/// Messages that a worker may have in hand and still have every session remembered. With more, all of the
/// worker's connections are closed if it dies.
pub const SERVING_MAX: usize = SERVING_ROWS * SERVING_ROWS;
const SERVING_ROWS: usize = 32;

shm_record! {
    /// One for each lane of each worker, so that an incarnation that finishes and its successor do not
    /// write to the same words. Writer: the incarnation of the lane.
    pub struct LaneRecord {
        /// Of this incarnation.
        pub requests: Counter,
        /// Of this incarnation.
        pub responses: Counter,
        /// Of all incarnations of this lane.
        pub all_requests: Counter,
        /// Of all incarnations of this lane.
        pub all_responses: Counter,
        /// Places of `serving` below this have been used.
        serving_used: AtomicU32,
        /// Messages in hand that found no place.
        serving_more: AtomicU32,
        fault_bytes: AtomicU32,
        /// Which incarnation has this lane; 0: that one is dead. Writer: the manager.
        pub incarnation: AtomicU32,
        /// Messages to other processes that found no room yet.
        pub unsent: AtomicU32,
        /// The sessions that have a message in hand, or (of task workers) the tasks; 0: none.
        serving: [[AtomicU64; SERVING_ROWS]; SERVING_ROWS],
        fault: [AtomicU64; FAULT_WORDS],
    }
}

impl LaneRecord {
    /// A new incarnation begins.
    pub fn reset(&self) {
        self.requests.set(0);
        self.responses.set(0);
        self.fault_bytes.store(0, Relaxed);
        self.take_served();
    }

    /// The incarnation has taken a message of a session, and remembers it in this place.
    #[inline]
    pub fn begin_serving(&self, slot: u32, session_id: u64) {
        match self.place(slot) {
            Some(place) => {
                if self.serving_used.load(Relaxed) <= slot {
                    self.serving_used.store(slot + 1, Release);
                }
                place.store(session_id, Release);
            }
            None => {
                let more = self.serving_more.load(Relaxed);
                self.serving_more.store(more + 1, Release);
            }
        }
    }

    #[inline]
    fn place(&self, slot: u32) -> Option<&AtomicU64> {
        let slot = slot as usize;
        self.serving
            .get(slot / SERVING_ROWS)?
            .get(slot % SERVING_ROWS)
    }

    /// User code is done with the message of this place.
    #[inline]
    pub fn end_serving(&self, slot: u32) {
        match self.place(slot) {
            Some(place) => place.store(0, Release),
            None => {
                let more = self.serving_more.load(Relaxed);
                self.serving_more.store(more.saturating_sub(1), Release);
            }
        }
    }

    /// The sessions whose message a dead incarnation had in hand, and whether there were more than it
    /// could write down; forgets them.
    pub fn take_served(&self) -> (Vec<u64>, bool) {
        let used = self.serving_used.swap(0, AcqRel) as usize;
        let mut served: Vec<u64> = self
            .serving
            .iter()
            .flatten()
            .take(used)
            .map(|place| place.swap(0, AcqRel))
            .filter(|id| *id != 0)
            .collect();
        served.sort_unstable();
        served.dedup();
        (served, self.serving_more.swap(0, AcqRel) > 0)
    }

    /// Keeps the text of a fault for whoever reports the death, cut to the room there is.
    pub fn set_fault(&self, text: &str) {
        let bytes = &text.as_bytes()[..text.len().min(FAULT_WORDS * 8)];
        for (word, chunk) in self.fault.iter().zip(bytes.chunks(8)) {
            let mut buffer = [0u8; 8];
            buffer[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_ne_bytes(buffer), Relaxed);
        }
        self.fault_bytes.store(bytes.len() as u32, Release);
    }

    /// Takes the text of the last fault.
    pub fn take_fault(&self) -> Option<String> {
        let length = self.fault_bytes.swap(0, Acquire) as usize;
        if length == 0 || length > FAULT_WORDS * 8 {
            return None;
        }
        let mut bytes: Vec<u8> = self
            .fault
            .iter()
            .flat_map(|word| word.load(Relaxed).to_ne_bytes())
            .collect();
        bytes.truncate(length);
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}
