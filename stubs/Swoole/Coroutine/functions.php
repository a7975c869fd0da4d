<?php

declare(strict_types=1);

namespace Swoole\Coroutine {
    /**
     * Runs a callable in a coroutine, and the event loop until nothing is left to wait for. The hooks are on,
     * unless hook_flags was set.
     *
     * @return bool true
     */
    function run(callable $fn, mixed ...$args) {}

    /**
     * Runs a callable in a new coroutine: Coroutine::create().
     *
     * @return int|false the coroutine's number
     */
    function go(callable $fn, mixed ...$args) {}

    /** Calls back when the running coroutine ends: Coroutine::defer(). */
    function defer(callable $fn) {}

    /**
     * Runs each task in a coroutine of its own, and waits for all of them.
     *
     * @param array<callable> $tasks
     * @param float $timeout in seconds; 0 or less: no limit
     * @return array what the tasks returned, at their keys; null for one that took too long
     */
    function batch(array $tasks, float $timeout = -1.0): array {}

    /** Runs the same function in several coroutines at once, and waits for all of them. */
    function parallel(int $n, callable $fn): void {}

    /**
     * array_map() with a coroutine for each element.
     *
     * @param callable $fn gets value and key
     * @param float $timeout in seconds; 0 or less: no limit
     * @return array at the keys of the list; null for what took too long
     */
    function map(array $list, callable $fn, float $timeout = -1.0): array {}

    /** Prints the coroutines that wait, as at the end of a script whose coroutines all wait. */
    function deadlock_check() {}
}

namespace Co {
    /**
     * Swoole\Coroutine\run()
     *
     * @return bool true
     */
    function run(callable $fn, mixed ...$args) {}

    /**
     * Swoole\Coroutine\go()
     *
     * @return int|false the coroutine's number
     */
    function go(callable $fn, mixed ...$args) {}

    /** Swoole\Coroutine\defer() */
    function defer(callable $fn) {}
}
