//! The descriptors that an event loop watches, and the tokens that name them to the kernel.

use super::event_loop::OWN_TOKEN;
use super::poller::{Interest, Ready, Token};
use slab::Slab;
use std::collections::HashMap;
use std::os::fd::RawFd;
use std::rc::Rc;

const GENERATION_SHIFT: u32 = 32;
const GENERATION_MASK: usize = (1 << 28) - 1;

/// How readiness is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Each turn for as long as it lasts.
    Level,
    /// Once, and again only after the descriptor has said "would block".
    Edge,
}

/// Names a watched descriptor; an id is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatchId {
    key: usize,
    generation: usize,
}

impl WatchId {
    pub(super) fn token(self) -> Token {
        Token(OWN_TOKEN | (self.generation << GENERATION_SHIFT) | self.key)
    }

    pub(super) fn of(token: usize) -> WatchId {
        WatchId {
            key: token & ((1 << GENERATION_SHIFT) - 1),
            generation: (token >> GENERATION_SHIFT) & GENERATION_MASK,
        }
    }
}

pub(super) struct Watch {
    pub fd: RawFd,
    pub interest: Interest,
    pub trigger: Trigger,
    pub callback: Rc<dyn Fn(Ready)>,
    generation: usize,
    /// Keeps the loop alive.
    counted: bool,
    /// Somebody else may have the descriptor.
    lent: bool,
}

/// What is removed from here is handed out: it is to be dropped with no borrow held, because its callback
/// may own anything.
#[derive(Default)]
pub(super) struct Watches {
    slab: Slab<Watch>,
    by_fd: HashMap<RawFd, usize>,
    next_generation: usize,
    counted: usize,
}

impl Watches {
    /// The id that [`Self::insert`] gives next.
    pub fn next_id(&mut self) -> WatchId {
        let generation = self.next_generation;
        self.next_generation = (generation + 1) & GENERATION_MASK;
        WatchId {
            key: self.slab.vacant_key(),
            generation,
        }
    }

    /// Under the id of [`Self::next_id`]. Gives back one that was there under the same descriptor.
    pub fn insert(
        &mut self,
        id: WatchId,
        fd: RawFd,
        interest: Interest,
        trigger: Trigger,
        callback: Rc<dyn Fn(Ready)>,
    ) -> Option<Watch> {
        let key = self.slab.insert(Watch {
            fd,
            interest,
            trigger,
            callback,
            generation: id.generation,
            counted: true,
            lent: false,
        });
        debug_assert_eq!(key, id.key);
        self.counted += 1;
        let stale = self.by_fd.insert(fd, key)?;
        self.take(stale)
    }

    pub fn get(&self, id: WatchId) -> Option<&Watch> {
        let watch = self.slab.get(id.key)?;
        (watch.generation == id.generation).then_some(watch)
    }

    pub fn get_mut(&mut self, id: WatchId) -> Option<&mut Watch> {
        let watch = self.slab.get_mut(id.key)?;
        (watch.generation == id.generation).then_some(watch)
    }

    pub fn find(&self, fd: RawFd) -> Option<WatchId> {
        self.look_up(fd).filter(|(_, lent)| !lent).map(|(id, _)| id)
    }

    /// The watch of a descriptor if it is lent.
    pub fn find_lent(&self, fd: RawFd) -> Option<WatchId> {
        self.look_up(fd).filter(|(_, lent)| *lent).map(|(id, _)| id)
    }

    fn look_up(&self, fd: RawFd) -> Option<(WatchId, bool)> {
        let key = *self.by_fd.get(&fd)?;
        let watch = self.slab.get(key)?;
        let generation = watch.generation;
        Some((WatchId { key, generation }, watch.lent))
    }

    /// Makes it one that is lent and does not count, or takes that back. False: it is gone.
    pub fn set_lent(&mut self, id: WatchId, lent: bool) -> bool {
        let Some(watch) = self.get_mut(id) else {
            return false;
        };
        watch.lent = lent;
        let counted = std::mem::replace(&mut watch.counted, !lent);
        self.counted = self.counted - usize::from(counted) + usize::from(!lent);
        true
    }

    pub fn remove(&mut self, id: WatchId) -> Option<Watch> {
        let fd = self.get(id)?.fd;
        self.by_fd.remove(&fd);
        self.take(id.key)
    }

    pub fn detach(&mut self, id: WatchId) {
        if let Some(watch) = self.get_mut(id)
            && watch.counted
        {
            watch.counted = false;
            self.counted -= 1;
        }
    }

    /// Those that keep the loop alive.
    pub fn counted(&self) -> usize {
        self.counted
    }

    pub fn len(&self) -> usize {
        self.slab.len()
    }

    fn take(&mut self, key: usize) -> Option<Watch> {
        let watch = self.slab.try_remove(key)?;
        self.counted -= usize::from(watch.counted);
        Some(watch)
    }
}
