//! Where messages between workers, task workers and other processes wait to be taken.

use std::path::Path;
use std::sync::atomic::Ordering::Acquire;

use super::shared::Shared;
use crate::error::Error;
use crate::ipc::intake::{Intakes, IntakesSlot, intake_capacity};
use crate::options::{Settings, TaskIpc};
use crate::shm::region::{Built, Layout};
use crate::sys::message_queue::MessageQueue;

/// Address space for the intakes of one server, in bytes.
const BUDGET_BYTES: usize = 64 * 1024 * 1024;

/// Which process a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// The serving incarnation of a worker or task worker.
    Worker(usize),
    /// Whichever task worker is free.
    AnyTaskWorker,
    /// One incarnation of a worker, which waits for it: nobody else could make use of it.
    Lane(usize),
}

/// The intakes of a server: one for each worker and task worker, which incarnations of it take from in turn;
/// one that all task workers take from; and one for each lane of each worker, for results that very
/// incarnation waits for.
#[derive(Debug)]
pub struct Posts {
    pub(super) intakes: Intakes,
    core: usize,
}

/// The place of a server's intakes in a region to be built.
#[derive(Debug)]
pub(super) struct PostsSlot {
    intakes: IntakesSlot,
    core: usize,
}

fn count_of(core: usize, event_workers: usize) -> usize {
    core + 1 + event_workers * 2
}

/// Address space that the intakes of such a server take.
#[cfg(test)]
pub(super) fn bytes(core: usize, event_workers: usize) -> usize {
    let count = count_of(core, event_workers);
    count * intake_capacity(count, BUDGET_BYTES)
}

impl Posts {
    pub(super) fn layout(
        layout: &mut Layout,
        core: usize,
        event_workers: usize,
        producers: usize,
    ) -> PostsSlot {
        let count = count_of(core, event_workers);
        let capacity = intake_capacity(count, BUDGET_BYTES);
        PostsSlot {
            intakes: Intakes::layout(layout, count, producers, capacity),
            core,
        }
    }

    pub(super) fn open(built: &Built, slot: &PostsSlot) -> Result<Self, Error> {
        let intakes = Intakes::open(built, &slot.intakes)
            .map_err(|error| Error::Corrupt(format!("locks in shared memory: {error}")))?;
        Ok(Self {
            intakes,
            core: slot.core,
        })
    }

    /// Which intake it is.
    #[inline]
    pub(super) fn index(&self, to: To) -> usize {
        match to {
            To::Worker(slot) => slot,
            To::AnyTaskWorker => self.core,
            To::Lane(lane) => self.core + 1 + lane,
        }
    }
}

impl Shared {
    /// Wakes who takes from there, if that one sleeps.
    pub(super) fn announce(&self, to: To) {
        match to {
            To::Worker(slot) => {
                self.worker_bell(slot).notify();
            }
            To::Lane(lane) => {
                self.worker_bells[lane].notify();
            }
            To::AnyTaskWorker => self.wake_task_worker(),
        }
    }

    /// Wakes one task worker that sleeps, if any does, each in its turn.
    fn wake_task_worker(&self) {
        let (first, count) = (self.event_workers(), self.task_workers().len());
        let round = self
            .global
            .task_round
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed) as usize;
        for step in 0..count {
            let slot = first + (round + step) % count;
            if self.worker_bell(slot).notify() {
                return;
            }
        }
    }

    /// Drops what a dead incarnation of a worker waited for, and lets go on who waits for room there.
    pub(super) fn empty_replies(&self, lane: usize) {
        let Some(posts) = &self.posts else { return };
        let index = posts.index(To::Lane(lane));
        while posts.intakes.take(index, |_| ()).is_some() {}
        posts.intakes.take_waiters(index, |producer| {
            self.producer_bell(producer).force();
        });
    }

    /// Whether the incarnation that had this lane is still there. Its number is known by the low bits.
    pub(super) fn is_alive(&self, lane: usize, epoch_bits: u16) -> bool {
        self.lanes.get(lane).is_some_and(|record| {
            let incarnation = record.incarnation.load(Acquire);
            incarnation != 0 && low_bits(incarnation) == epoch_bits
        })
    }
}

/// As much of an incarnation's number as messages and records of tasks have room for.
const EPOCH_BITS: u32 = 10;
const LANE_BITS: u32 = 15;
const ID_BITS: u32 = 36;

pub(super) fn low_bits(epoch: u32) -> u16 {
    (epoch & ((1 << EPOCH_BITS) - 1)) as u16
}

/// A task that a task worker has in hand, as one word of its lane record: whoever finds the task worker dead
/// tells the process that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskKey {
    pub id: u64,
    /// Of the process that asked, among the producers.
    pub source: u16,
    pub epoch_bits: u16,
    /// A coroutine or a call waits for the result.
    pub is_awaited: bool,
    /// It is a coroutine that waits.
    pub in_coroutine: bool,
}

impl TaskKey {
    /// Never 0.
    pub fn pack(self) -> u64 {
        let id = self.id & ((1 << ID_BITS) - 1);
        let source = u64::from(self.source) & ((1 << LANE_BITS) - 1);
        let epoch = u64::from(self.epoch_bits);
        1 << 63
            | u64::from(self.is_awaited) << 62
            | u64::from(self.in_coroutine) << 61
            | source << (EPOCH_BITS + ID_BITS)
            | epoch << ID_BITS
            | id
    }

    pub fn unpack(word: u64) -> Self {
        Self {
            id: word & ((1 << ID_BITS) - 1),
            source: (word >> (EPOCH_BITS + ID_BITS) & ((1 << LANE_BITS) - 1)) as u16,
            epoch_bits: (word >> ID_BITS & ((1 << EPOCH_BITS) - 1)) as u16,
            is_awaited: word >> 62 & 1 != 0,
            in_coroutine: word >> 61 & 1 != 0,
        }
    }
}

/// The System V queue that tasks go through with `task_ipc_mode` 2 and 3.
pub(super) fn open_task_queue(settings: &Settings) -> Result<Option<MessageQueue>, Error> {
    let task = &settings.task;
    if task.worker_num == 0 || task.ipc == TaskIpc::Memory {
        return Ok(None);
    }
    if !Path::new(&task.tmpdir).is_dir() {
        return Err(Error::option(
            "task_tmpdir",
            task.tmpdir.display().to_string(),
            "it must be a folder that exists",
        ));
    }
    // The kernel's keys have 32 bits; as with the reference the rest is cut off.
    let key = task.message_queue_key as i32;
    Ok(Some(MessageQueue::open(key)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_survives_being_written_down() {
        for (id, source, epoch, is_awaited) in [
            (0, 0, 0, false),
            (5, 3, 7, true),
            ((1 << ID_BITS) - 1, (1 << LANE_BITS) - 1, u32::MAX, true),
        ] {
            let key = TaskKey {
                id,
                source,
                epoch_bits: low_bits(epoch),
                is_awaited,
                in_coroutine: !is_awaited,
            };
            assert_ne!(key.pack(), 0);
            assert_eq!(TaskKey::unpack(key.pack()), key);
        }
    }
}
