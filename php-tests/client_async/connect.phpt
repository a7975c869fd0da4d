--TEST--
Swoole\Async\Client: echo, refusals, names, the end by either side
--FILE--
<?php
use Swoole\Async\Client;
use Swoole\Event;
use function SwooleRs\Tests\{check, child, closed_port, listen, noting, parts, read, reap, same, temporary, warning_of, write};

require __DIR__ . '/peer.inc';

/** Accepts one connection in a child. */
function served(int $type, callable $side): array
{
    [$listener, $port] = listen($type);
    $pid = child(function () use ($listener, $side): void {
        $side(socket_accept($listener));
    });
    return [is_int($port) ? ($type === SWOOLE_SOCK_TCP6 ? '::1' : '127.0.0.1') : $port, is_int($port) ? $port : 0, $pid];
}

function echoes(int $type): void
{
    [$host, $port, $pid] = served($type, function ($peer): void {
        write($peer, 'hello');
        write($peer, strrev(read($peer, 5)));
        read($peer);
    });
    $log = $got = [];
    $client = noting($log, [
        'connect' => function (Client $client) use (&$got): void {
            $got['connected'] = $client->isConnected();
            $got['cid'] = Swoole\Coroutine::getCid();
            $got['peer'] = $client->getpeername();
            $got['own'] = $client->getsockname();
        },
        'receive' => function (Client $client, string $data) use (&$got): void {
            $got['data'][] = $data;
            if ($data === 'hello') {
                same(5, $client->send('abcde'));
            } else {
                same(true, $client->close());
                same(false, $client->isConnected());
                same(false, @$client->close());
            }
        },
        'close' => function (Client $client) use (&$got): void {
            $got['at close'] = $client->isConnected();
        },
    ], $type);
    same(true, $client->connect($host, $port, 5));
    same(false, $client->isConnected());
    same([], $log);
    Event::wait();
    reap($pid);
    same(['connect', 'receive', 'receive', 'close'], $log);
    same(true, $got['connected']);
    same(-1, $got['cid']);
    same(['hello', 'edcba'], $got['data']);
    same(false, $got['at close']);
    if ($port) {
        same($port, $got['peer']['port']);
        check($got['own']['port'] > 0, 'a port of its own');
    }
}

function refused(int $type, string $host, int $port, bool $at_once): void
{
    $log = [];
    $client = noting($log, [], $type);
    same(!$at_once, @$client->connect($host, $port, 5));
    same($at_once ? ['error'] : [], $log);
    Event::wait();
    same(['error'], $log);
    check($client->errCode > 0, 'an error code');
    same(false, $client->isConnected());
    same('client is not connected to the server', explode(': ', (string) warning_of(fn () => $client->close()), 2)[1]);
}

