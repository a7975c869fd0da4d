<?php

declare(strict_types=1);

namespace Swoole;

/**
 * The event loop of this process: streams, sockets and pipes that are ready, calls that run later. It runs by itself
 * in the processes of a server, and in a script at its end or in wait().
 *
 * A descriptor is a PHP stream, a \Socket, a number, or an object of this extension that has one. A regular file is
 * always ready and cannot be waited for.
 */
class Event
{
    /**
     * Waits for a descriptor, which becomes non-blocking. It keeps the loop running until del().
     *
     * @param callable|null $read_callback called with the descriptor when there is something to read, or the end
     * @param callable|null $write_callback called with the descriptor when it takes data
     * @param int $events SWOOLE_EVENT_READ, SWOOLE_EVENT_WRITE or both
     * @return int|false its number
     */
    public static function add(mixed $fd, ?callable $read_callback = null, ?callable $write_callback = null, int $events = 512): int|false {}

    /** Waits for it no more; to be called before it is closed. False: it was not waited for. */
    public static function del(mixed $fd): bool {}

    /**
     * Changes what add() set.
     *
     * @param callable|null $read_callback null: as before
     * @param callable|null $write_callback null: as before
     * @param int $events SWOOLE_EVENT_READ, SWOOLE_EVENT_WRITE or both; 0: as before
     */
    public static function set(mixed $fd, ?callable $read_callback = null, ?callable $write_callback = null, int $events = 0): bool {}

    /** Whether it is waited for, for one of these events. */
    public static function isset(mixed $fd, int $events = 1536): bool {}

    /** Turns the loop once: waits until something is ready or due, and runs that. */
    public static function dispatch(): bool {}

    /** Calls it at the end of this turn of the loop. */
    public static function defer(callable $callback): bool {}

    /**
     * Calls it in every turn of the loop. It does not keep the loop running.
     *
     * @param callable|null $callback null: not any more; false if there was none
     * @param bool $before before each wait instead of at the end of each turn
     */
    public static function cycle(?callable $callback, bool $before = false): bool {}

    /**
     * Writes to a descriptor that was added; what it does not take now is sent when it does, up to 8 MiB. Past that
     * nothing of the data is taken, and swoole_last_error() tells why.
     */
    public static function write(mixed $fd, string $data): bool {}

    /** Runs the loop until nothing is left to wait for, or exit(). */
    public static function wait(): void {}

    /** What runs the loop at the end of a script. */
    public static function rshutdown(): void {}

    /** Clears all timers and ends the loop after this turn; in a worker, the worker. */
    public static function exit(): void {}
}
