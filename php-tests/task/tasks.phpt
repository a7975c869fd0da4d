--TEST--
Swoole\Server: tasks run in task workers, and their results come to onFinish or to a callback of their own
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'task_worker_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data): void {
            [$command, $value] = json_decode($data, true);
            $id = match ($command) {
                'plain' => $server->task([$fd, $value]),
                'of' => $server->task([$fd, 'who'], $value),
                'callback' => $server->task([$fd, $value], -1, function (Swoole\Server $server, int $id, mixed $result) use ($fd): void {
                    $server->send($fd, json_encode(['callback', $id, $result]) . "\n");
                }),
            };
            $server->send($fd, "task {$id} of worker {$server->worker_id}\n");
        });
        $server->on('task', function (Swoole\Server $server, int $id, int $worker_id, mixed $data) use ($side): mixed {
            [$fd, $value] = $data;
            $side->event('task', ['id' => $id, 'from' => $worker_id, 'at' => $server->worker_id, 'is_task_worker' => $server->taskworker,
                'args' => func_num_args()]);
            if ($value === 'twice') {
                same(true, $server->finish([$fd, 'first']));
            }
            return match ($value) {
                'nothing' => null,
                'object' => [$fd, new ArrayObject([1, 2])],
                'who' => [$fd, $server->worker_id],
                default => [$fd, $value],
            };
        });
        $server->on('finish', function (Swoole\Server $server, int $id, mixed $data) use ($side): void {
            [$fd, $value] = $data;
            $value = is_object($value) ? get_class($value) . count($value) : $value;
            $server->send($fd, json_encode(['finish', $id, $value, $server->worker_id]) . "\n");
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/No idle task worker/');
        $client = $server->connect();
        $line = '';
        $read = function () use ($client): string {
            for ($line = ''; !str_ends_with($line, "\n");) {
                $line .= $client->read(1);
            }
            return rtrim($line);
        };
        $ask = function (string $command, mixed $value, int $lines) use ($client, $read): array {
            $client->send(json_encode([$command, $value]));
            $got = [];
            while (count($got) < $lines) {
                $line = $read();
                $got[str_starts_with($line, 'task') ? 'task' : count($got)] = $line;
            }
            preg_match('/^task (\d+) of worker (\d+)$/', $got['task'], $match);
            unset($got['task']);
            return [(int) $match[1], (int) $match[2], array_map(fn (string $line) => json_decode($line, true), array_values($got))];
        };
        foreach (['text', 12, 1.5, true, ['a' => [1, 2]], ''] as $value) {
            [$id, $worker, $lines] = $ask('plain', $value, 2);
            same([['finish', $id, $value, $worker]], $lines);
            $task = $server->expectEvent('task');
            same([$id, $worker, true, 4], [$task['id'], $task['from'], $task['is_task_worker'], $task['args']]);
            check(in_array($task['at'], [2, 3], true), 'task workers are numbered behind the workers');
        }
        [$id, $worker, $lines] = $ask('plain', 'object', 2);
        same([['finish', $id, 'ArrayObject2', $worker]], $lines);
        [$id, $worker, $lines] = $ask('plain', 'twice', 3);
        same([['finish', $id, 'first', $worker], ['finish', $id, 'twice', $worker]], $lines);
        [$id, $worker, $lines] = $ask('callback', 'x', 2);
        same('callback', $lines[0][0]);
        same([$id, 'x'], [$lines[0][1], $lines[0][2][1]]);
        foreach ([0, 1] as $index) {
            [$id, $worker, $lines] = $ask('of', $index, 2);
            same([['finish', $id, 2 + $index, $worker]], $lines);
        }
        // null is no result.
        [$id, $worker, $lines] = $ask('plain', 'nothing', 1);
        same([], $lines);
    },
);
?>
--EXPECT--
process: ok
base: ok
