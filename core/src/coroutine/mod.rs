//! The PHP-free parts of coroutines' tools. What runs and waits is in the PHP room.

pub mod channel;
pub mod numbered;
pub mod socket;
pub mod waiters;
