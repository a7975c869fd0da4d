--TEST--
Swoole\Server: a subclass with a constructor, properties and overridden methods
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

class Echoing extends Swoole\Server
{
    private array $seen = [];
    public readonly string $name;

    public function __construct(string $host, int $port, int $mode, string $name)
    {
        parent::__construct($host, $port, $mode, SWOOLE_SOCK_TCP);
        $this->name = $name;
        $this->on('receive', $this->receive(...));
        $this->on('close', [$this, 'closed']);
    }

    private function receive(self $server, int $fd, int $reactor_id, string $data): void
    {
        same(true, $server === $this, 'the same object');
        $this->seen[] = $data;
        $this->send($fd, "{$this->name}: " . implode(',', $this->seen));
    }

    protected function closed(self $server, int $fd): void
    {
    }

    public function send(string|int $fd, string $send_data, int $serverSocket = -1): bool
    {
        return parent::send($fd, "<{$send_data}>", $serverSocket);
    }
}

test_server(
    function (ServerSide $side): bool {
        $server = new Echoing('127.0.0.1', $side->port, $side->mode, 'test');
        $server->set(['worker_num' => 1, 'log_file' => $side->log_file]);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect();
        same('<test: a>', $client->send('a')->readSome());
        same('<test: a,b>', $client->send('b')->readSome());
    },
);
?>
--EXPECT--
process: ok
base: ok
