//! HTTP, WebSocket and HTTP/2.

use super::super::kind::Kind;
use super::super::row::{
    Row,
    Scope::{Port, Process, Server},
};
use super::{I32_MAX, U32_MAX};

const HTTP: &str = "the HTTP server";
const FILES: &str = "the static files of the HTTP server";
const COMPRESSION: &str = "the compression of the HTTP server";
const WEBSOCKET: &str = "the WebSocket server";
const HTTP2: &str = "HTTP/2";
const INT: Kind = Kind::Int {
    min: 0,
    max: I32_MAX,
};
const SIZE: Kind = Kind::Size {
    min: 0,
    max: U32_MAX,
};

pub(super) static ROWS: &[Row] = &[
    Row::later(
        "open_http_protocol",
        Port,
        Kind::Bool,
        "true for Swoole\\Http\\Server",
        HTTP,
        "Speak HTTP.",
    ),
    Row::later(
        "http_parse_cookie",
        Server,
        Kind::Bool,
        "true",
        HTTP,
        "Fill the property cookie of a request.",
    ),
    Row::later(
        "http_parse_post",
        Server,
        Kind::Bool,
        "true",
        HTTP,
        "Fill the property post of a request.",
    ),
    Row::later(
        "http_parse_files",
        Server,
        Kind::Bool,
        "false",
        HTTP,
        "Fill the property files of a request.",
    ),
    Row::later(
        "http_compression",
        Server,
        Kind::Bool,
        "true",
        COMPRESSION,
        "Compress responses for clients that accept it.",
    ),
    Row::later(
        "http_compression_level",
        Server,
        Kind::Int { min: 0, max: 255 },
        "1",
        COMPRESSION,
        "Effort of compression; what is over the most of the method is cut.",
    )
    .aliases(&["compression_level", "http_gzip_level"]),
    Row::later(
        "http_compression_min_length",
        Server,
        SIZE,
        "20",
        COMPRESSION,
        "Bytes from which on a response is compressed.",
    )
    .aliases(&["compression_min_length"]),
    Row::later(
        "http_compression_types",
        Server,
        Kind::StrList,
        "all",
        COMPRESSION,
        "Content types to compress.",
    )
    .aliases(&["compression_types"]),
    Row::later(
        "upload_tmp_dir",
        Server,
        Kind::Path,
        "/tmp",
        HTTP,
        "Folder for uploaded files.",
    ),
    Row::later(
        "upload_max_filesize",
        Server,
        Kind::Size {
            min: 0,
            max: i64::MAX,
        },
        "0",
        HTTP,
        "Most bytes of an uploaded file. 0 leaves it to package_max_length.",
    )
    .quiet_if_empty(),
    Row::later(
        "enable_static_handler",
        Server,
        Kind::Bool,
        "false",
        FILES,
        "Serve files of document_root without a call of onRequest.",
    ),
    Row::later(
        "document_root",
        Server,
        Kind::Path,
        "none",
        FILES,
        "Folder of the static files.",
    ),
    Row::later(
        "http_autoindex",
        Server,
        Kind::Bool,
        "false",
        FILES,
        "Answer a path that is a folder with the list of its files.",
    ),
    Row::later(
        "http_index_files",
        Server,
        Kind::StrList,
        "none",
        FILES,
        "Names of files that answer for their folder, such as index.html.",
    ),
    Row::later(
        "static_handler_locations",
        Server,
        Kind::StrList,
        "all",
        FILES,
        "Paths, each beginning with a slash, that are served as static files.",
    ),
    Row::later(
        "url_rewrite_rules",
        Server,
        Kind::Map,
        "none",
        FILES,
        "Array of pattern and replacement for paths.",
    ),
    Row::later(
        "open_websocket_protocol",
        Port,
        Kind::Bool,
        "true for Swoole\\WebSocket\\Server",
        WEBSOCKET,
        "Speak WebSocket, and HTTP for what is no WebSocket.",
    ),
    Row::later(
        "open_websocket_close_frame",
        Port,
        Kind::Bool,
        "false",
        WEBSOCKET,
        "Give close frames to onMessage.",
    ),
    Row::later(
        "open_websocket_ping_frame",
        Port,
        Kind::Bool,
        "false",
        WEBSOCKET,
        "Give ping frames to onMessage rather than answer them.",
    ),
    Row::later(
        "open_websocket_pong_frame",
        Port,
        Kind::Bool,
        "false",
        WEBSOCKET,
        "Give pong frames to onMessage rather than drop them.",
    ),
    Row::later(
        "websocket_subprotocol",
        Port,
        Kind::Text { max_len: 255 },
        "none",
        WEBSOCKET,
        "Value of Sec-WebSocket-Protocol in the handshake.",
    ),
    Row::later(
        "websocket_compression",
        Port,
        Kind::Bool,
        "false",
        WEBSOCKET,
        "Allow compressed frames (RFC 7692).",
    ),
    Row::later(
        "websocket_mask",
        Port,
        Kind::Bool,
        "false",
        WEBSOCKET,
        "Mask the frames that are sent.",
    ),
    Row::later(
        "open_http2_protocol",
        Port,
        Kind::Bool,
        "false",
        HTTP2,
        "Speak HTTP/2 besides HTTP/1.",
    ),
    Row::later(
        "http2_header_table_size",
        Process,
        SIZE,
        "4096",
        HTTP2,
        "Bytes of the table for header compression.",
    ),
    Row::later(
        "http2_enable_push",
        Process,
        Kind::Int { min: 0, max: 1 },
        "0",
        HTTP2,
        "Allow server push.",
    )
    .quiet_if_empty(),
    Row::later(
        "http2_max_concurrent_streams",
        Process,
        INT,
        "128",
        HTTP2,
        "Most streams open on a connection at a time.",
    ),
    Row::later(
        "http2_init_window_size",
        Process,
        Kind::Size {
            min: 0,
            max: I32_MAX,
        },
        "65535",
        HTTP2,
        "Bytes of a stream that a peer may send before it is allowed more.",
    ),
    Row::later(
        "http2_max_frame_size",
        Process,
        Kind::Size {
            min: 16_384,
            max: 16_777_215,
        },
        "16384",
        HTTP2,
        "Most bytes of a frame.",
    ),
    Row::later(
        "http2_max_header_list_size",
        Process,
        SIZE,
        "4096",
        HTTP2,
        "Most bytes of the headers of a request.",
    ),
];
