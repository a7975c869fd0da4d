//! Names, addresses, connecting.

use super::Socket;
use super::answer::{check, failed, open, remark};
use crate::php::convert::{bytes_of, set_bool};
use crate::php::coroutine::methods::timeout_ms;
use crate::php::coroutine_system::names;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse};
use crate::php::name_resolver;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use swoole_core::coroutine::socket::{Failure, Fault, Interest, Phase};
use swoole_core::error::{self, codes};
use swoole_core::net::dns::{self, Family};
use swoole_core::net::{Address, NetError, SockType};
use swoole_core::protocol::proxy::Target;

/// An IP address as text, of the socket's family.
fn literal(domain: i32, host: &str) -> Option<IpAddr> {
    match domain {
        libc::AF_INET => host.parse::<Ipv4Addr>().ok().map(IpAddr::from),
        libc::AF_INET6 => host.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        _ => None,
    }
}

fn port_of(port: i64) -> Result<u16, Failure> {
    u16::try_from(port).map_err(|_| Failure::Code(codes::BAD_PORT))
}

/// An address without looking up names, for binding.
pub fn literal_address(socket: &Socket, host: &[u8], port: i64) -> Result<Address, Failure> {
    let host = String::from_utf8_lossy(host);
    let domain = socket.link.kind().domain;
    if domain == libc::AF_UNIX {
        return unix_address(&host);
    }
    let port = port_of(port)?;
    match literal(domain, &host) {
        Some(ip) => Ok(SocketAddr::new(ip, port).into()),
        None => Err(Failure::Code(codes::BAD_HOST_ADDR)),
    }
}

fn unix_address(path: &str) -> Result<Address, Failure> {
    Address::resolve(SockType::UnixStream, path, 0).map_err(|error| match error {
        NetError::PathTooLong { .. } => Failure::Code(codes::NAME_TOO_LONG),
        _ => Failure::Fault(Fault::Os(libc::EINVAL)),
    })
}

/// The address of a host by its IP address or name, which is looked up while the coroutine waits.
pub fn address_of(socket: &Socket, host: &[u8], port: i64) -> Result<Address, Failure> {
    match literal_address(socket, host, port) {
        Err(Failure::Code(codes::BAD_HOST_ADDR)) => {
            let host = String::from_utf8_lossy(host);
            let ip = look_up(socket, &host)?;
            Ok(SocketAddr::new(ip, port_of(port)?).into())
        }
        found => found,
    }
}

fn look_up(socket: &Socket, host: &str) -> Result<IpAddr, Failure> {
    let family = Family::from_number(i64::from(socket.link.kind().domain));
    let family = family.ok_or(Failure::Code(codes::DNSLOOKUP_UNSUPPORTED))?;
    let timeout_ms = timeout_ms(socket.link.timeouts().dns);
    let found = match names::resolve_in_coroutine(host.as_bytes(), family, timeout_ms) {
        Ok(Ok(found)) => found,
        Ok(Err(unresolved)) => return Err(Failure::Code(unresolved.code())),
        // The process ends, as the next wait tells the caller, too; or there is no thread to ask.
        Err(_) => return Err(Failure::Code(codes::DNSLOOKUP_RESOLVE_FAILED)),
    };
    dns::pick(&found).ok_or(Failure::Code(codes::DNSLOOKUP_RESOLVE_FAILED))
}

/// [`address_of`], which asks the user's resolvers first. Enters PHP: borrow nothing.
fn resolved(socket: &Socket, host: &[u8], port: i64) -> Result<Result<Address, Failure>, Stop> {
    let found = literal_address(socket, host, port);
    if !matches!(found, Err(Failure::Code(codes::BAD_HOST_ADDR))) {
        return Ok(found);
    }
    let context = name_resolver::Context::new(socket.link.kind().domain, false);
    Ok(match name_resolver::lookup(host, &context)? {
        Some(address) if address.is_empty() => Err(Failure::Code(error::last())),
        Some(address) => address_of(socket, &address, port),
        None => address_of(socket, host, port),
    })
}

pub fn do_connect(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut host: *mut zend_string = std::ptr::null_mut();
    let (mut port, mut timeout_s) = (0_i64, 0.0_f64);
    parse!(frame, c"S|ld", host, port, timeout_s)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    if socket.link.kind().has_ports() {
        if frame.num_args() == 1 {
            let text = "Socket of type AF_INET/AF_INET6 requires port argument";
            return Err(remark(text));
        }
        if port == 0 || port >= 65_536 {
            return Err(remark(format!("Invalid port argument[{port}]")));
        }
    }
    match connect(&socket, bytes_of(host), port, timeout_s)? {
        Ok(()) => {
            error::set_last(0);
            set_bool(place, true);
            Ok(())
        }
        Err(failure) => failed(frame, place, failure),
    }
}

/// Connects, through a proxy if there is one.
pub fn connect(
    socket: &Socket,
    host: &[u8],
    port: i64,
    timeout_s: f64,
) -> Result<Result<(), Failure>, Stop> {
    if let Err(failure) = check(socket, Some(Interest::ReadWrite))? {
        return Ok(Err(failure));
    }
    // What the loop told of it before tells nothing of its connection.
    socket.parking.leave();
    let target = Target {
        host: String::from_utf8_lossy(host).into_owned(),
        port: u16::try_from(port).unwrap_or(0),
    };
    let proxy = socket.link.proxy();
    let address = match &proxy {
        Some(proxy) => {
            if let Ok(ip) = proxy.host.parse()
                && let Err(errno) = socket.link.match_family(ip)
            {
                return Ok(Err(errno.into()));
            }
            resolved(socket, proxy.host.as_bytes(), i64::from(proxy.port))?
        }
        None => resolved(socket, host, port)?,
    };
    let address = match address {
        Ok(address) => address,
        Err(failure) => return Ok(Err(failure)),
    };
    let park = socket.park();
    let connected = socket.link.connect(&park, &address, timeout_s, target);
    Ok(match connected {
        Err(failure) if socket.link.phase() != Phase::Open && !failure.is_end() => {
            Err(Failure::Fault(Fault::Os(libc::ECONNABORTED)))
        }
        connected => connected,
    })
}
