//! `setProtocol()`, and the settings of clients that stand on a socket.

use super::Socket;
use super::answer::{mistake, open};
use super::open::bind;
use super::secure;
use crate::php::client_connect::Settings;
use crate::php::convert::set_bool;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, docref, parse};
use crate::php::owned::OwnedCallback;
use std::ffi::CStr;
use std::rc::Rc;
use swoole_core::coroutine::socket::{LengthSource, Proxy, ProxyKind, Rules};
use swoole_core::error::{self, codes};
use swoole_core::options::Raw;
use swoole_core::protocol::framing::{DEFAULT_MAX_BYTES, MAX_MARKER_BYTES};
use swoole_core::protocol::proxy::Credentials;
use swoole_core::protocol::{LengthType, Marker};
use swoole_core::sys::socket as calls;

pub fn do_set_protocol(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut array: *mut zval = std::ptr::null_mut();
    parse!(frame, c"a", array)?;
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    let settings = Settings::from_value(array);
    // SAFETY: an argument of the running call, an array.
    let is_empty = unsafe { zend_array_count((*array).value.arr) } == 0;
    set_bool(place, !is_empty && set_protocol(&socket, &settings, array)?);
    Ok(())
}

/// An entry of an array by its name; null: there is none.
fn entry(array: *mut zval, name: &CStr) -> *mut zval {
    // SAFETY: callers pass a live array; the name is static.
    unsafe {
        let found = zend_hash_str_find((*array).value.arr, name.as_ptr(), name.to_bytes().len());
        if found.is_null() || u32::from(type_of(deref(found))) == IS_NULL {
            return std::ptr::null_mut();
        }
        deref(found)
    }
}

/// A warning that the rest does not suffer from.
pub fn warn(text: &str) -> Result<(), Stop> {
    error::set_last(codes::PHP_FATAL_ERROR);
    Ok(docref(E_WARNING, text)?)
}

/// How packages end. False: something is wrong with it, and a warning has said what.
pub fn set_protocol(socket: &Socket, settings: &Settings, array: *mut zval) -> Result<bool, Stop> {
    if settings.flag("open_ssl") {
        secure::enable(socket)?;
    }
    let mut rules = socket.link.rules();
    let mut is_right = secure::set(socket, settings)?;
    if settings.get("open_eof_check").is_some() {
        rules.has_mark = settings.flag("open_eof_check");
    }
    rules.has_mark |= settings.flag("open_eof_split");
    if let Some(mark) = settings.text("package_eof") {
        rules.mark = Some(marker(&mark)?);
    }
    length_sources(&mut rules, settings);
    if let Some(letters) = settings.text("package_length_type") {
        let letter = letters.first().copied().unwrap_or(0);
        rules.length_type = LengthType::from_letter(letter);
        if rules.length_type.is_none() {
            let letter = char::from(letter);
            warn(&format!(
                "Unknown package_length_type name '{letter}', see pack(). Link: https://php.net/pack"
            ))?;
            is_right = false;
        }
    }
    let offset = |name| {
        let offset = settings.int(name, 0, i64::from(u16::MAX))?;
        u16::try_from(offset).ok()
    };
    rules.length_offset = offset("package_length_offset").unwrap_or(rules.length_offset);
    rules.body_offset = offset("package_body_offset").unwrap_or(rules.body_offset);
    let function = entry(array, c"package_length_func");
    if !function.is_null() {
        let function = Rc::new(OwnedCallback::new(function)?);
        rules.source = LengthSource::Function;
        socket.length_function.replace(Some(function));
    }
    let max = settings.size("package_max_length", 0, i64::from(u32::MAX))?;
    rules.max_bytes = max.map_or(DEFAULT_MAX_BYTES, |max| {
        u32::try_from(max).unwrap_or(u32::MAX)
    });
    socket.link.set_rules(rules);
    Ok(is_right)
}

fn marker(mark: &[u8]) -> Result<Marker, Stop> {
    Marker::new(mark).ok_or_else(|| {
        error::set_last(codes::PHP_FATAL_ERROR);
        Stop::Fatal(if mark.is_empty() {
            "package_eof cannot be an empty string".to_owned()
        } else {
            format!("package_eof max length is {MAX_MARKER_BYTES}")
        })
    })
}

/// Which of them is on; what comes later in this list wins.
fn length_sources(rules: &mut Rules, settings: &Settings) {
    let sources = [
        ("open_fastcgi_protocol", LengthSource::FastCgi),
        ("open_mqtt_protocol", LengthSource::Mqtt),
        ("open_length_check", LengthSource::Field),
    ];
    for (name, source) in sources {
        if settings.get(name).is_some() {
            rules.has_length = settings.flag(name);
            if rules.has_length || source == LengthSource::Field {
                rules.source = source;
            }
        }
    }
}

