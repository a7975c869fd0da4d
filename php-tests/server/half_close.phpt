--TEST--
Swoole\Server: a client that has shut down its sending side gets its answer
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            $server->send($fd, str_repeat($data, 1 << 18));
        });
        $server->on('close', function (Swoole\Server $server, int $fd) use ($side): void {
            $side->event('close', [$fd, $server->send($fd, 'from onClose')]);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect()->send('hey!')->finishSending();
        same(true, str_repeat('hey!', 1 << 18) . 'from onClose' === $client->readAll(), 'the whole answer');
        same([1, true], $server->expectEvent('close'));
    },
);
?>
--EXPECT--
process: ok
base: ok
