//! Framing of byte streams into packages, and the protocols that are not HTTP.

use super::super::kind::Kind;
use super::super::row::{Row, Scope::Port};
use super::U32_MAX;

const EOF: &str = "framing by an end mark";
const LENGTH: &str = "framing by a length field";
const OFFSET: Kind = Kind::Int {
    min: 0,
    max: 65_535,
};

pub(super) static ROWS: &[Row] = &[
    Row::later(
        "open_eof_check",
        Port,
        Kind::Bool,
        "false",
        EOF,
        "Call onReceive only with data that ends in package_eof; it may hold several packages.",
    ),
    Row::later(
        "open_eof_split",
        Port,
        Kind::Bool,
        "false",
        EOF,
        "Call onReceive once for each package that ends in package_eof.",
    ),
    Row::later(
        "package_eof",
        Port,
        Kind::Str { max_len: 8 },
        "\\r\\n",
        EOF,
        "Bytes that end a package, 1 to 8.",
    ),
    Row::later(
        "open_length_check",
        Port,
        Kind::Bool,
        "false",
        LENGTH,
        "Call onReceive once for each package, whose length stands in a field of its head.",
    ),
    Row::later(
        "package_length_type",
        Port,
        Kind::Str { max_len: 8 },
        "N",
        LENGTH,
        "Type of the length field, one letter of PHP's pack().",
    ),
    Row::later(
        "package_length_offset",
        Port,
        OFFSET,
        "0",
        LENGTH,
        "Bytes before the length field.",
    ),
    Row::later(
        "package_body_offset",
        Port,
        OFFSET,
        "0",
        LENGTH,
        "Bytes of a package that the length does not count.",
    )
    .aliases(&["package_body_start"]),
    Row::later(
        "package_length_func",
        Port,
        Kind::Callable,
        "none",
        LENGTH,
        "Function that gets the first bytes of a package and returns its length in bytes, 0 if it needs more, -1 to close the connection.",
    ),
    Row::later(
        "package_max_length",
        Port,
        Kind::Size {
            min: 0,
            max: U32_MAX,
        },
        "2097152",
        "framing into packages",
        "Most bytes of a package; a connection that sends a longer one is closed. At least 65536.",
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
