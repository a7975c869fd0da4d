//! Tests of [`super::exchange`].
