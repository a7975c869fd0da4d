--TEST--
Swoole\Coroutine: native fibers inside coroutines, coroutines created inside fibers, waits in either
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Channel;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

run(function (): void {
    // A generator of a kind, within a coroutine, that waits on its way.
    $fiber = new Fiber(function (int $n): string {
        for (;;) {
            Coroutine::sleep(0.001);
            $n += Fiber::suspend($n);
            if ($n > 100) {
                return "{$n}";
            }
        }
    });
    same(1, $fiber->start(1));
    same(11, $fiber->resume(10));
    same(31, $fiber->resume(20));
    same(null, Fiber::getCurrent());
    same(null, $fiber->resume(100));
    same(['131', true], [$fiber->getReturn(), $fiber->isTerminated()]);

    // While a coroutine waits inside of one it runs, and nobody else can go on with it.
    $fiber = null;
    $cid = go(function () use (&$fiber): void {
        $fiber = new Fiber(function () use (&$fiber): string {
            same($fiber, Fiber::getCurrent());
            $got = Coroutine::yield();
            same($fiber, Fiber::getCurrent());
            return 'done ' . json_encode($got);
        });
        $fiber->start();
    });
    same(null, Fiber::getCurrent());
    same([true, true, false], [$fiber->isStarted(), $fiber->isRunning(), $fiber->isSuspended()]);
    foreach ([fn () => $fiber->resume(), fn () => $fiber->throw(new Exception()), fn () => $fiber->start()] as $try) {
        try {
            $try();
            check(false, 'not refused');
        } catch (FiberError) {
        }
    }
    gc_collect_cycles();
    Coroutine::resume($cid);
    same('done true', $fiber->getReturn());

    // A fiber goes from one coroutine to another.
    $fiber = new Fiber(function (): array {
        $cids = [Coroutine::getCid()];
        Fiber::suspend();
        $cids[] = Coroutine::getCid();
        Coroutine::sleep(0.001);
        $cids[] = Coroutine::getCid();
        return $cids;
    });
    $a = go(fn () => $fiber->start());
    $b = go(fn () => $fiber->resume());
    Coroutine::join([$b]);
    same([$a, $b, $b], $fiber->getReturn());

    // Exceptions pass, in both directions.
    $fiber = new Fiber(function (): void {
        try {
            Fiber::suspend();
        } catch (LogicException $exception) {
            Coroutine::sleep(0.001);
            throw new RuntimeException('out', 0, $exception);
        }
    });
    $fiber->start();
    try {
        $fiber->throw(new LogicException('in'));
        check(false, 'not thrown');
    } catch (RuntimeException $exception) {
        same(['out', 'in'], [$exception->getMessage(), $exception->getPrevious()->getMessage()]);
    }
    $cid = go(function () use (&$log): void {
        try {
            (new Fiber(fn () => Coroutine::sleep(60)))->start();
        } catch (Coroutine\CanceledException) {
            $log = 'canceled inside';
        }
    });
    same(true, Coroutine::cancel($cid, true));
    same('canceled inside', $log);

    // Fibers in fibers in coroutines, many, through a channel.
    $channel = new Channel(3);
    $sum = 0;
    $cids = [];
    for ($i = 0; $i < 50; $i++) {
        $cids[] = go(function () use ($i, $channel): void {
            $outer = new Fiber(function () use ($i, $channel): void {
                $inner = new Fiber(function () use ($i, $channel): void {
                    for ($n = 0; $n < 10; $n++) {
                        $channel->push($i);
                        Fiber::suspend();
                    }
                });
                for ($inner->start(); !$inner->isTerminated(); $inner->resume()) {
                    Fiber::suspend();
                }
            });
            for ($outer->start(); !$outer->isTerminated(); $outer->resume()) {
                $channel->length();
            }
        });
    }
    $reader = go(function () use ($channel, &$sum): void {
        while (($n = $channel->pop()) !== false) {
            $sum += $n;
        }
    });
    Coroutine::join($cids);
    $channel->close();
    same(10 * 49 * 25, $sum);

    // A coroutine made in a fiber outlives it.
    $cid = 0;
    $fiber = new Fiber(function () use (&$cid): void {
        $cid = go(function (): void {
            same(null, Fiber::getCurrent());
            try {
                Fiber::suspend();
                check(false, 'not refused');
            } catch (FiberError $error) {
                check(str_starts_with($error->getMessage(), 'Cannot suspend outside'), $error->getMessage());
            }
            Coroutine::yield();
            echo "outlives it\n";
        });
        Fiber::suspend('first');
        Fiber::suspend('second');
    });
    same('first', $fiber->start());
    same('second', $fiber->resume());
    unset($fiber);
    gc_collect_cycles();
    Coroutine::resume($cid);

    // One that is dropped while it is suspended is ended by the engine, and may wait in that.
    go(function (): void {
        $fiber = new Fiber(function (): void {
            try {
                Fiber::suspend();
            } finally {
                echo "finally\n";
                Coroutine::sleep(0.001);
                echo "finally ended\n";
            }
        });
        $fiber->start();
        unset($fiber);
        echo "dropped\n";
    });
    Coroutine::sleep(0.01);
});

// Outside of coroutines.
$fiber = new Fiber(function (): string {
    $cid = go(function (): void {
        Coroutine::sleep(0.001);
        echo "the last\n";
    });
    same(-1, Coroutine::getCid());
    Fiber::suspend();
    return Coroutine::exists($cid) ? 'waits' : 'has ended';
});
$fiber->start();
Swoole\Event::wait();
$fiber->resume();
echo $fiber->getReturn(), "\n";

// Left as they are at the end.
$fiber = new Fiber(function (): void {
    go(fn () => Coroutine::yield());
    Fiber::suspend();
});
$fiber->start();
Coroutine::set(['enable_deadlock_check' => false]);
go(function () use (&$inside): void {
    $inside = new Fiber(function (): void {
        try {
            Coroutine::yield();
        } finally {
            echo "not reached\n";
        }
    });
    $inside->start();
});
?>
--EXPECT--
outlives it
finally
finally ended
dropped
the last
has ended
