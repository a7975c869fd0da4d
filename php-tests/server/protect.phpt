--TEST--
Swoole\Server::protect()
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('receive', function (Swoole\Server $server, int $fd): void {
            $server->send($fd, json_encode([$server->protect($fd), $server->protect($fd, false), @$server->protect(77)]));
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        same([true, true, false], json_decode($server->connect()->send('x')->readSome()));
        $server->allowLog('/77/');
        $server->allowOutput('/77/');
    },
);
?>
--EXPECT--
process: ok
base: ok
