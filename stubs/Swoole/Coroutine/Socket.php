<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/**
 * A socket whose calls let other coroutines run while they wait.
 *
 * One coroutine may read while another writes; two that do the same on one socket at a time are an error
 * that ends the script. A $timeout is in seconds; 0 is the socket's own limit (see setOption() and
 * Coroutine::set()), less is none. Calls that fail return false: $errCode and $errMsg say why.
 */
class Socket
{
    /**
     * The descriptor's number.
     *
     * @readonly
     */
    public $fd = -1;

    /**
     * AF_INET, AF_INET6, AF_UNIX.
     *
     * @readonly
     */
    public $domain = 0;

    /**
     * SOCK_STREAM, SOCK_DGRAM.
     *
     * @readonly
     */
    public $type = 0;

    /**
     * As given to the constructor.
     *
     * @readonly
     */
    public $protocol = 0;

    /** Why the last call failed, an errno or a SWOOLE_ERROR_*; 0: it succeeded. */
    public $errCode = 0;

    /** The same in words. */
    public $errMsg = '';

    /** For PHP's functions of sockets on top of this class. */
    public $__ext_sockets_nonblock = false;

    /** For PHP's functions of sockets on top of this class. */
    public $__ext_sockets_timeout = 0;

    /** As socket_create(); throws Socket\Exception. */
    public function __construct(int $domain, int $type, int $protocol = 0) {}

    /** Binds it to an address of this machine, or to a path; port 0: any that is free. */
    public function bind(string $address, int $port = 0): bool {}

    /** Lets connections come. */
    public function listen(int $backlog = 512): bool {}

    /** Waits for a connection, which inherits limits and rules of packages. */
    public function accept(float $timeout = 0): Socket|false {}

    /** Connects, by the proxy of setProtocol() if there is one. Names are looked up by the system's resolver. */
    public function connect(string $host, int $port = 0, float $timeout = 0): bool {}

    /** Whether the peer has neither closed nor reset the connection, as far as is known. */
    public function checkLiveness(): bool {}

    /** The coroutine that waits; 0: none does. $event: SWOOLE_EVENT_READ, SWOOLE_EVENT_WRITE or both. */
    public function getBoundCid(int $event): int {}

    /** What has come and was not received, which stays. Does not wait. */
    public function peek(int $length = 65536): string|false {}

    /** What there is, at most $length bytes; empty: the peer sends no more. */
    public function recv(int $length = 65536, float $timeout = 0): string|false {}

    /** $length bytes; less: the peer sends no more, or $errCode says what happened. */
    public function recvAll(int $length = 65536, float $timeout = 0): string|false {}

    /** Up to the next "\n" or "\r", which belongs to it, or $length bytes. */
    public function recvLine(int $length = 65536, float $timeout = 0): string|false {}

    /** $length bytes from the socket's buffer if it has as many, else what there is. */
    public function recvWithBuffer(int $length = 65536, float $timeout = 0): string|false {}

    /** A package as setProtocol() says where it ends; empty: the peer sends no more. */
    public function recvPacket(float $timeout = 0): string|false {}

    /** Sends as much as can be sent at once; how much that was. */
    public function send(string $data, float $timeout = 0): int|false {}

    /** Receives into strings of these lengths what there is. */
    public function readVector(array $io_vector, float $timeout = 0): array|false {}

    /** Receives strings of these lengths, or what has come until the time is over or the peer sends no more. */
    public function readVectorAll(array $io_vector, float $timeout = 0): array|false {}

    /** Sends as much of these strings as can be sent at once; how much that was. */
    public function writeVector(array $io_vector, float $timeout = 0): int|false {}

    /** Sends these strings; how much was sent. */
    public function writeVectorAll(array $io_vector, float $timeout = 0): int|false {}

    /** Sends a file, or a part of it; length 0: to its end. */
    public function sendFile(string $file, int $offset = 0, int $length = 0): bool {}

    /** Sends all; less than that, and $errCode says what happened. */
    public function sendAll(string $data, float $timeout = 0): int|false {}

    /** Receives a datagram; $peername becomes an array with address and port. */
    public function recvfrom(mixed &$peername, float $timeout = 0): string|false {}

    /** Sends a datagram. */
    public function sendto(string $addr, int $port, string $data): int|false {}

    /** An option of the kernel, as socket_get_option(); SO_RCVTIMEO and SO_SNDTIMEO are the socket's own. */
    public function getOption(int $level, int $opt_name): mixed {}

    /**
     * How packages end, for recvPacket(): open_eof_check, package_eof, open_length_check,
     * package_length_type, package_length_offset, package_body_offset, package_length_func,
     * package_max_length, open_mqtt_protocol, open_fastcgi_protocol.
     */
    public function setProtocol(array $settings): bool {}

    /** As socket_set_option(); SO_RCVTIMEO and SO_SNDTIMEO are the socket's own. */
    public function setOption(int $level, int $opt_name, mixed $opt_value): bool {}

    /** Begins TLS on a connection, as setProtocol(['open_ssl' => true, 'ssl_...' => ...]) says; connect() does it itself. */
    public function sslHandshake(): bool {}

    /** Ends one direction of a connection, or both: STREAM_SHUT_RD, _WR, _RDWR. */
    public function shutdown(int $how = 2): bool {}

    /** Ends the wait of the coroutine that reads, or writes; false: none waits. */
    public function cancel(int $event = SWOOLE_EVENT_READ): bool {}

    /** Closes it; coroutines that wait go on with SOCKET_ECANCELED. */
    public function close(): bool {}

    /** The peer's address and port. */
    public function getpeername(): array|false {}

    /** The own address and port. */
    public function getsockname(): array|false {}

    /** Whether close() was called. */
    public function isClosed(): bool {}

    /** The socket of a PHP stream, which is closed with it. */
    public static function import($stream): Socket|false {}
}
