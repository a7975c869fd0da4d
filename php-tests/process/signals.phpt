--TEST--
Swoole\Process: signals as events of the loop, which a handler alone does not keep alive; children begin without
--FILE--
<?php
use Swoole\{Event, Process, Timer};
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

swoole_async_set(['enable_coroutine' => false]); // exit() in a coroutine throws
$seen = [];
$handler = function (int $signal) use (&$seen): void {
    $seen[] = $signal;
};
same(true, Process::signal(SIGUSR1, $handler));
same(true, Process::signal(SIGTERM, $handler));
posix_kill(getmypid(), SIGUSR1);
posix_kill(getmypid(), SIGTERM);
same([], $seen); // not before the loop runs
Timer::after(1, function (): void {
    posix_kill(getmypid(), SIGUSR1);
    Timer::after(1, fn () => null);
});
Event::wait(); // ends: nothing but handlers is left
sort($seen);
same([SIGUSR1, SIGUSR1, SIGTERM], $seen);

// The loop is over, and its handlers with it; a new one takes new handlers.
$seen = [];
same(true, Process::signal(SIGUSR1, $handler));
posix_kill(getmypid(), SIGUSR1);
Timer::after(1, fn () => null);
Event::wait();
same([SIGUSR1], $seen);

// A handler that removes itself, one that sets another, one that ignores.
$order = [];
Process::signal(SIGUSR1, function () use (&$order): void {
    $order[] = 'first';
    Process::signal(SIGUSR1, function () use (&$order): void {
        $order[] = 'second';
        same(true, Process::signal(SIGUSR1, null));
        same(false, @Process::signal(SIGUSR1, null));
        same(true, Process::signal(SIGUSR1, SIG_IGN));
        posix_kill(getmypid(), SIGUSR1);
        Timer::clearAll();
    });
    posix_kill(getmypid(), SIGUSR1);
});
posix_kill(getmypid(), SIGUSR1);
Timer::tick(60_000, fn () => null);
Event::wait();
same(['first', 'second'], $order);
same(true, Process::signal(SIGUSR1, null));

// SIGCHLD: the ends of children as events.
$ended = [];
Process::signal(SIGCHLD, function () use (&$ended): void {
    while ($end = Process::wait(false)) {
        $ended[$end['pid']] = $end['code'];
    }
    if (count($ended) === 10) {
        Process::signal(SIGCHLD, null);
        Timer::clearAll();
    }
});
Timer::tick(60_000, fn () => null);
$started = [];
for ($i = 0; $i < 10; $i++) {
    $process = new Process(fn () => exit($i));
    $started[$process->start()] = $i;
}
Event::wait();
ksort($ended);
ksort($started);
same($started, $ended);

// alarm() and its handler.
$ticks = 0;
Process::signal(SIGALRM, function () use (&$ticks): void {
    if (++$ticks === 5) {
        Process::alarm(-1);
        Timer::clearAll();
    }
});
Process::alarm(1000);
Timer::tick(60_000, fn () => null);
Event::wait();
same(5, $ticks);

// A child has the default meaning of what its parent catches, and its own loop and handlers.
Process::signal(SIGTERM, $handler);
$process = new Process(function (Process $process): void {
    $process->write('up');
    sleep(1000);
});
$pid = $process->start();
$process->read();
Process::kill($pid);
same(SIGTERM, Process::wait()['signal']);
$process = new Process(function (Process $process): void {
    Process::signal(SIGTERM, function (): void {
        Timer::clearAll();
        exit(5);
    });
    Timer::tick(60_000, fn () => null);
    $process->write('up');
    Event::wait();
});
$pid = $process->start();
$process->read();
Process::kill($pid);
same(5, Process::wait()['code']);
echo "ok\n";
?>
--EXPECT--
ok
