<?php

declare(strict_types=1);

namespace Swoole;

/**
 * A lock between processes: make it before the processes that use it are forked. A process that dies
 * holds nothing: who waits takes the lock over, at most about 50 ms later.
 */
class Lock
{
    /** One holder. Any process may unlock it. */
    public const MUTEX = 3;
    /** One writer or up to 500 readers. */
    public const RWLOCK = 1;
    /** As MUTEX: who waits spins for a moment and then sleeps. */
    public const SPINLOCK = 5;

    /** Why the last lock() failed: EBUSY, ETIMEDOUT or EDEADLK. */
    public $errCode = 0;

    /**
     * @param int $type MUTEX, RWLOCK or SPINLOCK
     * @throws Exception for another type
     */
    public function __construct(int $type = 3) {}

    /**
     * Takes the lock.
     *
     * @param int $operation LOCK_EX, or LOCK_SH to share a RWLOCK with other readers; with LOCK_NB it does not wait
     * @param float $timeout seconds to wait; 0 and less: without limit
     */
    public function lock(int $operation = 2, float $timeout = -1): bool {}

    /** Lets the lock go. */
    public function unlock(): bool {}
}
