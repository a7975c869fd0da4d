<?php

declare(strict_types=1);

namespace Swoole\Async;

/**
 * A client with callbacks: TCP, UDP and unix sockets, driven by the event loop. From connect() until the connection
 * has ended the loop keeps the object, which may be held by nobody else. Callbacks run outside of coroutines.
 */
class Client extends \Swoole\Client
{
    /** The callback of connect. */
    private $onConnect = null;
    /** The callback of error. */
    private $onError = null;
    /** The callback of receive. */
    private $onReceive = null;
    /** The callback of close. */
    private $onClose = null;
    /** The callback of bufferFull. */
    private $onBufferFull = null;
    /** The callback of bufferEmpty. */
    private $onBufferEmpty = null;
    /** Called when encryption is on. */
    private $onSSLReady = null;

    /** @param int $type SWOOLE_SOCK_TCP, _TCP6, _UDP, _UDP6, _UNIX_STREAM or _UNIX_DGRAM */
    public function __construct(int $type) {}

    /** Closes the connection. For the engine: a call from a script does nothing. */
    public function __destruct() {}

    /**
     * Starts to connect and returns; connect or error is called then. An address that fails at once calls error and
     * returns false. A stream needs the callbacks connect, receive, error and close, datagrams need receive.
     *
     * @param string $host an address, a name (looked up in a thread), or the path of a unix socket
     * @param float $timeout seconds for the connection; 0 or less: without limit
     * @param int $sock_flag 1: take datagrams from this peer alone
     */
    public function connect(string $host, int $port = 0, float $timeout = 0.5, int $sock_flag = 0): bool {}

    /** Calls receive no more, and lets the loop end although the connection stands. False: it sleeps already. */
    public function sleep(): bool {}

    /** Undoes sleep(). False: it does not sleep. */
    public function wakeup(): bool {}

    /** The same as sleep(). */
    public function pause(): bool {}

    /** The same as wakeup(). */
    public function resume(): bool {}

    /** Encryption from here on. */
    public function enableSSL(?callable $onSslReady = NULL): bool {}

    /** Whether there is a connection. */
    public function isConnected(): bool {}

    /** Closes the connection, and calls close if it stood. What was not sent yet is lost. */
    public function close(bool $force = false): bool {}

    /**
     * Sets a callback.
     *
     * connect, error, close, bufferFull, bufferEmpty: function (Client $client): void;
     * receive: function (Client $client, string $data): void.
     *
     * bufferFull is called when buffer_high_watermark bytes wait (default: 80 % of socket_buffer_size, which is 8 MiB),
     * bufferEmpty when no more than buffer_low_watermark do (default 0). send() returns false with
     * SWOOLE_ERROR_OUTPUT_BUFFER_OVERFLOW when more than socket_buffer_size wait.
     *
     * @param string $host the name of the event
     */
    public function on(string $host, callable $callback): bool {}
}
