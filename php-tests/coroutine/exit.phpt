--TEST--
Swoole\Coroutine: exit() throws Swoole\ExitException, with its status
--FILE--
<?php
use Swoole\{Coroutine, ExitException};
use SwooleRs\Tests\Script;
use function Swoole\Coroutine\{defer, go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

function caught(callable $exits): ExitException
{
    try {
        $exits();
    } catch (ExitException $exception) {
        return $exception;
    }
    throw new Exception('nothing was thrown');
}

run(function (): void {
    foreach ([fn () => exit(), fn () => exit, fn () => die()] as $exits) {
        $exception = caught($exits);
        check(in_array($exception->getStatus(), [0, null], true), 'no status');
        same('swoole exit', $exception->getMessage());
        same(SWOOLE_EXIT_IN_COROUTINE, $exception->getFlags() & SWOOLE_EXIT_IN_COROUTINE);
    }
    $variable = 7;
    $function = fn (int $n) => $n + 1;
    same(3, caught(fn () => exit(3))->getStatus());
    same(7, caught(fn () => exit($variable))->getStatus());
    same(8, caught(fn () => exit($function(7)))->getStatus());
    same('a text', caught(fn () => exit('a text'))->getStatus());
    same("text {$variable}", caught(fn () => exit("text {$variable}"))->getStatus());
    check(caught(fn () => exit(1)) instanceof Swoole\Exception, 'its class');

    // finally and destructors run, and the coroutine goes on.
    $log = [];
    go(function () use (&$log): void {
        defer(function () use (&$log): void {
            $log[] = 'deferred';
        });
        try {
            (function () use (&$log): void {
                try {
                    exit(5);
                } finally {
                    Coroutine::sleep(0.001);
                    $log[] = 'finally';
                }
            })();
        } catch (ExitException $exception) {
            $log[] = $exception->getStatus();
        }
        $log[] = 'goes on';
    });
    Coroutine::sleep(0.01);
    same(['finally', 5, 'goes on', 'deferred'], $log);
});

// Not caught it is the end of the process.
$out = Script::run('Co\run(function () { defer(function () { echo "deferred\n"; }); go(function () { Co::sleep(0.001); exit(9); }); Co::sleep(60); });', status: 255);
check(str_contains($out, 'Uncaught Swoole\ExitException: swoole exit'), $out);

// Outside of coroutines it is PHP's.
same("text\n", Script::run('register_shutdown_function(function () { echo "\n"; }); exit("text");'));
Script::run('go(fn () => 1); exit(4);', status: 4);
Script::run('swoole_async_set(["enable_coroutine" => false]); Swoole\Timer::after(1, fn () => exit(6)); Swoole\Timer::after(60000, fn () => 1); Swoole\Event::wait();', status: 6);
echo "ok\n";
?>
--EXPECT--
ok
