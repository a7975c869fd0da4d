--TEST--
Swoole\Server: output, warnings and shutdown functions of callbacks
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 1]);
        register_shutdown_function(function () use ($side): void {
            $side->event('shutdown function', getmypid());
        });
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            echo "printed by the callback\n";
            trigger_error('a notice of the script', E_USER_NOTICE);
            $server->send($fd, 'x');
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->connect()->send('x')->read(1);
        $server->expectOutput('/^printed by the callback$/');
        $server->expectOutput('/a notice of the script in .*output\w*\.php on line \d+/');
        $server->stop();
        // As with the reference: a worker that ends in order runs none; it has onWorkerStop.
        same([$server->master_pid], $server->events('shutdown function'));
    },
);
?>
--EXPECT--
process: ok
base: ok
