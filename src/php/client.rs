//! `Swoole\Client`: a client that blocks. Connecting is in `client_connect`, sending and receiving in
//! `client_io`.

use super::async_client::{self, Session};
use super::class::{self, *};
use super::client_connect::{self, Settings};
use super::client_io;
use super::convert::{Item, return_array, return_bytes, set_bool, set_copy};
use super::exception;
use super::ffi::*;
use super::method::{Bailout, Frame, Stop, Thrown, protect};
use super::method::{parse, trampolines};
use super::object::{self, Stateful};
use super::owned::Owned;
use super::php_socket;
use super::properties;
use super::socket::secure;
use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;
use std::sync::OnceLock;
use swoole_core::error::{self, codes, describe};
use swoole_core::net::client::keep::{self, Name};
use swoole_core::net::client::{Client as Socket, ClientError, Fault, Shut};
use swoole_core::net::{Address, SockType};
use swoole_core::sys::fd;

trampolines! {
    construct => do_construct;
    destruct => do_destruct;
    set => do_set;
    connect => client_connect::do_connect;
    recv => client_io::do_recv;
    send => client_io::do_send;
    sendfile => client_io::do_sendfile;
    sendto => client_io::do_sendto;
    shutdown => do_shutdown;
    enable_ssl => do_enable_ssl;
    get_peer_cert => do_get_peer_cert;
    verify_peer_cert => do_verify_peer_cert;
    is_connected => do_is_connected;
    getsockname => do_getsockname;
    getpeername => do_getpeername;
    close => do_close;
    get_socket => do_get_socket;
}

/// The registered `Swoole\Client`.
pub static CLIENT: Entry = Entry::unset();
static EXCEPTION: Entry = Entry::unset();

/// `SWOOLE_SSL` in a type.
pub const SSL: i64 = secure::FLAG;
/// `SWOOLE_ASYNC` in a type.
pub const ASYNC: i64 = 1024;
const SYNC: i64 = 2048;
/// `SWOOLE_KEEP` in a type.
pub const KEEP: i64 = 4096;
/// What a type has beside the kind of socket.
pub const FLAGS: i64 = SSL | ASYNC | SYNC | KEEP;

pub const CONNECT_ARGS: &[ArgDef] = &[
    arg(c"host", STRING),
    opt(c"port", INT, c"0"),
    opt(c"timeout", FLOAT, c"0.5"),
    opt(c"sock_flag", INT, c"0"),
];

/// `Swoole\Client`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Client",
    parent: None,
    interfaces: &[],
    methods: &[
        method(
            c"__construct",
            construct,
            &[
                arg(c"type", INT),
                opt(c"async", BOOL, c"false"),
                opt(c"id", STRING, c"''"),
            ],
            Ty::None,
        ),
        method(c"__destruct", destruct, &[], Ty::None),
        method(c"set", set, &[arg(c"settings", ARRAY)], BOOL),
        method(c"connect", connect, CONNECT_ARGS, BOOL),
        method(
            c"recv",
            recv,
            &[opt(c"size", INT, c"65536"), opt(c"flag", INT, c"0")],
            STRING_OR_FALSE,
        ),
        method(
            c"send",
            send,
            &[arg(c"data", STRING), opt(c"flag", INT, c"0")],
            INT_OR_FALSE,
        ),
        method(
            c"sendfile",
            sendfile,
            &[
                arg(c"filename", STRING),
                opt(c"offset", INT, c"0"),
                opt(c"length", INT, c"0"),
            ],
            BOOL,
        ),
        method(
            c"sendto",
            sendto,
            &[arg(c"ip", STRING), arg(c"port", INT), arg(c"data", STRING)],
            BOOL,
        ),
        method(c"shutdown", shutdown, &[arg(c"how", INT)], BOOL),
        method(
            c"enableSSL",
            enable_ssl,
            &[opt(c"onSslReady", NULLABLE_CALLABLE, c"NULL")],
            BOOL,
        ),
        method(c"getPeerCert", get_peer_cert, &[], STRING_OR_BOOL),
        method(c"verifyPeerCert", verify_peer_cert, &[], BOOL),
        method(c"isConnected", is_connected, &[], BOOL),
        method(c"getsockname", getsockname, &[], ARRAY_OR_FALSE),
        method(c"getpeername", getpeername, &[], ARRAY_OR_FALSE),
        method(c"close", close, &[opt(c"force", BOOL, c"false")], BOOL),
        method(c"getSocket", get_socket, &[], Ty::Class(c"Socket", FALSE)),
    ],
    properties: &[
        public(c"errCode", Default::Long(0)),
        public(c"sock", Default::Long(-1)),
        public(c"reuse", Default::Bool(false)),
        public(c"reuseCount", Default::Long(0)),
        public(c"type", Default::Long(0)),
        public(c"id", Default::Null),
        public(c"setting", Default::Null),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: Some(object::create_stateful::<Client>),
    aliases: &[],
    entry: &CLIENT,
};

