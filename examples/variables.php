<?php
/**
 * Five ways for a callback to reach variables outside of it. Each worker process has its own copy of them:
 * what several workers must share belongs into a database or into shared memory.
 *
 *     php -d extension=swoole.so examples/variables.php [HOST [PORT [process|base]]]
 */
declare(strict_types=1);

class Application
{
    private array $messages = []; // 1. a property of the object whose method is the callback
    public static array $total = ['bytes' => 0]; // 2. a static property

    public function onReceive(swoole_server $server, int $fd, int $reactorId, string $data): void
    {
        global $started_at; // 3. a global variable

        $this->messages[$fd][] = trim($data);
        self::$total['bytes'] += strlen($data);
        $server->last = $fd; // 4. a property of the server

        $server->send($fd, json_encode([
            'your messages' => $this->messages[$fd],
            'bytes of all' => self::$total['bytes'],
            'last client' => $server->last,
            'server started' => $started_at <= time(),
        ]) . "\n");
    }

    public function forget(int $fd): void
    {
        unset($this->messages[$fd]); // nothing else ever frees it
    }
}

$started_at = time();
$server = new swoole_server($argv[1] ?? '127.0.0.1', (int) ($argv[2] ?? 9501), ($argv[3] ?? 'process') === 'base' ? SWOOLE_BASE : SWOOLE_PROCESS);
$server->set(['worker_num' => 1]);
$server->last = 0;

$application = new Application();
$server->on('start', function (swoole_server $server): void {
    echo "Serving on {$server->host}:{$server->port}\n";
});
$server->on('receive', [$application, 'onReceive']);
$server->on('close', function (swoole_server $server, int $fd) use ($application): void { // 5. use
    $application->forget($fd);
});

exit($server->start() ? 0 : 1);
