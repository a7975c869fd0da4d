//! Room `protocol`.
pub mod mime;