/// All settings of a client. False: something is wrong with them, and a warning has said what.
pub fn set_all(socket: &Socket, array: *mut zval) -> Result<bool, Stop> {
    let settings = Settings::from_value(array);
    let mut is_right = true;
    set_timeouts(socket, &settings);
    if let Some(host) = settings.text("bind_address")
        && !host.is_empty()
    {
        let port = settings.int("bind_port", 0, i64::from(u16::MAX));
        if let Err(failure) = bind(socket, &host, port.unwrap_or(0)) {
            error::set_last(failure.code());
            is_right = false;
        }
    }
    is_right &= set_kernel_options(socket, &settings)?;
    is_right &= set_protocol(socket, &settings, array)?;
    is_right &= set_proxy(socket, &settings)?;
    Ok(is_right)
}

fn set_timeouts(socket: &Socket, settings: &Settings) {
    let seconds = |name| settings.get(name).and_then(Raw::float);
    socket.link.set_timeouts(|timeouts| {
        if let Some(all) = seconds("timeout").filter(|all| *all != 0.0) {
            timeouts.dns = all;
            timeouts.connect = all;
            timeouts.read = all;
            timeouts.write = all;
        }
    });
    socket.link.set_timeouts(|timeouts| {
        timeouts.connect = seconds("connect_timeout").unwrap_or(timeouts.connect);
        timeouts.read = seconds("read_timeout").unwrap_or(timeouts.read);
        timeouts.write = seconds("write_timeout").unwrap_or(timeouts.write);
    });
}

fn set_kernel_options(socket: &Socket, settings: &Settings) -> Result<bool, Stop> {
    let Ok(fd) = socket.link.descriptor() else {
        return Ok(false);
    };
    let mut is_right = true;
    if let Some(size) = settings.size("socket_buffer_size", i64::MIN, i64::from(i32::MAX))? {
        if size <= 0 {
            warn(&format!(
                "socket buffer size must be greater than 0, got {size}"
            ))?;
            is_right = false;
        } else {
            let bytes = i32::try_from(size).unwrap_or(i32::MAX);
            for name in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
                let _ = calls::set_option(&*fd, libc::SOL_SOCKET, name, bytes);
            }
        }
    }
    let is_tcp = socket.link.sock_type().is_some_and(|kind| kind.is_tcp());
    if is_tcp && settings.get("open_tcp_nodelay").is_some() {
        let on = i32::from(settings.flag("open_tcp_nodelay"));
        let _ = calls::set_option(&*fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, on);
    }
    Ok(is_right)
}

/// The names of a proxy's settings.
struct ProxyNames {
    kind: ProxyKind,
    label: &'static str,
    host: &'static str,
    port: &'static str,
    users: &'static [&'static str],
    password: &'static str,
}

const PROXIES: [ProxyNames; 2] = [
    ProxyNames {
        kind: ProxyKind::Socks5,
        label: "socks5",
        host: "socks5_host",
        port: "socks5_port",
        users: &["socks5_username"],
        password: "socks5_password",
    },
    ProxyNames {
        kind: ProxyKind::Http,
        label: "http",
        host: "http_proxy_host",
        port: "http_proxy_port",
        users: &["http_proxy_username", "http_proxy_user"],
        password: "http_proxy_password",
    },
];

fn set_proxy(socket: &Socket, settings: &Settings) -> Result<bool, Stop> {
    let Some((names, host)) = PROXIES
        .iter()
        .find_map(|names| Some((names, settings.text(names.host)?)))
    else {
        return Ok(true);
    };
    if !socket.link.kind().has_ports() {
        let text = format!("Only tcp socket supports {} proxy settings", names.label);
        return Err(Stop::exception(
            i64::from(codes::OPERATION_NOT_SUPPORT),
            text,
        ));
    }
    let Some(port) = settings.int(names.port, i64::MIN, i64::MAX) else {
        warn(&format!("{} should not be null", names.port))?;
        return Ok(false);
    };
    let Some(port) = u16::try_from(port).ok().filter(|port| *port > 0) else {
        let text = format!("{} should be a port from 1 to 65535", names.port);
        return Err(mistake(text));
    };
    let user = names.users.iter().find_map(|name| settings.text(name));
    let password = settings.text(names.password);
    let (credentials, is_right) = match (user, password) {
        (Some(user), Some(password)) if !user.is_empty() => {
            (Some(Credentials { user, password }), true)
        }
        (Some(user), None) if !user.is_empty() => {
            warn(&format!("{} should not be null", names.password))?;
            (None, false)
        }
        _ => (None, true),
    };
    socket.link.set_proxy(Proxy {
        kind: names.kind,
        host: String::from_utf8_lossy(&host).into_owned(),
        port,
        credentials,
    });
    Ok(is_right)
}
