--TEST--
Swoole\Coroutine: defer runs the last one first, with the result, after whatever ends the coroutine
--FILE--
<?php
use Swoole\Coroutine;
use function Swoole\Coroutine\{defer, go, run};
use function SwooleRs\Tests\{same, check};
use SwooleRs\Tests\Script;

require __DIR__ . '/../include/bootstrap.php';

run(function (): void {
    $log = [];
    go(function () use (&$log): string {
        defer(function (mixed ...$args) use (&$log): void {
            $log[] = ['first', $args];
            defer(function () use (&$log): void {
                $log[] = 'deferred by a deferred one';
            });
        });
        (function () use (&$log): void {
            Coroutine::defer(function () use (&$log): void {
                $log[] = 'second';
                Coroutine::sleep(0.001);
                $log[] = ['second again', Coroutine::getCid() > 0];
            });
        })();
        $log[] = 'body';
        return 'result';
    });
    same(['body', 'second'], $log);
    Coroutine::sleep(0.02);
    while (count($log) < 5) {
        Coroutine::sleep(0.001);
    }
    same(['body', 'second', ['second again', true], ['first', ['result']], 'deferred by a deferred one'], $log);

    // Canceled, too; and what a deferred closure holds goes with it.
    $log = [];
    $thing = new class($log) {
        public function __construct(private array &$log)
        {
        }

        public function __destruct()
        {
            $this->log[] = 'gone';
        }
    };
    $cid = go(function () use (&$log, $thing): void {
        defer(function () use (&$log, $thing): void {
            $log[] = 'deferred';
        });
        Coroutine::yield();
    });
    unset($thing);
    same([], $log);
    Coroutine::cancel($cid);
    same(['deferred', 'gone'], $log);

    // All kinds of callables, magic ones too.
    $log = [];
    $magic = new class($log) {
        public function __construct(public array &$log)
        {
        }

        public function __call(string $name, array $args): void
        {
            $this->log[] = [$name, $args];
        }
    };
    $cid = go(function () use ($magic): int {
        defer('printf');
        defer([$magic, 'late']);
        Coroutine::yield();
        return 7;
    });
    unset($magic);
    Coroutine::resume($cid);
    same([['late', [7]]], $log);
});
echo "\n";

// An exception: those deferred run, then it ends the process.
$out = Script::run(<<<'PHP'
    Co\run(function () {
        defer(function () { echo "first\n"; });
        defer(function () { echo "second\n"; });
        try {
            go(function () {
                defer(function () { echo "inner\n"; });
                throw new Exception('stop');
            });
        } finally {
            echo "not reached\n";
        }
    });
    echo "nor this\n";
    PHP, status: 255);
check(str_contains($out, 'Uncaught Exception: stop'), $out);
check(str_contains($out, "inner\n"), $out);
check(!str_contains($out, 'reached') && !str_contains($out, 'nor this'), $out);
echo "ok\n";
?>
--EXPECT--
7
ok
