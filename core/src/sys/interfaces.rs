//! Network interfaces of the machine.

use super::SysError;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{AddressFamily, SockaddrLike};
use std::net::IpAddr;

fn all() -> Result<impl Iterator<Item = InterfaceAddress>, SysError> {
    getifaddrs().map_err(|errno| SysError {
        op: "list the network interfaces",
        detail: String::new(),
        errno: errno as i32,
    })
}

/// IP addresses of the interfaces that are up, with the interface's name; none of the loopback.
pub fn addresses() -> Result<Vec<(String, IpAddr)>, SysError> {
    let mut found = Vec::new();
    for interface in all()? {
        let Some(address) = interface.address else {
            continue;
        };
        let ip = if let Some(v4) = address.as_sockaddr_in() {
            IpAddr::V4(v4.ip())
        } else if let Some(v6) = address.as_sockaddr_in6() {
            IpAddr::V6(v6.ip())
        } else {
            continue;
        };
        if interface.flags.contains(InterfaceFlags::IFF_UP) && !ip.is_loopback() {
            found.push((interface.interface_name, ip));
        }
    }
    Ok(found)
}

/// Hardware addresses of the interfaces but for the loopback, with the interface's name.
pub fn hardware_addresses() -> Result<Vec<(String, [u8; 6])>, SysError> {
    let mut found = Vec::new();
    for interface in all()? {
        let Some(address) = interface.address else {
            continue;
        };
        if address.family() != Some(AddressFamily::Packet)
            || interface.flags.contains(InterfaceFlags::IFF_LOOPBACK)
        {
            continue;
        }
        if let Some(hardware) = address.as_link_addr().and_then(|link| link.addr()) {
            found.push((interface.interface_name, hardware));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_left_out() -> Result<(), SysError> {
        assert!(
            addresses()?
                .iter()
                .all(|(name, ip)| !name.is_empty() && !ip.is_loopback())
        );
        assert!(hardware_addresses()?.iter().all(|(name, _)| name != "lo"));
        Ok(())
    }
}
