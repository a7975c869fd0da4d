--TEST--
Swoole\Client: sendfile(), whole files and parts, and what cannot be sent
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, child, pair, parts, read, reap, reset_peer, same, temporary, warning_of};

require __DIR__ . '/peer.inc';

$file = temporary('data');
file_put_contents($file, implode('', range('a', 'z')));

parts([
    'parts' => function () use ($file) {
        [$client, $peer] = pair();
        $all = implode('', range('a', 'z'));
        foreach ([[0, 0, $all], [5, 0, substr($all, 5)], [5, 3, 'fgh'], [25, 1, 'z'], [0, 26, $all]] as [$offset, $length, $expected]) {
            same(true, $client->sendfile($file, $offset, $length));
            same($expected, read($peer, strlen($expected)));
        }
        same(true, $client->sendfile($file));
        same($all, read($peer, 26));
    },
    'a large one' => function () {
        $large = temporary('large');
        file_put_contents($large, $data = str_repeat(random_bytes(1 << 16), 200));
        [$client, $peer] = pair(timeout: 60);
        $pid = child(function () use ($peer, $data) {
            $got = read($peer, strlen($data));
            socket_write($peer, md5($got));
        });
        same(true, $client->sendfile($large));
        same(md5($data), $client->recv(32, Client::MSG_WAITALL));
        reap($pid);
    },
    'what cannot be sent' => function () use ($file) {
        [$client] = pair();
        $empty = temporary('empty');
        touch($empty);
        $refused = [
            [2, ['/no/such/file']],
            [22, ['/tmp']],
            [22, ['/dev/zero']],
            [SWOOLE_ERROR_FILE_EMPTY, [$empty]],
            [SWOOLE_ERROR_INVALID_PARAMS, [$file, 26]],
            [SWOOLE_ERROR_INVALID_PARAMS, [$file, -1]],
            [SWOOLE_ERROR_INVALID_PARAMS, [$file, 20, 7]],
            [SWOOLE_ERROR_INVALID_PARAMS, [$file, 0, -1]],
            [SWOOLE_ERROR_INVALID_PARAMS, [$file, 5, PHP_INT_MAX]],
        ];
        foreach ($refused as [$code, $arguments]) {
            $warning = warning_of(fn () => same(false, $client->sendfile(...$arguments)));
            check(preg_match("~^Swoole.Client::sendfile\\(\\): sendfile\\(\\) failed\\. Error: .* \\[{$code}\\]$~", $warning) === 1, $warning);
            same($code, $client->errCode);
        }
        same('Swoole\Client::sendfile(): file to send is empty', warning_of(fn () => same(false, $client->sendfile(''))));
        same(1, $client->send('x'));
    },
    'a peer that is gone' => function () use ($file) {
        [$client, $peer] = pair();
        reset_peer($peer);
        $sent = @$client->sendfile($file);
        same(false, $sent);
        check(in_array($client->errCode, [32, 104], true), "EPIPE or ECONNRESET, not {$client->errCode}");
    },
    'a peer that does not read' => function () {
        $large = temporary('large');
        $handle = fopen($large, 'w');
        ftruncate($handle, 64 << 20);
        [$client, $peer] = pair(timeout: 0.1);
        same(false, @$client->sendfile($large));
        same(11, $client->errCode);
    },
]);
?>
--EXPECT--
parts: ok
a large one: ok
what cannot be sent: ok
a peer that is gone: ok
a peer that does not read: ok
