//! Making a client's connection: settings, kept connections, proxies.

use super::callback::Callback;
use super::client::{self, CLIENT, Client, KEEP, Link, SSL, failed, mistake, set_code, set_number};
use super::client_io;
use super::convert::{self, bytes_of, set_bool};
use super::ffi::*;
use super::method::parse;
use super::method::{Bailout, Frame, Stop, protect};
use super::properties;
use super::socket::secure;
use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;
use swoole_core::error::{self, codes, describe};
use swoole_core::net::SockType;
use swoole_core::net::client::keep::{self, Name};
use swoole_core::net::client::{Client as Socket, ClientError, ClientOptions, Timeouts};
use swoole_core::net::tls;
use swoole_core::options::Raw;
use swoole_core::protocol::framing::{DEFAULT_MAX_BYTES, MAX_MARKER_BYTES, Rule};
use swoole_core::protocol::http_proxy::HttpProxy;
use swoole_core::protocol::proxy::{Credentials, Handshake, ProxyError, Target};
use swoole_core::protocol::socks5::Socks5;
use swoole_core::protocol::{Framing, LengthField, LengthType, Marker};

/// What ends a package where `package_eof` is not set.
const DEFAULT_MARK: &[u8] = b"\r\n\r\n";

/// The settings of a client by name.
pub struct Settings(Vec<(String, Raw)>);

impl Settings {
    /// Those of `$this->setting`.
    pub fn of(frame: Frame) -> Settings {
        let value = properties::get(&CLIENT, frame.this(), c"setting");
        if value.is_null() {
            return Settings(Vec::new());
        }
        Settings::from_value(value)
    }

    /// Those of an array.
    pub fn from_value(value: *mut zval) -> Settings {
        match convert::to_raw(value) {
            Raw::Map(settings) => Settings(settings),
            _ => Settings(Vec::new()),
        }
    }

