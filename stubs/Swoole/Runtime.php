<?php

declare(strict_types=1);

namespace Swoole;

/**
 * Hooks: functions and streams of PHP that let other coroutines run while they wait, rather than block the
 * process. Outside of coroutines they are PHP's own.
 */
class Runtime
{
    /**
     * Sets which hooks are on, in place of those that were.
     *
     * @param int $flags a sum of SWOOLE_HOOK_* values; 0: none
     */
    public static function enableCoroutine(int $flags = SWOOLE_HOOK_ALL): bool {}

    /** Which hooks are on: a sum of SWOOLE_HOOK_* values. */
    public static function getHookFlags(): int {}

    /**
     * Sets which hooks are on, as enableCoroutine() does.
     *
     * @param int $flags a sum of SWOOLE_HOOK_* values; 0: none
     */
    public static function setHookFlags(int $flags): bool {}
}
