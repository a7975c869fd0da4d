--TEST--
Swoole\Coroutine: join waits for some, for a time
--FILE--
<?php
use Swoole\Coroutine;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

run(function (): void {
    $ended = [];
    $cids = [];
    foreach ([3, 1, 2] as $n) {
        $cids[] = go(function () use ($n, &$ended): void {
            Coroutine::sleep($n / 1000);
            $ended[] = $n;
        });
    }
    same(true, Coroutine::join($cids));
    sort($ended);
    same([1, 2, 3], $ended);
    same(false, Coroutine::join($cids)); // none of them lives
    same(SWOOLE_ERROR_INVALID_PARAMS, swoole_last_error());

    // The dead and doubles do not count.
    $one = go(fn () => Coroutine::yield());
    go(function () use ($one): void {
        Coroutine::sleep(0.001);
        Coroutine::resume($one);
    });
    same(true, Coroutine::join([$one, $one, $cids[0], 99999, (string) $one]));

    // The time is over; then they may be joined again.
    $slow = go(fn () => Coroutine::yield());
    same(false, Coroutine::join([$slow], 0.001));
    same(SWOOLE_ERROR_CO_TIMEDOUT, swoole_last_error());
    $joins = go(fn () => Coroutine::join([$slow]));
    same(false, Coroutine::join([$slow], 0.001)); // another does already
    same(SWOOLE_ERROR_WRONG_OPERATION, swoole_last_error());
    same(true, Coroutine::cancel($joins));
    go(function () use ($slow): void {
        Coroutine::sleep(0.001);
        Coroutine::resume($slow);
    });
    same(true, Coroutine::join([$slow], 10));

    // Two wait for each other: the time limit of one ends it.
    $result = [];
    $a = go(function () use (&$b, &$result): void {
        Coroutine::yield();
        $result['a'] = Coroutine::join([$b], 0.01);
    });
    $b = go(function () use ($a, &$result): void {
        $result['b'] = Coroutine::join([$a]);
    });
    Coroutine::resume($a);
    same(true, Coroutine::join([$a, $b]) || true);
    while (count($result) < 2) {
        Coroutine::sleep(0.001);
    }
    same(['a' => false, 'b' => true], $result);

    // Those that fail to be created again and again in between do not disturb.
    $cids = [];
    for ($i = 0; $i < 1000; $i++) {
        $cids[] = go(fn () => Coroutine::sleep(0.001));
        go(fn () => 1);
    }
    same(true, Coroutine::join($cids));
});
echo "ok\n";
?>
--EXPECT--
ok
