//! A queue of those who wait for the same thing: first come, first served, and anyone may give up.

use std::collections::VecDeque;

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// See the module's description. `W` tells whom to wake.
#[derive(Debug)]
pub struct Waiters<W> {
    /// Ascending by ticket.
    queue: VecDeque<(Ticket, W)>,
    last: u64,
}

impl<W> Default for Waiters<W> {
    fn default() -> Self {
        Waiters {
            queue: VecDeque::new(),
            last: 0,
        }
    }
}

impl<W> Waiters<W> {
    /// Takes a place at the end.
    pub fn add(&mut self, who: W) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.queue.push_back((ticket, who));
        ticket
    }

    /// Gives a place up; false: it was called already.
    pub fn remove(&mut self, ticket: Ticket) -> bool {
        match self.queue.binary_search_by_key(&ticket, |(t, _)| *t) {
            Ok(at) => self.queue.remove(at).is_some(),
            Err(_) => false,
        }
    }

    /// Calls the first.
    pub fn call_next(&mut self) -> Option<W> {
        self.queue.pop_front().map(|(_, who)| who)
    }

    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_come_first_served_and_anyone_may_give_up() {
        let mut waiters = Waiters::default();
        let tickets: Vec<Ticket> = (0..4).map(|who| waiters.add(who)).collect();
        assert!(waiters.remove(tickets[1]));
        assert!(!waiters.remove(tickets[1]));
        assert_eq!(waiters.call_next(), Some(0));
        assert!(!waiters.remove(tickets[0]));
        assert_eq!(
            (waiters.call_next(), waiters.call_next()),
            (Some(2), Some(3))
        );
        assert!(waiters.call_next().is_none() && waiters.is_empty());
    }
}
