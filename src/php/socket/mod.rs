//! `Swoole\Coroutine\Socket`.
//!
//! | file | what |
//! |---|---|
//! | `parking` | how coroutines wait for a socket |
//! | `answer` | errors as PHP sees them |
//! | `open` | making, binding, listening, accepting, importing |
//! | `connect` | names, addresses, connecting |
//! | `bytes`, `vectors`, `packages` | sending and receiving |
//! | `secure` | TLS |
//! | `settings` | `setProtocol()`, and the settings of clients |
//! | `options`, `multicast` | options of the kernel |
//! | `close` | closing, canceling, what a socket is and who uses it |

pub mod answer;
pub mod bytes;
pub mod close;
pub mod connect;
pub mod constants;
pub mod multicast;
pub mod open;
pub mod options;
pub mod packages;
pub mod parking;
pub mod secure;
pub mod settings;
pub mod vectors;

use super::class::*;
use super::convert::set_long;
use super::coroutine;
use super::exception;
use super::ffi::*;
use super::method::{Bailout, Frame, Stop, protect, trampolines};
use super::object::{self, Stateful};
use super::owned::{Owned, OwnedCallback};
use parking::{Park, Parking};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::OnceLock;
use swoole_core::coroutine::socket as core;
use swoole_core::reactor::event_loop;

trampolines! {
    construct => open::do_construct;
    bind => open::do_bind;
    listen => open::do_listen;
    accept => open::do_accept;
    import => open::do_import;
    pair => open::do_pair;
    connect_to => connect::do_connect;
    check_liveness => close::do_check_liveness;
    get_bound_cid => close::do_get_bound_cid;
    peek => bytes::do_peek;
    recv => bytes::do_recv;
    recv_all => bytes::do_recv_all;
    recv_line => packages::do_recv_line;
    recv_with_buffer => packages::do_recv_with_buffer;
    recv_packet => packages::do_recv_packet;
    send => bytes::do_send;
    send_all => bytes::do_send_all;
    send_file => bytes::do_send_file;
    read_vector => vectors::do_read;
    read_vector_all => vectors::do_read_all;
    write_vector => vectors::do_write;
    write_vector_all => vectors::do_write_all;
    recvfrom => bytes::do_recvfrom;
    sendto => bytes::do_sendto;
    get_option => options::do_get;
    set_option => options::do_set;
    set_protocol => settings::do_set_protocol;
    ssl_handshake => secure::do_handshake;
    shutdown => close::do_shutdown;
    cancel => close::do_cancel;
    close_it => close::do_close;
    getpeername => close::do_getpeername;
    getsockname => close::do_getsockname;
    is_closed => close::do_is_closed;
}

/// The registered class.
pub static ENTRY: Entry = Entry::unset();
/// The registered `Swoole\Coroutine\Socket\Exception`.
pub static EXCEPTION: Entry = Entry::unset();

const SELF_OR_FALSE: Ty = Ty::Class(c"Swoole\\Coroutine\\Socket", FALSE);
const TIMEOUT: ArgDef = opt(c"timeout", FLOAT, c"0");
const RECV: &[ArgDef] = &[opt(c"length", INT, c"65536"), TIMEOUT];
const SEND: &[ArgDef] = &[arg(c"data", STRING), TIMEOUT];
const VECTOR: &[ArgDef] = &[arg(c"io_vector", ARRAY), TIMEOUT];
const OPTION_NAME: [ArgDef; 2] = [arg(c"level", INT), arg(c"opt_name", INT)];

