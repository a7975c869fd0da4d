<?php
declare(strict_types=1);

namespace SwooleRs\Tests;

/** The test inside the server's processes. */
final class ServerSide
{
    /** SWOOLE_PROCESS or SWOOLE_BASE. */
    public readonly int $mode;
    public readonly int $port;
    /** Where the server must log, for the helper to judge. */
    public readonly string $log_file;

    private const MAX_EVENT_BYTES = 4096; // PIPE_BUF: longer writes of several processes could mix

    /** @var resource */
    private $pipe;

    /** @param array{mode: int, port: int, folder: string} $order */
    public function __construct(private readonly array $order)
    {
        $this->mode = $order['mode'];
        $this->port = $order['port'];
        $this->log_file = $order['folder'] . '/server.log';
        $this->pipe = fopen('php://fd/3', 'w');
    }

    /**
     * A server on 127.0.0.1 and the test's port, with one worker, one reactor thread and the test's log
     * file; $settings add to that or override it.
     *
     * @param class-string<\Swoole\Server> $class
     */
    public function server(array $settings = [], string $class = \Swoole\Server::class): \Swoole\Server
    {
        $server = new $class('127.0.0.1', $this->port, $this->mode);
        $server->set($settings + ['worker_num' => 1, 'reactor_num' => 1, 'log_file' => $this->log_file]);
        return $server;
    }

    /** Starts it. The client's side begins when each worker has run its onWorkerStart. */
    public function start(\Swoole\Server $server): bool
    {
        $callback = $server->getCallback('workerStart');
        $server->on('workerStart', function (\Swoole\Server $server, int $worker_id) use ($callback): void {
            if ($callback !== null) {
                $callback($server, $worker_id);
            }
            $this->event('workerStart', ['worker_id' => $worker_id, 'pid' => getmypid(), 'parent' => posix_getppid()]);
        });
        $workers = ($server->setting['worker_num'] ?? swoole_cpu_num()) + ($server->setting['task_worker_num'] ?? 0);
        $this->event('starting', ['worker_num' => $workers]);
        return $server->start();
    }

    /** Tells the client's side that something happened; any process of the server may. */
    public function event(string $name, mixed $data = null): void
    {
        $line = json_encode([$name, $data], JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR) . "\n";
        if (strlen($line) > self::MAX_EVENT_BYTES) {
            throw new \LengthException("event {$name} is longer than " . self::MAX_EVENT_BYTES . ' bytes');
        }
        fwrite($this->pipe, $line);
    }

    /** A file in the test's folder, which goes when the test ends. */
    public function path(string $name): string
    {
        return "{$this->order['folder']}/{$name}";
    }

    /** Another free port, chosen by the client's side before the start: 0, 1 or 2. */
    public function extraPort(int $index): int
    {
        return $this->order['extra_ports'][$index];
    }

    /** @internal */
    public function run(callable $server): int
    {
        return $server($this) === false ? 1 : 0;
    }
}
