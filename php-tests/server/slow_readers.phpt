--TEST--
Swoole\Server: clients that do not read never slow down the others
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 1, 'socket_buffer_size' => 64 << 20, 'buffer_output_size' => 64 << 20]);
        $server->on('receive', fn (Swoole\Server $server, int $fd, int $reactor_id, string $data)
            => $server->send($fd, $data === 'much' ? str_repeat('x', 16 << 20) : $data));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $slow = array_map(fn () => $server->connect()->send('much'), range(1, 5));
        $quick = $server->connect();
        for ($i = 0; $i < 200; $i++) {
            same('ping', $quick->send('ping')->read(4));
        }
        foreach ($slow as $client) {
            same(16 << 20, strlen($client->read(16 << 20)));
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