/// `Swoole\Coroutine\Socket`.
#[rustfmt::skip]
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Coroutine\\Socket",
    parent: None,
    interfaces: &[],
    methods: &[
        method(c"__construct", construct, &[arg(c"domain", INT), arg(c"type", INT), opt(c"protocol", INT, c"0")], Ty::None),
        method(c"bind", bind, &[arg(c"address", STRING), opt(c"port", INT, c"0")], BOOL),
        method(c"listen", listen, &[opt(c"backlog", INT, c"512")], BOOL),
        method(c"accept", accept, &[TIMEOUT], SELF_OR_FALSE),
        method(c"connect", connect_to, &[arg(c"host", STRING), opt(c"port", INT, c"0"), TIMEOUT], BOOL),
        method(c"checkLiveness", check_liveness, &[], BOOL),
        method(c"getBoundCid", get_bound_cid, &[arg(c"event", INT)], INT),
        method(c"peek", peek, &[opt(c"length", INT, c"65536")], STRING_OR_FALSE),
        method(c"recv", recv, RECV, STRING_OR_FALSE),
        method(c"recvAll", recv_all, RECV, STRING_OR_FALSE),
        method(c"recvLine", recv_line, RECV, STRING_OR_FALSE),
        method(c"recvWithBuffer", recv_with_buffer, RECV, STRING_OR_FALSE),
        method(c"recvPacket", recv_packet, &[TIMEOUT], STRING_OR_FALSE),
        method(c"send", send, SEND, INT_OR_FALSE),
        method(c"readVector", read_vector, VECTOR, ARRAY_OR_FALSE),
        method(c"readVectorAll", read_vector_all, VECTOR, ARRAY_OR_FALSE),
        method(c"writeVector", write_vector, VECTOR, INT_OR_FALSE),
        method(c"writeVectorAll", write_vector_all, VECTOR, INT_OR_FALSE),
        method(c"sendFile", send_file, &[arg(c"file", STRING), opt(c"offset", INT, c"0"), opt(c"length", INT, c"0")], BOOL),
        method(c"sendAll", send_all, SEND, INT_OR_FALSE),
        method(c"recvfrom", recvfrom, &[ArgDef { by_ref: true, ..arg(c"peername", MIXED) }, TIMEOUT], STRING_OR_FALSE),
        method(c"sendto", sendto, &[arg(c"addr", STRING), arg(c"port", INT), arg(c"data", STRING)], INT_OR_FALSE),
        method(c"getOption", get_option, &OPTION_NAME, MIXED),
        method(c"setProtocol", set_protocol, &[arg(c"settings", ARRAY)], BOOL),
        method(c"setOption", set_option, &[OPTION_NAME[0], OPTION_NAME[1], arg(c"opt_value", MIXED)], BOOL),
        method(c"sslHandshake", ssl_handshake, &[], BOOL),
        method(c"shutdown", shutdown, &[opt(c"how", INT, c"2")], BOOL),
        method(c"cancel", cancel, &[opt(c"event", INT, c"512")], BOOL),
        method(c"close", close_it, &[], BOOL),
        method(c"getpeername", getpeername, &[], ARRAY_OR_FALSE),
        method(c"getsockname", getsockname, &[], ARRAY_OR_FALSE),
        method(c"isClosed", is_closed, &[], BOOL),
        static_method(c"import", import, &[arg(c"stream", Ty::None)], SELF_OR_FALSE),
    ],
    properties: &[
        read_only(c"fd", -1),
        read_only(c"domain", 0),
        read_only(c"type", 0),
        read_only(c"protocol", 0),
        public(c"errCode", Default::Long(0)),
        public(c"errMsg", Default::EmptyString),
        public(c"__ext_sockets_nonblock", Default::Bool(false)),
        public(c"__ext_sockets_timeout", Default::Long(0)),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: Some(object::create_stateful::<Socket>),
    aliases: &[],
    entry: &ENTRY,
};

/// The engine enforces this for typed properties alone; it is what reflection tells.
const fn read_only(name: &'static std::ffi::CStr, default: i64) -> PropertyDef {
    let mut property = public(name, Default::Long(default));
    property.flags |= READONLY;
    property
}

