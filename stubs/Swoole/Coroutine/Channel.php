<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/** Hands values from coroutine to coroutine, first in, first out. */
class Channel
{
    /** How many values fit in. */
    public $capacity = 0;

    /** Why the last call failed: SWOOLE_CHANNEL_TIMEOUT, _CLOSED or _CANCELED. */
    public $errCode = 0;

    /** @param int $size how many values fit in, at least 1 */
    public function __construct(int $size = 1) {}

    /**
     * Puts a value in; while there is no room, the coroutine waits.
     *
     * @param float $timeout seconds; 0 and less: without limit
     * @return bool false: see $errCode
     */
    public function push(mixed $data, float $timeout = -1): bool {}

    /**
     * Takes a value out; while there is none, the coroutine waits.
     *
     * @param float $timeout seconds; 0 and less: without limit
     * @return mixed false, too, if it failed: see $errCode
     */
    public function pop(float $timeout = -1): mixed {}

    /** Whether there is no value in it. */
    public function isEmpty(): bool {}

    /** Whether there is no room. */
    public function isFull(): bool {}

    /** Lets nothing more in, and all who wait go on; false: it was closed. What is in can be taken out. */
    public function close(): bool {}

    /** How many values are in it. */
    public function length(): int {}

    /** consumer_num and producer_num: coroutines that wait; queue_num: values. */
    public function stats(): array {}
}
