--TEST--
Swoole\Async\Client: much data, packages, full buffers, sleep, files
--INI--
memory_limit=512M
--FILE--
<?php
use Swoole\Async\Client;
use Swoole\Event;
use Swoole\Timer;
use function SwooleRs\Tests\{check, child, listen, noting, parts, read, reap, same, temporary, write};

require __DIR__ . '/peer.inc';

function served(callable $side): array
{
    [$listener, $port] = listen();
    return [$port, child(fn () => $side(socket_accept($listener)))];
}

/** Everything that comes as packages of the settings. */
function packages(array $settings, string $stream, int $part): array
{
    [$port, $pid] = served(function ($peer) use ($stream, $part): void {
        foreach (str_split($stream, $part) as $piece) {
            write($peer, $piece);
        }
    });
    $log = $got = [];
    $client = noting($log, ['receive' => function ($client, string $data) use (&$got): void {
        $got[] = $data;
    }], settings: $settings);
    $client->connect('127.0.0.1', $port, 5);
    Event::wait();
    reap($pid);
    same('close', end($log));
    return $got;
}

parts([
    'much data both ways' => function () {
        $all = random_bytes(1 << 20) . str_repeat('0123456789abcdef', 1 << 18);
        [$port, $pid] = served(function ($peer) use ($all): void {
            $got = read($peer, strlen($all));
            write($peer, strrev($got));
            read($peer);
        });
        $back = '';
        $log = [];
        $client = noting($log, [
            'connect' => fn (Client $client) => same(strlen($all), $client->send($all)),
            'receive' => function (Client $client, string $data) use (&$back, $all): void {
                $back .= $data;
                if (strlen($back) === strlen($all)) {
                    $client->close();
                }
            },
        ]);
        $client->connect('127.0.0.1', $port, 5);
        Event::wait();
        reap($pid);
        check(strrev($back) === $all, 'all came back');
    },
    'end marks' => function () {
        $settings = ['open_eof_split' => true, 'package_eof' => "\r\n"];
        $packages = array_map(fn ($n) => str_repeat('x', $n) . "\r\n", range(0, 200));
        same($packages, packages($settings, implode($packages), 777));
    },
    'lengths' => function () {
        $settings = ['open_length_check' => true, 'package_length_type' => 'N', 'package_body_offset' => 4];
        $packages = array_map(fn ($n) => pack('N', $n) . str_repeat('x', $n), [0, 1, 5, 100000, 3, 300000]);
        same($packages, packages($settings, implode($packages), 5000));
    },
    'a length function' => function () {
        $settings = ['open_length_check' => true, 'package_length_func' => fn (string $data) => ord($data[0]) + 1];
        $packages = array_map(fn ($n) => chr($n) . str_repeat('x', $n), [1, 2, 200, 0, 77]);
        same($packages, packages($settings, implode($packages), 3));
    },
    'a package that is too long' => function () {
        Swoole\Coroutine::set(['log_level' => SWOOLE_LOG_NONE]);
        $settings = ['open_length_check' => true, 'package_length_type' => 'N', 'package_body_offset' => 4,
            'package_max_length' => 100];
        same([pack('N', 2) . 'ab'], packages($settings, pack('N', 2) . 'ab' . pack('N', 1000), 100));
    },
    'full and empty buffers' => function () {
        [$port, $pid] = served(function ($peer): void {
            // Reads when the client has met its limit.
            read($peer, 8 << 20);
            write($peer, 'all');
            read($peer);
        });
        $log = [];
        $left = 8 << 20;
        $refused = 0;
        $more = function (Client $client) use (&$left, &$refused): void {
            while ($left > 0) {
                if (@$client->send(str_repeat('x', 8192)) === false) {
                    same(SWOOLE_ERROR_OUTPUT_BUFFER_OVERFLOW, $client->errCode);
                    $refused++;
                    return;
                }
                $left -= 8192;
            }
        };
        $client = noting($log, [
            'connect' => $more,
            'bufferEmpty' => $more,
            'receive' => fn (Client $client) => $client->close(),
        ], settings: ['socket_buffer_size' => 100000]);
        $client->connect('127.0.0.1', $port, 5);
        Event::wait();
        reap($pid);
        check($refused > 0, 'some were refused');
        check(in_array('bufferFull', $log, true) && in_array('bufferEmpty', $log, true), 'both were called');
        same(0, $left);
        same(['receive', 'close'], array_slice($log, -2));
    },
    'sleep' => function () {
        [$port, $pid] = served(function ($peer): void {
            write($peer, 'hello');
            read($peer);
        });
        $log = [];
        $client = noting($log, [
            'connect' => function (Client $client) use (&$log): void {
                same(true, $client->sleep());
                same(false, $client->sleep());
                Timer::after(100, function () use ($client, &$log): void {
                    $log[] = 'wakeup';
                    same(true, $client->wakeup());
                    same(false, $client->wakeup());
                });
            },
            'receive' => fn (Client $client) => $client->close(),
        ]);
        $client->connect('127.0.0.1', $port, 5);
        Event::wait();
        reap($pid);
        same(['connect', 'wakeup', 'receive', 'close'], $log);
    },
    'sleep between packages' => function () {
        [$port, $pid] = served(function ($peer): void {
            write($peer, "a\r\n\r\nb\r\n\r\n");
            read($peer);
        });
        $log = [];
        $client = noting($log, ['receive' => function (Client $client, string $data) use (&$log): void {
            if ($data === "b\r\n\r\n") {
                $client->close();
                return;
            }
            $client->pause();
            Timer::after(50, function () use ($client, &$log): void {
                $log[] = 'resume';
                $client->resume();
            });
        }], settings: ['open_eof_split' => true]);
        $client->connect('127.0.0.1', $port, 5);
        Event::wait();
        reap($pid);
        same(['connect', 'receive', 'resume', 'receive', 'close'], $log);
    },
    'files' => function () {
        $path = temporary('data');
        $all = random_bytes(3 << 20);
        file_put_contents($path, $all);
        [$port, $pid] = served(function ($peer) use ($all): void {
            write($peer, md5(read($peer, 4 + strlen($all) + 10)));
            read($peer);
        });
        $log = $got = [];
        $client = noting($log, [
            'connect' => function (Client $client) use ($path): void {
                $client->send('head');
                same(true, $client->sendfile($path));
                same(true, $client->sendfile($path, 5, 10));
                same(false, @$client->sendfile($path . '.none'));
            },
            'receive' => function (Client $client, string $data) use (&$got): void {
                $got[] = $data;
                $client->close();
            },
        ]);
        $client->connect('127.0.0.1', $port, 5);
        Event::wait();
        reap($pid);
        same([md5('head' . $all . substr($all, 5, 10))], $got);
    },
]);
?>
--EXPECT--
much data both ways: ok
end marks: ok
lengths: ok
a length function: ok
a package that is too long: ok
full and empty buffers: ok
sleep: ok
sleep between packages: ok
files: ok
