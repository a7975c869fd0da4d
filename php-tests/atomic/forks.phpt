--TEST--
Swoole\Atomic: shared by forked processes; wait and wakeup between them; cells are not given out twice
--FILE--
<?php
use Swoole\Atomic;
use Swoole\Atomic\Long;

$count = new Atomic();
$sum = new Long();
$go = new Atomic();
$freed = new Atomic(7);
$pids = [];
for ($i = 0; $i < 4; $i++) {
    $pids[] = $pid = pcntl_fork();
    if ($pid === 0) {
        while (!$go->wait(30)) {
        }
        $go->wakeup();
        for ($n = 0; $n < 10000; $n++) {
            $count->add();
            $sum->sub(3);
        }
        posix_kill(getmypid(), $freed->get() === 7 ? SIGKILL : SIGTERM);
    }
}
unset($freed); // the children still use it: its place must not be given out again
$others = array_map(fn ($n) => new Atomic($n), range(100, 300));
$go->wakeup();
$signals = [];
foreach ($pids as $pid) {
    pcntl_waitpid($pid, $status);
    $signals[] = pcntl_wtermsig($status);
}
echo json_encode([$count->get(), $sum->get(), $signals, count($others)]), "\n";
?>
--EXPECT--
[40000,-120000,[9,9,9,9],201]
