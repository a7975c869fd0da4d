//! Host names: by the system's resolver, in a thread of the pool, and by questions to DNS servers.

use super::{offload, remember, remember_errno};
use crate::php::convert::{bytes_of, return_bytes, return_strings, set_bool};
use crate::php::coroutine::co::{Wait, Woken};
use crate::php::coroutine::methods::timeout_ms;
use crate::php::coroutine::{required, wait_fd};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use swoole_core::error::codes;
use swoole_core::log;
use swoole_core::net::dns::{self, Family, Source};
use swoole_core::options;
use swoole_core::protocol::dns::{Answer, MAX_MESSAGE_BYTES, Question, Record};
use swoole_core::reactor::Interest;
use swoole_core::sys::names::{self, Hints, NameError};

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// The system's resolver says so.
    Unknown(NameError),
    TimedOut,
    Canceled,
}

impl Unresolved {
    fn of(woken: Woken) -> Unresolved {
        match woken {
            Woken::TimedOut => Unresolved::TimedOut,
            _ => Unresolved::Canceled,
        }
    }

    /// `SWOOLE_ERROR_*`
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Unresolved::Unknown(_) => codes::DNSLOOKUP_RESOLVE_FAILED,
            Unresolved::TimedOut => codes::DNSLOOKUP_RESOLVE_TIMEOUT,
            Unresolved::Canceled => codes::CO_CANCELED,
        }
    }
}

/// The addresses of a host, never none of them, as the system's resolver or the cache knows them, while
/// the running coroutine waits. Does not ask the user's name resolvers. For everything that connects.
///
/// [`Stop`] outside of a coroutine, where the system gives no thread, and at the end of the process.
pub fn resolve_in_coroutine(
    host: &[u8],
    family: Family,
    timeout_ms: Option<u64>,
) -> Result<Result<Vec<IpAddr>, Unresolved>, Stop> {
    let unknown = Unresolved::Unknown(NameError {
        code: libc::EAI_NONAME,
        errno: 0,
    });
    let Ok(host) = std::str::from_utf8(host) else {
        return Ok(Err(unknown));
    };
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(if family.has(address) {
            Ok(vec![address])
        } else {
            Err(unknown)
        });
    }
    if let Some(addresses) = dns::cached(host, family, Source::System) {
        return Ok(Ok(addresses));
    }
    let host = host.to_owned();
    let resolved = offload("a host name", Wait::Cancellable, timeout_ms, move || {
        (dns::resolve(&host, family), host)
    })?;
    Ok(match resolved {
        Ok((Ok(addresses), host)) => {
            dns::keep(&host, family, Source::System, &addresses);
            Ok(addresses)
        }
        Ok((Err(error), _)) => Err(Unresolved::Unknown(error)),
        Err(woken) => Err(Unresolved::of(woken)),
    })
}

fn family_of(number: i64) -> Result<Family, Stop> {
    Family::from_number(number).ok_or_else(|| {
        Stop::Warning("unknown protocol family, must be AF_INET or AF_INET6".to_owned())
    })
}

pub fn do_gethostbyname(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let (mut family, mut timeout_s) = (i64::from(libc::AF_INET), -1.0_f64);
    parse!(frame, c"S|ld", name, family, timeout_s)?;
    required()?;
    let name = bytes_of(name);
    if name.is_empty() {
        return Err(Stop::Warning("domain name is empty".to_owned()));
    }
    match resolve_in_coroutine(name, family_of(family)?, timeout_ms(timeout_s))? {
        Ok(addresses) => give_one(place, &addresses),
        Err(unresolved) => {
            remember_errno(unresolved.code());
            set_bool(place, false);
            Ok(())
        }
    }
}

fn give_one(place: Place<'_>, addresses: &[IpAddr]) -> Result<(), Stop> {
    match dns::pick(addresses) {
        Some(address) => Ok(return_bytes(place, address.to_string().as_bytes())?),
        None => {
            set_bool(place, false);
            Ok(())
        }
    }
}

