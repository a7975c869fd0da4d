//! getaddrinfo(3), which may block for as long as the resolver of the system takes.

use std::ffi::{CStr, CString};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

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
        for bad in ["", "a\0b", "256.1.1.1.", "no such name"] {
            let error = getaddrinfo(bad, None, hints).err();
            let text = error.map(|error| error.text());
            assert!(text.is_some_and(|text| !text.is_empty()), "{bad}");
        }
    }
}
