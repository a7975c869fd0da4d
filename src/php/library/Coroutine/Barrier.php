<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

use Swoole\Coroutine;
use Swoole\Timer;

/**
 * Lets a coroutine wait until nobody else holds the barrier any more: give it to each coroutine that is to be
 * waited for, which then lets go of it by ending.
 */
class Barrier
{
    /** What wait() and the end of the barrier tell each other; null: nobody waits. */
    private ?\stdClass $wait = null;

    public static function make(): self
    {
        return new self();
    }

    public function __destruct()
    {
        if ($this->wait !== null) {
            self::release($this->wait);
        }
    }

    /**
     * Gives up the caller's own hold of the barrier, and waits for the others'.
     *
     * @param Barrier $barrier is null afterwards
     * @param float $timeout in seconds; 0 or less: no limit
     */
    public static function wait(Barrier &$barrier, float $timeout = -1): void
    {
        if ($barrier->wait !== null) {
            throw new \Swoole\Exception('The barrier is waiting, cannot wait again.');
        }
        $wait = new \stdClass();
        $wait->cid = Coroutine::getCid();
        $wait->released = false;
        $wait->suspended = false;
        $barrier->wait = $wait;
        $barrier = null;
        if ($wait->released) {
            return;
        }
        $timer = false;
        if ($timeout > 0) {
            $timer = Timer::after((int) max(1, ceil($timeout * 1000)), static fn () => self::release($wait));
        }
        $wait->suspended = true;
        try {
            Coroutine::yield();
        } finally {
            $wait->suspended = false;
            $wait->released = true;
            if ($timer !== false) {
                Timer::clear($timer);
            }
        }
    }

    /** Lets the waiting coroutine go on, once. */
    private static function release(\stdClass $wait): void
    {
        $wait->released = true;
        if ($wait->suspended) {
            $wait->suspended = false;
            Coroutine::resume($wait->cid);
        }
    }
}
