//! Errors and their codes.
