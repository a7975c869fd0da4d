--TEST--
Swoole\Server: SIGTERM while workers die over and over at their start still ends the server
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'enable_coroutine' => false]);
        $server->on('workerStart', function () use ($side): void {
            if (file_exists($side->path('fail'))) {
                $side->event('fails');
                exit(1);
            }
        });
        $server->on('receive', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        touch($server->path('fail'));
        foreach ($server->workers as $pid) {
            $server->signal(SIGKILL, $pid);
        }
        for ($i = 0; $i < 6; $i++) {
            $server->expectEvent('fails');
        }
        $server->allowLog('/worker \d|id=\d\)/');
        $server->stop();
    },
);
?>
--EXPECT--
process: ok
base: ok
