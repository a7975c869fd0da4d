--TEST--
Swoole\Server: package_length_func in base mode; process mode refuses it
--FILE--
<?php
use SwooleRs\Tests\{Script, ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

/** Packages such as "5:hello": 0 as long as the colon is missing, -1 for what is no number. */
function length_of(string $head): int
{
    if (!preg_match('/^\d*/', $head, $digits) || strlen($digits[0]) === strlen($head)) {
        return 0;
    }
    return $head[strlen($digits[0])] === ':' ? strlen($digits[0]) + 1 + (int) $digits[0] : -1;
}

final class Lengths
{
    public function of(string $head): int
    {
        return length_of($head);
    }
}

foreach (['length_of', [new Lengths(), 'of'], length_of(...)] as $function) {
    test_server(
        function (ServerSide $side) use ($function): bool {
            $server = $side->server(['open_length_check' => true, 'package_length_func' => $function, 'worker_num' => 2,
                'package_max_length' => 100_000]);
            $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
                $server->send($fd, '<' . strlen($data) . ':' . md5($data) . '>');
            });
            $server->on('close', fn ($server, int $fd) => $side->event('close'));
            return $side->start($server);
        },
        function (TestServer $server): void {
            $answer = fn (string $data): string => '<' . strlen($data) . ':' . md5($data) . '>';
            // Several at once, in pieces, and a large one.
            $client = $server->connect();
            $packages = ['5:hello', '0:', '3:a:b', '90000:' . str_repeat('x', 90_000), '1:!'];
            $expected = implode('', array_map($answer, $packages));
            foreach (str_split(implode('', $packages), 40_001) as $piece) {
                $client->send($piece);
            }
            same($expected, $client->read(strlen($expected)));
            foreach (str_split('11:hello world') as $byte) {
                $client->send($byte);
            }
            same($answer('11:hello world'), $client->read(strlen($answer('11:hello world'))));
            // What makes no sense ends the connection, and that one alone.
            foreach (['abc', '100001:', '1:ax'] as $wrong) {
                $other = $server->connect();
                $other->send($wrong);
                $other->readAll();
                $server->expectLog('/connection \d+ is closed/');
                $server->expectEvent('close');
            }
            $client->send('2:ok');
            same($answer('2:ok'), $client->read(strlen($answer('2:ok'))));
        },
        [SWOOLE_BASE],
    );
}

// What the function throws ends the worker, as in any callback.
test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['open_length_check' => true, 'worker_num' => 2,
            'package_length_func' => fn (string $head) => throw new Exception('no length')]);
        $server->on('receive', fn () => $side->event('received'));
        $server->on('workerError', fn ($server, int $id, int $pid, int $status) => $side->event('workerError', $status));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowOutput('/no length|Stack trace|^#|thrown in/');
        $server->allowLog('/abnormal/');
        $server->connect()->send('x');
        same(255, $server->expectEvent('workerError'));
        $server->expectEvent('workerStart');
        same([], $server->events('received'));
    },
    [SWOOLE_BASE],
);

$output = Script::run(<<<'CODE'
    $server = new Swoole\Server('127.0.0.1', 0, SWOOLE_PROCESS);
    $server->set(['open_length_check' => true, 'package_length_func' => 'strlen']);
    $server->on('receive', fn () => null);
    $server->start();
    CODE, status: 255);
check(preg_match('/package_length_func in SWOOLE_PROCESS mode, whose reactor threads cannot run PHP.*use SWOOLE_BASE/', $output) === 1, $output);
echo "refused\n";
?>
--EXPECT--
base: ok
base: ok
base: ok
base: ok
refused
