//! The event loop's parts: readiness, timers, clock.

pub mod clock;
pub mod poller;
pub mod timers;

pub use clock::Clock;
pub use poller::{Interest, Poller, Ready, Token};
pub use timers::{TimerId, Timers};
