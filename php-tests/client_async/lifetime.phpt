--TEST--
Swoole\Async\Client: an object that nobody holds lives until its connection ends; swoole_client
--FILE--
<?php
use Swoole\Async\Client;
use Swoole\Event;
use SwooleRs\Tests\Noted;
use function SwooleRs\Tests\{check, child, closed_port, listen, parts, read, reap, same, write};

require __DIR__ . '/peer.inc';

/** A client held by a local variable alone. */
function begin(int $port, ArrayObject $log, bool $close): void
{
    $client = new Noted(SWOOLE_SOCK_TCP);
    $client->gone = fn () => $log[] = 'destroyed';
    $client->on('connect', fn (Client $client) => $client->send('hello'));
    $client->on('receive', function (Client $client, string $data) use ($log, $close): void {
        $log[] = $data;
        if ($close) {
            $client->close();
            $log[] = 'closed';
        }
    });
    $client->on('error', function () use ($log): void {
        $log[] = 'error';
    });
    $client->on('close', function () use ($log): void {
        $log[] = 'close';
    });
    check($client->connect('127.0.0.1', $port, 5), 'connect() begins');
}

function served(callable $side): array
{
    [$listener, $port] = listen();
    return [$port, child(fn () => $side(socket_accept($listener)))];
}

parts([
    'closed by us' => function () {
        [$port, $pid] = served(function ($peer): void {
            write($peer, strrev(read($peer, 5)));
            read($peer);
        });
        $log = new ArrayObject();
        begin($port, $log, true);
        Event::wait();
        reap($pid);
        same(['olleh', 'close', 'closed', 'destroyed'], (array) $log);
    },
    'closed by the peer' => function () {
        [$port, $pid] = served(fn ($peer) => write($peer, strrev(read($peer, 5))));
        $log = new ArrayObject();
        begin($port, $log, false);
        Event::wait();
        reap($pid);
        same(['olleh', 'close', 'destroyed'], (array) $log);
    },
    'refused' => function () {
        $log = new ArrayObject();
        begin(closed_port(), $log, false);
        Event::wait();
        same(['error', 'destroyed'], (array) $log);
    },
    'no descriptor stays' => function () {
        $count = fn () => count(scandir('/proc/self/fd'));
        $before = null;
        foreach (range(1, 20) as $_) {
            [$port, $pid] = served(fn ($peer) => write($peer, strrev(read($peer, 5))));
            begin($port, new ArrayObject(), false);
            Event::wait();
            reap($pid);
            $before ??= $count();
        }
        same($before, $count());
    },
    'an exception ends the script' => function () {
        $output = SwooleRs\Tests\Script::run(<<<'PHP'
            $server = stream_socket_server('tcp://127.0.0.1:0');
            $port = (int) substr(strrchr(stream_socket_get_name($server, false), ':'), 1);
            $client = new Swoole\Async\Client(SWOOLE_SOCK_TCP);
            foreach (['receive', 'error', 'close'] as $event) {
                $client->on($event, function () use ($event) { echo "$event\n"; });
            }
            $client->on('connect', function () { throw new Exception('thrown there'); });
            $client->connect('127.0.0.1', $port);
            Swoole\Event::wait();
            echo "not reached\n";
            PHP, status: 255);
        check(str_contains($output, 'thrown there'), $output);
        check(!str_contains($output, 'not reached'), $output);
    },
    'swoole_client with callbacks' => function () {
        [$port, $pid] = served(function ($peer): void {
            write($peer, strtoupper(read($peer, 12)));
            read($peer);
        });
        $log = new ArrayObject();
        (function () use ($port, $log): void {
            $client = new swoole_client(SWOOLE_TCP | SWOOLE_ASYNC);
            $client->on('connect', fn ($cli) => $cli->send("hello world\n"));
            $client->on('receive', function ($cli, $data) use ($log): void {
                $log[] = $data;
                $cli->close();
            });
            $client->on('error', fn ($cli) => $log[] = 'error');
            $client->on('close', fn ($cli) => $log[] = 'close');
            $client->connect('127.0.0.1', $port);
        })();
        Event::wait();
        reap($pid);
        same(["HELLO WORLD\n", 'close'], (array) $log);
    },
    'swoole_client that blocks' => function () {
        [$port, $pid] = served(fn ($peer) => write($peer, strrev(read($peer, 5))));
        $client = new swoole_client(SWOOLE_SOCK_TCP);
        check($client instanceof Swoole\Client, 'it is a client');
        same(true, $client->connect('127.0.0.1', $port, 5));
        same(5, $client->send('hello'));
        same('olleh', $client->recv());
        same(true, $client->close());
        reap($pid);
        new swoole_client(SWOOLE_SYNC);
    },
]);
?>
--EXPECT--
closed by us: ok
closed by the peer: ok
refused: ok
no descriptor stays: ok
an exception ends the script: ok
swoole_client with callbacks: ok
swoole_client that blocks: ok
