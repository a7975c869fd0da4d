<?php

declare(strict_types=1);

namespace Swoole;

/** What exit() throws in a coroutine. Uncaught, it ends the process like any other exception. */
class ExitException extends Exception
{
    /** Where exit() was called: SWOOLE_EXIT_IN_COROUTINE. */
    private $flags = 0;

    /** What exit() was called with. */
    private $status = 0;

    /** Where exit() was called: SWOOLE_EXIT_IN_COROUTINE. */
    public function getFlags(): int {}

    /** What exit() was called with. */
    public function getStatus(): mixed {}
}
