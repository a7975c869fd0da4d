--TEST--
Swoole\Server: SIGTERM at any moment, to any of its processes and many times, ends it in order: no process dies of it, nor the script behind start()
--FILE--
<?php
use SwooleRs\Tests\{Ports, Script};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

const CODE = <<<'CODE'
    [, $port, $mode] = $argv;
    $server = new Swoole\Server('127.0.0.1', (int) $port, (int) $mode);
    $server->set(['worker_num' => 2, 'reactor_num' => 1, 'max_wait_time' => 5]);
    $server->on('start', fn () => print("up\n"));
    $server->on('receive', fn () => null);
    // Workers come and go.
    $server->on('workerStart', fn () => Swoole\Timer::after(random_int(1, 30), fn () => $server->stop()));
    $server->start();
    // The last steps of the script.
    usleep(20_000);
    echo "after\n";
    CODE;

$runs = getenv('SWOOLE_SOAK') ? 200 : 8;
foreach ([SWOOLE_PROCESS, SWOOLE_BASE] as $mode) {
    for ($run = 0; $run < $runs; $run++) {
        $port = Ports::take();
        $script = new Script(CODE, [(string) $port, (string) $mode]);
        try {
            $script->expectOutput('/^up$/m');
            usleep(random_int(0, 60_000));
            // One request, however often it comes within half a second. Others hear it as from a terminal.
            $until = microtime(true) + 0.3;
            do {
                foreach (array_keys($run % 2 === 0 ? [$script->pid() => ''] : $script->processes()) as $pid) {
                    microtime(true) < $until && @posix_kill($pid, SIGTERM);
                }
                usleep(random_int(0, 5_000));
            } while (microtime(true) < $until && $script->processes() !== []);
            $script->expectExit(0);
            $output = $script->output();
            check(str_contains($output, "after\n"), "the script goes on: {$output}");
            check(!str_contains($output, 'signal=15'), "no process dies of it: {$output}");
        } finally {
            $script->discard();
            Ports::giveBack($port);
        }
    }
}
echo "ok\n";
?>
--EXPECT--
ok
