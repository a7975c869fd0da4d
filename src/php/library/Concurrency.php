<?php

declare(strict_types=1);

namespace SwooleRs\Library;

use Swoole\Coroutine;
use Swoole\Coroutine\WaitGroup;

/** Functions of the namespace Swoole\Coroutine. */
final class Concurrency
{
    /** Runs each task in a coroutine of its own; results stand at the keys of the tasks, null where it took too long. */
    public static function batch(array $tasks, float $timeout = -1): array
    {
        $results = array_fill_keys(array_keys($tasks), null);
        $left = new WaitGroup(count($tasks));
        foreach ($tasks as $key => $task) {
            Coroutine::create(static function () use ($left, &$results, $key, $task): void {
                $results[$key] = $task();
                $left->done();
            });
        }
        $left->wait($timeout);
        return $results;
    }

    /** Runs the same function in several coroutines at once, and waits for them. */
    public static function parallel(int $n, callable $fn): void
    {
        $left = new WaitGroup(max(0, $n));
        for ($i = 0; $i < $n; $i++) {
            Coroutine::create(static function () use ($left, $fn): void {
                $fn();
                $left->done();
            });
        }
        $left->wait();
    }

    /** array_map() with a coroutine for each element; the function gets value and key. */
    public static function map(array $list, callable $fn, float $timeout = -1): array
    {
        $tasks = [];
        foreach ($list as $key => $value) {
            $tasks[$key] = static fn () => $fn($value, $key);
        }
        return self::batch($tasks, $timeout);
    }
}
