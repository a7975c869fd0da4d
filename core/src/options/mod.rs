//! Room `options`.