    /// A setting that is given and not null.
    pub fn get(&self, name: &str) -> Option<&Raw> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        (*value != Raw::Null).then_some(value)
    }

    /// Anything that is no scalar counts as true, as in PHP.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.truth().unwrap_or(true))
    }

    pub fn text(&self, name: &str) -> Option<Vec<u8>> {
        self.get(name)?.bytes()
    }

    pub fn int(&self, name: &str, min: i64, max: i64) -> Option<i64> {
        Some(self.get(name)?.int().unwrap_or(0).clamp(min, max))
    }

    pub fn size(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, Stop> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match (value.int_size(), value) {
            (Some(size), _) => Ok(Some(size.clamp(min, max))),
            (None, Raw::Str(_)) => {
                error::set_last(codes::PHP_FATAL_ERROR);
                let shown = value.shown();
                let shown = shown.trim_matches('"');
                Err(Stop::Fatal(format!(
                    "failed to parse '{shown}' to size, Error: use a number of bytes, or one with K, \
                     M or G, such as 8M"
                )))
            }
            (None, _) => Ok(Some(min)),
        }
    }

    /// How packages end. `whole_reads`: as an event loop does, which has no reason to split.
    pub fn framing(&self, whole_reads: bool) -> Result<Framing, Stop> {
        let max = i64::from(u32::MAX);
        let max_bytes = match self.size("package_max_length", 0, max)? {
            Some(bytes) => u32::try_from(bytes).unwrap_or(u32::MAX),
            None => DEFAULT_MAX_BYTES,
        };
        let rule = |rule| Ok(Framing { rule, max_bytes });
        let marker = self.marker()?;
        let field = self.length_field()?;
        let split = self.flag("open_eof_split");
        if split || (self.flag("open_eof_check") && !whole_reads) {
            rule(Rule::EachMark(marker))
        } else if self.flag("open_eof_check") {
            rule(Rule::LastMark(marker))
        } else if self.flag("open_length_check") && self.get("package_length_func").is_some() {
            rule(Rule::Function)
        } else if self.flag("open_length_check") {
            rule(Rule::Field(field))
        } else if self.flag("open_mqtt_protocol") {
            rule(Rule::Mqtt)
        } else {
            rule(Rule::Raw)
        }
    }

    fn marker(&self) -> Result<Marker, Stop> {
        let mark = self.text("package_eof");
        let mark = mark.as_deref().unwrap_or(DEFAULT_MARK);
        Marker::new(mark).ok_or_else(|| {
            error::set_last(codes::PHP_FATAL_ERROR);
            Stop::Fatal(if mark.is_empty() {
                "package_eof cannot be an empty string".to_owned()
            } else {
                format!("package_eof max length is {MAX_MARKER_BYTES}")
            })
        })
    }

    fn length_field(&self) -> Result<LengthField, Stop> {
        let kind = self.text("package_length_type");
        let letter = kind
            .as_deref()
            .map_or(b'N', |kind| kind.first().copied().unwrap_or(0));
        let kind = LengthType::from_letter(letter).ok_or_else(|| {
            error::set_last(codes::PHP_FATAL_ERROR);
            Stop::Fatal(format!(
                "Unknown package_length_type name '{}', see pack(). Link: https://php.net/pack",
                char::from(letter)
            ))
        })?;
        let offset = |name| {
            let offset = self.int(name, 0, i64::from(u16::MAX)).unwrap_or(0);
            u16::try_from(offset).unwrap_or(u16::MAX)
        };
        Ok(LengthField {
            kind,
            offset: offset("package_length_offset"),
            body_offset: offset("package_body_offset"),
        })
    }

    /// All options for a connection to a target.
    pub fn options(&self, target: Target, whole_reads: bool) -> Result<ClientOptions, Stop> {
        let buffer = self.size("socket_buffer_size", 1, i64::from(i32::MAX))?;
        let bind = match self.text("bind_address") {
            Some(host) if !host.is_empty() => {
                let port = self.int("bind_port", 0, i64::from(u16::MAX)).unwrap_or(0);
                let host = String::from_utf8_lossy(&host).into_owned();
                Some((host, u16::try_from(port).unwrap_or(0)))
            }
            _ => None,
        };
        Ok(ClientOptions {
            framing: Some(self.framing(whole_reads)?),
            buffer_bytes: buffer.and_then(|bytes| u32::try_from(bytes).ok()),
            bind,
            nodelay: self.get("open_tcp_nodelay").is_none() || self.flag("open_tcp_nodelay"),
            proxy: self.proxy(target)?,
        })
    }

    fn proxy(&self, target: Target) -> Result<Option<(String, u16, Handshake)>, Stop> {
        let refused = |error: ProxyError| {
            error::set_last(error.code);
            Stop::Warning(error.message)
        };
        if let Some((host, port)) = self.proxy_address("socks5_host", "socks5_port")? {
            let credentials = self.credentials(&["socks5_username"], "socks5_password");
            let socks = Socks5::new(target, credentials).map_err(refused)?;
            return Ok(Some((host, port, Handshake::Socks5(socks))));
        }
        if let Some((host, port)) = self.proxy_address("http_proxy_host", "http_proxy_port")? {
            let names = ["http_proxy_username", "http_proxy_user"];
            let credentials = self.credentials(&names, "http_proxy_password");
            let http = HttpProxy::new(target, credentials).map_err(refused)?;
            return Ok(Some((host, port, Handshake::Http(http))));
        }
        Ok(None)
    }

    fn proxy_address(&self, host: &str, port: &str) -> Result<Option<(String, u16)>, Stop> {
        let Some(host) = self.text(host) else {
            return Ok(None);
        };
        let host = String::from_utf8_lossy(&host).into_owned();
        let number = match self.get(port) {
            Some(number) => number.int(),
            None => return Err(mistake(format!("{port} should not be null"))),
        };
        match number.and_then(|number| u16::try_from(number).ok()) {
            Some(number) if number > 0 => Ok(Some((host, number))),
            _ => Err(mistake(format!("{port} should be a port from 1 to 65535"))),
        }
    }

    fn credentials(&self, users: &[&str], password: &str) -> Option<Credentials> {
        let user = users.iter().find_map(|name| self.text(name))?;
        let password = self.text(password)?;
        (!user.is_empty() && !password.is_empty()).then_some(Credentials { user, password })
    }
}

/// `$this->type`: what the socket is, and the flags.
pub fn kind_of(frame: Frame) -> Result<(SockType, i64), Stop> {
    let number = int_property(frame, c"type").unwrap_or(0);
    match client::socket_type(number) {
        Some(sock_type) => Ok((sock_type, number)),
        None => Err(Stop::not_constructed()),
    }
}

fn int_property(frame: Frame, name: &CStr) -> Option<i64> {
    let value = properties::get(&CLIENT, frame.this(), name);
    // SAFETY: null, or a live zval, read for the type that says so.
    unsafe {
        let is_int = !value.is_null() && u32::from(type_of(value)) == IS_LONG;
        is_int.then(|| (*value).value.lval)
    }
}

/// What a connection is kept by: `$this->id`, or the address.
fn keep_name(frame: Frame, sock_type: SockType, host: &[u8], port: i64, uses_tls: bool) -> Name {
    let value = properties::get(&CLIENT, frame.this(), c"id");
    // SAFETY: as in `int_property`.
    let id = unsafe {
        if !value.is_null() && u32::from(type_of(value)) == IS_STRING {
            bytes_of((*value).value.str_)
        } else {
            &[]
        }
    };
    let id = if id.is_empty() {
        [host, format!(":{port}").as_bytes()].concat()
    } else {
        id.to_vec()
    };
    let id = if uses_tls {
        [b"tls:", id.as_slice()].concat()
    } else {
        id
    };
    Name { sock_type, id }
}

