<?php

declare(strict_types=1);

namespace Swoole\Connection;

/**
 * The open connections of a server or a port, as $server->connections: values are session ids.
 * Connections may come and go during a loop.
 */
class Iterator implements \Iterator, \ArrayAccess, \Countable
{
    /**
     * Iterators are made by the server.
     *
     * @throws \Error always
     */
    public function __construct() {}

    /** Does nothing. */
    public function __destruct() {}

    /** Goes to the first connection. */
    public function rewind(): void {}

    /** Goes on. */
    public function next(): void {}

    /**
     * The session id of the connection.
     *
     * @return int
     */
    public function current(): mixed {}

    /**
     * How many connections were seen, this one included.
     *
     * @return int
     */
    public function key(): mixed {}

    /** Whether there is a connection here. */
    public function valid(): bool {}

    /** How many connections are open. */
    public function count(): int {}

    /**
     * Whether a connection is open.
     *
     * @param int $fd session id
     */
    public function offsetExists(mixed $fd): bool {}

    /**
     * What getClientInfo() tells of a connection.
     *
     * @param int $fd session id
     * @return array<string, int|float|string>|false
     */
    public function offsetGet(mixed $fd): mixed {}

    /** Does nothing: connections are made by clients. */
    public function offsetSet(mixed $fd, mixed $value): void {}

    /** Does nothing: use \Swoole\Server::close(). */
    public function offsetUnset(mixed $fd): void {}
}
