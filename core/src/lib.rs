//! The PHP-free rooms of swoole-rs. A room imports only rooms of a lower rank; see ARCHITECTURE.md.

pub mod coroutine;
pub mod error;
pub mod ipc;
pub mod log;
pub mod net;
pub mod options;
pub mod process_pool;
pub mod protocol;
pub mod reactor;
pub mod server;
pub mod shm;
pub mod sys;
