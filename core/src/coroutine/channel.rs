//! What a channel between coroutines holds: items up to its capacity, and who waits at either end. Its
//! user does the waiting and the waking.

use super::waiters::Waiters;
use std::collections::VecDeque;

/// See the module's description.
#[derive(Debug)]
pub struct Channel<T, W> {
    items: VecDeque<T>,
    capacity: usize,
    closed: bool,
    /// Those who wait for an item.
    pub consumers: Waiters<W>,
    /// Those who wait for room.
    pub producers: Waiters<W>,
}

impl<T, W> Channel<T, W> {
    /// With room for `capacity` items, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Channel {
            items: VecDeque::new(),
            capacity: capacity.max(1),
            closed: false,
            consumers: Waiters::default(),
            producers: Waiters::default(),
        }
    }

    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    #[must_use]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.items.len() >= self.capacity
    }

    #[must_use]
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Nothing can be put in any more; what is in can be taken. False: it was closed.
    pub fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closed, true)
    }

    /// Whether a newcomer may put something in at once: there is room, and nobody waits for it.
    #[must_use]
    #[inline]
    pub fn can_push(&self) -> bool {
        !self.is_full() && self.producers.is_empty()
    }

    /// Whether a newcomer may take something at once.
    #[must_use]
    #[inline]
    pub fn can_pop(&self) -> bool {
        !self.is_empty() && self.consumers.is_empty()
    }

    /// Puts an item in, and says whom to wake. Only while there is room.
    #[inline]
    pub fn push(&mut self, item: T) -> Option<W> {
        debug_assert!(!self.is_full(), "the caller looked");
        self.items.push_back(item);
        self.consumers.call_next()
    }

    /// Takes an item out, and says whom to wake.
    #[inline]
    pub fn pop(&mut self) -> Option<(T, Option<W>)> {
        let item = self.items.pop_front()?;
        Some((item, self.producers.call_next()))
    }

    /// Takes everything out.
    pub fn drain(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_as_much_as_it_may_in_order() {
        let mut channel: Channel<i32, ()> = Channel::new(2);
        assert!(channel.can_push() && !channel.can_pop());
        assert_eq!((channel.push(1), channel.push(2)), (None, None));
        assert!(channel.is_full() && !channel.can_push() && channel.can_pop());
        assert_eq!(channel.pop(), Some((1, None)));
        assert_eq!(channel.pop(), Some((2, None)));
        assert_eq!(channel.pop(), None);
    }

    #[test]
    fn newcomers_stand_behind_those_who_wait() {
        let mut channel: Channel<i32, char> = Channel::new(1);
        channel.consumers.add('a');
        assert_eq!(channel.push(1), Some('a'));
        channel.producers.add('b');
        assert_eq!(channel.pop(), Some((1, Some('b'))));
        channel.producers.add('c');
        assert!(!channel.can_push(), "c has been waiting");
    }

    #[test]
    fn closes_once_and_keeps_what_is_in() {
        let mut channel: Channel<i32, ()> = Channel::new(0);
        channel.push(7);
        assert!(channel.close() && !channel.close() && channel.is_closed());
        assert_eq!(channel.pop(), Some((7, None)));
        assert!(channel.drain().is_empty());
    }
}
