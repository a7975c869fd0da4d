//! Time limits of coroutine clients, which a server may set for its whole process.

use super::super::kind::Kind;
use super::super::row::{Row, Scope::Process};

const NEEDS: &str = "coroutine clients";
/// Negative is without limit.
const SECONDS: Kind = Kind::Float {
    min: -1.0,
    max: i32::MAX as f64,
};

pub(super) static ROWS: &[Row] = &[
    Row::later(
        "socket_dns_timeout",
        Process,
        SECONDS,
        "60",
        NEEDS,
        "Seconds for looking up a host name. 0 and less is without limit.",
    ),
    Row::later(
        "socket_connect_timeout",
        Process,
        SECONDS,
        "10",
        NEEDS,
        "Seconds for connecting. 0 and less is without limit.",
    ),
    Row::later(
        "socket_write_timeout",
        Process,
        SECONDS,
        "60",
        NEEDS,
        "Seconds for sending. 0 and less is without limit.",
    )
    .aliases(&["socket_send_timeout"]),
    Row::later(
        "socket_read_timeout",
        Process,
        SECONDS,
        "60",
        NEEDS,
        "Seconds for receiving. 0 and less is without limit.",
    )
    .aliases(&["socket_recv_timeout"]),
    Row::later(
        "socket_timeout",
        Process,
        SECONDS,
        "60",
        NEEDS,
        "Seconds for sending and for receiving. 0 and less is without limit.",
    ),
];
