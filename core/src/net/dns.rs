//! Host names: the resolver of the system behind a cache of the process.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::options;
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

#[derive(Debug)]
struct Kept {
    until: Instant,
    addresses: Vec<IpAddr>,
}

/// Names are kept in lower case. The lock is held for single operations on the map only.
static CACHE: LazyLock<Mutex<HashMap<(String, Family), Kept>>> = LazyLock::new(Mutex::default);

/// Longest host name of DNS; others are not kept.
const MAX_NAME_BYTES: usize = 255;

/// The addresses of a host, of the family, in the resolver's order and each once; never none of them.
/// Blocks: call it in a thread of the pool, or where blocking is what was asked for. Fills the cache.
pub fn lookup(host: &str, family: Family) -> Result<Vec<IpAddr>, NameError> {
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
    keep(host, family, &addresses);
    Ok(addresses)
}

/// What is known of a host without asking.
#[must_use]
pub fn cached(host: &str, family: Family) -> Option<Vec<IpAddr>> {
    let key = (host.to_ascii_lowercase(), family);
    let mut cache = CACHE.lock();
    let kept = cache.get(&key)?;
    if kept.until <= Instant::now() {
        cache.remove(&key);
        return None;
    }
    Some(kept.addresses.clone())
}

fn keep(host: &str, family: Family, addresses: &[IpAddr]) {
    let settings = options::process().dns;
    let capacity = settings.cache_capacity as usize;
    if settings.cache_ms == 0 || capacity == 0 || host.len() > MAX_NAME_BYTES {
        return;
    }
    let now = Instant::now();
    let Some(until) = now.checked_add(Duration::from_millis(settings.cache_ms)) else {
        return;
    };
    let key = (host.to_ascii_lowercase(), family);
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
        keep("Kept.Example", Family::V4, &[address]);
        assert_eq!(cached("kept.example", Family::V4), Some(vec![address]));
        assert_eq!(cached("kept.example", Family::V6), None);
        clear_cache();
        assert_eq!(cached("kept.example", Family::V4), None);
        assert_eq!(pick(&[]), None);
        assert_eq!(pick(&[address]), Some(address));
    }

    #[test]
    fn an_address_is_its_own_name() {
        let found = lookup("127.0.0.1", Family::V4);
        assert_eq!(found, Ok(vec![IpAddr::from(Ipv4Addr::LOCALHOST)]));
        assert!(lookup("127.0.0.1", Family::V6).is_err());
        assert!(lookup("", Family::V4).is_err());
    }
}