pub fn do_getaddrinfo(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut host: *mut zend_string = std::ptr::null_mut();
    let mut service: *mut zend_string = std::ptr::null_mut();
    let (mut family, mut socktype) = (i64::from(libc::AF_INET), i64::from(libc::SOCK_STREAM));
    let (mut protocol, mut timeout_s) = (i64::from(libc::IPPROTO_TCP), -1.0_f64);
    parse!(
        frame,
        c"S|lllS!d",
        host,
        family,
        socktype,
        protocol,
        service,
        timeout_s
    )?;
    let host = bytes_of(host);
    if host.is_empty() {
        return Err(Stop::Warning("hostname is empty".to_owned()));
    }
    let wanted = family_of(family)?;
    required()?;
    // What the system knows no such numbers of, it refuses.
    let number = |value: i64| i32::try_from(value).unwrap_or(-1);
    let hints = Hints {
        family: number(family),
        socktype: number(socktype),
        protocol: number(protocol),
    };
    let service = if service.is_null() {
        &[]
    } else {
        bytes_of(service)
    };
    let (Ok(host), Ok(service)) = (std::str::from_utf8(host), std::str::from_utf8(service)) else {
        remember_errno(codes::DNSLOOKUP_RESOLVE_FAILED);
        set_bool(place, false);
        return Ok(());
    };
    let (host, service) = (host.to_owned(), service.to_owned());
    let ask = move || {
        let service = Some(service.as_str()).filter(|service| !service.is_empty());
        names::getaddrinfo(&host, service, hints)
    };
    let timeout_ms = timeout_ms(timeout_s);
    let code = match offload("a host name", Wait::Cancellable, timeout_ms, ask)? {
        Ok(Ok(found)) => {
            let mut texts: Vec<String> = Vec::new();
            for address in found
                .iter()
                .map(SocketAddr::ip)
                .filter(|ip| wanted.has(*ip))
            {
                texts.push(address.to_string());
            }
            return Ok(return_strings(place, &texts)?);
        }
        // For swoole_strerror() with SWOOLE_STRERROR_GAI.
        Ok(Err(error)) => error.code,
        Err(woken) => Unresolved::of(woken).code(),
    };
    remember_errno(code);
    set_bool(place, false);
    Ok(())
}

pub fn do_dns_lookup(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zval = std::ptr::null_mut();
    let default_ms = options::process().socket.dns_timeout_ms;
    let mut timeout_s = default_ms.map_or(-1.0, |ms| ms as f64 / 1000.0);
    let mut family = i64::from(libc::AF_INET);
    parse!(frame, c"z|dl", name, timeout_s, family)?;
    required()?;
    // SAFETY: an argument of the running call; the member is read for the type that says so.
    let name = unsafe {
        let name = deref(name);
        if u32::from(type_of(name)) != IS_STRING {
            return Err(Stop::Warning("invalid domain name".to_owned()));
        }
        bytes_of((*name).value.str_)
    };
    if name.is_empty() {
        return Err(Stop::Warning("domain name empty".to_owned()));
    }
    let family = Family::from_number(family).unwrap_or(Family::V4);
    let limit_ms = timeout_ms(timeout_s).or(default_ms);
    let found = match std::str::from_utf8(name) {
        Ok(name) => look_up(name, family, limit_ms)?,
        Err(_) => Err(Woken::Resumed),
    };
    match found {
        Ok(addresses) => return give_one(place, &addresses),
        Err(Woken::Canceled) => remember(Woken::Canceled, 0),
        Err(_) => remember_errno(codes::DNSLOOKUP_RESOLVE_FAILED),
    }
    set_bool(place, false);
    Ok(())
}

/// How long a server is given before the next one is asked; twice as long in each round.
const FIRST_PATIENCE_MS: u64 = 2000;
const MAX_PATIENCE_MS: u64 = 16_000;

