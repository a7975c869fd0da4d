<?php

declare(strict_types=1);

namespace Swoole;

/**
 * A client that blocks: TCP, UDP and unix sockets. What fails returns false, sets errCode and warns
 * (swoole.display_errors).
 */
class Client
{
    /** For recv(): urgent data. As a lone flag 1 it means MSG_WAITALL, as it did before there were flags. */
    public const MSG_OOB = 1;
    /** For recv(): the data stays, the next call gives it again. */
    public const MSG_PEEK = 2;
    /** For recv(): do not wait. */
    public const MSG_DONTWAIT = 64;
    /** For recv(): wait for the whole size, which may be any. */
    public const MSG_WAITALL = 256;
    /** For shutdown(): nothing more is read. */
    public const SHUT_RD = 0;
    /** For shutdown(): nothing more is sent; the peer sees the end. */
    public const SHUT_WR = 1;
    /** For shutdown(): both. */
    public const SHUT_RDWR = 2;

    /** Why the last call failed: an errno below 500, else a SWOOLE_ERROR_* value. */
    public $errCode = 0;
    /** The descriptor, from connect() on. */
    public $sock = -1;
    /** Whether the connection was kept by a client before (SWOOLE_KEEP). */
    public $reuse = false;
    /** How often it was used again. */
    public $reuseCount = 0;
    /** What the constructor was given. */
    public $type = 0;
    /** The name that connections are kept by; by default host and port. */
    public $id = null;
    /** What set() was given, all of it. */
    public $setting = null;

    /**
     * @param int $type SWOOLE_SOCK_TCP, _TCP6, _UDP, _UDP6, _UNIX_STREAM or _UNIX_DGRAM, with SWOOLE_KEEP: close()
     *        keeps the connection for the next client of the same id, up to 64 of each
     * @param bool $async must be false
     * @param string $id the name that connections are kept by
     */
    public function __construct(int $type, bool $async = false, string $id = '') {}

    /** Closes the connection, or keeps it (SWOOLE_KEEP). For the engine: a call from a script does nothing. */
    public function __destruct() {}

    /**
     * Sets options, before connect(): open_eof_check, package_eof, open_length_check, package_length_type,
     * package_length_offset, package_body_offset, package_length_func, open_mqtt_protocol,
     * package_max_length (default 2 MiB), socket_buffer_size, bind_address, bind_port, open_tcp_nodelay,
     * socks5_host, socks5_port, socks5_username, socks5_password, http_proxy_host, http_proxy_port,
     * http_proxy_user, http_proxy_password.
     */
    public function set(array $settings): bool {}

    /**
     * Connects. For datagrams it says where send() sends to.
     *
     * @param string $host an address, a name, or the path of a unix socket
     * @param float $timeout seconds for this call and each later one; 0: the default (10, and 60 for transfers);
     *        less: without limit
     * @param int $sock_flag 1: do not wait (swoole_client_select() tells when it is connected); for
     *        datagrams: take them from this peer alone
     */
    public function connect(string $host, int $port = 0, float $timeout = 0.5, int $sock_flag = 0): bool {}

    /**
     * Receives what there is, or a whole package where set() says how packages end.
     *
     * @param int $size at most so many bytes; without MSG_WAITALL no more than 65535
     * @param int $flag MSG_*
     * @return string|false "" if the peer sends no more, or what it sends is no package (see errCode)
     */
    public function recv(int $size = 65536, int $flag = 0): string|false {}

    /**
     * Sends everything, however large, or one datagram.
     *
     * @return int|false how many bytes
     */
    public function send(string $data, int $flag = 0): int|false {}

    /**
     * Sends a file, or a part of it.
     *
     * @param int $length 0: to its end
     */
    public function sendfile(string $filename, int $offset = 0, int $length = 0): bool {}

    /** Sends one datagram to an address; needs no connect(). */
    public function sendto(string $ip, int $port, string $data): bool {}

    /**
     * Shuts one direction, or both.
     *
     * @param int $how SHUT_*
     * @return bool false: it is shut already
     */
    public function shutdown(int $how): bool {}

    /** Goes on with TLS (type SWOOLE_SSL: from the start), as the ssl_* settings say. There is no callback. */
    public function enableSSL(?callable $onSslReady = null): bool {}

    /** The server's certificate in PEM; false without TLS. */
    public function getPeerCert(): string|bool {}

    /** Whether the server's certificate can be trusted, and is for ssl_host_name if that is set. */
    public function verifyPeerCert(): bool {}

    /** Whether connect() succeeded and close() was not called. The peer may be gone nevertheless. */
    public function isConnected(): bool {}

    /** @return array{port: int, host: string}|false the client's own address */
    public function getsockname(): array|false {}

    /** @return array{port: int, host: string}|false the peer's address; for datagrams, where the last came from */
    public function getpeername(): array|false {}

    /**
     * Closes the connection.
     *
     * @param bool $force also one that SWOOLE_KEEP would keep
     */
    public function close(bool $force = false): bool {}

    /**
     * The socket for PHP's sockets extension, a copy of the descriptor.
     *
     * @throws Exception without that extension
     */
    public function getSocket(): \Socket|false {}
}
