--TEST--
Swoole\Timer: exact order; timers that clear themselves and others, and add more, from their callbacks
--FILE--
<?php
use Swoole\{Event, Timer};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

// By deadline, then by age, even if all are long due.
$ran = [];
foreach ([30, 10, 20, 10, 30, 1] as $n => $ms) {
    Timer::after($ms, function () use (&$ran, $n, $ms): void {
        $ran[] = "{$ms}#{$n}";
    });
}
usleep(40_000);
Event::wait();
same(['1#5', '10#1', '10#3', '20#2', '30#0', '30#4'], $ran);

// One that is due removes the next that is due as well, and itself, and all.
$ran = [];
$first = Timer::after(1, function () use (&$ran, &$first, &$second): void {
    $ran[] = 'first';
    same([true, false], [Timer::clear($second), Timer::clear($second)]);
    same([true, true, true], [Timer::exists($first), Timer::clear($first), Timer::info($first)['removed']]);
    same([false, false], [Timer::clear($first), Timer::exists($first)]);
});
$second = Timer::after(1, function () use (&$ran): void {
    $ran[] = 'never';
});
Timer::after(2, function () use (&$ran): void {
    $ran[] = 'third';
    Timer::clearAll();
    Timer::after(1, function () use (&$ran): void {
        $ran[] = 'added';
    });
});
Timer::tick(2, function () use (&$ran): void {
    $ran[] = 'never';
});
usleep(5_000);
Event::wait();
same(['first', 'third', 'added'], $ran);

// What a callback adds never runs in the same turn, however late the turn is.
$ran = [];
$rounds = [];
$add = function (int $depth) use (&$add, &$ran, &$rounds): void {
    $ran[] = $depth;
    $rounds[] = Timer::stats()['round'];
    if ($depth < 4) {
        Timer::after(1, $add, $depth + 1);
        usleep(2_000);
    }
};
Timer::after(1, $add, 0);
Event::wait();
same([0, 1, 2, 3, 4], $ran);
same($rounds, array_unique($rounds), 'one per turn');

// A tick gets its id first, and then what it was given.
$seen = [];
$id = Timer::tick(1, function (int $id, ...$args) use (&$seen): void {
    $seen[] = [$id, $args, Timer::info($id)['exec_count'], Timer::info($id)['removed']];
    if (count($seen) === 3) {
        check(Timer::clear($id), 'cleared');
        same([true, false], [Timer::info($id)['removed'], Timer::exists($id)]);
        same([$id], iterator_to_array(Timer::list()), 'listed while it runs');
    }
}, 'a', [1], null);
Event::wait();
same([[$id, ['a', [1], null], 0, false], [$id, ['a', [1], null], 1, false], [$id, ['a', [1], null], 2, false]], $seen);
same([null, 0], [Timer::info($id), Timer::list()->count()]);
?>
--EXPECT--
