--TEST--
Swoole\Client: whole packages by end mark, length field, length function and MQTT, and streams that make no sense
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, child, pair, parts, reap, same, warning_of, write};

require __DIR__ . '/peer.inc';

const LENGTH = ['open_length_check' => true, 'package_length_type' => 'N', 'package_body_offset' => 4];

/** All packages that come until the stream ends, written in parts of so many bytes. */
function packages(array $settings, string $stream, int $part): array
{
    [$client, $peer] = pair($settings);
    $pid = child(function () use ($peer, $stream, $part) {
        foreach (str_split($stream, $part) as $bytes) {
            write($peer, $bytes);
        }
    });
    socket_close($peer);
    $packages = [];
    while (is_string($package = $client->recv()) && $package !== '') {
        $packages[] = $package;
    }
    same('', $package);
    reap($pid);
    return $packages;
}

parts([
    'end marks' => function () {
        $packages = ["a\r\n", "\r\n", str_repeat('b', 100000) . "\r\n", "\r\r\n"];
        foreach ([['open_eof_check' => true], ['open_eof_split' => true]] as $settings) {
            foreach ([7, 4096, 1 << 20] as $part) {
                same($packages, packages($settings + ['package_eof' => "\r\n"], implode('', $packages) . 'rest', $part));
            }
        }
        same(["x\r\n\r\n"], packages(['open_eof_check' => true], "x\r\n\r\n\r\n", 100));
    },
    'lengths' => function () {
        $bodies = ['', 'a', str_repeat('b', 100000), 'c'];
        foreach (['n' => 2, 'v' => 2, 'N' => 4, 'V' => 4, 'J' => 8, 'P' => 8, 'C' => 1] as $type => $bytes) {
            $settings = ['open_length_check' => true, 'package_length_type' => $type, 'package_length_offset' => 3];
            $packages = [];
            foreach ($bodies as $body) {
                $body = $bytes > 2 ? $body : substr($body, 0, 100);
                $packages[] = 'abc' . pack($type, strlen($body)) . $body;
            }
            $settings['package_body_offset'] = 3 + $bytes;
            same($packages, packages($settings, implode('', $packages), 1000));
        }
        $counted = pack('N', 6) . 'hi';
        same([$counted, $counted], packages(['package_body_offset' => 0] + LENGTH, $counted . $counted, 3));
    },
    'a length function' => function () {
        $calls = 0;
        $function = function (string $head) use (&$calls): int {
            $calls++;
            return strlen($head) < 3 ? 0 : 3 + (int) substr($head, 0, 3);
        };
        $settings = ['open_length_check' => true, 'package_length_func' => $function];
        $packages = ['000', '005hello', '999' . str_repeat('x', 999)];
        foreach ([1, 100, 5000] as $part) {
            same($packages, packages($settings, implode('', $packages), $part));
        }
        check($calls >= 9, 'it was called');
    },
    'MQTT' => function () {
        $packages = ["\xc0\x00", "\x30\x03abc", "\x30\x80\x01" . str_repeat('x', 128)];
        same($packages, packages(['open_mqtt_protocol' => true], implode('', $packages), 5));
    },
    'a stream that ends within a package' => function () {
        same([], packages(LENGTH, "\0\0\0\x0abc", 100));
        same([], packages(LENGTH, "\0\0", 100));
        same([], packages(['open_eof_check' => true, 'package_eof' => "\n"], 'abc', 100));
    },
    'lengths that are garbage' => function () {
        $garbage = [
            [SWOOLE_ERROR_PACKAGE_LENGTH_TOO_LARGE, [], "\xff\xff\xff\xffx"],
            [SWOOLE_ERROR_PACKAGE_LENGTH_TOO_LARGE, [], pack('N', 2 << 20)],
            [SWOOLE_ERROR_PACKAGE_LENGTH_TOO_LARGE, ['package_max_length' => 100], pack('N', 97)],
            [SWOOLE_ERROR_PACKAGE_MALFORMED_DATA, ['package_length_type' => 'l'], "\xff\xff\xff\xff"],
            [SWOOLE_ERROR_PACKAGE_MALFORMED_DATA, ['package_length_type' => 'J'], str_repeat("\xff", 8)],
            [SWOOLE_ERROR_PACKAGE_LENGTH_NOT_FOUND, ['package_body_offset' => 0], "\0\0\0\0"],
            [SWOOLE_ERROR_PACKAGE_MALFORMED_DATA, ['package_length_func' => fn () => -1], 'x'],
            [SWOOLE_ERROR_PACKAGE_LENGTH_TOO_LARGE, ['package_length_func' => fn () => PHP_INT_MAX], 'x'],
            [SWOOLE_ERROR_PACKAGE_LENGTH_NOT_FOUND, ['package_length_func' => fn () => 0], str_repeat('x', 9000)],
        ];
        foreach ($garbage as [$code, $settings, $bytes]) {
            [$client, $peer] = pair($settings + LENGTH);
            write($peer, $bytes);
            same('', $client->recv());
            same($code, $client->errCode);
            same(true, $client->close());
        }
    },
    'no end mark within the limit' => function () {
        [$client, $peer] = pair(['open_eof_check' => true, 'package_eof' => "\n", 'package_max_length' => 1000]);
        write($peer, str_repeat('x', 999) . "\n");
        same(1000, strlen($client->recv()));
        write($peer, str_repeat('x', 1000) . "\n");
        $warning = warning_of(fn () => same(false, $client->recv()));
        same('Swoole\Client::recv(): no package eof', $warning);
    },
    'length functions that misbehave' => function () {
        $settings = fn ($function) => ['open_length_check' => true, 'package_length_func' => $function];
        [$client, $peer] = pair($settings(fn () => throw new Exception('mine')));
        write($peer, 'x');
        try {
            $client->recv();
            check(false, 'it throws');
        } catch (Exception $e) {
            same('mine', $e->getMessage());
        }
        same(true, $client->isConnected());
        // One that closes the client.
        $client = null;
        [$client, $peer] = pair($settings(function () use (&$client) {
            $client->close();
            return 5;
        }));
        write($peer, 'hello');
        same(false, @$client->recv());
        same(false, $client->isConnected());
        // One that receives.
        [$client, $peer] = pair($settings(function (string $head) use (&$client) {
            static $depth = 0;
            if ($depth++ === 0) {
                $client->recv();
            }
            return 2;
        }));
        write($peer, 'aabbcc');
        same('bb', $client->recv());
        // One that is none.
        $client = new Client(SWOOLE_SOCK_TCP);
        $client->set($settings('no_such_function'));
        $warning = warning_of(fn () => same(false, $client->connect('127.0.0.1', 1)));
        same("Swoole\\Client::connect(): function 'no_such_function' is not callable", $warning);
    },
    'settings that make no sense' => function () {
        $fatal = [
            "package_eof cannot be an empty string" => "['open_eof_check' => true, 'package_eof' => '']",
            "package_eof max length is 8" => "['open_eof_check' => true, 'package_eof' => '123456789']",
            "Unknown package_length_type name 'Z', see pack(). Link: https://php.net/pack" => "['open_length_check' => true, 'package_length_type' => 'Z']",
            "failed to parse 'much' to size" => "['package_max_length' => 'much']",
        ];
        foreach ($fatal as $message => $settings) {
            $code = "\$c = new Swoole\\Client(SWOOLE_SOCK_TCP); \$c->set({$settings}); \$c->connect('127.0.0.1', 1);";
            $output = SwooleRs\Tests\Script::run($code, status: 255);
            check(str_contains($output, "Fatal error: Swoole\\Client::connect(): {$message}"), $output);
        }
    },
]);
?>
--EXPECTF--
end marks: ok
lengths: ok
a length function: ok
MQTT: ok
a stream that ends within a package: ok
[%s]	WARNING	Package is too big. package_length=4294967299
[%s]	WARNING	Package is too big. package_length=2097156
[%s]	WARNING	Package is too big. package_length=101
[%s]	WARNING	Package is too big. package_length=9223372036854775807
lengths that are garbage: ok
no end mark within the limit: ok
length functions that misbehave: ok
settings that make no sense: ok