parts([
    'tcp' => fn () => echoes(SWOOLE_SOCK_TCP),
    'tcp6' => fn () => echoes(SWOOLE_SOCK_TCP6),
    'unix' => fn () => echoes(SWOOLE_SOCK_UNIX_STREAM),
    'refused' => fn () => refused(SWOOLE_SOCK_TCP, '127.0.0.1', closed_port(), false),
    'no such unix socket' => fn () => refused(SWOOLE_SOCK_UNIX_STREAM, temporary('none'), 0, true),
    'a name' => function () {
        [, $port, $pid] = served(SWOOLE_SOCK_TCP, fn ($peer) => write($peer, 'x'));
        $log = [];
        $client = noting($log);
        same(true, $client->connect('localhost', $port, 5));
        Event::wait();
        reap($pid);
        same(['connect', 'receive', 'close'], $log);
    },
    'no such name' => function () {
        $log = [];
        $client = noting($log);
        same(true, $client->connect('no-such-name.invalid', 80, 5));
        Event::wait();
        same(['error'], $log);
        same(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, $client->errCode);
    },
    'time is over' => function () {
        // A queue of connections that is full: nobody answers.
        $listener = socket_create(AF_INET, SOCK_STREAM, 0);
        socket_bind($listener, '127.0.0.1', 0);
        socket_listen($listener, 0);
        socket_getsockname($listener, $host, $port);
        $log = $clients = [];
        foreach (range(1, 4) as $_) {
            $clients[] = $client = noting($log, ['connect' => fn (Client $client) => $client->close()]);
            same(true, $client->connect('127.0.0.1', $port, 0.2));
        }
        Event::wait();
        check(in_array('error', $log, true), 'an error');
        check(in_array(SOCKET_ETIMEDOUT, array_column($clients, 'errCode'), true), 'ETIMEDOUT');
    },
    'reset by the peer, and connected again' => function () {
        [$host, $port, $pid] = served(SWOOLE_SOCK_TCP, function ($peer): void {
            // A reset that comes sooner than the connection is noticed is a connection that failed.
            read($peer, 5);
            SwooleRs\Tests\reset_peer($peer);
        });
        [$other_host, $other_port, $other_pid] = served(SWOOLE_SOCK_TCP, function ($peer): void {
            read($peer, 5);
            write($peer, 'again');
        });
        $log = [];
        $times = 0;
        $client = noting($log, [
            'connect' => fn (Client $client) => $client->send('ready'),
            'close' => function (Client $client) use (&$times, $other_host, $other_port): void {
                if ($times++ === 0) {
                    same(true, $client->connect($other_host, $other_port, 5));
                }
            },
        ]);
        same(true, $client->connect($host, $port, 5));
        same('connection to the server has already been established',
            explode(': ', (string) warning_of(fn () => $client->connect($host, $port)), 2)[1]);
        Event::wait();
        reap($pid, $other_pid);
        same(['connect', 'close', 'connect', 'receive', 'close'], $log);
    },
    'datagrams' => function () {
        $peer = socket_create(AF_INET, SOCK_DGRAM, 0);
        socket_bind($peer, '127.0.0.1', 0);
        socket_getsockname($peer, $host, $port);
        $log = $got = [];
        $client = noting($log, [
            'connect' => fn (Client $client) => $client->send('ping'),
            'receive' => function (Client $client, string $data) use (&$got, $port): void {
                $got[] = $data;
                same($port, $client->getpeername()['port']);
                $client->close();
            },
        ], SWOOLE_SOCK_UDP);
        same(true, $client->connect('127.0.0.1', $port));
        socket_recvfrom($peer, $data, 100, 0, $from, $from_port);
        same('ping', $data);
        socket_sendto($peer, 'pong', 4, 0, $from, $from_port);
        Event::wait();
        same(['pong'], $got);
        same(['connect', 'receive', 'close'], $log);
    },
    'misuse' => function () {
        $client = new Client(SWOOLE_SOCK_TCP);
        $warning = fn (callable $call) => explode(': ', (string) warning_of($call), 2)[1];
        same('async client is not initialized', $warning(fn () => $client->connect('127.0.0.1', 1)));
        same("Unknown event callback type name 'foo'", $warning(fn () => $client->on('foo', 'strlen')));
        same("function 'nothing' is not callable", $warning(fn () => $client->on('close', 'nothing')));
        same('client is not connected to server', $warning(fn () => $client->sleep()));
        same('client is not connected to server', $warning(fn () => $client->send('x')));
        same('client is not connected to server', $warning(fn () => $client->enableSSL('strlen')));
        try {
            new Client(100);
            check(false, 'an exception');
        } catch (TypeError) {
        }
        try {
            $client->enableSSL();
            check(false, 'an exception');
        } catch (Swoole\Exception $exception) {
            same('require `onSslReady` callback', $exception->getMessage());
        }
    },
]);
?>
--EXPECT--
tcp: ok
tcp6: ok
unix: ok
refused: ok
no such unix socket: ok
a name: ok
no such name: ok
time is over: ok
reset by the peer, and connected again: ok
datagrams: ok
misuse: ok
