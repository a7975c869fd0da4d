<?php

declare(strict_types=1);

namespace Swoole;

/** Calls that run later, in the event loop of this process. A child made by fork has none of its parent's timers. */
class Timer
{
    /**
     * Calls $callback($timer_id, ...$params) every $ms milliseconds. The times are multiples of $ms from now on: they
     * do not drift, and those that were missed are not made up for.
     *
     * @param int $ms at least 1
     * @return int|false the timer's id
     */
    public static function tick(int $ms, callable $callback, mixed ...$params): int|false {}

    /**
     * Calls $callback(...$params) once, in $ms milliseconds.
     *
     * @param int $ms at least 1
     * @return int|false the timer's id
     */
    public static function after(int $ms, callable $callback, mixed ...$params): int|false {}

    /** Whether the timer is still going to run. */
    public static function exists(int $timer_id): bool {}

    /** exec_msec (when it runs next), exec_count, interval (0: once), round (turn of the loop it was made in), removed. */
    public static function info(int $timer_id): ?array {}

    /** initialized, num (of timers), round (turns of the loop so far). */
    public static function stats(): array {}

    /** The ids of all timers. */
    public static function list(): Timer\Iterator {}

    /** Removes a timer; false: there is none. One whose callback is running does not run again. */
    public static function clear(int $timer_id): bool {}

    /** Removes all timers of this process; false: there has never been one. */
    public static function clearAll(): bool {}
}
