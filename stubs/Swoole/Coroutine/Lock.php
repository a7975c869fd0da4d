<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/** Lets one coroutine at a time on. The one that has the lock may take it again. */
class Lock
{
    /** Why the last call failed: EBUSY, or a SWOOLE_ERROR_* value. */
    public $errCode = 0;

    /** @param bool $shared between processes, too: make it before they are forked */
    public function __construct(bool $shared = false) {}

    /**
     * Waits for the lock and takes it.
     *
     * @param int $operation LOCK_EX | LOCK_NB: does not wait
     * @return bool false: another one has it (LOCK_NB), the coroutine was canceled, or there is no coroutine
     */
    public function lock(int $operation = LOCK_EX): bool {}

    /** Gives the lock back. */
    public function unlock(): bool {}
}
