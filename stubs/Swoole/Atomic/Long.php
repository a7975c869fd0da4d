<?php

declare(strict_types=1);

namespace Swoole\Atomic;

/** A signed 64-bit number that processes share: make it before the processes that use it are forked. */
class Long
{
    /** Starts with $value. */
    public function __construct(int $value = 0) {}

    /** Adds; returns the sum. Wraps. */
    public function add(int $add_value = 1): int {}

    /** Subtracts; returns the difference. Wraps. */
    public function sub(int $sub_value = 1): int {}

    /** The value. */
    public function get(): int {}

    /** Sets the value. */
    public function set(int $value): void {}

    /** Sets the value to $new_value if it is $cmp_value; false if it is not. */
    public function cmpset(int $cmp_value, int $new_value): bool {}
}
