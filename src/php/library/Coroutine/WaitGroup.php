<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/** Lets a coroutine wait until others have done their tasks. */
class WaitGroup
{
    protected Channel $chan;

    /** Tasks that are not done. */
    protected int $count = 0;

    protected bool $waiting = false;

    public function __construct(int $delta = 0)
    {
        $this->chan = new Channel(1);
        if ($delta > 0) {
            $this->add($delta);
        }
    }

    /** Announces tasks, or with a negative number takes some back. */
    public function add(int $delta = 1): void
    {
        if ($this->waiting) {
            throw new \BadMethodCallException('WaitGroup misuse: add called concurrently with wait');
        }
        if ($this->count + $delta < 0) {
            throw new \InvalidArgumentException('WaitGroup misuse: negative counter');
        }
        $this->count += $delta;
    }

    /** One task is done; the last one lets wait() return. */
    public function done(): void
    {
        if ($this->count === 0) {
            throw new \BadMethodCallException('WaitGroup misuse: negative counter');
        }
        $this->count--;
        if ($this->count === 0 && $this->waiting) {
            $this->chan->push(true);
        }
    }

    /**
     * Waits until no task is left. One coroutine at a time may.
     *
     * @param float $timeout in seconds; 0 or less: no limit
     * @return bool false: the time is over, or the coroutine was cancelled
     */
    public function wait(float $timeout = -1): bool
    {
        if ($this->waiting) {
            throw new \BadMethodCallException('WaitGroup misuse: reused before previous wait has returned');
        }
        if ($this->count === 0) {
            return true;
        }
        $this->waiting = true;
        try {
            return $this->chan->pop($timeout) === true;
        } finally {
            $this->waiting = false;
        }
    }

    /** Tasks that are not done. */
    public function count(): int
    {
        return $this->count;
    }
}
