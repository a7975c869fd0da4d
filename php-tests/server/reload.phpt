--TEST--
Swoole\Server: reload one by one and all at once; a client that talks all the time loses nothing
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

$clients = function (TestServer $server): void {
    for ($round = 0; $round < 3; $round++) {
        $old = $server->workers;
        $client = $server->connect();
        same('0', $client->send('0')->read(1));
        $round === 1 ? $server->connect()->send('reload')->read(4) : $server->signal(SIGUSR1);
        $started = 0;
        for ($i = 1; $started < 3; $i++) {
            try {
                same((string) $i, $client->send((string) $i)->read(strlen((string) $i)));
            } catch (SwooleRs\Tests\Failure $failure) {
                // In base mode the connections of a worker end with it.
                check($server->mode === SWOOLE_BASE, $failure->getMessage());
                $client = $server->connect();
            }
            $started += count($server->events('workerStart'));
        }
        $server->expectEvent('afterReload');
        same(1, count($server->events('beforeReload')));
        $stops = [];
        for ($i = 0; $i < 3; $i++) {
            $stops[] = $server->expectEvent('workerStop');
        }
        sort($stops);
        same([0, 1, 2], $stops);
        check(array_intersect($old, $server->workers) === [], 'all workers are new');
    }
};
foreach ([false, true] as $reload_async) {
    test_server(
        function (ServerSide $side) use ($reload_async): bool {
            $server = $side->server(['worker_num' => 3, 'reload_async' => $reload_async]);
            $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
                if ($data === 'reload') {
                    $data = $server->reload() ? 'done' : 'fail';
                }
                $server->send($fd, $data);
            });
            $server->on('beforeReload', fn () => $side->event('beforeReload', getmypid()));
            $server->on('afterReload', fn () => $side->event('afterReload', getmypid()));
            $server->on('workerStop', fn (Swoole\Server $server, int $id) => $side->event('workerStop', $id));
            return $side->start($server);
        },
        $clients,
    );
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
