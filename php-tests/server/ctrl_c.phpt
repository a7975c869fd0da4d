--TEST--
Swoole\Server: Ctrl-C, a SIGINT to every process at once, ends the server with status 0
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
        $client = $server->connect();
        same('ping', $client->send('ping')->read(4));
        // The master last: its own order to the manager must not count as a second Ctrl-C.
        foreach (array_reverse(array_keys($server->processes())) as $pid) {
            posix_kill($pid, SIGINT);
        }
        $server->expectExit();
        $client->expectFin();
    },
);
?>
--EXPECT--
process: ok
base: ok
