--TEST--
Swoole\Server: addProcess() runs a process of user code with the server, starts it again, and ends it
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'task_worker_num' => 1]);
        $process = new Swoole\Process(function (Swoole\Process $process) use ($side, $server): void {
            $side->event('user', ['pid' => getmypid(), 'own' => $process->pid, 'id' => $process->id, 'parent' => posix_getppid(),
                'manager' => $server->manager_pid, 'sent' => $server->sendMessage('of the user', 1)]);
            $server->task('of the user');
            while (true) {
                $command = $process->read();
                if ($command === 'exit') {
                    exit(0);
                }
                [$fd, $text] = json_decode($command, true);
                $server->send($fd, strtoupper($text));
            }
        });
        $coroutines = new Swoole\Process(function (Swoole\Process $process) use ($side): void {
            $socket = $process->exportSocket();
            while (true) {
                $side->event('received', [Co::getCid() > 0, $socket->recv()]);
            }
        }, false, SOCK_DGRAM, true);
        check(is_int($server->addProcess($process)), 'added');
        check(is_int($server->addProcess($coroutines)), 'added');
        check(@$server->addProcess($process) === false, 'once');
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data) use ($process, $coroutines): void {
            $process->write($data === 'exit' ? $data : json_encode([$fd, $data]));
            $coroutines->write("also {$data}");
        });
        $server->on('pipeMessage', function (Swoole\Server $server, int $from, mixed $data) use ($side): void {
            $side->event('message', [$from, $data]);
        });
        $server->on('task', function (Swoole\Server $server, int $id, int $from, mixed $data) use ($side): void {
            $side->event('task', [$from, $data, @$server->finish('x')]);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/No idle task worker/');
        $server->allowLog('/can only be used in the worker process/');
        $user = $server->expectEvent('user');
        same([3, true], [$user['id'], $user['sent']]);
        same([$user['pid'], $user['manager']], [$user['own'], $user['parent']]);
        same([3, 'of the user'], $server->expectEvent('message'));
        same([3, 'of the user', false], $server->expectEvent('task'));
        $client = $server->connect();
        same('HELLO', $client->send('hello')->read(5));
        same([true, 'also hello'], $server->expectEvent('received'));
        $client->send('exit');
        $again = $server->expectEvent('user');
        check($again['pid'] !== $user['pid'], 'it was started again');
        same('AGAIN', $client->send('again')->read(5));
    },
);
?>
--EXPECT--
process: ok
base: ok
