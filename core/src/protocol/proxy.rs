//! What the handshakes with proxies have in common.

use std::fmt;

/// What a handshake wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Turn {
    /// More bytes of the proxy.
    NeedMore,
    /// The first `consumed` bytes are used up; send `bytes` and read on.
    Send { consumed: usize, bytes: Vec<u8> },
    /// The tunnel stands; what follows the first `consumed` bytes came through it.
    Done { consumed: usize },
}

/// Why there is no tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyError {
    /// A `SWOOLE_ERROR_*` value.
    pub code: i32,
    pub message: String,
}

impl ProxyError {
    pub(super) fn new(code: i32, message: impl Into<String>) -> ProxyError {
        ProxyError {
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProxyError {}

/// Where the tunnel leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub host: String,
    pub port: u16,
}

/// Name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: Vec<u8>,
    pub password: Vec<u8>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// The client's side of a handshake with a proxy: send [`Handshake::start`], then call
/// [`Handshake::advance`] with all bytes that have come and were not consumed.
#[derive(Clone, Debug)]
pub enum Handshake {
    Socks5(super::socks5::Socks5),
    Http(super::http_proxy::HttpProxy),
}

impl Handshake {
    /// The first bytes to send.
    #[must_use]
    pub fn start(&self) -> Vec<u8> {
        match self {
            Handshake::Socks5(socks) => socks.greeting(),
            Handshake::Http(http) => http.request(),
        }
    }

    pub fn advance(&mut self, input: &[u8]) -> Result<Turn, ProxyError> {
        match self {
            Handshake::Socks5(socks) => socks.advance(input),
            Handshake::Http(http) => http.advance(input),
        }
    }
}
