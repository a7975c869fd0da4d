--TEST--
Hooks: encrypted streams that fail, time out, are canceled, or closed by another coroutine
--EXTENSIONS--
openssl
--FILE--
<?php
use Swoole\Coroutine\Channel;
use SwooleRs\Tests\Certificate;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$certificate = new Certificate();
$serving = fn () => stream_context_create(['ssl' => ['local_cert' => $certificate->both_file]]);
$any = fn () => stream_context_create(['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]]);
$flags = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;
$serve = fn (string $scheme = 'ssl') => stream_socket_server("{$scheme}://127.0.0.1:0", $errno, $error, $flags, $serving());
$connect = fn (string $scheme, $server, float $timeout_s = 10, $context = null) => stream_socket_client(
    "{$scheme}://" . stream_socket_get_name($server, false),
    $errno, $error, $timeout_s, STREAM_CLIENT_CONNECT, $context ?? $any(),
);
/** What a function warns of, and returns. */
$warned = function (callable $f): array {
    $texts = [];
    set_error_handler(function (int $level, string $text) use (&$texts): bool {
        $texts[] = $text;
        return true;
    });
    $result = $f();
    restore_error_handler();
    return [$result, implode("\n", $texts)];
};
/** Both ends of an encrypted connection. */
$pair = function () use ($serve, $connect): array {
    $server = $serve();
    $end = new Channel(1);
    go(fn () => $end->push(stream_socket_accept($server, 10)));
    return [$connect('ssl', $server), $end->pop(10)];
};

// A peer that never says a word: the client's time limit is that of connecting, the server's the stream's.
Co\run(function () use ($serve, $connect, $warned): void {
    $silent = $serve('tcp');
    $start = microtime(true);
    [$client, $text] = $warned(fn () => $connect('ssl', $silent, 0.1));
    check($client === false && microtime(true) - $start < 5, 'the handshake ends');
    check(str_contains($text, 'SSL: Handshake timed out') && str_contains($text, 'Failed to enable crypto'), $text);

    $server = $serve('tcp');
    $client = $connect('tcp', $server);
    $end = stream_socket_accept($server, 10);
    stream_set_timeout($end, 0, 50_000);
    [$done, $text] = $warned(fn () => stream_socket_enable_crypto($end, true, STREAM_CRYPTO_METHOD_TLS_SERVER));
    same([false, 'stream_socket_enable_crypto(): SSL: Handshake timed out'], [$done, $text]);

    // One that closes, and one that speaks something else.
    $client = $connect('tcp', $server);
    $end = stream_socket_accept($server, 10);
    go(function () use ($end): void {
        fclose($end);
    });
    same(false, $warned(fn () => stream_socket_enable_crypto($client, true, STREAM_CRYPTO_METHOD_TLS_CLIENT))[0]);
    $client = $connect('tcp', $server);
    $end = stream_socket_accept($server, 10);
    fwrite($end, "hello, this is no TLS at all\n");
    [$done, $text] = $warned(fn () => stream_socket_enable_crypto($client, true, STREAM_CRYPTO_METHOD_TLS_CLIENT));
    same(false, $done);
    check(str_contains($text, 'SSL operation failed with code 1. OpenSSL Error messages:'), $text);
});

// Nobody vouches for the certificate, or it is for another name.
Co\run(function () use ($serve, $connect, $warned, $certificate): void {
    $server = $serve();
    go(function () use ($server): void {
        for ($i = 0; $i < 2; $i++) {
            $ends[] = @stream_socket_accept($server, 10);
        }
    });
    [$client, $text] = $warned(fn () => $connect('ssl', $server, 10, stream_context_create()));
    same(false, $client);
    check(str_contains($text, 'certificate verify failed') && str_contains($text, 'Failed to enable crypto'), $text);
    $context = stream_context_create(['ssl' => ['cafile' => $certificate->file, 'peer_name' => 'other.example']]);
    [$client, $text] = $warned(fn () => $connect('ssl', $server, 10, $context));
    same(false, $client);
    check(str_contains($text, 'Peer certificate CN=`localhost\' did not match expected CN=`other.example\''), $text);
});

// A time limit, and no waiting at all.
Co\run(function () use ($pair): void {
    [$a, $b] = $pair();
    stream_set_timeout($a, 0, 20_000);
    same([false, true], [fread($a, 10), stream_get_meta_data($a)['timed_out']]);
    stream_set_timeout($a, 20);
    fwrite($b, "after all\n");
    same("after all\n", fgets($a));
    stream_set_blocking($a, false);
    same(['', false], [fread($a, 10), stream_get_meta_data($a)['blocked']]);
    stream_set_blocking($a, true);
    fwrite($b, 'ready');
    [$read, $none] = [[$a], null];
    same(1, stream_select($read, $none, $none, 10));
    same(['ready', false], [fread($a, 10), feof($a)]);

    // Nobody reads: the writer's time is over, and it may go on with other bytes.
    stream_set_timeout($a, 0, 20_000);
    $written = @fwrite($a, str_repeat('x', 30_000_000));
    check($written > 0 && $written < 30_000_000, "some was written: {$written}");
    same(true, stream_get_meta_data($a)['timed_out']);
    go(function () use ($b): void {
        while (!str_ends_with((string) fread($b, 100_000), 'end')) {
        }
        fwrite($b, 'has ended');
    });
    stream_set_timeout($a, 20);
    same(20_003, fwrite($a, str_repeat('y', 20_000) . 'end'));
    same('has ended', fread($a, 100));
});

// Canceled, or closed by another coroutine, in the middle of everything that waits.
$waits = [
    'read' => fn (array $pair) => fread($pair[0], 10),
    'line' => fn (array $pair) => fgets($pair[0]),
    'write' => function (array $pair) {
        do {
            $written = @fwrite($pair[0], str_repeat('x', 1_000_000));
        } while ($written === 1_000_000);
        return false;
    },
    'handshake' => fn (array $pair, $silent) => @stream_socket_enable_crypto($silent, true, STREAM_CRYPTO_METHOD_TLS_CLIENT),
    'accept' => fn (array $pair, $silent, $server) => @stream_socket_accept($server, 100),
];
foreach ($waits as $name => $wait) {
    foreach (['cancel', 'close'] as $how) {
        Co\run(function () use ($name, $wait, $how, $pair, $serve, $connect): void {
            $both = $pair();
            $quiet = $serve('tcp');
            $silent = $connect('tcp', $quiet);
            $server = $serve();
            $results = new Channel(1);
            $cid = go(fn () => $results->push([$wait($both, $silent, $server)]));
            same(true, $results->isEmpty(), "{$name} waits");
            if ($how === 'cancel') {
                same(true, Co::cancel($cid));
            } else {
                fclose($both[0]);
                fclose($silent);
                fclose($server);
            }
            $answer = $results->pop(5);
            check(is_array($answer) && !$answer[0], "{$name}, {$how}: " . json_encode($answer));
            if ($how === 'cancel' && $name !== 'write') {
                same([false, false], [feof($both[0]), stream_get_meta_data($both[0])['timed_out']]);
                fwrite($both[1], "still there\n");
                same("still there\n", fgets($both[0]));
            }
        });
    }
}

// The hook is off, and no coroutine runs: PHP's own.
Co::set(['hook_flags' => SWOOLE_HOOK_ALL & ~(SWOOLE_HOOK_SSL | SWOOLE_HOOK_TLS)]);
Co\run(function () use ($serve, $connect, $warned): void {
    $silent = $serve('tcp');
    $passed = false;
    go(function () use (&$passed): void {
        Co::sleep(0.001);
        $passed = true;
    });
    same(false, $warned(fn () => $connect('tls', $silent, 0.05))[0]);
    same(false, $passed);
});
$silent = $serve('tcp');
[$client, $text] = $warned(fn () => $connect('tls', $silent, 0.05));
check($client === false && str_contains($text, 'SSL: Handshake timed out'), $text);
echo "done\n";
?>
--EXPECT--
done
