--TEST--
Swoole\Server: after a reload the workers run the new code
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        file_put_contents($side->path('answer.php'), '<?php function answer() { return "old"; }');
        $server = $side->server(['worker_num' => 2]);
        $server->on('workerStart', function () use ($side): void {
            require $side->path('answer.php');
        });
        $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, answer()));
        return $side->start($server);
    },
    function (TestServer $server): void {
        same('old', $server->connect()->send('x')->read(3));
        file_put_contents($server->path('answer.php'), '<?php function answer() { return "new"; }');
        $server->signal(SIGUSR1);
        $server->expectEvent('workerStart');
        $server->expectEvent('workerStart');
        same('new', $server->connect()->send('x')->read(3));
    },
);
?>
--EXPECT--
process: ok
base: ok
