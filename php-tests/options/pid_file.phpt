--TEST--
Swoole\Server: pid_file holds the master while it runs
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['pid_file' => $side->path('pid')]);
        $server->on('receive', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        until(fn () => @file_get_contents($server->path('pid')) === (string) $server->master_pid, 'the pid');
        $server->stop();
        check(!file_exists($server->path('pid')), 'it is removed');
    },
);
?>
--EXPECT--
process: ok
base: ok