/// A new socket; `sock` tells its number.
pub fn new_socket(frame: Frame, sock_type: SockType) -> Result<Socket, Stop> {
    let socket = Socket::new(sock_type)
        .map_err(|error| failed(frame, error.code(), "Client_create() failed"))?;
    set_number(frame, c"sock", i64::from(socket.raw_fd()))?;
    Ok(socket)
}

/// Gives `$this` its connection.
pub fn attach(state: &Client, socket: Socket, keep: Option<Name>) -> Rc<Link> {
    let link = Rc::new(Link {
        socket: RefCell::new(socket),
        keep,
    });
    *state.link.borrow_mut() = Some(link.clone());
    link
}

/// TCP ports are checked before anything is made.
pub fn check_port(sock_type: SockType, port: i64) -> Result<(), Stop> {
    if sock_type.is_tcp() && u16::try_from(port).is_err() {
        let stop = mistake("The port is invalid");
        error::set_last(codes::INVALID_PARAMS);
        return Err(stop);
    }
    Ok(())
}

pub fn do_connect(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut host: *mut zend_string = std::ptr::null_mut();
    let (mut port, mut timeout_s, mut sock_flag) = (0_i64, 0.5_f64, 0_i64);
    parse!(frame, c"S|ldl", host, port, timeout_s, sock_flag)?;
    let host = bytes_of(host);
    if host.is_empty() {
        return Err(mistake("The host is empty"));
    }
    let state = client::state(frame)?;
    if state.link.borrow().is_some() {
        return Err(mistake(
            "connection to the server has already been established",
        ));
    }
    let (sock_type, flags) = kind_of(frame)?;
    check_port(sock_type, port)?;
    let uses_tls = flags & SSL != 0;
    let keep = (flags & KEEP != 0).then(|| keep_name(frame, sock_type, host, port, uses_tls));
    let settings = Settings::of(frame);
    if let Some(name) = &keep
        && let Some(socket) = keep::take(name)
    {
        reuse(frame, &state, socket, name.clone(), &settings)?;
        set_bool(place, true);
        return Ok(());
    }

    let function = client_io::length_function(frame.this());
    if !function.is_null() {
        Callback::resolve(function)?;
    }
    let mut socket = new_socket(frame, sock_type)?;
    let host = String::from_utf8_lossy(host).into_owned();
    let target = Target {
        host: host.clone(),
        port: u16::try_from(port).unwrap_or(0),
    };
    error::set_last(0);
    let options = match settings.options(target, false) {
        Ok(options) => options,
        Err(stop) => {
            set_code(frame, error::last())?;
            return Err(stop);
        }
    };
    if uses_tls {
        socket.enable_tls(tls_settings(&settings)?);
    }
    let timeouts = Timeouts::all(timeout_s);
    let connected = socket
        .prepare(&options)
        .and_then(|()| socket.connect(&host, port, timeouts, sock_flag == 1, options.proxy));
    if let Err(error) = connected {
        return Err(refused(frame, &host, port, &error)?);
    }
    let pending = !socket.is_connected();
    attach(&state, socket, keep);
    if pending {
        error::set_last(libc::EINPROGRESS);
        set_code(frame, libc::EINPROGRESS)?;
    }
    set_bool(place, true);
    Ok(())
}

/// The settings of TLS; a mistake in them ends the script, as in the reference.
pub fn tls_settings(settings: &Settings) -> Result<tls::Settings, Stop> {
    let mut read = tls::Settings::default();
    match secure::read(&mut read, settings) {
        None => Ok(read),
        Some(wrong) => {
            error::set_last(codes::PHP_FATAL_ERROR);
            Err(Stop::Fatal(wrong.text))
        }
    }
}

fn refused(frame: Frame, host: &str, port: i64, error: &ClientError) -> Result<Stop, Bailout> {
    let code = error.code();
    error::set_last(code);
    set_code(frame, code)?;
    Ok(Stop::SoftWarning(format!(
        "connect to server[{host}:{port}] failed. Error: {}[{code}]",
        describe(code)
    )))
}

/// Goes on with a connection that was kept.
fn reuse(
    frame: Frame,
    state: &Client,
    mut socket: Socket,
    name: Name,
    settings: &Settings,
) -> Result<(), Stop> {
    socket.set_framing(settings.framing(false)?);
    socket.reuse_count += 1;
    let (fd, count) = (socket.raw_fd(), socket.reuse_count);
    attach(state, socket, Some(name));
    set_number(frame, c"sock", i64::from(fd))?;
    set_number(frame, c"reuseCount", i64::from(count))?;
    protect(|| properties::set_flag(&CLIENT, frame.this(), c"reuse", true))?;
    Ok(())
}
