--TEST--
Swoole\Server: signals straight to manager and workers
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', fn (Swoole\Server $server, int $fd, int $reactor_id, string $data) => $server->send($fd, $data));
        foreach (['workerStop', 'afterReload', 'workerError'] as $name) {
            $server->on($name, fn () => $side->event($name, getmypid()));
        }
        return $side->start($server);
    },
    function (TestServer $server): void {
        // SIGTERM: a worker ends in order and is replaced.
        $old = $server->workers[0];
        $server->signal(SIGTERM, $old);
        same($old, $server->expectEvent('workerStop'));
        same(0, $server->expectEvent('workerStart')['worker_id']);
        // SIGINT, SIGUSR1, SIGUSR2 to a worker: nothing.
        foreach ([SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGPIPE] as $signal) {
            $server->signal($signal, $server->workers[1]);
        }
        // The manager reloads on SIGUSR1.
        $server->signal(SIGUSR1, $server->manager_pid);
        $server->expectEvent('afterReload');
        same([], $server->events('workerError'));
        $server->expectEvent('workerStart');
        $server->expectEvent('workerStart');
        same('hello', $server->connect()->send('hello')->read(5));
        // Stopped and continued, as a debugger or Ctrl-Z does it.
        $pid = $server->workers[0];
        $server->signal(SIGSTOP, $pid);
        $server->signal(SIGCONT, $pid);
        same('again', $server->connect()->send('again')->read(5));
    },
);
?>
--EXPECT--
process: ok
base: ok
