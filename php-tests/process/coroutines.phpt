--TEST--
Swoole\Process: callbacks in coroutines, signal handlers that keep the loop, and where no process is made
--FILE--
<?php
use SwooleRs\Tests\{Script, ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

// The callback runs in a coroutine, and what it starts comes to its end.
foreach (['new Swoole\Process($body, false, 1, true)', '(function () use ($body) { $process = new Swoole\Process($body); $process->set(["enable_coroutine" => true]); return $process; })()'] as $make) {
    $output = Script::run('$body = function ($process) {
            echo "coroutine ", Co::getCid(), ";";
            $over = new Swoole\Coroutine\Channel(1);
            go(function () use ($over) { $over->pop(); Co::sleep(0.001); echo "inner;"; });
            Co::sleep(0.001);
            echo "outer;";
            $process->write("done");
            $over->push(true);
        };
        $process = ' . $make . ';
        $process->start();
        echo $process->read(), ";", json_encode(array_slice(Swoole\Process::wait(), 1));');
    same('done;{"code":0,"signal":0}', preg_replace('/coroutine 1;|outer;|inner;/', '', $output));
    check((bool) preg_match('/coroutine 1;.*outer;.*inner;/', $output), $output);
}

// How such a child ends.
// (exit() in a coroutine throws.)
foreach (['Co::sleep(0.001); exit(3);' => 255, 'try { exit(4); } catch (Swoole\ExitException) {}' => 0, 'Co::sleep(0.001); throw new Exception("x");' => 255, 'Co::sleep(0.001); nofunc();' => 255, 'Co::sleep(0.001);' => 0] as $body => $code) {
    $output = Script::run("\$process = new Swoole\\Process(function () { {$body} }, false, 0, true);
        \$process->start();
        \$end = Swoole\\Process::wait();
        echo \"code {\$end['code']}\";");
    check(str_ends_with($output, "code {$code}"), "{$body}: {$output}");
}

// Signal handlers in coroutines; with wait_signal they keep the loop alive.
$output = Script::run('Co::set(["wait_signal" => true]);
    Swoole\Process::signal(SIGUSR1, function () {
        Co::sleep(0.001);
        echo Co::getCid() > 0 ? "in a coroutine;" : "plain;";
        Swoole\Process::signal(SIGUSR1, null);
    });
    $child = new Swoole\Process(fn () => posix_kill(posix_getppid(), SIGUSR1), false, 0);
    $child->start();
    Swoole\Event::wait();
    echo "over";');
same('in a coroutine;over', $output);

// In a coroutine none is started.
$output = Script::run('Swoole\Coroutine\run(function () {
    (new Swoole\Process("strlen"))->start();
    echo "not reached";
});', status: 255);
check(str_contains($output, 'must be forked outside the coroutine') && !str_contains($output, 'not reached'), $output);

// In a server's master none is made.
test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('start', function () use ($side): void {
            try {
                new Swoole\Process('strlen');
            } catch (Error $error) {
                $side->event('refused', ['text' => $error->getMessage()]);
            }
        });
        $server->on('receive', fn () => null);
        return $side->start($server);
    },
    function (TestServer $server): void {
        same("Swoole\\Process can't be used in master process", $server->expectEvent('refused')['text']);
    },
    modes: [SWOOLE_PROCESS],
);
?>
--EXPECT--
process: ok
