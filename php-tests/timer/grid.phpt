--TEST--
Swoole\Timer: a tick stays on the grid of its first run, without drift, and does not make up for missed runs
--FILE--
<?php
use Swoole\{Event, Timer};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$interval = 3;
$due = [];
$id = Timer::tick($interval, function (int $id) use (&$due): void {
    $due[] = Timer::info($id)['exec_msec'];
    usleep(random_int(0, 7_000)); // late by no, one or more intervals
    if (count($due) === 60) {
        Timer::clear($id);
    }
});
$first = Timer::info($id)['exec_msec'];
Event::wait();
same($first, $due[0]);
foreach ($due as $n => $at) {
    same(0, ($at - $first) % $interval, "run {$n}, due at {$at}, is on the grid of {$first}");
    check($n === 0 || $at > $due[$n - 1], 'each moment comes once');
}
echo "on the grid\n";
?>
--EXPECT--
on the grid
