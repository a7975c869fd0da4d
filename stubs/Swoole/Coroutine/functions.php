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
