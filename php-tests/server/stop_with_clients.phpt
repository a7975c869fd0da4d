--TEST--
Swoole\Server: SIGTERM ends the server with status 0 and its idle connections with it
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $server->send($fd, $data);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $clients = [];
        for ($i = 0; $i < 10; $i++) {
            $clients[] = $client = $server->connect();
            same('ping', $client->send('ping')->read(4));
        }
        $server->stop();
        foreach ($clients as $client) {
            $client->expectFin();
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
