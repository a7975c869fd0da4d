--TEST--
Swoole\Coroutine\Lock: one coroutine at a time, in order; shared between processes
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Lock;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

run(function (): void {
    $lock = new Lock();
    same(0, $lock->errCode);
    $log = [];
    for ($i = 0; $i < 5; $i++) {
        $cids[] = go(function () use ($lock, $i, &$log): void {
            same(true, $lock->lock());
            $log[] = "{$i} in";
            Coroutine::sleep(0.001);
            $log[] = "{$i} out";
            same(true, $lock->unlock());
        });
    }
    Coroutine::join($cids);
    same(['0 in', '0 out', '1 in', '1 out', '2 in', '2 out', '3 in', '3 out', '4 in', '4 out'], $log);

    // Whoever holds it may lock it again.
    same(true, $lock->lock());
    same(true, $lock->lock());
    go(function () use ($lock): void {
        same(false, $lock->lock(LOCK_EX | LOCK_NB));
        same(SOCKET_EBUSY, $lock->errCode);
    });

    // Canceled in the queue: the next one is not held up.
    $log = [];
    $first = go(function () use ($lock, &$log): void {
        $log['first'] = $lock->lock();
    });
    $second = go(function () use ($lock, &$log): void {
        $log['second'] = $lock->lock() && $lock->unlock();
    });
    same(true, Coroutine::cancel($first));
    same(['first' => false], $log);
    same(SWOOLE_ERROR_CO_CANCELED, $lock->errCode);
    same(true, $lock->unlock());
    Coroutine::join([$second]);
    same(true, $log['second']);

    // Freed while others wait for it.
    $lost = new Lock();
    $lost->lock();
    $waits = go(fn () => $lost->lock());
    unset($lost);
    same(true, Coroutine::cancel($waits));

    foreach ([fn () => $lock->__construct(), fn () => new Lock('x', 'y', 'z'), fn () => $lock->lock('x'), fn () => $lock->unlock(1),
        fn () => clone $lock, fn () => serialize($lock), fn () => (new ReflectionClass(Lock::class))->newInstanceWithoutConstructor()->lock(),
        fn () => (new ReflectionClass(Lock::class))->newInstanceWithoutConstructor()->unlock()] as $i => $try) {
        try {
            $value = $try();
            check($value === false || $value instanceof Lock, "not refused: {$i}");
        } catch (Throwable $error) {
        }
    }
});

// Between processes.
$shared = new Lock(true);
$counts = new Swoole\Atomic(0);
$both = new Swoole\Atomic(0);
$worker = function () use ($shared, $counts, $both): void {
    run(function () use ($shared, $counts, $both): void {
        for ($c = 0; $c < 3; $c++) {
            go(function () use ($shared, $counts, $both): void {
                for ($i = 0; $i < 20; $i++) {
                    same(true, $shared->lock());
                    same(1, $both->add());
                    $i % 7 === 0 && Coroutine::sleep(0.001);
                    $both->sub();
                    $counts->add();
                    same(true, $shared->unlock());
                }
            });
        }
    });
};
$pid = pcntl_fork();
$worker();
$pid === 0 && posix_kill(getmypid(), SIGKILL);
pcntl_waitpid($pid, $status);
same([120, 0], [$counts->get(), $both->get()]);
echo "ok\n";
?>
--EXPECT--
ok
