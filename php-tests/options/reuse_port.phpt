--TEST--
Swoole\Server: enable_reuse_port
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'reactor_num' => 2, 'enable_reuse_port' => true]);
        $server->on('receive', fn (Swoole\Server $server, int $fd, int $reactor_id, string $data) => $server->send($fd, $data));
        return $side->start($server);
    },
    function (TestServer $server): void {
        for ($i = 0; $i < 50; $i++) {
            same("hello {$i}", $server->connect()->send("hello {$i}")->readSome());
        }
        // Clients that wait in a queue of the kernel are not lost in a reload, as far as there is a master.
        if ($server->mode === SWOOLE_PROCESS) {
            $client = $server->connect();
            $server->signal(SIGUSR1);
            $server->expectEvent('workerStart');
            $server->expectEvent('workerStart');
            same('after', $client->send('after')->read(5));
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
