//! Connecting, through a proxy if need be.

use super::{Failure, Fault, Kind, SockType, Socket, Waiter, timeout_of};
use crate::error::codes;
use crate::net::Address;
use crate::net::client::transfer::{self, Patience, TunnelFault};
use crate::protocol::http_proxy::HttpProxy;
use crate::protocol::proxy::{Credentials, Handshake, Target};
use crate::protocol::socks5::Socks5;
use crate::sys::socket;
use nix::errno::Errno;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    Socks5,
    Http,
}

/// Where to connect to instead, and have a tunnel made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub kind: ProxyKind,
    pub host: String,
    pub port: u16,
    pub credentials: Option<Credentials>,
}

impl Proxy {
    fn handshake(&self, target: Target) -> Result<Handshake, Failure> {
        let credentials = self.credentials.clone();
        let made = match self.kind {
            ProxyKind::Socks5 => Socks5::new(target, credentials).map(Handshake::Socks5),
            ProxyKind::Http => HttpProxy::new(target, credentials).map(Handshake::Http),
        };
        made.map_err(|error| Failure::explained(error.code, error.message))
    }

    fn failed(&self) -> Failure {
        Failure::Code(match self.kind {
            ProxyKind::Socks5 => codes::SOCKS5_HANDSHAKE_FAILED,
            ProxyKind::Http => codes::HTTP_PROXY_HANDSHAKE_FAILED,
        })
    }
}

impl Socket {
    /// The proxy, if there is one: its address is the one to connect to.
    #[must_use]
    pub fn proxy(&self) -> Option<Proxy> {
        self.proxy.borrow().clone()
    }

    /// Takes a socket of the other IP version, if the address of a proxy is of that: the former one, to be
    /// forgotten by the event loop. Only for one that has not been connected.
    pub fn match_family(&self, address: IpAddr) -> Result<Option<Rc<OwnedFd>>, Errno> {
        let fitting = match (self.sock_type(), address) {
            (Some(SockType::Tcp), IpAddr::V6(_)) => SockType::Tcp6,
            (Some(SockType::Tcp6), IpAddr::V4(_)) => SockType::Tcp,
            _ => return Ok(None),
        };
        let kind = Kind::of(fitting);
        let fd = socket::create_any(kind.domain, kind.kind, kind.protocol)?;
        self.kind.set(kind);
        let former = self.fd.replace(Some(Rc::new(fd)));
        self.set_defaults();
        Ok(former)
    }

    /// Connects to an address: the target's, or the proxy's, which then makes the tunnel to `target`.
    pub fn connect<W: Waiter>(
        &self,
        waiter: &W,
        address: &Address,
        timeout_s: f64,
        target: Target,
    ) -> Result<(), Failure> {
        let fd = self.descriptor()?;
        let limit = timeout_of(timeout_s, timeout_of(self.timeouts().connect, None));
        let mut patience = Patience::lazy(waiter, limit);
        transfer::connect(&mut patience, fd.as_fd(), address.as_sys())?;
        self.connected.set(true);
        self.shut_read.set(false);
        self.shut_write.set(false);
        let host = self.has_tls().then(|| target.host.clone());
        if let Some(proxy) = self.proxy() {
            self.tunnel(waiter, &proxy, target)?;
        }
        match host {
            Some(host) => self.handshake(waiter, Some(&host)),
            None => Ok(()),
        }
    }

    fn tunnel<W: Waiter>(&self, waiter: &W, proxy: &Proxy, target: Target) -> Result<(), Failure> {
        let fd = self.descriptor()?;
        let mut handshake = proxy.handshake(target)?;
        let mut patience = Patience::lazy(waiter, timeout_of(self.timeouts().read, None));
        match transfer::tunnel(&mut patience, fd.as_fd(), &mut handshake) {
            Ok(came) => {
                self.decoder.borrow_mut().extend(&came);
                Ok(())
            }
            Err(TunnelFault::Link(fault @ (Fault::Ended | Fault::Outside))) => Err(fault.into()),
            Err(_) => Err(proxy.failed()),
        }
    }
}
