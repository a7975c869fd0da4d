--TEST--
Swoole\Coroutine\Socket: several strings at a time
--FILE--
<?php
use function SwooleRs\Tests\{check, coroutine_parts, later, result, same, sockets};

require __DIR__ . '/pair.inc';

coroutine_parts([
    'small' => function () {
        [$client, $peer] = sockets();
        same(10, $client->writeVector(['hello', 'world']));
        same(['hel', 'lowo', 'rld'], $peer->readVector([3, 4, 30]));
        same(5, $client->writeVector(['key' => 'he', 7 => 'llo']));
        same(['hello'], $peer->readVectorAll([5]));
        $client->sendAll('abcdef');
        same('a', $peer->recvWithBuffer(1));
        // What the buffer has comes first.
        same(['bc', 'd'], $peer->readVectorAll([2, 1]));
        same(['e', '', 'f'], $peer->readVector([1, 0, 1]));
        same([], $peer->readVector([0]));
        $client->close();
        same([], $peer->readVector([1]));
        same([], $peer->readVectorAll([1]));
    },
    'large' => function () {
        [$client, $peer] = sockets();
        $parts = [];
        for ($i = 1; $i <= 300; $i++) {
            $parts[] = random_bytes($i * 100);
        }
        $sent = later(fn () => $client->writeVectorAll($parts));
        same($parts, $peer->readVectorAll(array_map('strlen', $parts)));
        same(array_sum(array_map('strlen', $parts)), result($sent));
    },
    'the end within' => function () {
        [$client, $peer] = sockets();
        $client->send('hello');
        $client->close();
        same(['hel', 'lo'], $peer->readVectorAll([3, 3, 3]));
    },
    'misuse' => function () {
        [$client, $peer] = sockets();
        $thrown = function (callable $call): string {
            try {
                $call();
            } catch (Swoole\Coroutine\Socket\Exception $error) {
                same(SOCKET_EINVAL, $error->getCode());
                return $error->getMessage();
            }
            return 'nothing';
        };
        same('Item #[1] must be of type string, int given', $thrown(fn () => $client->writeVector(['x', 1])));
        same('Item #[0] must be of type string, array given', $thrown(fn () => $client->writeVectorAll([['x']])));
        same('Item #[2] cannot be empty string', $thrown(fn () => $client->writeVectorAll(['x', 'y', ''])));
        same('Item #[0] must be of type int, string given', $thrown(fn () => $client->readVector(['1'])));
        same('Item #[1] must be greater than 0', $thrown(fn () => $client->readVectorAll([1, -1])));
        foreach ([fn () => $client->writeVector(array_fill(0, SWOOLE_IOV_MAX + 1, 'x')), fn () => $client->readVector(array_fill(0, SWOOLE_IOV_MAX + 1, 1))] as $call) {
            same([false, SOCKET_EINVAL, 'The maximum of iov count is ' . SWOOLE_IOV_MAX], [$call(), $client->errCode, $client->errMsg]);
        }
        same(SWOOLE_IOV_MAX, $client->writeVector(array_fill(0, SWOOLE_IOV_MAX, 'x')));
        same(0, $client->writeVector([]));
    },
]);
?>
--EXPECT--
small: ok
large: ok
the end within: ok
misuse: ok
