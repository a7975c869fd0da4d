--TEST--
Swoole\Server: every byte is answered, for several clients at once
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'reactor_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $server->send($fd, $data);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $clients = [];
        for ($i = 0; $i < 50; $i++) {
            $clients[$i] = $server->connect();
        }
        foreach ([1, 64, 1000, 65_536] as $bytes) {
            $payload = random_bytes($bytes);
            foreach ($clients as $i => $client) {
                $client->send($payload . pack('N', $i));
            }
            foreach ($clients as $i => $client) {
                same($payload . pack('N', $i), $client->read($bytes + 4), "answer to client {$i}");
            }
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
