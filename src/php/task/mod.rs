//! Task workers, and messages between workers, as PHP sees them.

pub mod events;
pub mod methods;
pub mod objects;
pub mod waits;
