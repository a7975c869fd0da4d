//! The codes of `SWOOLE_ERROR_*` in ascending order, and as constants for the rest of the crate.

/// One `SWOOLE_ERROR_*` constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Name of the PHP constant.
    pub name: &'static str,
    /// Its value; never the value of an errno.
    pub code: i32,
    /// What `swoole_strerror` says.
    pub message: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $constant:literal, $message:literal;)*) => {
        $(pub const $name: i32 = $code;)*

        /// Every `SWOOLE_ERROR_*` constant, ascending by code.
        pub static CODES: &[Code] = &[$(Code { name: $constant, code: $code, message: $message },)*];
    };
}

codes! {
    MALLOC_FAIL = 501, "SWOOLE_ERROR_MALLOC_FAIL", "Out of memory";
    SYSTEM_CALL_FAIL = 502, "SWOOLE_ERROR_SYSTEM_CALL_FAIL", "A system call failed";
    PHP_FATAL_ERROR = 503, "SWOOLE_ERROR_PHP_FATAL_ERROR", "Fatal error in PHP code";
    NAME_TOO_LONG = 504, "SWOOLE_ERROR_NAME_TOO_LONG", "The name is too long";
    INVALID_PARAMS = 505, "SWOOLE_ERROR_INVALID_PARAMS", "Invalid parameters";
    QUEUE_FULL = 506, "SWOOLE_ERROR_QUEUE_FULL", "The queue is full";
    OPERATION_NOT_SUPPORT = 507, "SWOOLE_ERROR_OPERATION_NOT_SUPPORT", "The operation is not supported";
    PROTOCOL_ERROR = 508, "SWOOLE_ERROR_PROTOCOL_ERROR", "The peer broke the protocol";
    WRONG_OPERATION = 509, "SWOOLE_ERROR_WRONG_OPERATION", "The operation is not allowed here";
    PHP_RUNTIME_NOTICE = 510, "SWOOLE_ERROR_PHP_RUNTIME_NOTICE", "Notice from PHP code";
    FOR_TEST = 511, "SWOOLE_ERROR_FOR_TEST", "Used by tests only";
    NO_PAYLOAD = 550, "SWOOLE_ERROR_NO_PAYLOAD", "The message carries no data";
    UNDEFINED_BEHAVIOR = 600, "SWOOLE_ERROR_UNDEFINED_BEHAVIOR", "The result is undefined";
    NOT_THREAD_SAFETY = 601, "SWOOLE_ERROR_NOT_THREAD_SAFETY", "Not safe in a thread";
    FILE_NOT_EXIST = 700, "SWOOLE_ERROR_FILE_NOT_EXIST", "File not exist";
    FILE_TOO_LARGE = 701, "SWOOLE_ERROR_FILE_TOO_LARGE", "The file is too large";
    FILE_EMPTY = 702, "SWOOLE_ERROR_FILE_EMPTY", "The file is empty";
    DIR_NOT_EXIST = 703, "SWOOLE_ERROR_DIR_NOT_EXIST", "The directory does not exist";
    DNSLOOKUP_DUPLICATE_REQUEST = 710, "SWOOLE_ERROR_DNSLOOKUP_DUPLICATE_REQUEST", "This DNS lookup is already under way";
    DNSLOOKUP_RESOLVE_FAILED = 711, "SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED", "The host name could not be resolved";
    DNSLOOKUP_RESOLVE_TIMEOUT = 712, "SWOOLE_ERROR_DNSLOOKUP_RESOLVE_TIMEOUT", "The DNS lookup timed out";
    DNSLOOKUP_UNSUPPORTED = 713, "SWOOLE_ERROR_DNSLOOKUP_UNSUPPORTED", "This kind of DNS lookup is not supported";
    DNSLOOKUP_NO_SERVER = 714, "SWOOLE_ERROR_DNSLOOKUP_NO_SERVER", "There is no DNS server to ask";
    BAD_IPV6_ADDRESS = 720, "SWOOLE_ERROR_BAD_IPV6_ADDRESS", "Not a valid IPv6 address";
    UNREGISTERED_SIGNAL = 721, "SWOOLE_ERROR_UNREGISTERED_SIGNAL", "No handler is registered for the signal";
    BAD_HOST_ADDR = 722, "SWOOLE_ERROR_BAD_HOST_ADDR", "Not a valid host address";
    BAD_PORT = 723, "SWOOLE_ERROR_BAD_PORT", "Not a valid port number";
    BAD_SOCKET_TYPE = 724, "SWOOLE_ERROR_BAD_SOCKET_TYPE", "Not a known socket type";
    EVENT_REMOVE_FAILED = 800, "SWOOLE_ERROR_EVENT_REMOVE_FAILED", "The descriptor could not be removed from the event loop";
    EVENT_ADD_FAILED = 801, "SWOOLE_ERROR_EVENT_ADD_FAILED", "The descriptor could not be added to the event loop";
    EVENT_UPDATE_FAILED = 802, "SWOOLE_ERROR_EVENT_UPDATE_FAILED", "The events of the descriptor could not be changed";
    EVENT_UNKNOWN_DATA = 803, "SWOOLE_ERROR_EVENT_UNKNOWN_DATA", "The event loop got data it does not know";
    SESSION_CLOSED_BY_SERVER = 1001, "SWOOLE_ERROR_SESSION_CLOSED_BY_SERVER", "The connection was closed by the server";
    SESSION_CLOSED_BY_CLIENT = 1002, "SWOOLE_ERROR_SESSION_CLOSED_BY_CLIENT", "The connection was closed by the client";
    SESSION_CLOSING = 1003, "SWOOLE_ERROR_SESSION_CLOSING", "The connection is being closed";
    SESSION_CLOSED = 1004, "SWOOLE_ERROR_SESSION_CLOSED", "The connection is closed";
    SESSION_NOT_EXIST = 1005, "SWOOLE_ERROR_SESSION_NOT_EXIST", "The connection does not exist";
    SESSION_INVALID_ID = 1006, "SWOOLE_ERROR_SESSION_INVALID_ID", "Not a valid session id";
    SESSION_DISCARD_TIMEOUT_DATA = 1007, "SWOOLE_ERROR_SESSION_DISCARD_TIMEOUT_DATA", "Data of a closed connection was discarded";
    SESSION_DISCARD_DATA = 1008, "SWOOLE_ERROR_SESSION_DISCARD_DATA", "Data of the connection was discarded";
    OUTPUT_BUFFER_OVERFLOW = 1009, "SWOOLE_ERROR_OUTPUT_BUFFER_OVERFLOW", "The output buffer of the connection is full";
    OUTPUT_SEND_YIELD = 1010, "SWOOLE_ERROR_OUTPUT_SEND_YIELD", "The sender must wait until the output buffer drains";
    SSL_NOT_READY = 1011, "SWOOLE_ERROR_SSL_NOT_READY", "The TLS handshake is not finished";
    SSL_CANNOT_USE_SENFILE = 1012, "SWOOLE_ERROR_SSL_CANNOT_USE_SENFILE", "sendfile cannot be used on a TLS connection";
    SSL_EMPTY_PEER_CERTIFICATE = 1013, "SWOOLE_ERROR_SSL_EMPTY_PEER_CERTIFICATE", "The peer sent no certificate";
    SSL_VERIFY_FAILED = 1014, "SWOOLE_ERROR_SSL_VERIFY_FAILED", "The certificate of the peer could not be verified";
    SSL_BAD_CLIENT = 1015, "SWOOLE_ERROR_SSL_BAD_CLIENT", "The client does not speak TLS";
    SSL_BAD_PROTOCOL = 1016, "SWOOLE_ERROR_SSL_BAD_PROTOCOL", "The TLS protocol version is not allowed";
    SSL_RESET = 1017, "SWOOLE_ERROR_SSL_RESET", "The TLS connection was reset";
    SSL_HANDSHAKE_FAILED = 1018, "SWOOLE_ERROR_SSL_HANDSHAKE_FAILED", "The TLS handshake failed";
    SSL_CREATE_CONTEXT_FAILED = 1019, "SWOOLE_ERROR_SSL_CREATE_CONTEXT_FAILED", "The TLS context could not be created";
    SSL_CREATE_SESSION_FAILED = 1020, "SWOOLE_ERROR_SSL_CREATE_SESSION_FAILED", "The TLS session could not be created";
    PACKAGE_LENGTH_TOO_LARGE = 1201, "SWOOLE_ERROR_PACKAGE_LENGTH_TOO_LARGE", "The length of the package is over package_max_length";
    PACKAGE_LENGTH_NOT_FOUND = 1202, "SWOOLE_ERROR_PACKAGE_LENGTH_NOT_FOUND", "The package has no length field";
    DATA_LENGTH_TOO_LARGE = 1203, "SWOOLE_ERROR_DATA_LENGTH_TOO_LARGE", "The data is too large";
    PACKAGE_MALFORMED_DATA = 1204, "SWOOLE_ERROR_PACKAGE_MALFORMED_DATA", "The package is malformed";
    TASK_PACKAGE_TOO_BIG = 2001, "SWOOLE_ERROR_TASK_PACKAGE_TOO_BIG", "The task is too large";
    TASK_DISPATCH_FAIL = 2002, "SWOOLE_ERROR_TASK_DISPATCH_FAIL", "The task could not be dispatched";
    TASK_TIMEOUT = 2003, "SWOOLE_ERROR_TASK_TIMEOUT", "The task timed out";
    HTTP2_STREAM_ID_TOO_BIG = 3001, "SWOOLE_ERROR_HTTP2_STREAM_ID_TOO_BIG", "No HTTP/2 stream ids are left";
    HTTP2_STREAM_NO_HEADER = 3002, "SWOOLE_ERROR_HTTP2_STREAM_NO_HEADER", "The HTTP/2 stream has no header";
    HTTP2_STREAM_NOT_FOUND = 3003, "SWOOLE_ERROR_HTTP2_STREAM_NOT_FOUND", "The HTTP/2 stream does not exist";
    HTTP2_STREAM_IGNORE = 3004, "SWOOLE_ERROR_HTTP2_STREAM_IGNORE", "The HTTP/2 stream is ignored";
    HTTP2_SEND_CONTROL_FRAME_FAILED = 3005, "SWOOLE_ERROR_HTTP2_SEND_CONTROL_FRAME_FAILED", "An HTTP/2 control frame could not be sent";
    HTTP2_INTERNAL_ERROR = 3006, "SWOOLE_ERROR_HTTP2_INTERNAL_ERROR", "Internal HTTP/2 error";
    AIO_BAD_REQUEST = 4001, "SWOOLE_ERROR_AIO_BAD_REQUEST", "Not a valid asynchronous I/O request";
    AIO_CANCELED = 4002, "SWOOLE_ERROR_AIO_CANCELED", "The asynchronous I/O was cancelled";
    AIO_TIMEOUT = 4003, "SWOOLE_ERROR_AIO_TIMEOUT", "The asynchronous I/O timed out";
    CLIENT_NO_CONNECTION = 5001, "SWOOLE_ERROR_CLIENT_NO_CONNECTION", "The client is not connected";
    SOCKET_CLOSED = 6001, "SWOOLE_ERROR_SOCKET_CLOSED", "The socket is closed";
    SOCKET_POLL_TIMEOUT = 6002, "SWOOLE_ERROR_SOCKET_POLL_TIMEOUT", "The wait for the socket timed out";
    SOCKET_NOT_EXISTS = 6003, "SWOOLE_ERROR_SOCKET_NOT_EXISTS", "The socket does not exist";
    SOCKS5_UNSUPPORT_VERSION = 7001, "SWOOLE_ERROR_SOCKS5_UNSUPPORT_VERSION", "The SOCKS version is not supported";
    SOCKS5_UNSUPPORT_METHOD = 7002, "SWOOLE_ERROR_SOCKS5_UNSUPPORT_METHOD", "The SOCKS5 authentication method is not supported";
    SOCKS5_AUTH_FAILED = 7003, "SWOOLE_ERROR_SOCKS5_AUTH_FAILED", "SOCKS5 authentication failed";
    SOCKS5_SERVER_ERROR = 7004, "SWOOLE_ERROR_SOCKS5_SERVER_ERROR", "The SOCKS5 server reported an error";
    SOCKS5_HANDSHAKE_FAILED = 7005, "SWOOLE_ERROR_SOCKS5_HANDSHAKE_FAILED", "The SOCKS5 handshake failed";
    SOCKS5_CONNECT_FAILED = 7006, "SWOOLE_ERROR_SOCKS5_CONNECT_FAILED", "The SOCKS5 server could not connect";
    HTTP_PROXY_HANDSHAKE_ERROR = 7101, "SWOOLE_ERROR_HTTP_PROXY_HANDSHAKE_ERROR", "Error in the handshake with the HTTP proxy";
    HTTP_INVALID_PROTOCOL = 7102, "SWOOLE_ERROR_HTTP_INVALID_PROTOCOL", "Not valid HTTP";
    HTTP_PROXY_HANDSHAKE_FAILED = 7103, "SWOOLE_ERROR_HTTP_PROXY_HANDSHAKE_FAILED", "The handshake with the HTTP proxy failed";
    HTTP_PROXY_BAD_RESPONSE = 7104, "SWOOLE_ERROR_HTTP_PROXY_BAD_RESPONSE", "The HTTP proxy gave a bad response";
    HTTP_CONFLICT_HEADER = 7105, "SWOOLE_ERROR_HTTP_CONFLICT_HEADER", "HTTP headers contradict each other";
    HTTP_CONTEXT_UNAVAILABLE = 7106, "SWOOLE_ERROR_HTTP_CONTEXT_UNAVAILABLE", "The HTTP request or response is no longer available";
    HTTP_COOKIE_UNAVAILABLE = 7107, "SWOOLE_ERROR_HTTP_COOKIE_UNAVAILABLE", "The cookie cannot be set";
    WEBSOCKET_BAD_CLIENT = 8501, "SWOOLE_ERROR_WEBSOCKET_BAD_CLIENT", "The connection is not a WebSocket client";
    WEBSOCKET_BAD_OPCODE = 8502, "SWOOLE_ERROR_WEBSOCKET_BAD_OPCODE", "Not a valid WebSocket opcode";
    WEBSOCKET_UNCONNECTED = 8503, "SWOOLE_ERROR_WEBSOCKET_UNCONNECTED", "The WebSocket is not connected";
    WEBSOCKET_HANDSHAKE_FAILED = 8504, "SWOOLE_ERROR_WEBSOCKET_HANDSHAKE_FAILED", "The WebSocket handshake failed";
    WEBSOCKET_PACK_FAILED = 8505, "SWOOLE_ERROR_WEBSOCKET_PACK_FAILED", "The WebSocket frame could not be packed";
    WEBSOCKET_UNPACK_FAILED = 8506, "SWOOLE_ERROR_WEBSOCKET_UNPACK_FAILED", "The WebSocket frame could not be unpacked";
    WEBSOCKET_INCOMPLETE_PACKET = 8507, "SWOOLE_ERROR_WEBSOCKET_INCOMPLETE_PACKET", "The WebSocket frame is incomplete";
    SERVER_MUST_CREATED_BEFORE_CLIENT = 9001, "SWOOLE_ERROR_SERVER_MUST_CREATED_BEFORE_CLIENT", "The server must be created before any client";
    SERVER_TOO_MANY_SOCKET = 9002, "SWOOLE_ERROR_SERVER_TOO_MANY_SOCKET", "The server has too many sockets";
    SERVER_WORKER_TERMINATED = 9003, "SWOOLE_ERROR_SERVER_WORKER_TERMINATED", "The worker process has ended";
    SERVER_INVALID_LISTEN_PORT = 9004, "SWOOLE_ERROR_SERVER_INVALID_LISTEN_PORT", "Not a valid listening port";
    SERVER_TOO_MANY_LISTEN_PORT = 9005, "SWOOLE_ERROR_SERVER_TOO_MANY_LISTEN_PORT", "The server has too many listening ports";
    SERVER_PIPE_BUFFER_FULL = 9006, "SWOOLE_ERROR_SERVER_PIPE_BUFFER_FULL", "The channel to the process is full";
    SERVER_NO_IDLE_WORKER = 9007, "SWOOLE_ERROR_SERVER_NO_IDLE_WORKER", "No worker process is idle";
    SERVER_ONLY_START_ONE = 9008, "SWOOLE_ERROR_SERVER_ONLY_START_ONE", "Only one server may run in a process";
    SERVER_SEND_IN_MASTER = 9009, "SWOOLE_ERROR_SERVER_SEND_IN_MASTER", "The master process cannot send to connections";
    SERVER_INVALID_REQUEST = 9010, "SWOOLE_ERROR_SERVER_INVALID_REQUEST", "Not a valid request";
    SERVER_CONNECT_FAIL = 9011, "SWOOLE_ERROR_SERVER_CONNECT_FAIL", "The connection to the server failed";
    SERVER_INVALID_COMMAND = 9012, "SWOOLE_ERROR_SERVER_INVALID_COMMAND", "Not a known server command";
    SERVER_IS_NOT_REGULAR_FILE = 9013, "SWOOLE_ERROR_SERVER_IS_NOT_REGULAR_FILE", "Not a regular file";
    SERVER_SEND_TO_WOKER_TIMEOUT = 9014, "SWOOLE_ERROR_SERVER_SEND_TO_WOKER_TIMEOUT", "Sending to the worker process timed out";
    SERVER_INVALID_CALLBACK = 9015, "SWOOLE_ERROR_SERVER_INVALID_CALLBACK", "A required callback is missing or not valid";
    SERVER_UNRELATED_THREAD = 9016, "SWOOLE_ERROR_SERVER_UNRELATED_THREAD", "The thread does not belong to the server";
    SERVER_WORKER_EXIT_TIMEOUT = 9101, "SWOOLE_ERROR_SERVER_WORKER_EXIT_TIMEOUT", "The worker process did not end within max_wait_time";
    SERVER_WORKER_ABNORMAL_PIPE_DATA = 9102, "SWOOLE_ERROR_SERVER_WORKER_ABNORMAL_PIPE_DATA", "The worker process got a message it does not know";
    SERVER_WORKER_UNPROCESSED_DATA = 9103, "SWOOLE_ERROR_SERVER_WORKER_UNPROCESSED_DATA", "The worker process ended with data left to process";
    CO_OUT_OF_COROUTINE = 10001, "SWOOLE_ERROR_CO_OUT_OF_COROUTINE", "Must be called in a coroutine";
    CO_HAS_BEEN_BOUND = 10002, "SWOOLE_ERROR_CO_HAS_BEEN_BOUND", "Already in use by another coroutine";
    CO_HAS_BEEN_DISCARDED = 10003, "SWOOLE_ERROR_CO_HAS_BEEN_DISCARDED", "The coroutine has been discarded";
    CO_MUTEX_DOUBLE_UNLOCK = 10004, "SWOOLE_ERROR_CO_MUTEX_DOUBLE_UNLOCK", "The mutex is not locked";
    CO_BLOCK_OBJECT_LOCKED = 10005, "SWOOLE_ERROR_CO_BLOCK_OBJECT_LOCKED", "The object is locked";
    CO_BLOCK_OBJECT_WAITING = 10006, "SWOOLE_ERROR_CO_BLOCK_OBJECT_WAITING", "Coroutines wait on the object";
    CO_YIELD_FAILED = 10007, "SWOOLE_ERROR_CO_YIELD_FAILED", "The coroutine cannot yield";
    CO_GETCONTEXT_FAILED = 10008, "SWOOLE_ERROR_CO_GETCONTEXT_FAILED", "The coroutine context could not be read";
    CO_SWAPCONTEXT_FAILED = 10009, "SWOOLE_ERROR_CO_SWAPCONTEXT_FAILED", "The coroutine context could not be switched";
    CO_MAKECONTEXT_FAILED = 10010, "SWOOLE_ERROR_CO_MAKECONTEXT_FAILED", "The coroutine context could not be made";
    CO_IOCPINIT_FAILED = 10011, "SWOOLE_ERROR_CO_IOCPINIT_FAILED", "The completion port could not be set up";
    CO_PROTECT_STACK_FAILED = 10012, "SWOOLE_ERROR_CO_PROTECT_STACK_FAILED", "The coroutine stack could not be protected";
    CO_STD_THREAD_LINK_ERROR = 10013, "SWOOLE_ERROR_CO_STD_THREAD_LINK_ERROR", "Threads are not linked in";
    CO_DISABLED_MULTI_THREAD = 10014, "SWOOLE_ERROR_CO_DISABLED_MULTI_THREAD", "Coroutines are disabled in threads";
    CO_CANNOT_CANCEL = 10015, "SWOOLE_ERROR_CO_CANNOT_CANCEL", "The coroutine cannot be cancelled";
    CO_NOT_EXISTS = 10016, "SWOOLE_ERROR_CO_NOT_EXISTS", "The coroutine does not exist";
    CO_CANCELED = 10017, "SWOOLE_ERROR_CO_CANCELED", "The coroutine was cancelled";
    CO_TIMEDOUT = 10018, "SWOOLE_ERROR_CO_TIMEDOUT", "The coroutine timed out";
    CO_SOCKET_CLOSE_WAIT = 10019, "SWOOLE_ERROR_CO_SOCKET_CLOSE_WAIT", "Coroutines still use the socket";
}
