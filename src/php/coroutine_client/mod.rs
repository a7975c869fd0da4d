//! `Swoole\Coroutine\Client`: a connection of a coroutine, over `Swoole\Coroutine\Socket`. Connecting and
//! settings are in `connect`, sending and receiving in `io`.

pub mod connect;
pub mod io;

use super::class::{self, *};
use super::client::socket_type;
use super::convert::{return_bytes, set_bool, set_copy};
use super::event_loop;
use super::ffi::*;
use super::method::{Frame, Stop, Thrown, parse, protect, trampolines};
use super::object::{self, Stateful};
use super::owned::Owned;
use super::properties;
use super::socket::answer::ErrorSlots;
use super::socket::{Socket, close, secure};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;
use swoole_core::coroutine::socket::{Failure, Fault, Phase};
use swoole_core::error::codes;
use swoole_core::net::{Address, SockType};

trampolines! {
    construct => do_construct;
    destruct => do_destruct;
    set => connect::do_set;
    connect_to => connect::do_connect;
    recv => io::do_recv;
    peek => io::do_peek;
    send => io::do_send;
    sendfile => io::do_sendfile;
    sendto => io::do_sendto;
    recvfrom => io::do_recvfrom;
    enable_ssl => do_enable_ssl;
    get_peer_cert => do_get_peer_cert;
    verify_peer_cert => do_verify_peer_cert;
    is_connected => do_is_connected;
    getsockname => do_getsockname;
    getpeername => do_getpeername;
    close_it => do_close;
    export_socket => do_export_socket;
}

/// The registered class.
pub static ENTRY: Entry = Entry::unset();

const TIMEOUT: ArgDef = opt(c"timeout", FLOAT, c"0");

/// `Swoole\Coroutine\Client`.
#[rustfmt::skip]
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Coroutine\\Client",
    parent: None,
    interfaces: &[],
    methods: &[
        method(c"__construct", construct, &[arg(c"type", INT)], Ty::None),
        method(c"__destruct", destruct, &[], Ty::None),
        method(c"set", set, &[arg(c"settings", ARRAY)], BOOL),
        method(c"connect", connect_to, &[arg(c"host", STRING), opt(c"port", INT, c"0"), TIMEOUT, opt(c"sock_flag", INT, c"0")], BOOL),
        method(c"recv", recv, &[TIMEOUT], STRING_OR_FALSE),
        method(c"peek", peek, &[opt(c"length", INT, c"65535")], STRING_OR_FALSE),
        method(c"send", send, &[arg(c"data", STRING), TIMEOUT], INT_OR_FALSE),
        method(c"sendfile", sendfile, &[arg(c"filename", STRING), opt(c"offset", INT, c"0"), opt(c"length", INT, c"0")], BOOL),
        method(c"sendto", sendto, &[arg(c"address", STRING), arg(c"port", INT), arg(c"data", STRING)], BOOL),
        method(c"recvfrom", recvfrom, &[
            arg(c"length", INT),
            ArgDef { by_ref: true, ..arg(c"address", MIXED) },
            ArgDef { by_ref: true, ..opt(c"port", MIXED, c"0") },
        ], STRING_OR_FALSE),
        method(c"enableSSL", enable_ssl, &[], BOOL),
        method(c"getPeerCert", get_peer_cert, &[], STRING_OR_FALSE),
        method(c"verifyPeerCert", verify_peer_cert, &[opt(c"allow_self_signed", BOOL, c"false")], BOOL),
        method(c"isConnected", is_connected, &[], BOOL),
        method(c"getsockname", getsockname, &[], ARRAY_OR_FALSE),
        method(c"getpeername", getpeername, &[], ARRAY_OR_FALSE),
        method(c"close", close_it, &[], BOOL),
        method(c"exportSocket", export_socket, &[], Ty::Class(c"Swoole\\Coroutine\\Socket", FALSE)),
    ],
    properties: &[
        public(c"errCode", Default::Long(0)),
        public(c"errMsg", Default::EmptyString),
        public(c"fd", Default::Long(-1)),
        public(c"socket", Default::Null),
        public(c"type", Default::Long(1)),
        public(c"setting", Default::Null),
        public(c"connected", Default::Bool(false)),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: Some(object::create_stateful::<Client>),
    aliases: &[],
    entry: &ENTRY,
};

