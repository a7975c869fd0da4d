--TEST--
Swoole\Server::close() in onConnect and in onClose
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('connect', function (Swoole\Server $server, int $fd) use ($side): void {
            if ($fd === 1) {
                $server->send($fd, 'no entry');
                $side->event('connect', $server->close($fd));
            }
        });
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            $side->event('receive', [$fd, $data]);
        });
        $server->on('close', function (Swoole\Server $server, int $fd) use ($side): void {
            $side->event('close', [$fd, $server->close($fd)]);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect();
        same('no entry', $client->readAll());
        same(true, $server->expectEvent('connect'));
        same([1, false], $server->expectEvent('close'));
        $second = $server->connect()->send('x');
        same([2, 'x'], $server->expectEvent('receive'));
        $second->close();
        same([2, false], $server->expectEvent('close'));
        same([], $server->events('receive'));
    },
);
?>
--EXPECT--
process: ok
base: ok
