--TEST--
Swoole\Process: daemon() goes on with what its caller had: threads for files, locks, signals, the loop
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

/** What a script writes to the file "told", its daemon included. */
function told(string $code): string
{
    $script = new Script('function tell(mixed ...$what): void { file_put_contents("told", implode(" ", array_map(json_encode(...), $what)) . "\n", FILE_APPEND); }' . "\n{$code}");
    try {
        $script->expectExit();
        until(fn () => $script->processes() === [], 'the end of the daemon');
        same('', $script->output());
        return (string) @file_get_contents($script->path('told'));
    } finally {
        $script->discard();
    }
}

// Files are read by threads, which the daemon has none of. What is under way comes to its end.
same("\"<?php\"\n\"<?php\"\n", told(<<<'CODE'
    $read = fn () => tell(substr(Co::readFile(__FILE__), 0, 5));
    Co\run($read);
    Swoole\Process::daemon(true, true);
    Co\run($read);
    CODE));
same("5\n\"<?php\" \"<?php\" \"<?php\"\n", told(<<<'CODE'
    Co\run(function () {
        $all = [];
        for ($i = 0; $i < 3; $i++) {
            $cids[] = go(function () use (&$all) { $all[] = substr(Co::readFile(__FILE__), 0, 5); });
        }
        Swoole\Process::daemon(true, true);
        tell(5);
        Co::join($cids);
        tell(...$all);
    });
    CODE));

// A lock that the daemon takes is held by a process that lives; the same for a table's rows.
same("true true\nfalse false\ntrue\n", told(<<<'CODE'
    $lock = new Swoole\Lock(SWOOLE_MUTEX);
    $lock->lock();
    $lock->unlock();
    Swoole\Process::daemon(true, true);
    tell($lock->lock(), true);
    $child = new Swoole\Process(fn () => tell($lock->lock(LOCK_EX | LOCK_NB), $lock->lock(LOCK_EX, 0.3)), false, 0);
    $child->start();
    Swoole\Process::wait();
    tell($lock->unlock());
    CODE));


// Timers and signal handlers go on, and end.
same("\"timer\"\n\"signal\"\n", told(<<<'CODE'
    swoole_async_set(['enable_coroutine' => false]);
    Swoole\Timer::after(1, function () {
        tell('timer');
        posix_kill(getmypid(), SIGUSR1);
    });
    $keeps = Swoole\Timer::tick(5, fn () => null); // signals do not keep the loop
    Swoole\Process::signal(SIGUSR1, function () use ($keeps) {
        tell('signal');
        Swoole\Timer::clear($keeps);
        Swoole\Process::signal(SIGUSR1, null);
    });
    Swoole\Process::daemon(true, true);
    Swoole\Event::wait();
    CODE));

// The preemptive scheduler goes on.
same("true\n", told(<<<'CODE'
    Co::set(['enable_preemptive_scheduler' => true]);
    Co\run(function () {
        $flag = false;
        go(function () use (&$flag) {
            Co::sleep(0.001);
            $flag = true;
        });
        Swoole\Process::daemon(true, true);
        while (!$flag);
        tell($flag);
    });
    CODE));
echo "ok\n";
?>
--EXPECT--
ok
