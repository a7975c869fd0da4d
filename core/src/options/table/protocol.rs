//! Framing of byte streams into packages, and the protocols that are not HTTP.

use super::super::MIN_PACKAGE_LIMIT_BYTES;
use super::super::kind::Kind;
use super::super::row::{Row, Scope::Port};
use super::{U32_MAX, store};
use crate::error::Error;
use crate::protocol::framing::{MAX_MARKER_BYTES, Marker};
use crate::protocol::length::LengthType;

const OFFSET: Kind = Kind::Int {
    min: 0,
    max: 65_535,
};

pub(super) static ROWS: &[Row] = &[
    Row::built(
        "open_eof_check",
        Port,
        Kind::Bool,
        "false",
        store!("framing.eof_check", framing.eof_check = bool),
        "Call onReceive only with data that ends in package_eof; it may hold several packages. Goes before open_length_check.",
    ),
    Row::built(
        "open_eof_split",
        Port,
        Kind::Bool,
        "false",
        store!("framing.eof_split", framing.eof_split = bool),
        "Call onReceive once for each package that ends in package_eof; switches open_eof_check on.",
    ),
    Row::built(
        "package_eof",
        Port,
        Kind::Str {
            max_len: MAX_MARKER_BYTES,
        },
        "\\r\\n\\r\\n",
        ("framing.package_eof", |given, value| {
            let mark = Marker::new(value.bytes()).ok_or_else(|| {
                let text = format!("it must have 1 to {MAX_MARKER_BYTES} bytes");
                Error::option("package_eof", "an empty string", text)
            })?;
            given.framing.package_eof = mark;
            Ok(None)
        }),
        "Bytes that end a package, 1 to 8.",
    ),
    Row::built(
        "open_length_check",
        Port,
        Kind::Bool,
        "false",
        store!("framing.length_check", framing.length_check = bool),
        "Call onReceive once for each package, whose length stands in a field of its head.",
    ),
    Row::built(
        "package_length_type",
        Port,
        Kind::Str { max_len: 8 },
        "N",
        ("framing.length_type", |given, value| {
            let bytes = value.bytes();
            let kind = bytes.first().copied().and_then(LengthType::from_letter);
            given.framing.length_type = kind.ok_or_else(|| {
                Error::option(
                    "package_length_type",
                    format!("\"{}\"", bytes.escape_ascii()),
                    "unknown package_length_type, see pack(): use one of c, C, s, S, n, v, l, L, N, V, q, Q, J, P",
                )
            })?;
            Ok(None)
        }),
        "Type of the length field, one letter of PHP's pack().",
    ),
    Row::built(
        "package_length_offset",
        Port,
        OFFSET,
        "0",
        store!("framing.length_offset", framing.length_offset = u16),
        "Bytes before the length field.",
    ),
    Row::built(
        "package_body_offset",
        Port,
        OFFSET,
        "4",
        store!("framing.body_offset", framing.body_offset = u16),
        "Bytes of a package that the length does not count. 0: the length counts the whole package.",
    )
    .aliases(&["package_body_start"]),
    Row::in_php(
        "package_length_func",
        Port,
        Kind::Callable,
        "none",
        "Function that gets the first bytes of a package and returns its length in bytes, 0 if it needs more, -1 to close the connection. Workers call it, in base mode: reactor threads cannot run PHP.",
    ),
    Row::built(
        "package_max_length",
        Port,
        Kind::Size {
            min: 0,
            max: U32_MAX,
        },
        "2097152",
        ("framing.max_package_bytes", |given, value| {
            given.framing.max_package_bytes = value.u32().max(MIN_PACKAGE_LIMIT_BYTES);
            Ok(None)
        }),
        "Most bytes of a package; a connection that sends a longer one is closed. Less than 65536 counts as 65536.",
    ),
    Row::later(
        "open_mqtt_protocol",
        Port,
        Kind::Bool,
        "false",
        "the MQTT protocol",
        "Call onReceive once for each package of MQTT.",
    ),
    Row::later(
        "open_redis_protocol",
        Port,
        Kind::Bool,
        "false",
        "the Redis server",
        "Speak the protocol of Redis.",
    ),
    Row::no_effect(
        "open_fastcgi_protocol",
        Port,
        Kind::Any,
        "it was never finished in the versions that had it",
        "Speak FastCGI.",
    ),
];
