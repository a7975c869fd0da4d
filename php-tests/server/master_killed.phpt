--TEST--
Swoole\Server: when the master is killed all other processes end and the port is free
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 3]);
        $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, 'x'));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect()->send('x');
        same('x', $client->read(1));
        $server->signal(SIGKILL);
        $server->expectExit(signal: SIGKILL);
        check(!SwooleRs\Tests\Ports::isListening($server->port), 'the port is free');
    },
);
?>
--EXPECT--
process: ok
base: ok