/// `Swoole\Client\Exception`.
pub static EXCEPTION_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Client\\Exception",
    parent: Some(|| exception::EXCEPTION.get()),
    interfaces: &[],
    methods: &[],
    properties: &[],
    flags: 0,
    create: None,
    aliases: &[],
    entry: &EXCEPTION,
};

/// At module startup, after the class.
pub fn declare_constants() {
    let constants = [
        (c"MSG_OOB", i64::from(libc::MSG_OOB)),
        (c"MSG_PEEK", i64::from(libc::MSG_PEEK)),
        (c"MSG_DONTWAIT", i64::from(libc::MSG_DONTWAIT)),
        (c"MSG_WAITALL", i64::from(libc::MSG_WAITALL)),
        (c"SHUT_RDWR", i64::from(libc::SHUT_RDWR)),
        (c"SHUT_RD", i64::from(libc::SHUT_RD)),
        (c"SHUT_WR", i64::from(libc::SHUT_WR)),
    ];
    // A class gets what its parent has when it is registered: the constants are not there yet.
    for class in [&CLIENT, &async_client::ENTRY, &async_client::legacy::LEGACY] {
        class::declare_constants(class, &constants);
    }
}

/// A socket and what it is kept by when its client is done with it.
pub struct Link {
    pub socket: RefCell<Socket>,
    pub keep: Option<Name>,
}

/// The state of an object.
#[derive(Default)]
pub struct Client {
    /// From `connect()` to `close()`.
    pub link: RefCell<Option<Rc<Link>>>,
    /// What `getSocket()` made of it.
    exported: RefCell<Option<Owned>>,
    /// Of a client that the event loop drives: from `connect()` to its end.
    pub session: RefCell<Option<Rc<Session>>>,
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
    /// The connection, if it is still this one.
    pub fn has(&self, link: &Rc<Link>) -> bool {
        let current = self.link.borrow();
        current
            .as_ref()
            .is_some_and(|current| Rc::ptr_eq(current, link))
    }

    /// Takes the connection from the object.
    pub fn take(&self) -> Option<Rc<Link>> {
        drop(self.exported.take());
        self.link.take()
    }
}

/// The state of `$this`.
pub fn state(frame: Frame) -> Result<Rc<Client>, Stop> {
    // SAFETY: `$this` in a method of the class.
    unsafe { object::state::<Client>(frame.this()) }.ok_or_else(Stop::not_constructed)
}

/// A mistake in a call: always shown.
pub fn mistake(message: impl Into<String>) -> Stop {
    error::set_last(codes::PHP_FATAL_ERROR);
    Stop::Warning(message.into())
}

/// A remark on a call that failed.
pub fn remark(message: impl Into<String>) -> Stop {
    error::set_last(codes::PHP_RUNTIME_NOTICE);
    Stop::SoftWarning(message.into())
}

/// Sets `errCode`.
pub fn set_code(frame: Frame, code: i32) -> Result<(), Bailout> {
    set_number(frame, c"errCode", i64::from(code))
}

/// Sets a property.
pub fn set_number(frame: Frame, name: &CStr, value: i64) -> Result<(), Bailout> {
    protect(|| properties::set_int(&CLIENT, frame.this(), name, value))
}

/// A call that failed: `errCode`, the last error, and a warning with the error's text.
pub fn failed(frame: Frame, code: i32, what: &str) -> Stop {
    error::set_last(code);
    if set_code(frame, code).is_err() {
        return Stop::Bailout;
    }
    Stop::SoftWarning(format!("{what}, Error: {}[{code}]", describe(code)))
}

/// The code of a failed transfer: that its time was over looks as on a nonblocking socket.
pub fn transfer_code(error: &ClientError) -> i32 {
    match error {
        ClientError::Link(Fault::TimedOut) => libc::EAGAIN,
        error => error.code(),
    }
}

