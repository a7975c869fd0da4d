--TEST--
Swoole\Server: a worker that hangs is killed after max_wait_time, at reload and at the end
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'max_wait_time' => 1]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            $side->event('hangs', [getmypid(), $server->worker_id]);
            for (;;) {
                usleep(100_000);
            }
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect()->send('x');
        [$pid, $id] = $server->expectEvent('hangs');
        $server->signal(SIGUSR1);
        $server->expectLog("/force kill worker process\\(pid={$pid}, id={$id}\\)/");
        $server->expectLog("/pid={$pid}, id=\\d+\\) abnormal exit, status=0, signal=9.*connection 1/");
        try {
            same('', $client->readAll());
        } catch (SwooleRs\Tests\Failure $failure) {
            check(str_contains($failure->getMessage(), 'reset'), $failure->getMessage());
        }
        $server->expectEvent('workerStart');
        $server->expectEvent('workerStart');
        $server->connect()->send('x');
        $server->expectEvent('hangs');
        $server->allowLog('/max_wait_time|signal=9|force kill/');
        $server->stop();
    },
);
?>
--EXPECT--
process: ok
base: ok
