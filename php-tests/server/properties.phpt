--TEST--
Swoole\Server: properties and pids, before start and in each process
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

function shown(Swoole\Server $server): array
{
    return ['master_pid' => $server->master_pid, 'manager_pid' => $server->manager_pid,
        'worker_id' => $server->worker_id, 'worker_pid' => $server->worker_pid, 'taskworker' => $server->taskworker,
        'getMasterPid' => $server->getMasterPid(), 'getManagerPid' => $server->getManagerPid(),
        'getWorkerId' => $server->getWorkerId(), 'getWorkerPid' => $server->getWorkerPid(),
        'pid' => getmypid(), 'parent' => posix_getppid(), 'other' => $server->getWorkerPid(1), 'none' => $server->getWorkerPid(99)];
}

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $before = shown($server) + ['mode' => $server->mode, 'host' => $server->host, 'port' => $server->port, 'type' => $server->type,
            'ssl' => $server->ssl, 'ports' => count($server->ports), 'setting' => $server->setting,
            'connections' => $server->connections::class, 'port_class' => $server->ports[0]::class];
        $side->event('before', $before);
        foreach (['start', 'managerStart', 'workerStart'] as $name) {
            $server->on($name, fn (Swoole\Server $server, int $id = -1) => $side->event("{$name} {$id}", shown($server)));
        }
        $server->on('receive', function (): void {
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $before = $server->expectEvent('before');
        same([0, 0, -1, 0, false], [$before['master_pid'], $before['manager_pid'], $before['worker_id'], $before['worker_pid'], $before['taskworker']]);
        same([0, 0, false, false, false], [$before['getMasterPid'], $before['getManagerPid'], $before['getWorkerId'], $before['getWorkerPid'], $before['other']]);
        same(['127.0.0.1', $server->port, SWOOLE_SOCK_TCP, $server->mode, false],
            [$before['host'], $before['port'], $before['type'], $before['mode'], $before['ssl']]);
        same([1, Swoole\Connection\Iterator::class, Swoole\Server\Port::class], [$before['ports'], $before['connections'], $before['port_class']]);
        same(2, $before['setting']['worker_num']);

        foreach ([0, 1] as $id) {
            $worker = $server->expectEvent("workerStart {$id}");
            same($server->workers[$id], $worker['pid']);
            same([$id, $worker['pid'], false], [$worker['worker_id'], $worker['worker_pid'], $worker['taskworker']]);
            same([$id, $worker['pid']], [$worker['getWorkerId'], $worker['getWorkerPid']]);
            same([$server->master_pid, $server->manager_pid], [$worker['master_pid'], $worker['manager_pid']]);
            same([$server->master_pid, $server->manager_pid], [$worker['getMasterPid'], $worker['getManagerPid']]);
            same(false, $worker['none']);
        }
        $manager = $server->expectEvent('managerStart -1');
        same([$server->manager_pid, $server->manager_pid, $server->master_pid],
            [$manager['pid'], $manager['manager_pid'], $manager['master_pid']]);
        $start = $server->expectEvent('start -1');
        same([$server->master_pid, $server->manager_pid], [$start['master_pid'], $start['manager_pid']]);
    },
);
?>
--EXPECT--
process: ok
base: ok
