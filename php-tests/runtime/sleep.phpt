--TEST--
Hooks: sleep() and its family let other coroutines run
--FILE--
<?php
use Swoole\Coroutine\Channel;
use Swoole\Runtime;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$sleepers = [
    'sleep' => fn () => same(0, sleep(1)),
    'usleep' => fn () => same(null, usleep(20_000)),
    'time_nanosleep' => fn () => same(true, time_nanosleep(0, 20_000_000)),
    'time_sleep_until' => function (): void {
        $until = microtime(true) + 0.02;
        same(true, time_sleep_until($until));
        check(microtime(true) >= $until, 'it came not before its time');
    },
];
Co\run(function () use ($sleepers): void {
    foreach ($sleepers as $name => $sleeper) {
        $done = false;
        Co::create(function () use ($sleeper, &$done): void {
            $sleeper();
            $done = true;
        });
        check(!$done, "{$name} has left its coroutine");
        $sleeper();
        check($done, "{$name} came back");
    }
});

// What the engine itself refuses.
Co\run(function (): void {
    $refused = function (callable $call): string {
        try {
            $call();
        } catch (ValueError $error) {
            return $error->getMessage();
        }
        return '';
    };
    foreach ([0, SWOOLE_HOOK_ALL] as $flags) {
        Runtime::enableCoroutine($flags);
        $texts[] = [
            $refused(fn () => sleep(-1)), $refused(fn () => usleep(-1)), $refused(fn () => time_nanosleep(-1, 0)),
            $refused(fn () => time_nanosleep(0, -1)), $refused(fn () => time_sleep_until(-1)),
            $refused(fn () => time_nanosleep(0, 1_000_000_000)),
            @time_sleep_until(microtime(true) - 1), error_get_last()['message'],
        ];
    }
    same($texts[0], $texts[1]);
});

// Canceled.
Co\run(function (): void {
    $left = new Channel(2);
    $cids = [go(fn () => $left->push(sleep(100))), go(fn () => $left->push(usleep(100_000_000)))];
    foreach ($cids as $cid) {
        same(true, Co::cancel($cid));
    }
    same(100, $left->pop());
    same(null, $left->pop());
});

// Outside of a coroutine, and with the hook off, they block.
$before = microtime(true);
usleep(2000);
check(microtime(true) - $before >= 0.002, 'outside of a coroutine');
Co::set(['hook_flags' => SWOOLE_HOOK_ALL ^ SWOOLE_HOOK_SLEEP]);
Co\run(function (): void {
    $order = [];
    go(function () use (&$order): void {
        usleep(1000);
        $order[] = 'inner';
    });
    $order[] = 'outer';
    same(['inner', 'outer'], $order);
});
echo "done\n";
?>
--EXPECT--
done