/// `Swoole\Coroutine\Socket\Exception`.
pub static EXCEPTION_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Coroutine\\Socket\\Exception",
    parent: Some(|| exception::EXCEPTION.get()),
    interfaces: &[],
    methods: &[],
    properties: &[],
    flags: 0,
    create: None,
    aliases: &[],
    entry: &EXCEPTION,
};

pub static FUNCTIONS: &[MethodDef] = &[function(
    c"swoole_coroutine_socketpair",
    pair,
    &[
        arg(c"domain", INT),
        arg(c"type", INT),
        arg(c"protocol", INT),
    ],
    ARRAY_OR_FALSE,
)];

/// The state of an object.
pub struct Socket {
    pub link: core::Socket,
    pub parking: Rc<Parking>,
    /// The last call filled more than half of the scratch memory: the next one is given a string of its
    /// own at once.
    pub is_busy: Cell<bool>,
    /// `package_length_func`.
    pub length_function: RefCell<Option<Rc<OwnedCallback>>>,
    /// The stream that it was imported from, which is closed with it.
    stream: RefCell<Option<Owned>>,
    /// The `Swoole\Coroutine\Client` whose connection it is, to be told when it closes; null: none. That
    /// object takes itself from here when it is freed.
    pub client: Cell<*mut zend_object>,
}

impl Socket {
    #[must_use]
    pub fn new(link: core::Socket) -> Rc<Socket> {
        Rc::new(Socket {
            link,
            parking: Parking::new(),
            is_busy: Cell::new(false),
            length_function: RefCell::new(None),
            stream: RefCell::new(None),
            client: Cell::new(std::ptr::null_mut()),
        })
    }

    /// How its coroutines wait.
    #[inline]
    pub fn park(&self) -> Park<'_> {
        Park(&self.parking)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Before the descriptor closes.
        self.parking.leave();
        if self.link.is_listening()
            && let Some(event_loop) = event_loop::existing()
            && (event_loop.is_running() || coroutine::current().is_some())
            && let Some(descriptor) = self.link.start_close(core::Phase::Closed)
        {
            // Who connects in this very turn of the loop still can, as scripts of one process expect.
            event_loop.defer(Box::new(move || drop(descriptor)));
        }
    }
}

impl Stateful for Socket {
    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

/// The state of `$this`, closed or not.
pub fn state(frame: Frame) -> Result<Rc<Socket>, Stop> {
    // SAFETY: `$this` in a method of the class.
    unsafe { object::state::<Socket>(frame.this()) }.ok_or_else(Stop::not_constructed)
}

/// Where the declared properties stand in an object.
const FIRST_SLOTS: [usize; 4] = [0, 1, 2, 3];

/// Writes an object of the class for a socket.
pub fn new_object(place: Place<'_>, socket: Rc<Socket>) -> Result<(), Bailout> {
    // SAFETY: a class of ours; the place holds nothing yet.
    protect(|| unsafe { object_init_ex(place.ptr(), ENTRY.get()) })?;
    // SAFETY: an object was just made.
    let object = unsafe { (*place.ptr()).value.obj };
    attach(object, socket);
    Ok(())
}

/// Gives an object its socket, which its properties describe.
fn attach(object: *mut zend_object, socket: Rc<Socket>) {
    let kind = socket.link.kind();
    let numbers = [socket.link.raw_fd(), kind.domain, kind.kind, kind.protocol];
    for (slot, number) in FIRST_SLOTS.into_iter().zip(numbers) {
        // SAFETY: an object of this class or a subclass, where the properties declared first stand
        // first; they hold ints, or whatever code of a subclass put there before its parent's
        // constructor ran, which is released.
        unsafe {
            let place = (&raw mut (*object).properties_table)
                .cast::<zval>()
                .add(slot);
            if u32::from(type_of(place)) != IS_LONG {
                zval_ptr_dtor(place);
            }
            set_long(Place::new(place), i64::from(number));
        }
    }
    // SAFETY: the object lives, and nothing refers to a state of it at the moment.
    unsafe { object::set_state(object, socket) };
}
