--TEST--
Swoole\Server::shutdown() from a worker: what was sent arrives, the events run, status 0
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd) use ($side): void {
            $side->event('shutdown()', $server->shutdown());
            $server->send($fd, str_repeat('x', 100_000));
        });
        foreach (['beforeShutdown', 'workerStop', 'managerStop', 'shutdown', 'close'] as $name) {
            $server->on($name, fn () => $side->event($name));
        }
        return $side->start($server);
    },
    function (TestServer $server): void {
        $idle = $server->connect();
        $client = $server->connect()->send('x');
        same(100_000, strlen($client->readAll()));
        $idle->expectFin();
        $server->expectExit();
        same(true, $server->expectEvent('shutdown()'));
        same([1, 2, 1, 1], array_map(fn ($name) => count($server->events($name)), ['beforeShutdown', 'workerStop', 'managerStop', 'shutdown']));
    },
);
?>
--EXPECT--
process: ok
base: ok
