--TEST--
Swoole\Timer: 100,000 timers run in order; a million timers leave nothing behind
--FILE--
<?php
use Swoole\{Event, Timer};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';
require_once __DIR__ . '/../include/Processes.php';

mt_srand(7);
// A random half is cleared; the rest runs in the order of the deadlines that info() told.
$ran = [];
$record = function (int $number) use (&$ran): void {
    $ran[] = $number;
};
$due = $ids = [];
for ($i = 0; $i < 100_000; $i++) {
    $ids[$i] = Timer::after(mt_rand(1, 1000), $record, $i);
}
same(100_000, Timer::stats()['num']);
foreach ($ids as $i => $id) {
    if (mt_rand(0, 1) === 1) {
        check(Timer::clear($id), 'cleared');
    } else {
        $due[$i] = Timer::info($id)['exec_msec'];
    }
}
same(count($due), Timer::list()->count());
Event::wait();
same(count($due), count($ran));
$last = 0;
foreach ($ran as $number) {
    check($due[$number] >= $last, "{$number}, due at {$due[$number]}, does not run after one of {$last}");
    $last = $due[$number];
}

// Ten rounds of 100,000, half of which are cleared: the memory does not grow after the first.
$ran = 0;
$callback = function () use (&$ran): void {
    $ran++;
};
$memory = $resident = 0;
for ($round = 0; $round < 10; $round++) {
    for ($i = 0; $i < 50_000; $i++) {
        Timer::after(1, $callback, 'an argument');
        Timer::clear(Timer::tick(60_000, $callback, [1]));
    }
    Event::wait();
    if ($round === 1) {
        $memory = memory_get_usage();
        $resident = SwooleRs\Tests\Processes::residentKib(getmypid());
    }
}
same(500_000, $ran);
check(memory_get_usage() - $memory < 4096, 'PHP holds no more: ' . (memory_get_usage() - $memory));
$more = SwooleRs\Tests\Processes::residentKib(getmypid()) - $resident;
check($more < 8192, "the process holds no more: {$more} KiB");
echo "done\n";
?>
--EXPECT--
done
