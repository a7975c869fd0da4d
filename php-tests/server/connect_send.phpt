--TEST--
Swoole\Server: send() in onConnect greets clients that say nothing; a 5 MB greeting
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('connect', fn (Swoole\Server $server, int $fd) => $server->send($fd, str_repeat('w', 5_000_000)));
        $server->on('receive', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $clients = array_map(fn () => $server->connect(), range(1, 4));
        foreach ($clients as $client) {
            same(str_repeat('w', 5_000_000) === $client->read(5_000_000), true);
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