/// The connection, which must be there.
pub fn connected(frame: Frame) -> Result<Rc<Link>, Stop> {
    let state = state(frame)?;
    let link = state.link.borrow().clone();
    let session = state.session.borrow().clone();
    let is_up = session.is_none_or(|session| session.is_up());
    if is_up && let Some(link) = link {
        if link.socket.borrow().is_usable() {
            return Ok(link);
        }
        drop(state.take());
    }
    set_code(frame, codes::CLIENT_NO_CONNECTION)?;
    Err(remark("client is not connected to server"))
}

/// The type without its flags.
pub fn socket_type(number: i64) -> Option<SockType> {
    SockType::from_number(number & !FLAGS).ok()
}

pub fn not_built(what: &str) -> Stop {
    let error = error::Error::NotBuilt {
        what: what.to_owned(),
        needs: "it needs TLS, which comes later; use a connection without encryption".to_owned(),
    };
    Stop::exception(i64::from(error.code()), error.to_string())
}

/// Checks a type and sets `type`.
pub fn set_type(frame: Frame, kind: i64) -> Result<(), Stop> {
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
    if kind & SSL != 0 && !socket_type(kind).is_some_and(SockType::is_stream) {
        return Err(secure::no_dtls());
    }
    Ok(set_number(frame, c"type", kind)?)
}

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let (mut kind, mut is_async) = (0_i64, false);
    let mut id: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"l|bS", kind, is_async, id)?;
    if is_async {
        return Err(Stop::error("The $async parameter is not supported"));
    }
    set_type(frame, kind)?;
    set_id(frame, id)
}

/// Sets `id`, unless it was not given.
pub fn set_id(frame: Frame, id: *mut zend_string) -> Result<(), Stop> {
    if !id.is_null() {
        protect(|| {
            let mut value = undef();
            // SAFETY: a live string of an argument, counted once more by the property.
            unsafe {
                value.value.str_ = id;
                value.u1.type_info = if (*id).gc.u.type_info & GC_IMMUTABLE != 0 {
                    IS_INTERNED_STRING_EX
                } else {
                    IS_STRING_EX
                };
            }
            properties::set(&CLIENT, frame.this(), c"id", &mut value);
        })?;
    }
    Ok(())
}

/// Set in an object whose destructor the engine calls.
const DESTRUCTOR_CALLED: u32 = 1 << 8;

/// Whether the engine calls the destructor; a call by the user is none of its.
pub fn is_destructed(frame: Frame) -> bool {
    // SAFETY: `$this` lives.
    let flags = unsafe { (*frame.this()).gc.u.type_info };
    flags & DESTRUCTOR_CALLED != 0
}

fn do_destruct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    if is_destructed(frame)
        && let Some(link) = state(frame)?.take()
    {
        let_go(link, false);
    }
    Ok(())
}

fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut settings: *mut zval = std::ptr::null_mut();
    parse!(frame, c"z", settings)?;
    // SAFETY: an argument; its array is read for the type that says so.
    let array = unsafe {
        let settings = deref(settings);
        (u32::from(type_of(settings)) == IS_ARRAY).then(|| (*settings).value.arr)
    };
    if let Some(array) = array {
        protect(|| properties::merge_array(&CLIENT, frame.this(), c"setting", array))?;
    }
    set_bool(place, array.is_some());
    Ok(())
}

fn do_is_connected(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let state = state(frame)?;
    let link = state.link.borrow();
    let is_connected = link
        .as_ref()
        .is_some_and(|link| link.socket.borrow().is_connected());
    set_bool(place, is_connected);
    Ok(())
}

fn do_getsockname(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let link = connected(frame)?;
    let address = link.socket.borrow().local_address();
    return_address(frame, place, address, "getsockname() failed")
}

fn do_getpeername(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let link = connected(frame)?;
    let address = link.socket.borrow().peer_address();
    return_address(frame, place, address, "getpeername() failed")
}

fn return_address(
    frame: Frame,
    place: Place<'_>,
    address: Result<Address, ClientError>,
    what: &str,
) -> Result<(), Stop> {
    let address = address.map_err(|error| failed(frame, error.code(), what))?;
    let host = address.ip();
    let items = [
        ("port", Item::Long(i64::from(address.port()))),
        ("host", Item::Bytes(host.as_bytes())),
    ];
    Ok(return_array(place, &items)?)
}

