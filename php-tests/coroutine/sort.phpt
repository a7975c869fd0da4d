--TEST--
Swoole\Coroutine: comparisons of usort() and its family may wait, and each coroutine has its own
--FILE--
<?php
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

/** Waits once in a while. */
function compare(int $sign): Closure
{
    $calls = 0;
    return function (int $a, int $b) use ($sign, &$calls): int {
        $calls++ % 3 === 0 && Co::sleep(0.001);
        return $sign * ($a <=> $b);
    };
}

$numbers = range(1, 40);
$sorts = [
    function (int $sign) use ($numbers): array {
        $shuffled = $numbers;
        shuffle($shuffled);
        usort($shuffled, compare($sign));
        return $shuffled;
    },
    function (int $sign) use ($numbers): array {
        $keys = array_combine($numbers, $numbers);
        uksort($keys, compare($sign));
        return array_values($keys);
    },
    // A fiber in the comparison, and a sort in that.
    function (int $sign) use ($numbers): array {
        $shuffled = $numbers;
        shuffle($shuffled);
        usort($shuffled, function (int $a, int $b) use ($sign): int {
            $fiber = new Fiber(function () use ($sign, $a, $b): void {
                $two = [$a, $b];
                usort($two, compare($sign));
                Fiber::suspend($two[0] === $a ? -1 : 1);
            });
            return $fiber->start();
        });
        return $shuffled;
    },
    // These leave behind what they have compared with.
    function (int $sign) use ($numbers): array {
        $odd = array_filter($numbers, fn (int $n): bool => $n % 2 === 1);
        same(20, count(array_udiff_assoc($numbers, $odd, compare($sign))));
        same(20, count(array_uintersect_assoc($numbers, $odd, compare($sign))));
        same(20, count(array_udiff($numbers, $odd, compare($sign))));
        return $sign === 1 ? $numbers : array_reverse($numbers);
    },
];
for ($round = 0; $round < 2; $round++) {
    $done = 0;
    run(function () use ($sorts, $numbers, &$done): void {
        foreach ([1, -1, 1] as $sign) {
            foreach ($sorts as $i => $sort) {
                go(function () use ($sort, $sign, $numbers, $i, &$done): void {
                    same($sign === 1 ? $numbers : array_reverse($numbers), $sort($sign), "sort {$i}");
                    $done++;
                });
            }
        }
    });
    same(12, $done);
    // In the next round the script itself has left something behind.
    same([], array_udiff_assoc([1], [1], fn (int $a, int $b): int => $a <=> $b));
}

// A comparison that makes a coroutine, which sorts, too.
run(function (): void {
    $numbers = [3, 1, 2];
    usort($numbers, function (int $a, int $b): int {
        go(function (): void {
            $others = [1, 2, 3];
            usort($others, fn (int $a, int $b): int => $b <=> $a);
            same([3, 2, 1], $others);
        });
        return $a <=> $b;
    });
    same([1, 2, 3], $numbers);
});
$numbers = [3, 1, 2];
usort($numbers, function (int $a, int $b): int {
    run(function (): void {
        $others = [1, 2, 3];
        usort($others, function (int $a, int $b): int {
            Co::sleep(0.001);
            return $b <=> $a;
        });
        same([3, 2, 1], $others);
    });
    return $a <=> $b;
});
same([1, 2, 3], $numbers);
echo "ok\n";
?>
--EXPECT--
ok
