--TEST--
Swoole\Server: when the manager is killed the server ends, says so, and its status is not 0
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, 'x'));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->signal(SIGKILL, $server->manager_pid);
        $server->expectExit(1);
        $server->expectLog('/manager.*SIGKILL|manager.*(ended|died|killed|gone)/i');
    },
    [SWOOLE_PROCESS],
);
?>
--EXPECT--
process: ok
