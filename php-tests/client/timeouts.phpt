--TEST--
Swoole\Client: no call takes longer than its time limit, however bytes drip in, and nothing is lost by it
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, child, pair, parts, reap, same, warning_of, write};

require __DIR__ . '/peer.inc';

/** Writes two bytes, and then one after the other until it is killed, or the test is no more. */
function drip(Socket $peer, string $byte): int
{
    // The child may take its time to start.
    write($peer, $byte . $byte);
    $parent = getmypid();
    return child(function () use ($peer, $byte, $parent) {
        while (posix_getppid() === $parent && @socket_write($peer, $byte)) {
            usleep(5000);
        }
    });
}

function stop(int $pid): void
{
    posix_kill($pid, SIGKILL);
    reap($pid);
}

parts([
    'nothing comes' => function () {
        [$client, $peer] = pair(timeout: 0.05);
        $warning = warning_of(fn () => same(false, $client->recv()));
        same('Swoole\Client::recv(): recv() failed, Error: Resource temporarily unavailable[11]', $warning);
        same(11, $client->errCode);
        same(true, $client->isConnected());
        write($peer, 'late');
        same('late', $client->recv());
    },
    'bytes drip' => function () {
        [$client, $peer] = pair(timeout: 0.2);
        $pid = drip($peer, 'x');
        same(false, @$client->recv(1 << 20, Client::MSG_WAITALL));
        same(11, $client->errCode);
        // What came meanwhile is there for the next call.
        check(strlen($client->recv(1 << 20)) > 1, 'the bytes before the end of time');
        stop($pid);
    },
    'an end mark does not come' => function () {
        [$client, $peer] = pair(['open_eof_check' => true, 'package_eof' => "\n"], 0.2);
        $pid = drip($peer, 'x');
        same(false, @$client->recv());
        same(11, $client->errCode);
        stop($pid);
        write($peer, "end\n");
        $package = $client->recv();
        check(str_ends_with($package, "xend\n") && strlen($package) > 6, 'the whole package');
    },
    'a package does not come to its end' => function () {
        $settings = ['open_length_check' => true, 'package_length_type' => 'N', 'package_body_offset' => 4];
        [$client, $peer] = pair($settings, 0.2);
        write($peer, pack('N', 2000));
        $pid = drip($peer, 'x');
        same(false, @$client->recv());
        same(11, $client->errCode);
        stop($pid);
        write($peer, str_repeat('y', 2000));
        $package = $client->recv();
        same(2004, strlen($package));
        same("\0\0\x07\xd0xx", substr($package, 0, 6));
        same('y', substr($package, -1));
    },
    'nobody reads' => function () {
        foreach ([SWOOLE_SOCK_TCP, SWOOLE_SOCK_UNIX_STREAM] as $type) {
            [$client, $peer] = pair(timeout: 0.1, type: $type);
            $data = str_repeat('x', 32 << 20);
            $warning = warning_of(fn () => same(false, $client->send($data)));
            same("Swoole\\Client::send(): failed to send({$client->sock}) 33554432 bytes, Error: Resource temporarily unavailable[11]", $warning);
            same(11, $client->errCode);
        }
    },
    'somebody reads slowly' => function () {
        [$client, $peer] = pair(timeout: 0.2);
        $pid = child(function () use ($peer) {
            while (socket_read($peer, 1000)) {
                usleep(5000);
            }
        });
        same(false, @$client->send(str_repeat('x', 64 << 20)));
        same(11, $client->errCode);
        stop($pid);
    },
    'signals do not end a call' => function () {
        [$client, $peer] = pair(timeout: 10);
        pcntl_async_signals(true);
        $signals = 0;
        pcntl_signal(SIGUSR1, function () use (&$signals) {
            $signals++;
        }, false);
        $parent = getmypid();
        $pid = child(function () use ($peer, $parent) {
            for ($i = 0; $i < 20; $i++) {
                posix_kill($parent, SIGUSR1);
                usleep(2000);
            }
            write($peer, 'done');
        });
        same('done', $client->recv());
        check($signals > 0, 'signals came');
        reap($pid);
    },
    'without limit' => function () {
        [$client, $peer] = pair(timeout: -1);
        $pid = child(function () use ($peer) {
            usleep(50000);
            write($peer, 'x');
        });
        same('x', $client->recv());
        reap($pid);
    },
]);
?>
--EXPECT--
nothing comes: ok
bytes drip: ok
an end mark does not come: ok
a package does not come to its end: ok
nobody reads: ok
somebody reads slowly: ok
signals do not end a call: ok
without limit: ok
