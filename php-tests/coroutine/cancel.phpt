--TEST--
Swoole\Coroutine: cancel, with and without an exception, and setTimeLimit
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\{CanceledException, Channel, TimeoutException};
use function Swoole\Coroutine\{go, run};
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

run(function (): void {
    // What waits gets false and a reason; isCanceled() tells until the next wait.
    $log = [];
    $waits = [
        'yield' => fn () => Coroutine::yield(),
        'sleep' => fn () => Coroutine::sleep(60),
        'pop' => fn () => (new Channel())->pop(),
        'push' => function (): mixed {
            $channel = new Channel();
            $channel->push(1);
            return $channel->push(2);
        },
        'join' => fn () => Coroutine::join([go(fn () => Coroutine::sleep(0.01))]),
    ];
    foreach ($waits as $name => $wait) {
        $cid = go(function () use ($name, $wait, &$log): void {
            swoole_clear_error();
            $log[$name] = [Coroutine::isCanceled(), $wait(), swoole_last_error(), Coroutine::isCanceled()];
            Coroutine::sleep(0.001);
            $log[$name][] = Coroutine::isCanceled();
        });
        same(true, Coroutine::cancel($cid), $name);
        [$before, $value, $error, $during] = $log[$name];
        same([false, false, true], [$before, $value, $during], $name);
        $error === 0 || same(SWOOLE_ERROR_CO_CANCELED, $error, $name);
        Coroutine::join([$cid]);
        same(false, $log[$name][4], $name);
        same(false, Coroutine::cancel($cid), $name);
        same(SWOOLE_ERROR_CO_NOT_EXISTS, swoole_last_error());
    }

    // With an exception it is thrown where the coroutine waits, and may be caught.
    foreach ($waits as $name => $wait) {
        $cid = go(function () use ($name, $wait, &$log): void {
            try {
                $wait();
                $log[$name] = 'not thrown';
            } catch (CanceledException $exception) {
                $log[$name] = [$exception->getFile(), Coroutine::isCanceled()];
            } finally {
                $log[$name][] = 'finally';
            }
            $log[$name][] = Coroutine::sleep(0.001);
        });
        same(true, Coroutine::cancel($cid, true), $name);
        same([__FILE__, true, 'finally'], $log[$name], $name);
        Coroutine::join([$cid]);
        same(true, $log[$name][3], $name);
    }

    // What cancels may be canceled itself: chains of coroutines, each deep in functions.
    $depth = function (int $n, callable $last) use (&$depth): mixed {
        return $n === 0 ? $last() : $depth($n - 1, $last);
    };
    $order = [];
    $first = go(function () use (&$order, $depth): void {
        $order[] = $depth(50, fn () => Coroutine::yield());
    });
    $second = go(function () use (&$order, $depth, $first): void {
        $order[] = $depth(50, fn () => Coroutine::yield());
        $order[] = Coroutine::cancel($first);
    });
    same(true, Coroutine::cancel($second));
    same([false, false, true], $order);

    // In the midst of others: canceled from a coroutine that it has itself created.
    $value = null;
    $outer = go(function () use (&$value): void {
        $me = Coroutine::getCid();
        go(function () use ($me): void {
            Coroutine::sleep(0.001);
            same(true, Coroutine::cancel($me));
        });
        $value = Coroutine::yield();
    });
    Coroutine::join([$outer]);
    same(false, $value);

    // A time limit throws at the wait that it meets, once.
    $log = [];
    $cid = go(function () use (&$log): void {
        same(true, Coroutine::setTimeLimit(0.001));
        try {
            Coroutine::yield();
        } catch (TimeoutException $exception) {
            $log[] = $exception::class;
        }
        $log[] = Coroutine::sleep(0.005);
        same(true, Coroutine::setTimeLimit(60));
        same(true, Coroutine::setTimeLimit(30));
    });
    Coroutine::join([$cid]);
    same([TimeoutException::class, true], $log);

    // Two at a time: the second finds one under way.
    $cid = go(function () use (&$log): void {
        try {
            Coroutine::yield();
        } catch (CanceledException) {
            $log[] = 'canceled';
        }
    });
    same(true, Coroutine::cancel($cid, true));
    same(false, Coroutine::cancel($cid, true));
    same('canceled', end($log));
});

// A time limit ends with its coroutine: the script does not wait for it.
foreach (['return;', 'defer(fn () => Co::sleep(0.001));'] as $end) {
    same('over', Script::run("
        go(function () { Co::setTimeLimit(1000); {$end} });
        go(function () { Co::setTimeLimit(1000); Co::sleep(0.001); });
        Swoole\\Event::wait();
        echo 'over';", status: 0), $end);
}
echo "ok\n";
?>
--EXPECT--
ok
