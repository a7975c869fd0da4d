<?php

declare(strict_types=1);

namespace Swoole;

/**
 * An unsigned 32-bit number that processes share: make it before the processes that use it are forked.
 * Values are cut to 32 bits: -1 is 4294967295.
 */
class Atomic
{
    /** Starts with $value. */
    public function __construct(int $value = 0) {}

    /** Adds; returns the sum. Wraps after 4294967295. */
    public function add(int $add_value = 1): int {}

    /** Subtracts; returns the difference. Wraps below 0. */
    public function sub(int $sub_value = 1): int {}

    /** The value. */
    public function get(): int {}

    /** Sets the value. */
    public function set(int $value): void {}

    /**
     * Takes the 1 that wakeup() leaves, and makes it 0; while the value is 0, sleeps until that happens.
     *
     * @param float $timeout seconds; 0 and less: without limit
     * @return bool false: the time is over, a signal came, another process took it, or the value is neither 0 nor 1
     */
    public function wait(float $timeout = 1.0): bool {}

    /** Where the value is 0, makes it 1 and wakes up to $count processes that wait for that. */
    public function wakeup(int $count = 1): bool {}

    /** Sets the value to $new_value if it is $cmp_value; false if it is not. */
    public function cmpset(int $cmp_value, int $new_value): bool {}
}
