<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/** Starts coroutines together, and runs the event loop until they have ended. */
final class Scheduler
{
    /** Adds a coroutine. */
    public function add(callable $func, mixed ...$param): void {}

    /** Adds $n coroutines that run the same. */
    public function parallel(int $n, callable $func, mixed ...$param): void {}

    /** Sets options: see Coroutine::set(). */
    public function set(array $settings): void {}

    /** The options that were set; null: none were. */
    public function getOptions(): ?array {}

    /**
     * Starts the coroutines and runs the event loop until nothing is left to wait for.
     *
     * @return bool false: nothing was added
     */
    public function start(): bool {}
}
