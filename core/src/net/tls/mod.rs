//! TLS over a socket that does not block: one session type, which coroutine sockets and blocking clients
//! drive (see [`drive`]). The work is OpenSSL's.
//!
//! | file | what |
//! |---|---|
//! | `context` | settings, and what sessions of the same settings share |
//! | `session` | one connection: handshake, reading, writing, certificates |
//! | `drive` | waiting until a session has done it |

pub mod context;
pub mod drive;
pub mod session;

#[cfg(test)]
pub(crate) mod tests;

pub use context::{Context, Role, Settings, TlsError};
pub use session::{Session, Untrusted};