/// Asks the DNS servers. The error: why there is no address, [`Woken::Resumed`] if the servers say so.
fn look_up(
    name: &str,
    family: Family,
    timeout_ms: Option<u64>,
) -> Result<Result<Vec<IpAddr>, Woken>, Stop> {
    if let Some(addresses) = dns::cached(name, family, Source::Server) {
        return Ok(Ok(addresses));
    }
    let record = match family {
        Family::V4 => Record::A,
        Family::V6 => Record::Aaaa,
    };
    let servers = dns::servers();
    if servers.is_empty() {
        log::warning(
            "there is no DNS server in /etc/resolv.conf; name one with the option dns_server",
        );
    }
    let deadline = timeout_ms.and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)));
    let mut patience_ms = FIRST_PATIENCE_MS;
    loop {
        let mut is_over = true;
        for server in &servers {
            let Some(question) = Question::new(name, record, random_id()) else {
                return Ok(Err(Woken::Resumed));
            };
            let Some(left_ms) = left_ms(deadline) else {
                return Ok(Err(Woken::TimedOut));
            };
            let patience = Duration::from_millis(patience_ms.min(left_ms));
            match ask(*server, &question, patience)? {
                Asked::Answer(addresses) => {
                    let mut addresses = addresses;
                    addresses.retain(|address| family.has(*address));
                    if addresses.is_empty() {
                        return Ok(Err(Woken::Resumed));
                    }
                    dns::keep(name, family, Source::Server, &addresses);
                    return Ok(Ok(addresses));
                }
                Asked::NoSuchName => return Ok(Err(Woken::Resumed)),
                Asked::Canceled => return Ok(Err(Woken::Canceled)),
                // Another one may know.
                Asked::Failed => {}
                Asked::Silent => is_over = false,
            }
        }
        if is_over {
            return Ok(Err(Woken::Resumed));
        }
        patience_ms = (patience_ms * 2).min(MAX_PATIENCE_MS);
    }
}

/// None: nothing is left.
fn left_ms(deadline: Option<Instant>) -> Option<u64> {
    let Some(deadline) = deadline else {
        return Some(u64::MAX);
    };
    let left = deadline.checked_duration_since(Instant::now())?;
    // Rounded up, so that the last wait is not cut short.
    Some(left.as_millis() as u64 + 1)
}

/// Hard to guess: from the keys that std seeds its hash tables with.
fn random_id() -> u16 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() as u16
}

enum Asked {
    Answer(Vec<IpAddr>),
    NoSuchName,
    /// The server, or the network, refuses.
    Failed,
    Silent,
    Canceled,
}

fn ask(server: SocketAddr, question: &Question, patience: Duration) -> Result<Asked, Stop> {
    let Ok(socket) = open(server).and_then(|socket| {
        socket.send(question.message())?;
        Ok(socket)
    }) else {
        return Ok(Asked::Failed);
    };
    let deadline = Instant::now() + patience;
    let mut buffer = [0; MAX_MESSAGE_BYTES];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => match question.read(&buffer[..length]) {
                Answer::Foreign => continue,
                Answer::Malformed => return Ok(Asked::Failed),
                Answer::Refused(NO_SUCH_NAME) => return Ok(Asked::NoSuchName),
                Answer::Refused(_) => return Ok(Asked::Failed),
                Answer::Addresses(addresses) => return Ok(Asked::Answer(addresses)),
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Ok(Asked::Failed),
        }
        let Some(left_ms) = left_ms(Some(deadline)) else {
            return Ok(Asked::Silent);
        };
        match wait_fd(socket.as_raw_fd(), Interest::READABLE, Some(left_ms)) {
            Ok(Woken::Resumed) => {}
            Ok(Woken::TimedOut) => return Ok(Asked::Silent),
            Ok(Woken::Canceled) => return Ok(Asked::Canceled),
            Ok(Woken::Ended) => return Err(Stop::Exit),
            Err(_) => return Ok(Asked::Failed),
        }
    }
}

/// RFC 1035, RCODE.
const NO_SUCH_NAME: u8 = 3;

fn open(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_nonblocking(true)?;
    socket.connect(server)?;
    Ok(socket)
}
