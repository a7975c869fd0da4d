--TEST--
Swoole\Server: calls about tasks in the wrong place, as the reference refuses them
--FILE--
<?php
use SwooleRs\Tests\{Script, ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'task_worker_num' => 2]);
        $try = function (Closure $call): array {
            $text = null;
            set_error_handler(function (int $level, string $message) use (&$text): bool {
                $text = $message;
                return true;
            });
            $result = $call();
            restore_error_handler();
            return [$result, $text];
        };
        $calls = fn (Swoole\Server $server) => array_map($try, [
            'task' => fn () => $server->task('x', 2),
            'task far' => fn () => $server->task('x', 2000),
            'taskwait' => fn () => $server->taskwait('x', 1, 2),
            'too many' => fn () => $server->taskWaitMulti(array_fill(0, 1024, 'x')),
            'message' => fn () => $server->sendMessage('x', 4),
            'message negative' => fn () => $server->sendMessage('x', -1),
            'self' => fn () => $server->sendMessage('x', $server->worker_id),
            'unserializable' => function () use ($server) {
                try {
                    return $server->task(fn () => 1);
                } catch (Exception $exception) {
                    return $exception->getMessage();
                }
            },
            'finish' => fn () => $server->finish('x'),
        ]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data) use ($side, $calls, $try): void {
            foreach ($calls($server) as $name => $got) {
                $side->event($name, $got);
            }
            $server->task($data);
        });
        $server->on('task', function (Swoole\Server $server, int $id, int $worker_id, mixed $data) use ($side, $try): void {
            foreach ([
                'in task' => fn () => $server->task('x'),
                'wait in task' => fn () => $server->taskwait('x'),
                'multi in task' => fn () => $server->taskWaitMulti(['x']),
            ] as $name => $call) {
                $side->event($name, $try($call));
            }
        });
        $server->on('pipeMessage', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/No idle task worker/');
        $server->connect()->send('go');
        $expect = function (string $name, mixed $result, ?string $text) use ($server): void {
            [$got, $message] = $server->expectEvent($name);
            same($result, $got, $name);
            check($text === null ? $message === null : str_contains((string) $message, $text), "{$name}: {$message}");
        };
        $expect('task', false, 'worker_id must be less than task_worker_num[2]');
        $expect('task far', false, 'worker_id must be less than task_worker_num[2]');
        $expect('taskwait', false, 'worker_id must be less than task_worker_num[2]');
        $expect('too many', false, 'too many concurrent tasks');
        $expect('message', false, 'worker_id[4] is invalid');
        $expect('message negative', false, 'worker_id[-1] is invalid');
        $expect('self', false, "can't send messages to self");
        $expect('unserializable', "Serialization of 'Closure' is not allowed", null);
        $expect('finish', false, null);
        $expect('in task', false, 'Server->task() cannot use in the task-worker');
        $expect('wait in task', false, 'taskwait method can only be used in the worker process');
        $expect('multi in task', false, 'taskWaitMulti method can only be used in the worker process');
        $server->expectLog('/Server::finish\(\) can only be used/');
    },
);

$output = Script::run(<<<'PHP'
    $server = new Swoole\Server('127.0.0.1', 0, SWOOLE_BASE);
    var_dump(@$server->task('x'), @$server->sendMessage('x', 0), @$server->finish('x'));
    $server->set(['task_worker_num' => 1, 'log_level' => SWOOLE_LOG_NONE]);
    $server->on('receive', fn () => 0);
    $server->start();
    PHP, status: 255);
check(substr_count($output, 'bool(false)') === 3, $output);
check(str_contains($output, "require 'onTask' callback"), $output);

$output = Script::run(<<<'PHP'
    $server = new Swoole\Server('127.0.0.1', 0, SWOOLE_BASE);
    $server->set(['task_worker_num' => 1, 'task_enable_coroutine' => true, 'task_ipc_mode' => 2]);
    $server->on('receive', fn () => 0);
    $server->on('task', fn () => 0);
    $server->start();
    PHP, status: 255);
check(str_contains($output, 'cannot use msgqueue when `task_enable_coroutine` is enable'), $output);

$output = Script::run(<<<'PHP'
    $server = new Swoole\Server('127.0.0.1', 0, SWOOLE_BASE);
    $server->set(['worker_num' => 1]);
    $server->on('receive', fn () => 0);
    $server->on('workerStart', function () use ($server): void {
        var_dump(@$server->task('x'), error_get_last()['message'], @$server->sendMessage('x', 0), error_get_last()['message']);
        $server->shutdown();
    });
    $server->start();
    PHP);
check(str_contains($output, "can't be executed without task worker") && str_contains($output, 'onPipeMessage is null'), $output);
?>
--EXPECT--
process: ok
base: ok
