//! Socket types and addresses, also in the form that fits into shared memory.

use super::NetError;
use crate::sys::socket::{Kind, SockAddr};
use bytemuck::{Pod, Zeroable};
use nix::sys::socket::AddressFamily;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// The longest path of a unix socket; the kernel's field has one byte more for the closing NUL.
pub const UNIX_PATH_MAX_BYTES: usize = 107;

/// The kinds of sockets to listen with. The numbers are those of `SWOOLE_SOCK_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SockType {
    Tcp = 1,
    Udp = 2,
    Tcp6 = 3,
    Udp6 = 4,
    UnixStream = 5,
    UnixDgram = 6,
}

impl SockType {
    /// From a `SWOOLE_SOCK_*` number, without flags such as `SWOOLE_SSL`.
    pub fn from_number(number: i64) -> Result<SockType, NetError> {
        Ok(match number {
            1 => SockType::Tcp,
            2 => SockType::Udp,
            3 => SockType::Tcp6,
            4 => SockType::Udp6,
            5 => SockType::UnixStream,
            6 => SockType::UnixDgram,
            _ => return Err(NetError::BadType { number }),
        })
    }

    #[must_use]
    pub fn number(self) -> i64 {
        self as i64
    }

    /// Whether it has connections.
    #[must_use]
    pub fn is_stream(self) -> bool {
        matches!(self, SockType::Tcp | SockType::Tcp6 | SockType::UnixStream)
    }

    #[must_use]
    pub fn is_tcp(self) -> bool {
        matches!(self, SockType::Tcp | SockType::Tcp6)
    }

    #[must_use]
    pub fn is_unix(self) -> bool {
        matches!(self, SockType::UnixStream | SockType::UnixDgram)
    }

    /// From `AF_*` and `SOCK_*`; None: a raw socket, or anything else.
    #[must_use]
    pub fn from_kind(domain: i32, kind: i32) -> Option<SockType> {
        Some(match (domain, kind) {
            (libc::AF_INET, libc::SOCK_STREAM) => SockType::Tcp,
            (libc::AF_INET, libc::SOCK_DGRAM) => SockType::Udp,
            (libc::AF_INET6, libc::SOCK_STREAM) => SockType::Tcp6,
            (libc::AF_INET6, libc::SOCK_DGRAM) => SockType::Udp6,
            (libc::AF_UNIX, libc::SOCK_STREAM) => SockType::UnixStream,
            (libc::AF_UNIX, libc::SOCK_DGRAM) => SockType::UnixDgram,
            _ => return None,
        })
    }

    /// `AF_*` and `SOCK_*`.
    #[must_use]
    pub fn domain_and_kind(self) -> (i32, i32) {
        let kind = if self.is_stream() {
            libc::SOCK_STREAM
        } else {
            libc::SOCK_DGRAM
        };
        (self.family() as i32, kind)
    }

    pub(super) fn family(self) -> AddressFamily {
        match self {
            SockType::Tcp | SockType::Udp => AddressFamily::Inet,
            SockType::Tcp6 | SockType::Udp6 => AddressFamily::Inet6,
            SockType::UnixStream | SockType::UnixDgram => AddressFamily::Unix,
        }
    }

    pub(super) fn kind(self) -> Kind {
        if self.is_stream() {
            Kind::Stream
        } else {
            Kind::Datagram
        }
    }
}

/// Where a socket is: an IP address and port, or the path of a unix socket (empty if it has none, as
/// most clients').
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    inner: SockAddr,
}

impl Address {
    /// Checks and, for a host that is no IP address, resolves (which may block on DNS). Of several
    /// addresses of the right family the first is taken.
    pub fn resolve(sock_type: SockType, host: &str, port: i64) -> Result<Address, NetError> {
        if sock_type.is_unix() {
            return Address::unix(host);
        }
        let port = u16::try_from(port).map_err(|_| NetError::BadPort { port })?;
        let bad_host = |reason: String| NetError::BadHost {
            host: host.to_owned(),
            reason,
        };
        if host.is_empty() {
            return Err(bad_host("it is empty".to_owned()));
        }
        let wants_v6 = sock_type.family() == AddressFamily::Inet6;
        let found = (host, port)
            .to_socket_addrs()
            .map_err(|_| bad_host("it is no address, and no name that resolves".to_owned()))?;
        found
            .into_iter()
            .find(|address| address.is_ipv6() == wants_v6)
            .map(Address::from)
            .ok_or_else(|| {
                let family = if wants_v6 { "IPv6" } else { "IPv4" };
                bad_host(format!(
                    "it is no {family} address, which the socket type asks for"
                ))
            })
    }

    /// What the kernel gave; no address takes the form of the socket's type.
    #[must_use]
    pub fn of_type(address: SockAddr, sock_type: SockType) -> Address {
        match (address, sock_type) {
            (SockAddr::Unix(_), SockType::Tcp | SockType::Udp) => {
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into()
            }
            (SockAddr::Unix(_), SockType::Tcp6 | SockType::Udp6) => {
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()
            }
            (address, _) => address.into(),
        }
    }

    fn unix(path: &str) -> Result<Address, NetError> {
        let bad = |reason: &str| NetError::BadHost {
            host: path.to_owned(),
            reason: reason.to_owned(),
        };
        if path.is_empty() {
            return Err(bad("the path of the unix socket is empty"));
        }
        if path.contains('\0') {
            return Err(bad("the path of the unix socket has a NUL byte"));
        }
        if path.len() > UNIX_PATH_MAX_BYTES {
            return Err(NetError::PathTooLong {
                path: path.to_owned(),
                len: path.len(),
                max: UNIX_PATH_MAX_BYTES,
            });
        }
        Ok(Address::from(SockAddr::Unix(path.as_bytes().to_vec())))
    }

