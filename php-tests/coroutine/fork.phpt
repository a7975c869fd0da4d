--TEST--
Swoole\Coroutine: a child forked in a coroutine goes on in it, with a loop of its own
--FILE--
<?php
use Swoole\{Atomic, Coroutine};
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

$ticks = new Atomic(0);
$child = new Atomic(0);
run(function () use ($ticks, $child): void {
    $other = go(function () use ($ticks): void {
        for ($i = 0; $i < 3; $i++) {
            Coroutine::sleep(0.001);
            $ticks->add();
        }
    });
    $pid = pcntl_fork();
    if ($pid === 0) {
        $child->add(Coroutine::sleep(0.005) ? 1 : 10);
        Coroutine::join([go(fn () => Coroutine::sleep(0.001))]);
        $child->add();
        posix_kill(getmypid(), SIGKILL);
    }
    Coroutine::join([$other]);
    pcntl_waitpid($pid, $status);
});
// The timers of the others are the parent's.
same([3, 2], [$ticks->get(), $child->get()]);
echo "ok\n";
?>
--EXPECT--
ok
