//! What a consumer does just before it sleeps: it lets others run for a moment, and looks once more.
//!
//! Where more threads want to run than there are CPUs, a consumer that sleeps at once is woken for every
//! message or two: each producer pays for the bell, and the kernel puts the woken one before the producer,
//! which had more to write. One that gives the CPU away first (sched_yield(2)) finds a batch when it gets it
//! back, and no bell is rung. Where a CPU is idle that costs less than a microsecond.
//!
//! # When it does not
//! Who yields stands behind all others of its CPU, and next to one that computes for long (a slow callback of
//! user code) that means a time slice of milliseconds; a sleeper would be put before it by its wake-up. So the
//! yields that took long without a batch to show for it are counted, and where they are more than about a
//! twentieth the consumer sleeps at once for some time.

use std::time::{Duration, Instant};

use crate::shm::ring::Consumer;

/// A yield that took this long has waited for somebody's time slice.
const LONG_YIELD: Duration = Duration::from_millis(1);
/// So much news is worth it: there is a load that batches serve best.
const BATCH: usize = 16;
/// What a yield in vain counts against each that was not.
const VAIN_WEIGHT: u32 = 19;
/// Sleeps at once from this count on.
const WEIGHT_MAX: u32 = 76;
/// The count after a pause: two yields in vain in a row lead to the next one.
const WEIGHT_AFTER_PAUSE: u32 = WEIGHT_MAX - VAIN_WEIGHT - 1;
/// How long it sleeps at once; twice as long each time, while the count does not come down to 0.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(1_600);

/// See the module's description. One for each consumer.
#[derive(Debug)]
pub struct Patience {
    /// How often, and how recently, yields were in vain.
    weight: u32,
    paused_until: Option<Instant>,
    pause: Duration,
    /// After a yield that took long: the news it has shown so far.
    doubted: Option<usize>,
    /// News was found, so the owner began a turn without a wait.
    skipped_wait: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            weight: 0,
            paused_until: None,
            pause: FIRST_PAUSE,
            doubted: None,
            skipped_wait: false,
        }
    }
}

impl Patience {
    /// Lets others run once, then answers whether there is news: a reason to begin a turn without a wait. `count`
    /// tells how much there is, at most as much as it is asked for. After such a turn the answer is no until the
    /// owner has waited ([`Patience::waited`]): what comes by other ways must not be overlooked.
    pub fn finds(&mut self, count: impl FnMut(usize) -> usize) -> bool {
        if self.skipped_wait {
            return false;
        }
        self.skipped_wait = self.looks(count);
        self.skipped_wait
    }

    fn looks(&mut self, mut count: impl FnMut(usize) -> usize) -> bool {
        self.settle(0);
        let start = Instant::now();
        if self.is_paused(start) {
            return false;
        }
        std::thread::yield_now();
        if start.elapsed() < LONG_YIELD {
            self.note_good();
            return count(1) > 0;
        }
        let news = count(BATCH);
        self.doubted = Some(news);
        news > 0
    }

    /// The owner has waited, and so much else had come meanwhile.
    pub fn waited(&mut self, more: usize) {
        self.skipped_wait = false;
        self.settle(more);
    }

    fn settle(&mut self, more: usize) {
        match self.doubted.take() {
            Some(news) if news.saturating_add(more) < BATCH => self.note_vain(Instant::now()),
            Some(_) => self.note_good(),
            None => {}
        }
    }

    fn is_paused(&mut self, now: Instant) -> bool {
        match self.paused_until {
            Some(end) if now < end => true,
            Some(_) => {
                self.paused_until = None;
                self.weight = WEIGHT_AFTER_PAUSE;
                false
            }
            None => false,
        }
    }

    fn note_good(&mut self) {
        self.weight = self.weight.saturating_sub(1);
        if self.weight == 0 {
            self.pause = FIRST_PAUSE;
        }
    }

    fn note_vain(&mut self, now: Instant) {
        self.weight += VAIN_WEIGHT;
        if self.weight >= WEIGHT_MAX {
            self.paused_until = Some(now + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// How many messages are in these rings, at most `limit`.
pub fn count_records<'a>(inboxes: impl IntoIterator<Item = &'a Consumer>, limit: usize) -> usize {
    let mut count = 0;
    for inbox in inboxes {
        // Most of them are empty, which costs one load.
        if !inbox.is_empty() {
            count += inbox.count_up_to(limit - count);
            if count >= limit {
                break;
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes yields of which one in `each` was in vain, until there is a pause or `count` were noted.
    fn pauses(patience: &mut Patience, each: u32, count: u32, now: Instant) -> bool {
        (0..count).any(|i| {
            if i % each == each - 1 {
                patience.note_vain(now);
            } else {
                patience.note_good();
            }
            patience.paused_until.is_some()
        })
    }

    #[test]
    fn few_yields_in_vain_are_no_reason_for_a_pause() {
        let now = Instant::now();
        assert!(!pauses(&mut Patience::default(), 25, 100_000, now));
        assert!(pauses(&mut Patience::default(), 4, 1_000, now));
    }

    #[test]
    fn pauses_grow_while_yields_stay_in_vain() {
        let mut patience = Patience::default();
        let mut now = Instant::now();
        let mut lengths = Vec::new();
        for _ in 0..6 {
            assert!(pauses(&mut patience, 4, 1_000, now));
            assert!(patience.is_paused(now), "a pause has begun");
            let end = patience.paused_until.unwrap_or(now);
            lengths.push((end - now).as_millis());
            now = end;
            assert!(!patience.is_paused(now), "it has ended");
        }
        assert_eq!(lengths, [100, 200, 400, 800, 1_600, 1_600]);
        // Calm again, then loaded: it begins anew.
        assert!(!pauses(&mut patience, 1_000_000, 500, now));
        assert!(pauses(&mut patience, 4, 1_000, now));
        let end = patience.paused_until.unwrap_or(now);
        assert_eq!((end - now).as_millis(), 100);
    }

    #[test]
    fn a_pause_looks_at_nothing() {
        let mut patience = Patience::default();
        assert!(patience.finds(|_| 1));
        assert!(!patience.finds(|_| panic!("not before a wait")));
        patience.waited(0);
        assert!(!patience.finds(|_| 0));
        assert!(pauses(&mut patience, 1, 1_000, Instant::now()));
        assert!(!patience.finds(|_| panic!("not asked")));
    }

    #[test]
    fn a_long_yield_is_worth_it_if_a_batch_came_by_any_way() {
        let weight_after = |news, more| {
            let mut patience = Patience {
                doubted: Some(news),
                ..Patience::default()
            };
            patience.settle(more);
            patience.settle(0);
            patience.weight
        };
        assert_eq!(weight_after(0, 0), VAIN_WEIGHT);
        assert_eq!(weight_after(1, BATCH - 2), VAIN_WEIGHT);
        assert_eq!(weight_after(1, BATCH - 1), 0);
        assert_eq!(weight_after(BATCH, 0), 0);
        assert_eq!(weight_after(0, usize::MAX), 0);
    }
}
