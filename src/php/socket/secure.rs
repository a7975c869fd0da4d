//! TLS of sockets and of clients: settings, handshakes, the peer's certificate.

use super::Socket;
use super::answer::{check, failed, open};
use super::settings::warn;
use crate::php::client_connect::Settings;
use crate::php::convert::set_bool;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use swoole_core::coroutine::socket::{Failure, Interest};
use swoole_core::error::Error;
use swoole_core::net::tls;
use swoole_core::options::Raw;

/// `SWOOLE_SSL` in a type.
pub const FLAG: i64 = 512;

/// The socket uses TLS from now on.
pub fn enable(socket: &Socket) -> Result<(), Stop> {
    if socket.link.kind().is_datagram() {
        return Err(no_dtls());
    }
    socket.link.enable_tls();
    Ok(())
}

/// TLS of datagrams.
pub fn no_dtls() -> Stop {
    let error = Error::NotBuilt {
        what: "TLS of datagrams (DTLS)".to_owned(),
        needs: "use a stream socket for TLS, or datagrams without encryption".to_owned(),
    };
    Stop::exception(i64::from(error.code()), error.to_string())
}

/// The `ssl_*` settings of a socket that uses TLS. False: something is wrong with them, and a warning has
/// said what.
pub fn set(socket: &Socket, settings: &Settings) -> Result<bool, Stop> {
    let Some(mut changed) = socket.link.set_tls(|tls| tls.clone()) else {
        return Ok(true);
    };
    let wrong = read(&mut changed, settings);
    socket.link.set_tls(|tls| *tls = changed);
    match wrong {
        None => Ok(true),
        Some(Wrong { text, is_final }) => {
            warn(&text)?;
            Ok(!is_final)
        }
    }
}

/// What is wrong with settings, in words of the reference.
#[derive(Debug)]
pub struct Wrong {
    pub text: String,
    /// What follows was not read.
    pub is_final: bool,
}

/// Reads the `ssl_*` settings there are.
pub fn read(tls: &mut tls::Settings, settings: &Settings) -> Option<Wrong> {
    let text = |name: &str| {
        let bytes = settings.text(name)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let path = |name: &str| {
        let bytes = settings.text(name)?;
        Some(PathBuf::from(OsString::from_vec(bytes)))
    };
    let flag = |name: &str, place: &mut bool| {
        if settings.get(name).is_some() {
            *place = settings.flag(name);
        }
    };
    if let Some(protocols) = settings.get("ssl_protocols").and_then(Raw::int) {
        tls.protocols = u32::try_from(protocols).unwrap_or(0);
    }
    if settings.get("ssl_compress").is_some() {
        tls.compress = settings.flag("ssl_compress");
    } else if settings.get("ssl_disable_compression").is_some() {
        tls.compress = !settings.flag("ssl_disable_compression");
    }
    let files = [
        ("ssl_cert_file", "cert", &mut tls.cert_file),
        ("ssl_key_file", "key", &mut tls.key_file),
    ];
    for (name, what, place) in files {
        if let Some(file) = path(name) {
            if !is_readable(&file) {
                let text = format!("ssl {what} file[{}] not found", file.display());
                return Some(Wrong {
                    text,
                    is_final: true,
                });
            }
            *place = Some(file);
        }
    }
    if let Some(passphrase) = settings.text("ssl_passphrase") {
        tls.passphrase = Some(passphrase);
    }
    if let Some(name) = text("ssl_host_name") {
        tls.host_name = Some(name).filter(|name| !name.is_empty());
    }
    flag("ssl_verify_peer", &mut tls.verify_peer);
    flag("ssl_allow_self_signed", &mut tls.allow_self_signed);
    let some = |path: PathBuf| Some(path).filter(|path| !path.as_os_str().is_empty());
    if let Some(file) = path("ssl_cafile") {
        tls.ca_file = some(file);
    }
    if let Some(folder) = path("ssl_capath") {
        tls.ca_path = some(folder);
    }
    if let Some(depth) = settings.int("ssl_verify_depth", 0, i64::from(u8::MAX)) {
        tls.verify_depth = u8::try_from(depth).unwrap_or(u8::MAX);
    }
    if let Some(ciphers) = text("ssl_ciphers") {
        tls.ciphers = ciphers;
    }
    if let Some(curves) = text("ssl_ecdh_curve") {
        tls.curves = curves;
    }
    let missing = match (&tls.cert_file, &tls.key_file) {
        (Some(_), None) => "ssl require key file",
        (None, Some(_)) => "ssl require cert file",
        _ => return None,
    };
    Some(Wrong {
        text: missing.to_owned(),
        is_final: false,
    })
}

fn is_readable(file: &Path) -> bool {
    // A FIFO would wait for its other side.
    let mut options = std::fs::File::options();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    options.open(file).is_ok()
}

pub fn do_handshake(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some(socket) = open(frame, place)? else {
        return Ok(());
    };
    match handshake(&socket)? {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(failure) => failed(frame, place, failure),
    }
}

/// The handshake of a connection that stands.
pub fn handshake(socket: &Socket) -> Result<Result<(), Failure>, Stop> {
    if let Err(failure) = check(socket, Some(Interest::ReadWrite))? {
        return Ok(Err(failure));
    }
    Ok(socket.link.handshake(&socket.park(), None))
}