    /// The IP address as text, or the path.
    #[must_use]
    pub fn ip(&self) -> String {
        match &self.inner {
            SockAddr::Inet(address) => address.ip().to_string(),
            SockAddr::Unix(path) => String::from_utf8_lossy(path).into_owned(),
        }
    }

    /// 0 for a unix socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        match &self.inner {
            SockAddr::Inet(address) => address.port(),
            SockAddr::Unix(_) => 0,
        }
    }

    /// The path of a unix socket that has one.
    #[must_use]
    pub fn unix_path(&self) -> Option<&[u8]> {
        match &self.inner {
            SockAddr::Unix(path) if !path.is_empty() => Some(path),
            _ => None,
        }
    }

    /// The form for shared memory. The path of a unix socket does not fit and is left out.
    #[must_use]
    pub fn to_raw(&self) -> RawAddress {
        let mut raw = RawAddress::default();
        match &self.inner {
            SockAddr::Inet(address) => {
                raw.port = address.port();
                match address.ip() {
                    IpAddr::V4(ip) => {
                        raw.family = RawAddress::INET;
                        raw.bytes[..4].copy_from_slice(&ip.octets());
                    }
                    IpAddr::V6(ip) => {
                        raw.family = RawAddress::INET6;
                        raw.bytes = ip.octets();
                    }
                }
            }
            SockAddr::Unix(_) => raw.family = RawAddress::UNIX,
        }
        raw
    }

    /// As the calls of `sys` take it.
    #[must_use]
    pub fn as_sys(&self) -> &SockAddr {
        &self.inner
    }
}

impl From<SockAddr> for Address {
    fn from(inner: SockAddr) -> Address {
        Address { inner }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::from(SockAddr::Inet(address))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            SockAddr::Inet(address) => address.fmt(f),
            SockAddr::Unix(_) => write!(f, "unix:{}", self.ip()),
        }
    }
}

/// An address as a plain record of 20 bytes; all zero is "none".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RawAddress {
    /// 0, or one of the constants.
    pub family: u16,
    pub port: u16,
    /// In network order; an IPv4 address in the first 4.
    pub bytes: [u8; 16],
}

impl RawAddress {
    pub const UNIX: u16 = AddressFamily::Unix as u16;
    pub const INET: u16 = AddressFamily::Inet as u16;
    pub const INET6: u16 = AddressFamily::Inet6 as u16;

    #[must_use]
    pub fn ip_addr(&self) -> Option<IpAddr> {
        match self.family {
            RawAddress::INET => {
                let [a, b, c, d, ..] = self.bytes;
                Some(Ipv4Addr::new(a, b, c, d).into())
            }
            RawAddress::INET6 => Some(Ipv6Addr::from(self.bytes).into()),
            _ => None,
        }
    }

    /// The IP address as text; empty if it is none.
    #[must_use]
    pub fn ip(&self) -> String {
        self.ip_addr().map(|ip| ip.to_string()).unwrap_or_default()
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn raw_addresses_keep_ip_and_port() {
        for (sock_type, host) in [(SockType::Tcp, "10.1.2.3"), (SockType::Tcp6, "fe80::1")] {
            let address = Address::resolve(sock_type, host, 9501).expect("address");
            let raw = address.to_raw();
            assert_eq!((raw.ip(), raw.port()), (host.to_owned(), 9501));
            assert_eq!((address.ip(), address.port()), (host.to_owned(), 9501));
        }
        assert_eq!(RawAddress::default().ip(), "");
    }

    #[test]
    fn what_is_no_address_is_refused_in_a_sentence() {
        let refused = |sock_type, host: &str, port| {
            Address::resolve(sock_type, host, port)
                .expect_err("refused")
                .to_string()
        };
        assert_eq!(
            refused(SockType::Tcp, "127.0.0.1", 70_000),
            "cannot listen on port 70000: a port is a number from 0 (any free one) to 65535"
        );
        assert!(refused(SockType::Tcp, "127.0.0.1", -1).contains("port -1"));
        assert!(refused(SockType::Tcp, "not a host", 1).contains("\"not a host\""));
        assert!(refused(SockType::Tcp, "", 1).contains("empty"));
        assert!(refused(SockType::Tcp, "::1", 1).contains("no IPv4 address"));
        assert!(refused(SockType::Tcp6, "127.0.0.1", 1).contains("no IPv6 address"));
        assert!(refused(SockType::UnixStream, "/a\0b", 0).contains("NUL"));
        let long = "/".repeat(108);
        assert!(refused(SockType::UnixStream, &long, 0).contains("108 bytes, at most 107"));
        assert!(Address::resolve(SockType::UnixDgram, &long[1..], 0).is_ok());
    }

    #[test]
    fn names_resolve() {
        let address = Address::resolve(SockType::Tcp, "localhost", 80).expect("localhost");
        assert_eq!(address.ip(), "127.0.0.1");
    }

    #[test]
    fn type_numbers_are_those_of_the_constants() {
        for number in 1..=6 {
            assert_eq!(
                SockType::from_number(number).map(SockType::number),
                Ok(number)
            );
        }
        assert!(SockType::from_number(0).is_err());
        assert!(SockType::from_number(513).is_err());
    }
}
