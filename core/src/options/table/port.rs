//! Sockets and buffers of a port.

use super::super::kind::Kind;
use super::super::row::{Row, Scope::Port};
use super::{I32_MAX, U32_MAX, store};

/// The kernel refuses more for keep-alive times.
const KEEP_SECONDS: Kind = Kind::Int {
    min: 1,
    max: 32_767,
};
const INT: Kind = Kind::Int {
    min: 0,
    max: I32_MAX,
};
const SIZE: Kind = Kind::Size {
    min: 0,
    max: U32_MAX,
};
const INT_SIZE: Kind = Kind::Size {
    min: 0,
    max: I32_MAX,
};

pub(super) static ROWS: &[Row] = &[
    Row::built(
        "backlog",
        Port,
        Kind::Int {
            min: 0,
            max: 65_535,
        },
        "512",
        store!("backlog", backlog = Some(u32)),
        "Most connections that wait for accept. The kernel cuts it to net.core.somaxconn.",
    ),
    Row::built(
        "socket_buffer_size",
        Port,
        INT_SIZE,
        "8388608",
        ("socket_buffer_bytes", |given, value| {
            let bytes = value.u64();
            given.socket_buffer_bytes = Some(if bytes == 0 { I32_MAX as u64 } else { bytes });
            Ok(None)
        }),
        "Most bytes that may wait for one client before send() fails with an output buffer overflow. 0 is 2147483647.",
    ),
    Row::built(
        "buffer_high_watermark",
        Port,
        SIZE,
        "80 % of socket_buffer_size",
        store!("high_watermark_bytes", high_watermark_bytes = u64),
        "Bytes waiting for a client from which on onBufferFull is called, once. 0 is the default.",
    ),
    Row::built(
        "buffer_low_watermark",
        Port,
        SIZE,
        "0",
        store!("low_watermark_bytes", low_watermark_bytes = u64),
        "Bytes waiting for a client at or below which onBufferEmpty is called after onBufferFull. Must be less than buffer_high_watermark.",
    ),
    Row::built(
        "kernel_socket_recv_buffer_size",
        Port,
        INT_SIZE,
        "0",
        store!("kernel_recv_buffer_bytes", kernel_recv_buffer_bytes = u32),
        "Bytes of the kernel's receive buffer of each connection (SO_RCVBUF). 0 leaves it to the kernel, which is best but for tests.",
    ),
    Row::built(
        "kernel_socket_send_buffer_size",
        Port,
        INT_SIZE,
        "0",
        store!("kernel_send_buffer_bytes", kernel_send_buffer_bytes = u32),
        "Bytes of the kernel's send buffer of each connection (SO_SNDBUF). 0 leaves it to the kernel, which is best but for tests.",
    ),
    Row::built(
        "open_tcp_nodelay",
        Port,
        Kind::Bool,
        "true",
        store!("tcp.nodelay", tcp.nodelay = bool),
        "Send small data at once rather than wait for more (TCP_NODELAY).",
    ),
    Row::built(
        "tcp_defer_accept",
        Port,
        INT,
        "0",
        store!("tcp.defer_accept_s", tcp.defer_accept_s = u32),
        "Seconds that the kernel waits for the first data of a client before it passes the connection on (TCP_DEFER_ACCEPT). 0 is off.",
    ),
    Row::built(
        "tcp_fastopen",
        Port,
        Kind::Bool,
        "false",
        store!("tcp.fastopen", tcp.fastopen = bool),
        "Take data that comes with the first packet of a client (TCP_FASTOPEN).",
    ),
    Row::built(
        "open_tcp_keepalive",
        Port,
        Kind::Bool,
        "false",
        store!("tcp.keepalive", tcp.keepalive = bool),
        "Let the kernel probe idle connections and close dead ones (SO_KEEPALIVE).",
    ),
    Row::built(
        "tcp_keepidle",
        Port,
        KEEP_SECONDS,
        "3600",
        store!("tcp.keepidle_s", tcp.keepidle_s = u32),
        "Seconds without data after which probes begin, with open_tcp_keepalive.",
    ),
    Row::built(
        "tcp_keepinterval",
        Port,
        KEEP_SECONDS,
        "60",
        store!("tcp.keepinterval_s", tcp.keepinterval_s = u32),
        "Seconds between two probes, with open_tcp_keepalive.",
    ),
    Row::built(
        "tcp_keepcount",
        Port,
        Kind::Int { min: 1, max: 127 },
        "5",
        store!("tcp.keepcount", tcp.keepcount = u32),
        "Number of unanswered probes after which the connection is dead, with open_tcp_keepalive.",
    ),
    Row::built(
        "tcp_user_timeout",
        Port,
        INT,
        "0",
        store!("tcp.user_timeout_ms", tcp.user_timeout_ms = u32),
        "Milliseconds after which a connection is closed whose client does not acknowledge data (TCP_USER_TIMEOUT). 0 leaves it to the kernel.",
    ),
    Row::later(
        "heartbeat_idle_time",
        Port,
        Kind::Int {
            min: 0,
            max: 65_535,
        },
        "twice heartbeat_check_interval",
        "the heartbeat",
        "Seconds without data from the client after which a connection is closed. 0 is off.",
    )
    .quiet_if_empty(),
    Row::later(
        "max_idle_time",
        Port,
        Kind::Float {
            min: 0.0,
            max: 31_536_000.0,
        },
        "0",
        "the heartbeat",
        "Seconds without any data, in or out, after which a connection is closed. 0 is off.",
    )
    .quiet_if_empty(),
];
