--TEST--
Swoole\Server: objects of tasks, results and messages; Task::pack() and unpack()
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

use Swoole\Server\{PipeMessage, Task, TaskResult};

foreach (['', 'text', str_repeat('x', 3_000_000), [1, ['a' => null]], 1.5, new ArrayObject([1])] as $data) {
    $packed = Task::pack($data);
    check(is_string($packed), 'packed');
    check($data == Task::unpack($packed), 'unpacked');
}
same([false, false], [Task::unpack('nonsense'), Task::unpack('')]);
try {
    (new Task())->finish(1);
} catch (Error $error) {
    check(str_contains($error->getMessage(), 'Invalid instance'), $error->getMessage());
}
foreach ([fn () => clone new Task(), fn () => serialize(new Task())] as $refused) {
    try {
        $refused();
        echo "not refused\n";
    } catch (Throwable) {
    }
}

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'task_worker_num' => 1, 'event_object' => true]);
        $server->on('receive', function (Swoole\Server $server, Swoole\Server\Event $event): void {
            $server->task(['data' => $event->data]);
            $server->sendMessage(['m' => $event->data], 1 - $server->worker_id);
        });
        $server->on('task', function (Swoole\Server $server, Task $task) use ($side): ?string {
            $side->event('task', get_object_vars($task) + ['age' => microtime(true) - $task->dispatch_time]);
            same(true, $task->finish('by the object'));
            return null;
        });
        $server->on('finish', function (Swoole\Server $server, TaskResult $result) use ($side): void {
            $side->event('finish', get_object_vars($result));
        });
        $server->on('pipeMessage', function (Swoole\Server $server, PipeMessage $message) use ($side): void {
            $side->event('message', get_object_vars($message) + ['at' => $server->worker_id]);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/No idle task worker/');
        $server->connect()->send('hello');
        $task = $server->expectEvent('task');
        same(['data' => ['data' => 'hello'], 'id' => 0, 'flags' => SWOOLE_TASK_NONBLOCK | SWOOLE_TASK_SERIALIZE],
            ['data' => $task['data'], 'id' => $task['id'], 'flags' => $task['flags']]);
        check($task['age'] >= 0 && $task['age'] < 60, 'the time it was sent');
        $finish = $server->expectEvent('finish');
        same([0, 2, 'by the object'], [$finish['task_id'], $finish['task_worker_id'], $finish['data']]);
        $message = $server->expectEvent('message');
        same([$task['worker_id'], $task['worker_id'], ['m' => 'hello'], 1 - $task['worker_id']],
            [$message['worker_id'], $message['source_worker_id'], $message['data'], $message['at']]);
    },
);
?>
--EXPECT--
process: ok
base: ok
