--TEST--
Swoole\Server: exceptions in onWorkerStop, onManagerStop, onBeforeShutdown and onShutdown: the server ends all the same
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

foreach (['workerStop', 'managerStop', 'beforeShutdown', 'shutdown'] as $event) {
    test_server(
        function (ServerSide $side) use ($event): bool {
            $server = $side->server(['worker_num' => 2]);
            $server->on('receive', fn () => 0);
            $server->on($event, fn () => throw new LogicException('at the end'));
            return $side->start($server);
        },
        function (TestServer $server): void {
            $client = $server->connect();
            $server->allowOutput('/LogicException|Stack trace|^#|thrown in|^$/');
            $server->allowLog('/abnormal exit|status=255/');
            $server->signal(SIGTERM);
            $client->expectFin()->close();
            until(fn (): bool => $server->processes() === [], 'the end of all processes');
            // 0, or something else where the failure was in the first process or the manager.
            foreach ([0, 255, 1] as $status) {
                try {
                    $server->expectExit($status);
                    return;
                } catch (SwooleRs\Tests\Failure $failure) {
                }
            }
            throw $failure;
        },
    );
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
