<?php

declare(strict_types=1);

namespace Swoole\Server;

/** A port that a server listens on; made by the server. */
class Port
{
    /** Callback of "connect", set by on(). */
    private $onConnect;

    /** Callback of "receive", set by on(). */
    private $onReceive;

    /** Callback of "close", set by on(). */
    private $onClose;

    /** Callback of "packet", kept for a later version. */
    private $onPacket;

    /** Callback of "bufferFull", set by on(). */
    private $onBufferFull;

    /** Callback of "bufferEmpty", set by on(). */
    private $onBufferEmpty;

    /** Callback of "request", kept for a later version. */
    private $onRequest;

    /** Callback of "handshake", kept for a later version. */
    private $onHandshake;

    /** Callback of "open", kept for a later version. */
    private $onOpen;

    /** Callback of "message", kept for a later version. */
    private $onMessage;

    /** Callback of "disconnect", kept for a later version. */
    private $onDisconnect;

    /** Callback of "beforeHandshakeResponse", kept for a later version. */
    private $onBeforeHandshakeResponse;

    /**
     * As given.
     *
     * @var string|null
     */
    public $host;

    /**
     * The real one where 0 was given.
     *
     * @var int
     */
    public $port = 0;

    /**
     * SWOOLE_SOCK_* type.
     *
     * @var int
     */
    public $type = 0;

    /**
     * Descriptor number of the listening socket.
     *
     * @var int
     */
    public $sock = -1;

    /**
     * Whether the port speaks TLS.
     *
     * @var bool
     */
    public $ssl = false;

    /**
     * What was given to set(); null: the options of the server.
     *
     * @var array<string, mixed>|null
     */
    public $setting;

    /**
     * The open connections of this port.
     *
     * @var \Swoole\Connection\Iterator
     */
    public $connections;

    /** Ports are made by the server. */
    private function __construct() {}

    /** Does nothing. */
    public function __destruct() {}

    /**
     * Sets options of the port, before start().
     *
     * @param array<string, mixed> $settings
     * @throws \TypeError for a value of a wrong type
     * @throws \ValueError for a value out of range
     */
    public function set(array $settings): void {}

    /**
     * Sets the callback of an event of this port, before start(); see \Swoole\Server::on().
     *
     * @return bool false, with a warning, for an unknown event, for what is not callable, and after start()
     */
    public function on(string $event_name, callable $callback): bool {}

    /** The callback that was given to on(). */
    public function getCallback(string $event_name): ?\Closure {}

    /**
     * The listening socket. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs the sockets extension
     */
    public function getSocket(): \Socket|false {}
}
