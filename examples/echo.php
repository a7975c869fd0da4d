<?php
/**
 * A TCP server that answers with what it gets.
 *
 *     php -d extension=swoole.so examples/echo.php [HOST [PORT [process|base]]]
 */
declare(strict_types=1);

use Swoole\Server;

$host = $argv[1] ?? '127.0.0.1';
$port = (int) ($argv[2] ?? 9501);
$mode = ($argv[3] ?? 'process') === 'base' ? SWOOLE_BASE : SWOOLE_PROCESS;

$server = new Server($host, $port, $mode);
$server->set(['worker_num' => 2]);

$server->on('start', function (Server $server) use ($host, $port): void {
    echo "Serving on {$host}:{$port} (pid {$server->master_pid}); Ctrl-C ends it. Try it in another shell:\n\n",
        "    php -r '\$c = stream_socket_client(\"tcp://{$host}:{$port}\"); fwrite(\$c, \"hello\\n\"); echo fgets(\$c);'\n\n";
});
$server->on('connect', function (Server $server, int $fd, int $reactorId): void {
    echo "connection {$fd} from {$server->getClientInfo($fd)['remote_ip']}\n";
});
$server->on('receive', function (Server $server, int $fd, int $reactorId, string $data): void {
    $server->send($fd, $data);
});
$server->on('close', function (Server $server, int $fd, int $reactorId): void {
    echo "connection {$fd} closed\n";
});

if (!$server->start()) {
    exit(1);
}
