//! Network interfaces of the machine.

use super::SysError;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{AddressFamily, SockaddrLike};
use std::net::{IpAddr, Ipv4Addr};

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

/// The number of an interface, by its name.
#[must_use]
pub fn index_of(name: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(name).ok()
}

/// The IPv4 address of an interface, by its number.
#[must_use]
pub fn ipv4_of(index: u32) -> Option<Ipv4Addr> {
    ipv4()
        .into_iter()
        .find_map(|(name, ip)| (index_of(&name) == Some(index)).then_some(ip))
}

/// The number of the interface that has an address.
#[must_use]
pub fn index_of_ipv4(address: Ipv4Addr) -> Option<u32> {
    let found = ipv4().into_iter().find(|(_, ip)| *ip == address);
    found.and_then(|(name, _)| index_of(&name))
}

/// IPv4 addresses of all interfaces.
fn ipv4() -> Vec<(String, Ipv4Addr)> {
    let Ok(all) = all() else { return Vec::new() };
    all.filter_map(|interface| {
        let ip = interface.address?.as_sockaddr_in()?.ip();
        Some((interface.interface_name, ip))
    })
    .collect()
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
    fn the_loopback_has_a_number() {
        let index = index_of("lo");
        assert!(index.is_some());
        assert_eq!(index_of_ipv4(Ipv4Addr::LOCALHOST), index);
        assert_eq!(index.and_then(ipv4_of), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(index_of("no such"), None);
    }

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
