<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/**
 * A client of TCP, UDP and unix sockets whose calls let other coroutines run while they wait.
 *
 * A $timeout is in seconds; 0 is the limit of connect(), of set(), or of Coroutine::set(); less is none.
 * Calls that fail return false: $errCode and $errMsg say why.
 */
class Client
{
    public const MSG_OOB = 1;
    public const MSG_PEEK = 2;
    public const MSG_DONTWAIT = 64;
    public const MSG_WAITALL = 256;

    /** Why the last call that failed did so: an errno or a SWOOLE_ERROR_*. */
    public $errCode = 0;

    /** The same in words. */
    public $errMsg = '';

    /** The descriptor's number. */
    public $fd = -1;

    /** The socket, while there is one. */
    public $socket = null;

    /** As given to the constructor. */
    public $type = SWOOLE_SOCK_TCP;

    /** What set() was given. */
    public $setting = null;

    /** From connect() to close(). */
    public $connected = false;

    /** @param int $type SWOOLE_SOCK_TCP, _TCP6, _UDP, _UDP6, _UNIX_STREAM, _UNIX_DGRAM */
    public function __construct(int $type) {}

    /** Without effect: what is open closes when the object goes. */
    public function __destruct() {}

    /**
     * Settings: timeout, connect_timeout, read_timeout, write_timeout, bind_address, bind_port,
     * socket_buffer_size, open_tcp_nodelay, the rules of packages (see Socket::setProtocol()), and a proxy
     * (socks5_host, socks5_port, socks5_username, socks5_password; http_proxy_host, http_proxy_port,
     * http_proxy_username, http_proxy_password). Those of before connect() are applied by it.
     */
    public function set(array $settings): bool {}

    /** Connects. Names are looked up by the system's resolver. */
    public function connect(string $host, int $port = 0, float $timeout = 0, int $sock_flag = 0): bool {}

    /** A package if there are rules for them, else what there is; empty: the peer sends no more. */
    public function recv(float $timeout = 0): string|false {}

    /** What has come and was not received, which stays. Does not wait. */
    public function peek(int $length = 65535): string|false {}

    /** Sends all; how much was sent. */
    public function send(string $data, float $timeout = 0): int|false {}

    /** Sends a file, or a part of it; length 0: to its end. */
    public function sendfile(string $filename, int $offset = 0, int $length = 0): bool {}

    /** Sends a datagram; needs no connect(). */
    public function sendto(string $address, int $port, string $data): bool {}

    /** Receives a datagram and where it came from; needs no connect(). */
    public function recvfrom(int $length, mixed &$address, mixed &$port = 0): string|false {}

    /** Goes on with TLS (type SWOOLE_SSL: from the start), as the ssl_* settings say. */
    public function enableSSL(): bool {}

    /** The peer's certificate in PEM; false without TLS. */
    public function getPeerCert(): string|false {}

    /** Whether the peer's certificate can be trusted, and is for ssl_host_name if that is set; false without TLS. */
    public function verifyPeerCert(bool $allow_self_signed = false): bool {}

    /** Whether there is a connection, as far as it was used. */
    public function isConnected(): bool {}

    /** The own host, address (the same) and port. */
    public function getsockname(): array|false {}

    /** The peer's host, address (the same) and port. */
    public function getpeername(): array|false {}

    /** Closes it; false: coroutines waited for it, which go on with SOCKET_ECANCELED. */
    public function close(): bool {}

    /** The socket; null: there is none. */
    public function exportSocket(): Socket|false {}
}
