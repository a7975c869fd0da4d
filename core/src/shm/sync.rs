//! The atomics of the ring and the doorbell, in one place so that the model check
//! (`tests/ring_loom.rs`) can compile the same sources over loom's.

pub use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
