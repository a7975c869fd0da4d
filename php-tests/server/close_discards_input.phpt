--TEST--
Swoole\Server: what the client sends after close() is discarded, and does not cost it the answer
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['socket_buffer_size' => 32 << 20, 'buffer_output_size' => 32 << 20]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            $side->event('receive', strlen($data));
            $server->send($fd, str_repeat('a', 4 << 20));
            $server->close($fd);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect()->send('go');
        same(2, $server->expectEvent('receive'));
        same('aa', $client->read(2));
        $client->send(str_repeat('b', 100_000));
        same((4 << 20) - 2, strlen($client->readAll()));
        same([], $server->events('receive'));
    },
);
?>
--EXPECT--
process: ok
base: ok
