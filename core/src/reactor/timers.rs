//! Deadlines in order.

use slab::Slab;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Names one timer for ever: an id is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId {
    sequence: u64,
    key: usize,
}

/// Timers with a payload each. Times are milliseconds of whatever clock the caller uses. Timers of the
/// same deadline come due in the order of insertion. Insert, cancel and pop take O(log n), amortised.
#[derive(Debug)]
pub struct Timers<T> {
    live: Slab<Live<T>>,
    /// By deadline, then age. Cancelled timers stay until they surface or outnumber the live ones; the
    /// first entry is always live.
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    next_sequence: u64,
}

#[derive(Debug)]
struct Live<T> {
    sequence: u64,
    payload: T,
}

/// Below this many entries the heap is not worth tidying.
const COMPACT_FROM: usize = 64;

impl<T> Timers<T> {
    #[must_use]
    pub fn new() -> Timers<T> {
        Timers {
            live: Slab::new(),
            heap: BinaryHeap::new(),
            next_sequence: 0,
        }
    }

    pub fn insert(&mut self, at_ms: u64, payload: T) -> TimerId {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let key = self.live.insert(Live { sequence, payload });
        self.heap.push(Reverse((at_ms, sequence, key)));
        TimerId { sequence, key }
    }

    /// `None` if it came due or was cancelled before.
    pub fn cancel(&mut self, id: TimerId) -> Option<T> {
        if !is_live(&self.live, id.sequence, id.key) {
            return None;
        }
        let payload = self.live.remove(id.key).payload;
        self.tidy();
        Some(payload)
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at_ms, _, _))| *at_ms)
    }

    /// Takes one timer that is due, the oldest deadline first. A loop over this that inserts timers that
    /// are due at once does not end: read the clock once and insert later than that.
    pub fn pop_due(&mut self, now_ms: u64) -> Option<(TimerId, T)> {
        if self.next_deadline()? > now_ms {
            return None;
        }
        let Reverse((_, sequence, key)) = self.heap.pop()?;
        let payload = self.live.remove(key).payload;
        self.tidy();
        Some((TimerId { sequence, key }, payload))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Removes every timer.
    pub fn clear(&mut self) {
        self.live = Slab::new();
        self.heap = BinaryHeap::new();
    }

    /// Restores what `heap` promises: a live first entry, and not more dead ones than live ones.
    fn tidy(&mut self) {
        let Timers { live, heap, .. } = self;
        if heap.len() > COMPACT_FROM && heap.len() > 2 * live.len() {
            heap.retain(|Reverse((_, sequence, key))| is_live(live, *sequence, *key));
        }
        while let Some(Reverse((_, sequence, key))) = heap.peek() {
            if is_live(live, *sequence, *key) {
                break;
            }
            heap.pop();
        }
    }
}

fn is_live<T>(live: &Slab<Live<T>>, sequence: u64, key: usize) -> bool {
    live.get(key)
        .is_some_and(|timer| timer.sequence == sequence)
}

impl<T> Default for Timers<T> {
    fn default() -> Timers<T> {
        Timers::new()
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Op {
        Insert(u64),
        /// The n-th id given out so far, maybe one that is over.
        Cancel(usize),
        PopDue(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => (0..50u64).prop_map(Op::Insert),
            4 => any::<usize>().prop_map(Op::Cancel),
            1 => (0..60u64).prop_map(Op::PopDue),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_a_sorted_map(ops in prop::collection::vec(op(), 0..600)) {
            let mut timers = Timers::new();
            let mut model: BTreeMap<(u64, usize), TimerId> = BTreeMap::new();
            let mut given: Vec<(u64, TimerId)> = Vec::new();
            for op in ops {
                match op {
                    Op::Insert(at) => {
                        let number = given.len();
                        let id = timers.insert(at, number);
                        given.push((at, id));
                        model.insert((at, number), id);
                    }
                    Op::Cancel(n) if !given.is_empty() => {
                        let number = n % given.len();
                        let (at, id) = given[number];
                        let expected = model.remove(&(at, number)).map(|_| number);
                        prop_assert_eq!(timers.cancel(id), expected);
                    }
                    Op::Cancel(_) => {}
                    Op::PopDue(now) => {
                        let first = model.first_key_value().map(|(k, v)| (*k, *v));
                        let expected = first.filter(|((at, _), _)| *at <= now);
                        let popped = timers.pop_due(now);
                        prop_assert_eq!(popped, expected.map(|((_, number), id)| (id, number)));
                        if let Some((key, _)) = expected {
                            model.remove(&key);
                        }
                    }
                }
                let next = model.first_key_value().map(|((at, _), _)| *at);
                prop_assert_eq!(timers.next_deadline(), next);
                prop_assert_eq!(timers.len(), model.len());
                let cancelled = timers.heap.len() - model.len();
                prop_assert!(cancelled <= COMPACT_FROM.max(model.len()));
            }
        }
    }

    #[test]
    fn rearming_for_ever_does_not_pile_up() {
        let mut timers = Timers::new();
        timers.insert(0, ());
        let mut id = timers.insert(1, ());
        for at in 2..100_000 {
            assert!(timers.cancel(id).is_some());
            assert!(timers.cancel(id).is_none());
            id = timers.insert(at, ());
        }
        assert_eq!(timers.len(), 2);
        assert!(timers.heap.len() <= COMPACT_FROM + 1);
    }
}