/// Its errors.
const ERRORS: ErrorSlots = ErrorSlots {
    class: &ENTRY,
    first: 0,
};

/// At module startup, after the class.
pub fn declare_constants() {
    let constants = [
        (c"MSG_OOB", i64::from(libc::MSG_OOB)),
        (c"MSG_PEEK", i64::from(libc::MSG_PEEK)),
        (c"MSG_DONTWAIT", i64::from(libc::MSG_DONTWAIT)),
        (c"MSG_WAITALL", i64::from(libc::MSG_WAITALL)),
    ];
    class::declare_constants(&ENTRY, &constants);
}

/// The state of an object.
#[derive(Default)]
pub struct Client {
    link: RefCell<Option<Link>>,
}

/// A connection, or a socket for datagrams.
#[derive(Clone)]
struct Link {
    socket: Rc<Socket>,
    /// Its object, as `socket` and `exportSocket()` show it.
    object: Rc<Owned>,
}

impl Stateful for Client {
    fn initial() -> Option<Rc<Self>> {
        Some(Rc::default())
    }

    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

impl Client {
    fn socket(&self) -> Option<Rc<Socket>> {
        self.link
            .borrow()
            .as_ref()
            .map(|link| Rc::clone(&link.socket))
    }
}

impl Drop for Client {
    /// The client's object is being freed: it is told nothing any more. Its connection closes, even if
    /// somebody holds the socket's object.
    fn drop(&mut self) {
        let Some(link) = self.link.take() else { return };
        link.socket.client.set(std::ptr::null_mut());
        let is_used =
            link.socket.parking.reader().is_some() || link.socket.parking.writer().is_some();
        if !is_used && link.socket.link.phase() == Phase::Open {
            let descriptor = link.socket.link.start_close(Phase::Closed);
            link.socket.parking.leave();
            drop(descriptor);
        }
    }
}

/// The state of `$this`.
fn state(frame: Frame) -> Result<Rc<Client>, Stop> {
    // SAFETY: `$this` in a method of the class.
    unsafe { object::state::<Client>(frame.this()) }.ok_or_else(Stop::not_constructed)
}

/// The socket of `$this`; None: there is none, and the call has answered so.
fn connected(frame: Frame, place: Place<'_>) -> Result<Option<Rc<Socket>>, Stop> {
    let socket = state(frame)?.socket();
    if socket.is_none() {
        ERRORS.failed(frame, place, Failure::Code(codes::CLIENT_NO_CONNECTION))?;
    }
    Ok(socket)
}

/// A socket has closed: the client whose connection it was has none any more.
pub fn socket_closed(socket: &Socket) -> Result<(), Stop> {
    let client = socket.client.replace(std::ptr::null_mut());
    if client.is_null() {
        return Ok(());
    }
    // SAFETY: a client takes itself from its socket when it is freed, so it lives; it is of the class.
    let link = unsafe { object::peek_state::<Client>(client) }.and_then(|state| state.link.take());
    let updated = protect(|| {
        let mut null = undef();
        super::convert::set_null(null.place());
        properties::set(&ENTRY, client, c"socket", &mut null);
        properties::set_flag(&ENTRY, client, c"connected", false);
    });
    // Frees the socket's object, perhaps; nothing is borrowed.
    drop(link);
    Ok(updated?)
}

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let mut kind = 0_i64;
    parse!(frame, c"l", kind)?;
    if socket_type(kind).is_none() {
        return Err(Stop::Throw {
            class: Thrown::TypeError,
            code: 0,
            message: format!(
                "{}::{}() expects parameter 1 to be client type, unknown type {kind} given",
                frame.class_name(),
                frame.function_name()
            ),
        });
    }
    if kind & secure::FLAG != 0 && !socket_type(kind).is_some_and(SockType::is_stream) {
        return Err(secure::no_dtls());
    }
    event_loop::ready()?;
    protect(|| properties::set_int(&ENTRY, frame.this(), c"type", kind))?;
    Ok(())
}

