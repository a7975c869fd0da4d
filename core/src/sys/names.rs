//! getaddrinfo(3) and getnameinfo(3), which may block for as long as the resolver of the system takes.

use std::ffi::{CStr, CString};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError {
    /// `EAI_*`
    pub code: i32,
    /// Where `code` is `EAI_SYSTEM`; else 0.
    pub errno: i32,
}

impl NameError {
    /// In words of the system.
    #[must_use]
    pub fn text(&self) -> String {
        if self.code == libc::EAI_SYSTEM {
            return std::io::Error::from_raw_os_error(self.errno).to_string();
        }
        // SAFETY: gai_strerror returns a static string for each code.
        let text = unsafe { CStr::from_ptr(libc::gai_strerror(self.code)) };
        text.to_string_lossy().into_owned()
    }
}

/// Which addresses are wanted; 0 is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// `AF_INET`, `AF_INET6`
    pub family: i32,
    /// `SOCK_*`
    pub socktype: i32,
    /// `IPPROTO_*`
    pub protocol: i32,
}

/// The addresses of a host and service, in the resolver's order. An address comes once for each socket
/// type, unless `hints` names one.
pub fn getaddrinfo(
    host: &str,
    service: Option<&str>,
    hints: Hints,
) -> Result<Vec<SocketAddr>, NameError> {
    let no_name = |_| NameError {
        code: libc::EAI_NONAME,
        errno: 0,
    };
    let host = CString::new(host).map_err(no_name)?;
    let service = service.map(CString::new).transpose().map_err(no_name)?;
    // SAFETY: a plain C struct, for which all bytes zero means "any".
    let mut wanted: libc::addrinfo = unsafe { std::mem::zeroed() };
    wanted.ai_family = hints.family;
    wanted.ai_socktype = hints.socktype;
    wanted.ai_protocol = hints.protocol;
    let mut first: *mut libc::addrinfo = std::ptr::null_mut();
    // SAFETY: both strings end with NUL and live through the call, as the hints do; `first` is set on
    // success only.
    // JUSTIFICATION: std's lookup takes no family and gives no code.
    let code = unsafe {
        libc::getaddrinfo(
            host.as_ptr(),
            service.as_ref().map_or(std::ptr::null(), |s| s.as_ptr()),
            &raw const wanted,
            &raw mut first,
        )
    };
    if code != 0 {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        return Err(NameError {
            code,
            errno: if code == libc::EAI_SYSTEM { errno } else { 0 },
        });
    }
    let mut found = Vec::new();
    let mut next = first;
    while !next.is_null() {
        // SAFETY: the list is live until freeaddrinfo, ended by null; `ai_addr` is null or holds an
        // address of `ai_family`.
        unsafe {
            found.extend(address_of(&*next));
            next = (*next).ai_next;
        }
    }
    // SAFETY: the list came from getaddrinfo and is not used any more.
    unsafe { libc::freeaddrinfo(first) };
    Ok(found)
}

/// The name of a host, by its address; None: it has none, or none that is text.
#[must_use]
pub fn name_of(ip: IpAddr) -> Option<String> {
    /// `NI_MAXHOST`
    const MAX_NAME_BYTES: usize = 1025;
    let mut name = [0_u8; MAX_NAME_BYTES];
    let ask = |address: *const libc::sockaddr, size: usize, name: &mut [u8]| {
        // SAFETY: an address of that size, and room for the name, which live through the call; no room for
        // a service.
        unsafe {
            libc::getnameinfo(
                address,
                size as libc::socklen_t,
                name.as_mut_ptr().cast(),
                name.len() as libc::socklen_t,
                std::ptr::null_mut(),
                0,
                libc::NI_NAMEREQD,
            )
        }
    };
    let code = match ip {
        IpAddr::V4(v4) => {
            // SAFETY: a plain C struct, for which all bytes zero are valid.
            let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
            address.sin_family = libc::AF_INET as libc::sa_family_t;
            address.sin_addr.s_addr = u32::from(v4).to_be();
            ask(
                (&raw const address).cast(),
                size_of_val(&address),
                &mut name,
            )
        }
        IpAddr::V6(v6) => {
            // SAFETY: as above.
            let mut address: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
            address.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            address.sin6_addr.s6_addr = v6.octets();
            ask(
                (&raw const address).cast(),
                size_of_val(&address),
                &mut name,
            )
        }
    };
    if code != 0 {
        return None;
    }
    let name = CStr::from_bytes_until_nul(&name).ok()?;
    name.to_str().ok().map(str::to_owned)
}

/// # Safety
/// `ai_addr` is null or points to an address of `ai_family`.
unsafe fn address_of(info: &libc::addrinfo) -> Option<SocketAddr> {
    if info.ai_addr.is_null() {
        return None;
    }
    match info.ai_family {
        libc::AF_INET => {
            // SAFETY: the caller's promise; read_unaligned asks for no alignment.
            let v4: libc::sockaddr_in =
                unsafe { info.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6: libc::sockaddr_in6 =
                unsafe { info.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names() {
        let hints = Hints {
            socktype: libc::SOCK_STREAM,
            ..Hints::default()
        };
        let found = getaddrinfo("127.0.0.1", Some("80"), hints);
        assert_eq!(found, Ok(vec![SocketAddr::from(([127, 0, 0, 1], 80))]));
        let found = getaddrinfo("::1", None, hints);
        assert_eq!(found, Ok(vec![SocketAddr::from((Ipv6Addr::LOCALHOST, 0))]));
        assert!(name_of(IpAddr::from(Ipv4Addr::LOCALHOST)).is_none_or(|name| !name.is_empty()));
        for bad in ["", "a\0b", "256.1.1.1.", "no such name"] {
            let error = getaddrinfo(bad, None, hints).err();
            let text = error.map(|error| error.text());
            assert!(text.is_some_and(|text| !text.is_empty()), "{bad}");
        }
    }
}
