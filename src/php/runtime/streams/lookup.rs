//! Addresses of host names, without blocking.

use crate::php::coroutine::Woken;
use crate::php::coroutine::co::Wait;
use crate::php::coroutine_system::offload;
use crate::php::method::Stop;
use std::net::{IpAddr, SocketAddr};
use swoole_core::sys::names::{self, Hints, NameError};

/// What a look-up has come to.
#[derive(Debug)]
pub enum Looked {
    /// Never none of them; each comes once, with port 0, and with the scope of one that has a scope.
    Up(Vec<SocketAddr>),
    Failed(NameError),
    TimedOut,
    Canceled,
}

/// The addresses of a host, of both families in the resolver's order, as PHP asks for them. In a coroutine.
pub fn addresses(host: &str, socktype: i32, timeout_ms: Option<u64>) -> Result<Looked, Stop> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(Looked::Up(vec![SocketAddr::new(ip, 0)]));
    }
    let hints = Hints {
        socktype,
        ..Hints::default()
    };
    let host = host.to_owned();
    let ask = move || names::getaddrinfo(&host, None, hints);
    let found = match offload("a host name", Wait::Cancellable, timeout_ms, ask)? {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Ok(Looked::Failed(error)),
        Err(Woken::TimedOut) => return Ok(Looked::TimedOut),
        Err(_) => return Ok(Looked::Canceled),
    };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for mut address in found {
        address.set_port(0);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(if addresses.is_empty() {
        Looked::Failed(NameError {
            code: libc::EAI_NONAME,
            errno: 0,
        })
    } else {
        Looked::Up(addresses)
    })
}
