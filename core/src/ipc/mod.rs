//! Room `ipc`: messages between the processes and threads of a server, over shared-memory rings.
//!
//! - [`message`]: the header in front of each message, and the kinds there are;
//! - [`doorbell`]: waking a consumer that sleeps, and only then;
//! - [`exchange`]: a matrix of rings from n producers to m consumers;
//! - [`intake`]: queues that all processes put messages into;
//! - [`patience`]: what a consumer does before it sleeps;
//! - [`reassembly`]: messages larger than a ring, in parts.

pub mod doorbell;
pub mod exchange;
pub mod intake;
mod marks;
pub mod message;
pub mod patience;
pub mod reassembly;

#[cfg(test)]
mod doorbell_tests;
#[cfg(test)]
mod exchange_tests;
