--TEST--
Swoole\Server: use, global, static and dynamic properties are seen by callbacks and kept between them
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

class Counter
{
    public static array $buffer = [];
}

class Application
{
    public array $buffer = [];
    public ?swoole_server $serv = null;

    public function onReceive($serv, $fd, $from_id, $data): void
    {
        global $buffer;
        static $calls = 0;
        $this->buffer[] = $data;
        $buffer[] = $data;
        Counter::$buffer[] = $data;
        $serv->buffer[] = $data;
        $serv->send($fd, json_encode([
            'object' => $this->buffer, 'global' => $buffer, 'static' => Counter::$buffer, 'server' => $serv->buffer,
            'calls' => ++$calls, 'same' => $serv === $this->serv, 'worker' => $serv->opened,
        ]) . "\n");
    }
}

test_server(
    function (ServerSide $side): bool {
        global $buffer;
        $buffer = ['first'];
        $server = new swoole_server('127.0.0.1', $side->port, $side->mode);
        $server->set(['worker_num' => 1, 'reactor_num' => 1, 'log_file' => $side->log_file]);
        $server->buffer = [];
        $application = new Application();
        $application->serv = $server;
        $server->on('receive', array($application, 'onReceive'));
        $server->on('workerstart', function ($serv, $id): void {
            $serv->opened = "by worker {$id}";
        });
        $count = 0;
        $server->on('connect', function ($serv, $fd) use (&$count, $side): void {
            $side->event('connect', ++$count);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        foreach (['a', 'b'] as $index => $data) {
            $client = $server->connect()->send($data);
            same($index + 1, $server->expectEvent('connect'), 'use by reference');
            $answer = json_decode($client->readSome(), true);
            $all = array_slice(['a', 'b'], 0, $index + 1);
            same($all, $answer['object']);
            same(['first', ...$all], $answer['global']);
            same($all, $answer['static']);
            same($all, $answer['server']);
            same([$index + 1, true, 'by worker 0'], [$answer['calls'], $answer['same'], $answer['worker']]);
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
