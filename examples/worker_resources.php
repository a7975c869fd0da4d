<?php
/**
 * One database connection (here: an open file) for each worker process, opened in onWorkerStart and never
 * shared between processes; a reload opens it anew.
 *
 *     php -d extension=swoole.so examples/worker_resources.php [HOST [PORT [process|base]]]
 *     kill -USR1 PID             reloads the workers
 */
declare(strict_types=1);

use Swoole\Server;

$server = new Server($argv[1] ?? '127.0.0.1', (int) ($argv[2] ?? 9501), ($argv[3] ?? 'process') === 'base' ? SWOOLE_BASE : SWOOLE_PROCESS);
$server->set(['worker_num' => 2, 'max_request' => 100_000]);

$server->on('start', function (Server $server): void {
    echo "Serving on {$server->host}:{$server->port} (pid {$server->master_pid})\n";
});
$server->on('workerStart', function (Server $server, int $workerId): void {
    $server->db = fopen(__FILE__, 'r');
    echo "Worker {$workerId} has opened its own connection.\n";
});
$server->on('workerStop', function (Server $server, int $workerId): void {
    fclose($server->db);
});
$server->on('workerError', function (Server $server, int $workerId, int $pid, int $status, int $signal): void {
    echo "Worker {$workerId} (pid {$pid}) has died: status {$status}, signal {$signal}.\n";
});
$server->on('receive', function (Server $server, int $fd, int $reactorId, string $data): void {
    rewind($server->db);
    $server->send($fd, fgets($server->db)); // the first line of this file
});

exit($server->start() ? 0 : 1);
