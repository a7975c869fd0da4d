//! Levelled log.
