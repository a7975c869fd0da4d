//! Host names: the resolver of the system behind a cache of the process.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::options;
use crate::protocol::dns::SERVER_PORT;
use crate::sys::names::{self, Hints, NameError};

/// Which addresses are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    /// From `AF_INET` or `AF_INET6`.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Family> {
        match i32::try_from(number) {
            Ok(libc::AF_INET) => Some(Family::V4),
            Ok(libc::AF_INET6) => Some(Family::V6),
            _ => None,
        }
    }

    /// Whether an address is of this family.
    #[must_use]
    pub fn has(self, address: IpAddr) -> bool {
        address.is_ipv6() == (self == Family::V6)
    }

    fn number(self) -> i32 {
        match self {
            Family::V4 => libc::AF_INET,
            Family::V6 => libc::AF_INET6,
        }
    }
}

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The system's resolver: /etc/hosts, DNS and whatever else it asks.
    System,
    /// A DNS server, asked by this code.
    Server,
}

#[derive(Debug)]
struct Kept {
    until: Instant,
    addresses: Vec<IpAddr>,
}

type Key = (String, Family, Source);

/// Names are kept in lower case. The lock is held for single operations on the map only, and by the main
/// thread only (see [`resolve`]).
static CACHE: LazyLock<Mutex<HashMap<Key, Kept>>> = LazyLock::new(Mutex::default);

/// Longest host name of DNS; others are not kept.
const MAX_NAME_BYTES: usize = 255;

/// The addresses of a host as the system's resolver tells them, which blocks until it does. Fills the cache.
///
/// # Errors
/// The resolver's.
pub fn lookup(host: &str, family: Family) -> Result<Vec<IpAddr>, NameError> {
    let addresses = resolve(host, family)?;
    keep(host, family, Source::System, &addresses);
    Ok(addresses)
}

/// The addresses of a host, of the family, in the resolver's order and each once; never none of them.
/// Blocks, and takes no lock: for threads of the pool.
///
/// # Errors
/// The resolver's.
pub fn resolve(host: &str, family: Family) -> Result<Vec<IpAddr>, NameError> {
    let hints = Hints {
        family: family.number(),
        socktype: libc::SOCK_STREAM,
        protocol: 0,
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for found in names::getaddrinfo(host, None, hints)? {
        if family.has(found.ip()) && !addresses.contains(&found.ip()) {
            addresses.push(found.ip());
        }
    }
    if addresses.is_empty() {
        return Err(NameError {
            code: libc::EAI_NONAME,
            errno: 0,
        });
    }
    Ok(addresses)
}

/// What is known of a host without asking.
#[must_use]
pub fn cached(host: &str, family: Family, source: Source) -> Option<Vec<IpAddr>> {
    let key = (host.to_ascii_lowercase(), family, source);
    let mut cache = CACHE.lock();
    let kept = cache.get(&key)?;
    if kept.until <= Instant::now() {
        cache.remove(&key);
        return None;
    }
    Some(kept.addresses.clone())
}

/// Remembers an answer for as long as the options say: `dns_cache_expire` for the system's resolver,
/// `dns_cache_refresh_time` for DNS servers.
pub fn keep(host: &str, family: Family, source: Source, addresses: &[IpAddr]) {
    let settings = options::process().dns;
    let capacity = settings.cache_capacity as usize;
    let keep_ms = match source {
        Source::System => settings.client_cache_ms,
        Source::Server => settings.cache_ms,
    };
    if keep_ms == 0 || capacity == 0 || host.len() > MAX_NAME_BYTES {
        return;
    }
    let now = Instant::now();
    let Some(until) = now.checked_add(Duration::from_millis(keep_ms)) else {
        return;
    };
    let key = (host.to_ascii_lowercase(), family, source);
    let mut cache = CACHE.lock();
    if cache.len() >= capacity && !cache.contains_key(&key) {
        cache.retain(|_, kept| kept.until > now);
    }
    if cache.len() >= capacity && !cache.contains_key(&key) {
        let oldest = cache.iter().min_by_key(|(_, kept)| kept.until);
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            cache.remove(&oldest);
        }
    }
    let addresses = addresses.to_vec();
    cache.insert(key, Kept { until, addresses });
}

/// Forgets all addresses.
pub fn clear_cache() {
    CACHE.lock().clear();
}

/// More are not asked, as the system's resolver does not.
const MAX_SERVERS: usize = 3;

/// The DNS servers to ask, in order: that of the option `dns_server`, else those of the system.
#[must_use]
pub fn servers() -> Vec<SocketAddr> {
    if let Some(server) = options::process().dns.server {
        return vec![server];
    }
    let config = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    servers_of(&config)
}

fn servers_of(config: &str) -> Vec<SocketAddr> {
    config
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("nameserver"))
        .filter(|rest| rest.starts_with([' ', '\t']))
        .filter_map(|rest| rest.split_whitespace().next()?.parse::<IpAddr>().ok())
        .map(|ip| SocketAddr::new(ip, SERVER_PORT))
        .take(MAX_SERVERS)
        .collect()
}

/// The address to take: the first, or any where `dns_lookup_random` is set.
#[must_use]
pub fn pick(addresses: &[IpAddr]) -> Option<IpAddr> {
    if !options::process().dns.random {
        return addresses.first().copied();
    }
    // The low bits of a clock are random enough to spread connections.
    let ticks = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = ticks.map_or(0, |ticks| ticks.subsec_nanos() as usize);
    addresses.get(nanos.checked_rem(addresses.len())?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn answers_are_kept() {
        let address = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
        let known = |family, source| cached("kept.example", family, source);
        keep("Kept.Example", Family::V4, Source::System, &[address]);
        assert_eq!(known(Family::V4, Source::System), Some(vec![address]));
        assert_eq!(known(Family::V6, Source::System), None);
        assert_eq!(known(Family::V4, Source::Server), None);
        clear_cache();
        assert_eq!(known(Family::V4, Source::System), None);
        assert_eq!(pick(&[]), None);
        assert_eq!(pick(&[address]), Some(address));
    }

    #[test]
    fn servers_are_read() {
        let config = "# nameserver 192.0.2.9\nsearch a.example\n nameserver\t192.0.2.1 \n\
            nameserver 2001:db8::1\nnameserverx 192.0.2.3\nnameserver bad\n";
        let found: Vec<String> = servers_of(config).iter().map(|s| s.to_string()).collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53"]);
    }

    #[test]
    fn an_address_is_its_own_name() {
        let found = lookup("127.0.0.1", Family::V4);
        assert_eq!(found, Ok(vec![IpAddr::from(Ipv4Addr::LOCALHOST)]));
        assert!(lookup("127.0.0.1", Family::V6).is_err());
        assert!(lookup("", Family::V4).is_err());
    }
}
