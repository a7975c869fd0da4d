//! `swoole_client`, as scripts knew it before there were two classes: it blocks, and with SWOOLE_ASYNC in
//! its type, or SWOOLE_SOCK_ASYNC as its second argument, it is a `Swoole\Async\Client`.

use super::super::class::*;
use super::super::client::{self, ASYNC, CONNECT_ARGS};
use super::super::client_connect;
use super::super::ffi::*;
use super::super::method::{Frame, Stop, parse, trampolines};
use super::{ENTRY, connect};
use swoole_core::net::SockType;

trampolines! {
    construct => do_construct;
    connect_to => do_connect;
}

/// The registered class.
pub static LEGACY: Entry = Entry::unset();

/// `swoole_client`.
#[rustfmt::skip]
pub static CLASS: ClassDef = ClassDef {
    name: c"swoole_client",
    parent: Some(|| ENTRY.get()),
    interfaces: &[],
    methods: &[
        method(c"__construct", construct, &[arg(c"type", INT), opt(c"async", BOOL, c"false"), opt(c"id", STRING, c"''")], Ty::None),
        method(c"connect", connect_to, CONNECT_ARGS, BOOL),
    ],
    properties: &[],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: None,
    aliases: &[],
    entry: &LEGACY,
};

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let (mut kind, mut is_async) = (0_i64, false);
    let mut id: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"l|bS", kind, is_async, id)?;
    if is_async {
        kind |= ASYNC;
    }
    // "new swoole_client(SWOOLE_SYNC)": flags alone.
    if kind != 0 && kind & !client::FLAGS == 0 {
        kind |= SockType::Tcp.number();
    }
    if kind & ASYNC != 0 && kind & client::SSL != 0 {
        return Err(client::not_built("SWOOLE_SSL"));
    }
    client::set_type(frame, kind)?;
    client::set_id(frame, id)
}

fn do_connect(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    match client_connect::kind_of(frame)? {
        (_, flags) if flags & ASYNC != 0 => connect::do_connect(frame, place),
        _ => client_connect::do_connect(frame, place),
    }
}
