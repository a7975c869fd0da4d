--TEST--
Swoole\Server: event_object hands objects to the callbacks
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['event_object' => true]);
        foreach (['connect', 'receive', 'close'] as $name) {
            $server->on($name, function (Swoole\Server $server, Swoole\Server\Event $event) use ($side, $name): void {
                same(2, func_num_args());
                $side->event($name, [$event->fd, $event->reactor_id, $event->data, is_float($event->dispatch_time) && ($name !== 'receive' || abs($event->dispatch_time - microtime(true)) < 3600)]);
                $name === 'receive' && $server->send($event->fd, "Swoole: {$event->data}");
            });
        }
        $server->on('workerError', function (Swoole\Server $server, Swoole\Server\StatusInfo $info) use ($side): void {
            $side->event('workerError', [$info->worker_id, $info->worker_pid, $info->status, $info->exit_code, $info->signal]);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect()->send('hello');
        same('Swoole: hello', $client->read(13));
        $connect = $server->expectEvent('connect');
        same([1, null, true], [$connect[0], $connect[2], $connect[3]]);
        same([1, $connect[1], 'hello', true], $server->expectEvent('receive'));
        $client->close();
        same([1, $connect[1], null, true], $server->expectEvent('close'));
        if ($server->mode === SWOOLE_PROCESS) {
            $pid = $server->workers[0];
            $server->signal(SIGKILL, $pid);
            same([0, $pid, SIGKILL, 0, SIGKILL], $server->expectEvent('workerError'));
            $server->expectEvent('workerStart');
            $server->expectLog("/pid={$pid},/");
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
