--TEST--
Swoole\Coroutine: more stack than a coroutine has ends the script with PHP's message; other faults stay what they are
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

/** In a coroutine with a small stack, beside another one. */
const FRAME = <<<'CODE'
    register_shutdown_function(function (): void {
        echo "shutdown\n";
    });
    Swoole\Coroutine::set(['stack_size' => '128k']);
    Swoole\Coroutine\run(function (): void {
        Swoole\Coroutine\go(fn () => Swoole\Coroutine::yield());
        Swoole\Coroutine\go(function (): void {
            $nested = [];
            for ($i = 0; $i < 20_000; $i++) {
                $nested = [$nested];
            }
            echo "deep\n";
            %s
            echo "not reached\n";
        });
    });
    CODE;

// Where user code takes part in the recursion the script ends as with any fatal error.
$callback = '$f = function () use (&$f) { array_map($f, [1]); }; $f();';
$ways = [
    'a callback' => [$callback, true],
    'a conversion' => ['(string) new class { function __toString(): string { return sprintf("%s", $this); } };', true],
    'a callback that waits while others run' => ['Swoole\Coroutine\go(function () { while (true) { Swoole\Coroutine::sleep(0.001); (fn () => 1)(); } });'
        . ' $f = function () use (&$f) { Swoole\Coroutine::sleep(0.002); array_map($f, [1]); }; $f();', true],
    'nested data' => ['json_encode($nested, 0, 100_000); serialize($nested); print_r($nested, true);', false],
    'the end of nested data' => ['unset($nested);', false],
    'a fiber' => ['(new Fiber(function (): void { ' . $callback . ' }))->start();', true],
    'nested data in a fiber' => ['(new Fiber(function (): void {
        for ($i = 0; $i < 400_000; $i++) { $nested = [$nested ?? 0]; }
        unset($nested);
    }))->start();', false],
];
foreach ($ways as $name => [$code, $ends_in_order]) {
    $output = Script::run(str_replace('%s', $code, FRAME), status: 255);
    check(preg_match('/^deep\s+(PHP )?Fatal error: .*Maximum call stack size of (\d+) bytes(.*)/m', $output, $found) === 1,
        "{$name}: {$output}");
    check(!str_contains($output, 'not reached'), "{$name} goes no further");
    if (PHP_VERSION_ID < 80300) {
        same($ends_in_order, str_ends_with($output, "shutdown\n"), "{$name}: shutdown functions");
        $in_fiber = str_contains($name, 'fiber');
        same($in_fiber ? '2097152' : '131072', $found[2]);
        $where = $in_fiber ? 'a Fiber' : 'coroutine 3';
        check(preg_match("/ in {$where}\\. Infinite recursion\\? in \\S+script\\.php on line 1[4-7]$/", $found[3]) === 1,
            "{$name}: {$found[3]}");
    }
}

// Not a stack of ours: signal 11, as without coroutines, and a handler that was there is asked.
$fate = <<<'CODE'
    $calls = 0;
    if ($argv[1] === 'handled') {
        pcntl_async_signals(true);
        pcntl_signal(SIGSEGV, function () use (&$calls): void {
            $calls++;
        });
    }
    $pid = pcntl_fork();
    if ($pid === 0) {
        Swoole\Coroutine\run(function () use ($argv): void {
            $argv[1] === 'main' || posix_kill(getmypid(), SIGSEGV);
        });
        if ($argv[1] === 'main') {
            $nested = [];
            for ($i = 0; $i < 300_000; $i++) {
                $nested = [$nested];
            }
            unset($nested);
        }
        exit($calls);
    }
    pcntl_waitpid($pid, $status);
    echo pcntl_wifsignaled($status) ? 'signal ' . pcntl_wtermsig($status) : 'status ' . pcntl_wexitstatus($status);
    CODE;
$fates = array_map(fn (string $way): string => Script::run($fate, [$way]), ['killed', 'main', 'handled']);
same(['signal 11', 'signal 11', 'status 1'], $fates);
echo "ok\n";
?>
--EXPECT--
ok
