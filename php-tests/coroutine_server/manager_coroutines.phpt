--TEST--
Swoole\Server: a worker that is started later has nothing of the coroutines that wait in the manager
--FILE--
<?php
use Swoole\Coroutine;
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        Swoole\Runtime::enableCoroutine();
        $server = $side->server(['worker_num' => 2]);
        [$mine, $other] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        $server->on('managerStart', function () use ($side, $mine): void {
            for ($i = 0; $i < 3; $i++) {
                go(fn () => Coroutine::sleep(3600));
            }
            go(function () use ($side, $mine): void {
                fread($mine, 10);
                $side->event('read', getmypid());
            });
            $side->event('waiting', Coroutine::stats()['coroutine_num']);
        });
        $server->on('receive', function (Swoole\Server $server, int $fd) use ($mine): void {
            fclose($mine); // must not go on with the manager's coroutine
            $server->send($fd, json_encode([Coroutine::stats()['coroutine_num'], iterator_to_array(Coroutine::list()) === [Coroutine::getCid()]]));
        });
        $GLOBALS['other'] = $other;
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->expectEvent('waiting');
        $server->allowLog('/signal=9/');
        while ($server->events('workerStart') !== []);
        for ($i = 0; $i < 2; $i++) {
            foreach ([0, 1] as $id) {
                $server->signal(SIGKILL, $server->workers[$id]);
                same($id, $server->expectEvent('workerStart')['worker_id']);
            }
            same([1, true], json_decode($server->connect()->send('x')->readSome(), true));
        }
        $server->stop();
        same([], $server->events('read'));
    },
);
?>
--EXPECT--
process: ok
base: ok
