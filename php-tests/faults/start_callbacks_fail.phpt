--TEST--
Swoole\Server: exceptions and exit() in onStart and onManagerStart end the server, nothing is left
--FILE--
<?php
use SwooleRs\Tests\{Failure, Ports, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

foreach (['start', 'managerStart'] as $event) {
    foreach (['exit(7);' => 7, 'throw new DomainException("as asked");' => 255, 'no_such_function_here();' => 255] as $way => $status) {
        foreach (['SWOOLE_BASE', 'SWOOLE_PROCESS'] as $mode) {
            $port = Ports::take();
            $script = new Script(<<<PHP
                \$server = new Swoole\\Server('127.0.0.1', {$port}, {$mode});
                \$server->set(['worker_num' => 2, 'enable_coroutine' => false, 'log_file' => __DIR__ . '/log']);
                \$server->on('receive', fn () => 0);
                \$server->on('{$event}', function () { {$way} });
                \$server->start();
                echo 'went on';
                PHP);
            try {
                if ($event === 'start' && $mode === 'SWOOLE_BASE') {
                    // There onStart runs in a worker, which alone ends, again and again.
                    until(fn () => substr_count(@file_get_contents($script->path('log')), 'abnormal exit') >= 1, 'a log line');
                    $script->signal(SIGTERM);
                    $script->expectExit();
                    continue;
                }
                // The manager of process mode is not the script's first process: there start() returns false.
                $elsewhere = $event === 'managerStart' && $mode === 'SWOOLE_PROCESS';
                try {
                    $script->expectExit($status);
                } catch (Failure $failure) {
                    throw new Failure("{$mode} {$event} {$way}: {$failure->getMessage()}: {$script->output()}" . @file_get_contents($script->path('log')));
                }
                same($elsewhere, str_contains($script->output(), 'went on'), 'whether the script goes on');
                check(!Ports::isListening($port), 'the port is free');
            } finally {
                $script->discard();
            }
        }
    }
}
echo "ok\n";
?>
--EXPECT--
ok
