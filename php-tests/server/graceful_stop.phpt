--TEST--
Swoole\Server: SIGTERM finishes the request in flight
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd) use ($side): void {
            $side->event('busy');
            for ($i = 0; !file_exists($side->path('go on')) && $i < 2000; $i++) {
                usleep(1000);
            }
            $server->send($fd, 'the answer');
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect()->send('x');
        $server->expectEvent('busy');
        $server->signal(SIGTERM);
        if ($server->mode === SWOOLE_PROCESS) { // in base mode the busy worker is who would have to close the listener
            until(fn (): bool => !SwooleRs\Tests\Ports::isListening($server->port), 'the server accepts no more');
        }
        touch($server->path('go on'));
        same('the answer', $client->readAll());
        $server->expectExit();
    },
);
?>
--EXPECT--
process: ok
base: ok
