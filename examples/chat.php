<?php
/**
 * A chat: each line goes to all other clients, whichever worker they belong to.
 *
 *     php -d extension=swoole.so examples/chat.php [HOST [PORT [process|base]]]
 *     nc 127.0.0.1 9501          in as many shells as you like; /who lists the others, /quit leaves
 */
declare(strict_types=1);

use Swoole\Server;

class Chat
{
    /** Bytes without a newline that one client may pile up here. */
    private const MAX_LINE_BYTES = 4096;

    /** @var array<int, string> the unfinished line of each client of this worker */
    private array $unfinished = [];

    public function __construct(private Server $server)
    {
        $server->on('connect', $this->onConnect(...));
        $server->on('receive', $this->onReceive(...));
        $server->on('close', $this->onClose(...));
    }

    private function onConnect(Server $server, int $fd): void
    {
        $this->unfinished[$fd] = '';
        $server->send($fd, "You are {$fd}.\n");
        $this->broadcast($fd, "{$fd} has come.");
    }

    private function onReceive(Server $server, int $fd, int $reactorId, string $data): void
    {
        // TCP is a stream: what arrives may be half a line, or several.
        $lines = explode("\n", ($this->unfinished[$fd] ?? '') . $data);
        $this->unfinished[$fd] = array_pop($lines);
        if (strlen($this->unfinished[$fd]) > self::MAX_LINE_BYTES) {
            $server->send($fd, "This line is too long.\n");
            $server->close($fd);
            return;
        }
        foreach ($lines as $line) {
            switch (trim($line)) {
                case '/who':
                    $server->send($fd, implode(', ', $this->others($fd)) . "\n");
                    break;
                case '/quit':
                    $server->send($fd, "Bye.\n");
                    $server->close($fd);
                    return;
                default:
                    $this->broadcast($fd, "{$fd}: " . trim($line));
            }
        }
    }

    private function onClose(Server $server, int $fd): void
    {
        unset($this->unfinished[$fd]);
        $this->broadcast($fd, "{$fd} has gone.");
    }

    private function broadcast(int $from, string $line): void
    {
        foreach ($this->others($from) as $fd) {
            // False if that client does not read what it is sent, or is just leaving: its own business.
            $this->server->send($fd, $line . "\n");
        }
    }

    /** @return list<int> */
    private function others(int $fd): array
    {
        return array_values(array_diff(iterator_to_array($this->server->connections, false), [$fd]));
    }
}

$server = new Server($argv[1] ?? '127.0.0.1', (int) ($argv[2] ?? 9501), ($argv[3] ?? 'process') === 'base' ? SWOOLE_BASE : SWOOLE_PROCESS);
$server->set(['worker_num' => 2]);
$server->on('start', function (Server $server): void {
    echo "Serving on {$server->host}:{$server->port}\n";
});
$chat = new Chat($server);

exit($server->start() ? 0 : 1);
