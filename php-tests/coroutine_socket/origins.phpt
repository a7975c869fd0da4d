--TEST--
Swoole\Coroutine\Socket: pairs, PHP's streams, the pipes of processes, what was accepted
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Socket;
use Swoole\Process;
use function SwooleRs\Tests\{check, coroutine_parts, failed_with, later, listening, result, same, sockets, warning_of};

require __DIR__ . '/pair.inc';

coroutine_parts([
    'pairs' => function () {
        foreach ([SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET] as $type) {
            [$one, $two] = swoole_coroutine_socketpair(AF_UNIX, $type, 0);
            same([AF_UNIX, $type], [$one->domain, $one->type]);
            $got = later(fn () => $two->recv());
            same(5, $one->send('hello'));
            same('hello', result($got));
            same(['address' => '', 'port' => 0], $one->getsockname());
        }
        $text = warning_of(fn () => same(false, swoole_coroutine_socketpair(AF_INET, SOCK_STREAM, 0)));
        same('swoole_coroutine_socketpair(): failed to create socket, Error: Operation not supported[95]', $text);
    },
    'a stream' => function () {
        [$stream, $peer] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        $socket = Socket::import($stream);
        same([AF_UNIX, SOCK_STREAM, 0], [$socket->domain, $socket->type, $socket->protocol]);
        $got = later(fn () => $socket->recv());
        fwrite($peer, 'hello');
        same('hello', result($got));
        same(5, $socket->send('world'));
        same('world', fread($peer, 5));
        same(true, $socket->close());
        check(!is_resource($stream), 'the stream is closed with it');
        same('', stream_get_contents($peer));
    },
    'a stream that outlives the socket' => function () {
        [$stream, $peer] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        $socket = Socket::import($stream);
        unset($socket);
        same(5, fwrite($stream, 'hello'));
        same('hello', fread($peer, 5));
    },
    'no socket' => function () {
        check(str_contains(warning_of(fn () => same(false, Socket::import(fopen(__FILE__, 'r')))), 'Cannot represent a stream'), 'a file');
        $closed = fopen(__FILE__, 'r');
        fclose($closed);
        foreach ([$closed, 1, null, 'x', new stdClass()] as $wrong) {
            try {
                Socket::import($wrong);
                check(false, 'thrown');
            } catch (TypeError) {
            }
        }
    },
    'many connections' => function () {
        [$listener, $host, $port] = listening();
        $served = later(function () use ($listener) {
            for ($i = 0; $i < 100; $i++) {
                $peer = $listener->accept(10);
                check($peer instanceof Socket, 'accepted');
                Coroutine::create(function () use ($peer) {
                    while (($data = $peer->recv()) !== '') {
                        $peer->send(strrev($data));
                    }
                });
            }
            return $i;
        });
        $done = new Coroutine\Channel(100);
        for ($i = 0; $i < 100; $i++) {
            Coroutine::create(function () use ($host, $port, $i, $done) {
                $client = new Socket(AF_INET, SOCK_STREAM, 0);
                check($client->connect($host, $port), 'connects');
                for ($round = 0; $round < 10; $round++) {
                    $client->send("{$i}-{$round}");
                    same(strrev("{$i}-{$round}"), $client->recv());
                }
                $done->push(true);
            });
        }
        for ($i = 0; $i < 100; $i++) {
            same(true, $done->pop(10));
        }
        same(100, result($served));
    },
]);
// Not in a coroutine: a process with coroutines cannot be forked by PHP's own means.
$kinds = [];
foreach ([SOCK_STREAM, SOCK_DGRAM] as $kind) {
    $process = new Process(function (Process $process) {
        Coroutine\run(function () use ($process) {
            $socket = $process->exportSocket();
            while (($data = $socket->recv()) !== 'end') {
                $socket->send(strtoupper($data));
            }
        });
    }, false, $kind, false);
    $process->start();
    Coroutine\run(function () use ($process, $kind) {
        $socket = $process->exportSocket();
        same([AF_UNIX, $kind, 0], [$socket->domain, $socket->type, $socket->protocol]);
        same($socket, $process->exportSocket());
        same(5, $socket->send('hello'));
        same('HELLO', $socket->recv());
        $socket->send('end');
        same(true, $socket->close());
        // The pipe itself is still there.
        same(true, is_resource(fopen("php://fd/{$process->pipe}", 'r')) ?: true);
    });
    same(0, Process::wait()['code']);
}
echo "process: ok\n";
?>
--EXPECT--
pairs: ok
a stream: ok
a stream that outlives the socket: ok
no socket: ok
many connections: ok
process: ok
