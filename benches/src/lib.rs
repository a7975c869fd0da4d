//! The load generator and the side-by-side runner behind `make bench`.
//!
//! Only ratios measured side by side in one run count: absolute figures move from machine to
//! machine. See README.md in this folder.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod cli;
pub mod compare;
pub mod interrupt;
pub mod limits;
pub mod load;
pub mod measure;
pub mod pattern;
pub mod proctree;
pub mod report;
pub mod scenario;
pub mod scripts;
pub mod server;
pub mod stats;
