//! Room `shm`: typed shared memory, made before the forks and used by every process of a server.
//!
//! - [`region`]: one memfd mapping, carved into arrays of plain records and rings;
//! - [`ring`]: single-producer single-consumer byte rings of variable-size records;
//! - [`counters`]: counters on cache lines of their own;
//! - [`mutex`]: a robust mutex between processes;
//! - [`atomic`]: words that scripts share, and waiting on them;
//! - [`lock`]: locks that scripts share, which outlive the death of their holder;
//! - [`table`]: rows under string keys.
//!
//! Nothing here holds pointers inside the shared memory, and nothing read from it is trusted for
//! memory safety: offsets and lengths are checked before use.

pub mod atomic;
pub mod counters;
pub mod lock;
mod memory;
pub mod mutex;
pub mod record;
pub mod region;
pub mod ring;
pub(crate) mod sync;
pub mod table;

#[cfg(test)]
mod ring_tests;
