--TEST--
Swoole\Server: 100 reloads under load: no request is lost or answered twice
--FILE--
<?php
use SwooleRs\Tests\{Processes, ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

foreach ([false, true] as $reload_async) {
    test_server(
        function (ServerSide $side) use ($reload_async): bool {
            $server = $side->server(['worker_num' => 2, 'reactor_num' => 2, 'reload_async' => $reload_async]);
            $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
                foreach (explode("\n", $data, -1) as $request) {
                    $server->send($fd, "{$request}\n");
                }
            });
            $server->on('afterReload', fn () => $side->event('afterReload'));
            return $side->start($server);
        },
        function (TestServer $server): void {
            $clients = array_map(fn () => $server->connect(), range(1, 10));
            $number = 0;
            for ($reload = 0; $reload < (getenv('SWOOLE_SOAK') ? 100 : 5); $reload++) {
                $server->signal(SIGUSR1);
                do {
                    $number++;
                    foreach ($clients as $i => $client) {
                        $client->send(sprintf("%02d %08d\n", $i, $number));
                    }
                    foreach ($clients as $i => $client) {
                        same(sprintf("%02d %08d\n", $i, $number), $client->read(12), "the answer to client {$i}");
                    }
                } while ($server->events('afterReload') === []);
                $server->events('workerStart');
            }
            foreach ($clients as $client) {
                $client->finishSending();
                same('', $client->readAll(), 'nothing is answered twice');
            }
        },
        [SWOOLE_PROCESS],
    );
}
?>
--EXPECT--
process: ok
process: ok
