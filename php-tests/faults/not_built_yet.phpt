--TEST--
Swoole\Server: methods of later versions exist and throw an exception that says so
--FILE--
<?php
use SwooleRs\Tests\{Failure, Ports, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

$output = Script::run(<<<'PHP'
    $server = new Swoole\Server('127.0.0.1', 0, SWOOLE_BASE);
    $server->set(['worker_num' => 1, 'log_level' => SWOOLE_LOG_NONE]);
    $later = function () use ($server): void {
        $calls = ['listen' => ['127.0.0.1', 0, SWOOLE_SOCK_TCP], 'addlistener' => ['127.0.0.1', 0, SWOOLE_SOCK_TCP],
            'sendto' => ['127.0.0.1', 1, 'x'], 'sendwait' => [1, 'x'], 'sendfile' => [1, __FILE__], 'confirm' => [1], 'pause' => [1],
            'resume' => [1],
            'heartbeat' => [], 'command' => ['x', 0, 1, 'x'], 'getSocket' => []];
        foreach ($calls as $method => $arguments) {
            try {
                $server->$method(...$arguments);
                echo "{$method}: returned\n";
            } catch (Swoole\Exception $exception) {
                $text = $exception->getMessage();
                if (!str_contains($text, 'not built yet') || !str_contains($text, $method)) {
                    echo "{$method}: {$text}\n";
                }
            }
        }
    };
    $later();
    $server->on('receive', fn () => 0);
    $server->on('workerStart', function () use ($later, $server): void {
        $later();
        $server->shutdown();
    });
    $server->start();
    echo "done\n";
    PHP);
same("done\n", $output);
echo "ok\n";
?>
--EXPECT--
ok
