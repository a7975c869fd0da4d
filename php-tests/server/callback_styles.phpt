--TEST--
Swoole\Server: callbacks in each of PHP's styles
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

function answer(Swoole\Server $server, int $fd, int $reactor_id, string $data): void
{
    $server->send($fd, strrev($data));
}

class Answers
{
    public static function fromClass($server, $fd, $reactor_id, $data): void
    {
        answer($server, $fd, $reactor_id, $data);
    }

    public function fromObject($server, $fd, $reactor_id, $data): void
    {
        answer($server, $fd, $reactor_id, $data);
    }

    public function __invoke($server, $fd, $reactor_id, $data): void
    {
        answer($server, $fd, $reactor_id, $data);
    }

    public function __call($name, $arguments): void
    {
        same('anyName', $name);
        answer(...$arguments);
    }
}

$styles = [
    'closure' => fn (): callable => function ($server, $fd, $reactor_id, $data): void {
        answer($server, $fd, $reactor_id, $data);
    },
    'function' => fn (): callable => 'answer',
    'static method as string' => fn (): callable => 'Answers::fromClass',
    'static method as array' => fn (): callable => ['Answers', 'fromClass'],
    'object method' => fn (): callable => [new Answers(), 'fromObject'],
    'first-class callable' => fn (): callable => (new Answers())->fromObject(...),
    'invokable object' => fn (): callable => new Answers(),
    '__call' => fn (): callable => [new Answers(), 'anyName'],
];
foreach ($styles as $style => $make) {
    test_server(
        function (ServerSide $side) use ($make): bool {
            $server = $side->server();
            $server->on('receive', $make());
            gc_collect_cycles(); // nothing but the server holds the callback now
            return $side->start($server);
        },
        function (TestServer $server) use ($style): void {
            $client = $server->connect();
            for ($i = 0; $i < 3; $i++) {
                same('cba', $client->send('abc')->read(3), $style);
            }
        },
    );
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
