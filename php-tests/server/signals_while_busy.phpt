--TEST--
Swoole\Server: SIGUSR1 many times at once is one reload after another, and nothing breaks
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', fn (Swoole\Server $server, int $fd, int $reactor_id, string $data) => $server->send($fd, $data));
        $server->on('afterReload', fn () => $side->event('afterReload'));
        return $side->start($server);
    },
    function (TestServer $server): void {
        for ($i = 0; $i < 20; $i++) {
            posix_kill($server->master_pid, SIGUSR1);
            posix_kill($server->master_pid, SIGRTMIN);
            posix_kill($server->master_pid, SIGHUP); // a terminal that goes away
        }
        $server->expectEvent('afterReload');
        same('still here', $server->connect()->send('still here')->read(10));
    },
);
?>
--EXPECT--
process: ok
base: ok
