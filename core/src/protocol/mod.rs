//! Codecs that know bytes and nothing else: no descriptor, no clock, no PHP. Bytes go in, packages or
//! answers come out; who owns a socket does the reading, writing and waiting.

pub mod decoder;
pub mod dns;
pub mod framing;
pub mod http_proxy;
pub mod input;
pub mod length;
pub mod mime;
pub mod proxy;
pub mod socks5;

pub use decoder::Decoder;
pub use framing::{Framing, Malformed, Marker, Progress, Step};
pub use input::InputBuffer;
pub use length::{LengthField, LengthType};

#[cfg(test)]
mod framing_tests;
