<?php
/**
 * The four ways to give a callback: closure, function, static method, object method.
 *
 *     php -d extension=swoole.so examples/callback_styles.php [HOST [PORT [process|base]]]
 */
declare(strict_types=1);

use Swoole\Server;

function answer(Server $server, int $fd, int $reactorId, string $data): void
{
    $server->send($fd, 'You said: ' . $data);
}

class Greeter
{
    public static function welcome(Server $server, int $fd): void
    {
        $server->send($fd, "Welcome, client {$fd}.\n");
    }
}

class Visitors
{
    private int $count = 0;

    public function left(Server $server, int $fd): void
    {
        $this->count++;
        echo "Client {$fd} has left; {$this->count} so far in worker {$server->worker_id}.\n";
    }
}

$server = new Server($argv[1] ?? '127.0.0.1', (int) ($argv[2] ?? 9501), ($argv[3] ?? 'process') === 'base' ? SWOOLE_BASE : SWOOLE_PROCESS);
$server->set(['worker_num' => 1]);

$server->on('start', function (Server $server): void {
    echo "Serving on {$server->host}:{$server->port}\n";
});
$server->on('receive', 'answer');
$server->on('connect', 'Greeter::welcome'); // or [Greeter::class, 'welcome']
$server->on('close', [new Visitors(), 'left']);

exit($server->start() ? 0 : 1);
