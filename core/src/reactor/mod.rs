//! The event loop of a process and its parts: readiness, timers, clock.

pub mod clock;
pub mod event_loop;
pub mod outbox;
pub mod poller;
pub mod remote;
pub mod thread_pool;
pub mod timers;
pub mod unsent;
mod watches;

pub use clock::Clock;
pub use event_loop::EventLoop;
pub use poller::{Interest, Poller, Ready, Token};
pub use timers::{TimerId, Timers};

#[cfg(test)]
mod event_loop_tests;
