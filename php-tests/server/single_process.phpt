--TEST--
Swoole\Server: base mode with one worker is one process, and an exit ends the server
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('receive', function (Swoole\Server $server, int $fd): void {
            $server->send($fd, json_encode([$server->master_pid, $server->manager_pid, $server->worker_pid, getmypid()]));
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        same(1, count($server->processes()));
        $pid = $server->master_pid;
        same([$pid, $pid, $pid], array_values(array_diff_key(json_decode($server->connect()->send('x')->readSome()), [1 => 0])));
    },
    [SWOOLE_BASE],
);
?>
--EXPECT--
base: ok