fn do_get_socket(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let state = state(frame)?;
    if let Some(exported) = &*state.exported.borrow() {
        set_copy(place, exported.view().ptr());
        return Ok(());
    }
    let link = connected(frame)?;
    if link.keep.is_some() {
        return Err(mistake(
            "the 'getSocket' method can't be used on persistent connection",
        ));
    }
    let copy = fd::dup(&*link.socket.borrow());
    let copy = copy.map_err(|error| failed(frame, error.errno, "dup() failed"))?;
    php_socket::export(place, copy)?;
    *state.exported.borrow_mut() = Some(Owned::new(place.ptr()));
    Ok(())
}

pub fn do_close(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut force = false;
    parse!(frame, c"|b", force)?;
    let Some(link) = state(frame)?.take() else {
        return Err(mistake("client is not connected to the server"));
    };
    let_go(link, force);
    set_bool(place, true);
    Ok(())
}

/// Closes a connection, or keeps it for the next client.
fn let_go(link: Rc<Link>, force: bool) {
    // A call that is under way has it, too; then it is closed when that one returns.
    let Ok(link) = Rc::try_unwrap(link) else {
        return;
    };
    let socket = link.socket.into_inner();
    match link.keep {
        Some(name) if !force && socket.is_connected() && !socket.is_broken() => {
            keep::keep(name, socket);
        }
        _ => drop(socket),
    }
}

fn do_shutdown(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut how = 0_i64;
    parse!(frame, c"l", how)?;
    let link = connected(frame)?;
    let how = match i32::try_from(how) {
        Ok(libc::SHUT_RD) => Shut::Read,
        Ok(libc::SHUT_WR) => Shut::Write,
        Ok(libc::SHUT_RDWR) => Shut::Both,
        _ => {
            error::set_last(libc::EINVAL);
            set_bool(place, false);
            return Ok(());
        }
    };
    let done = link.socket.borrow_mut().shutdown(how);
    if let Err(error) = &done {
        error::set_last(error.code());
        set_code(frame, error.code())?;
    }
    set_bool(place, done == Ok(true));
    Ok(())
}

fn do_enable_ssl(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut function: *mut zval = std::ptr::null_mut();
    parse!(frame, c"|z", function)?;
    if !function.is_null() {
        let code = i64::from(codes::INVALID_PARAMS);
        let text = "sync client does not support `onSslReady` callback";
        return Err(Stop::exception(code, text));
    }
    let link = connected(frame)?;
    let (is_tcp, is_secure) = {
        let socket = link.socket.borrow();
        (socket.sock_type().is_tcp(), socket.is_secure())
    };
    if !is_tcp {
        return Err(mistake("cannot use enableSSL"));
    }
    if is_secure {
        return Err(mistake("SSL has been enabled"));
    }
    let settings = client_connect::tls_settings(&Settings::of(frame))?;
    let done = {
        let mut socket = link.socket.borrow_mut();
        socket.enable_tls(settings);
        socket.handshake()
    };
    if let Err(error) = &done {
        error::set_last(error.code());
        set_code(frame, error.code())?;
    }
    set_bool(place, done.is_ok());
    Ok(())
}

/// The connection, which must be encrypted.
fn encrypted(frame: Frame) -> Result<Rc<Link>, Stop> {
    let link = connected(frame)?;
    let is_secure = link.socket.borrow().is_secure();
    if is_secure {
        Ok(link)
    } else {
        Err(mistake("SSL is not ready"))
    }
}

fn do_get_peer_cert(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let link = encrypted(frame)?;
    let shown = link.socket.borrow().peer_certificate();
    match shown {
        Ok(Some(pem)) => Ok(return_bytes(place, &pem)?),
        _ => {
            error::set_last(codes::SSL_EMPTY_PEER_CERTIFICATE);
            set_bool(place, false);
            Ok(())
        }
    }
}

fn do_verify_peer_cert(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut allow_self_signed = false;
    parse!(frame, c"|b", allow_self_signed)?;
    let link = encrypted(frame)?;
    let verified = link.socket.borrow().verify_peer(allow_self_signed);
    if let Err(error) = &verified {
        error::set_last(error.code());
        set_code(frame, error.code())?;
    }
    set_bool(place, verified.is_ok());
    Ok(())
}
