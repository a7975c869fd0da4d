--TEST--
Swoole\Server: task_max_request replaces task workers without a loss, however many tasks wait
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

const TASKS = 2000;

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['task_worker_num' => 2, 'task_max_request' => 100, 'task_max_request_grace' => 10]);
        $finished = [];
        $server->on('receive', function (Swoole\Server $server): void {
            // More than the queue holds: the rest waits in this process.
            for ($i = 0; $i < TASKS; $i++) {
                check($server->task(['number' => $i, 'more' => str_repeat('x', 1000)]) !== false, 'sent');
            }
        });
        $server->on('task', fn (Swoole\Server $server, int $id, int $worker, array $data) => $data['number']);
        $server->on('finish', function (Swoole\Server $server, int $id, int $number) use (&$finished, $side): void {
            $finished[$number] = true;
            if (count($finished) === TASKS) {
                $side->event('all');
            }
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/No idle task worker/');
        $server->connect()->send('go');
        $server->expectEvent('all');
        for ($i = 0; $i < 10; $i++) {
            $server->expectEvent('workerStart');
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
