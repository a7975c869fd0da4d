--TEST--
Swoole\Server: onWorkerStart that always fails: pauses grow, the log says so, the server can be stopped
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('workerStart', function (Swoole\Server $server, int $id) use ($side): void {
            if (file_exists($side->path('fail')) && $id === 0) {
                $side->event('fails');
                throw new RuntimeException('no database');
            }
        });
        $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, (string) $server->worker_id));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowOutput('/RuntimeException|Stack trace|^#|thrown in|^$/');
        touch($server->path('fail'));
        $server->signal(SIGKILL, $server->workers[0]);
        for ($i = 0; $i < 3; $i++) {
            $server->expectEvent('fails');
        }
        $server->expectLog('/worker 0 has ended \d+ times in a row.*onWorkerStart/');
        $server->expectLog('/id=0\) abnormal exit, status=255.*no database/');
        $server->allowLog('/worker 0|id=0\)/');
        unlink($server->path('fail'));
        same(0, $server->expectEvent('workerStart')['worker_id']);
        same(false, array_diff(['0'], array_map(fn () => $server->connect()->send('x')->read(1), range(1, 20))) !== [] && $server->mode === SWOOLE_PROCESS);
    },
);
?>
--EXPECT--
process: ok
base: ok
