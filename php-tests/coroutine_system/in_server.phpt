--TEST--
Swoole\Coroutine\System: in the processes of a server, which fork while threads of the pool exist
--FILE--
<?php
use Swoole\{Coroutine, Process};
use Swoole\Coroutine\System;
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        // Threads from before the start do not stand in its way.
        Coroutine\run(fn () => System::readFile(__FILE__));
        $server = $side->server(['worker_num' => 2, 'reload_async' => true]);
        $server->on('managerStart', function () use ($side): void {
            $child = new Process(fn (Process $self) => $self->exit(5));
            $child->start();
            Coroutine::create(function () use ($side, $child): void {
                $code = System::waitPid($child->pid)['code'];
                $side->event('manager', [$code, strlen(System::readFile(__FILE__))]);
            });
        });
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            $answer = match ($data) {
                'file' => System::readFile(__FILE__) === file_get_contents(__FILE__),
                'exec' => System::exec('echo out')['output'] === "out\n",
                'name' => System::gethostbyname('localhost') === '127.0.0.1',
                'child' => (function (): bool {
                    $pid = pcntl_fork();
                    $pid || posix_kill(getmypid(), SIGKILL);
                    return System::wait(10) === ['pid' => $pid, 'code' => 0, 'signal' => SIGKILL];
                })(),
                'signal' => (function (): bool {
                    Coroutine::create(function (): void {
                        System::sleep(0.001);
                        posix_kill(getmypid(), SIGUSR1);
                    });
                    return System::waitSignal(SIGUSR1, 10) === SIGUSR1;
                })(),
            };
            $server->send($fd, $answer ? "yes\n" : "no {$data}\n");
        });
        $server->on('workerStop', function () use ($side): void {
            $side->event('stopped', []);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        same([5, filesize(__FILE__)], $server->expectEvent('manager'));
        foreach (['file', 'exec', 'name', 'child', 'signal', 'file'] as $what) {
            same("yes\n", $server->connect()->send($what)->read(4), $what);
        }
        // The manager has threads now, and goes on forking.
        $server->signal(SIGUSR1, $server->manager_pid);
        $server->expectEvent('workerStart');
        $server->expectEvent('workerStart');
        same("yes\n", $server->connect()->send('file')->read(4));
    },
);
?>
--EXTENSIONS--
pcntl
posix
--EXPECT--
process: ok
base: ok