fn do_destruct(_: Frame, _: Place<'_>) -> Result<(), Stop> {
    Ok(())
}

fn do_enable_ssl(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some(socket) = connected(frame, place)? else {
        return Ok(());
    };
    if !socket.link.sock_type().is_some_and(|kind| kind.is_tcp()) {
        let fault = Fault::Os(libc::ESOCKTNOSUPPORT);
        return ERRORS.failed(frame, place, fault);
    }
    if socket.link.has_tls() {
        return ERRORS.failed(frame, place, Fault::Os(libc::EISCONN));
    }
    secure::enable(&socket)?;
    connect::set_tls(frame, &socket)?;
    match secure::handshake(&socket)? {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(failure) => ERRORS.failed(frame, place, failure),
    }
}

fn do_get_peer_cert(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some(socket) = connected(frame, place)? else {
        return Ok(());
    };
    if !socket.link.is_secure() {
        return ERRORS.failed(frame, place, Fault::Os(libc::EISCONN));
    }
    match socket.link.peer_certificate() {
        Ok(Some(pem)) => Ok(return_bytes(place, &pem)?),
        Ok(None) => ERRORS.failed(
            frame,
            place,
            Failure::Code(codes::SSL_EMPTY_PEER_CERTIFICATE),
        ),
        Err(failure) => ERRORS.failed(frame, place, failure),
    }
}

fn do_verify_peer_cert(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut allow_self_signed = false;
    parse!(frame, c"|b", allow_self_signed)?;
    let Some(socket) = connected(frame, place)? else {
        return Ok(());
    };
    if !socket.link.is_secure() {
        return ERRORS.failed(frame, place, Fault::Os(libc::ENOTCONN));
    }
    match socket.link.verify_peer(allow_self_signed) {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(failure) => ERRORS.failed(frame, place, failure),
    }
}

fn do_is_connected(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let socket = state(frame)?.socket();
    set_bool(
        place,
        socket.is_some_and(|socket| socket.link.is_connected()),
    );
    Ok(())
}

fn do_getsockname(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some(socket) = connected(frame, place)? else {
        return Ok(());
    };
    match socket.link.local_address() {
        Ok(address) => return_address(place, &address),
        Err(errno) => ERRORS.failed(frame, place, errno),
    }
}

fn do_getpeername(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some(socket) = connected(frame, place)? else {
        return Ok(());
    };
    match socket.link.peer_address() {
        Ok(address) => return_address(place, &address),
        Err(errno) => ERRORS.failed(frame, place, errno),
    }
}

/// The host under two names, of which `host` is the older one.
fn return_address(place: Place<'_>, address: &Address) -> Result<(), Stop> {
    use super::convert::{Item, return_array};
    let host = address.ip();
    let items = [
        ("host", Item::Bytes(host.as_bytes())),
        ("address", Item::Bytes(host.as_bytes())),
        ("port", Item::Long(i64::from(address.port()))),
    ];
    Ok(return_array(place, &items)?)
}

fn do_export_socket(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let link = state(frame)?.link.borrow().clone();
    match link {
        Some(link) => set_copy(place, link.object.view().ptr()),
        None => super::convert::set_null(place),
    }
    Ok(())
}

fn do_close(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let Some(socket) = connected(frame, place)? else {
        return Ok(());
    };
    protect(|| properties::set_flag(&ENTRY, frame.this(), c"connected", false))?;
    match close::close(&socket)? {
        Ok(()) => {
            set_bool(place, true);
            Ok(())
        }
        Err(failure) => ERRORS.failed(frame, place, failure),
    }
}
