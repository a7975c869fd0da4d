--TEST--
Swoole\Coroutine: max_coroutine, 100,000 of them, stack sizes, memory that comes back
--FILE--
<?php
use Swoole\Coroutine;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

function resident_kib(): int
{
    preg_match('/^Rss:\s+(\d+) kB/m', file_get_contents('/proc/self/smaps_rollup'), $found);
    return (int) $found[1];
}

function failing(callable $create): string
{
    $text = 'nothing';
    set_error_handler(function (int $level, string $message) use (&$text): bool {
        $text = $message;
        return true;
    });
    same(false, $create());
    restore_error_handler();
    return $text;
}

ini_set('memory_limit', -1);
same(null, Coroutine::getOptions());
Coroutine::set(['max_coroutine' => 3, 'hook_flags' => 0]);
same(['max_coroutine' => 3, 'hook_flags' => 0], Coroutine::getOptions());
run(function (): void {
    $a = go(fn () => Coroutine::yield());
    $b = go(fn () => Coroutine::yield());
    same('Swoole\Coroutine\go(): exceed max number of coroutine 3', failing(fn () => go(fn () => 1)));
    same('Swoole\Coroutine::create(): exceed max number of coroutine 3', failing(fn () => Coroutine::create(fn () => 1)));
    Coroutine::resume($a);
    same(true, ($c = go(fn () => Coroutine::yield())) > 0);
    Coroutine::set(['max_coro_num' => 4]); // its other name
    same(true, ($d = go(fn () => Coroutine::yield())) > 0);
    same('Swoole\Coroutine\go(): exceed max number of coroutine 4', failing(fn () => go(fn () => 1)));
    array_map(Coroutine::resume(...), [$b, $c, $d]);
    Coroutine::set(['max_coroutine' => 0]); // the default again
});

// All that there may be by default, each with frames and a value of its own.
run(function (): void {
    $sum = 0;
    for ($i = 1; $i < 100_000; $i++) {
        $cids[] = go(function () use ($i, &$sum): void {
            $sum += (fn (int $n): int => Coroutine::yield() ? $n : 0)($i);
        });
    }
    same('Swoole\Coroutine\go(): exceed max number of coroutine 100000', failing(fn () => go(fn () => 1)));
    same(100_000, Coroutine::stats()['coroutine_num']);
    same(100_000, count(Coroutine::list()));
    $held_kib = resident_kib();
    foreach (array_reverse($cids) as $cid) {
        Coroutine::resume($cid);
    }
    same(99_999 * 100_000 / 2, $sum);
    same(1, Coroutine::stats()['coroutine_num']);
    unset($cids);
    gc_mem_caches();
    check(resident_kib() < $held_kib / 2, 'stacks go back: ' . resident_kib() . " of {$held_kib} KiB");
});

// The stack's size, also while others of another size are there.
run(function (): void {
    $deep = function (int $n) use (&$deep): int {
        // array_map() runs on the machine's stack.
        return $n === 0 ? 0 : 1 + array_map($deep, [$n - 1])[0];
    };
    $cids = [];
    foreach ([64 * 1024, '8M', 2 * 1024 * 1024, '512k'] as $i => $size) {
        Coroutine::set([$i % 2 ? 'c_stack_size' : 'stack_size' => $size]);
        $cids[$size] = go(function () use ($deep): void {
            Coroutine::yield();
            same(50, $deep(50));
        });
    }
    Coroutine::set(['stack_size' => '16M']);
    go(fn () => same(20_000, $deep(20_000)));
    array_map(Coroutine::resume(...), $cids);
    foreach ([[1, 65536], [100_000, 102_400], [PHP_INT_MAX >> 33, 16 << 20], [-1, 16 << 20]] as [$asked, $given]) {
        Coroutine::set(['stack_size' => $asked]);
        same($given, Coroutine::stats()['c_stack_size']);
    }
});
echo "ok\n";
?>
--EXPECT--
ok
