--TEST--
Swoole\Server: connections that are gone or never were are refused with an error code
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            $other = (int) $data;
            $answers = [];
            foreach (['send' => 'x', 'close' => false, 'exists' => null, 'getClientInfo' => null, 'protect' => true, 'bind' => 7] as $method => $argument) {
                swoole_clear_error();
                $answers[$method] = [$argument === null ? $server->$method($other) : $server->$method($other, $argument),
                    $server->getLastError(), swoole_last_error()];
            }
            $answers['text'] = swoole_strerror($server->getLastError());
            $side->event('answers', $answers);
            $server->send($fd, 'ok');
        });
        $server->on('close', fn (Swoole\Server $server, int $fd) => $side->event('close', $fd));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $gone = $server->connect();
        $client = $server->connect();
        $gone->close();
        $server->expectEvent('close');
        // The connection is gone a moment after onClose.
        until(function () use ($client, $server): bool {
            same('ok', $client->send('1')->read(2));
            return $server->expectEvent('answers')['protect'][0] === false;
        }, 'the end of connection 1');
        foreach (['1', '3', '99999999', '0', '-1', '9223372036854775807'] as $fd) {
            same('ok', $client->send($fd)->read(2));
            $answers = $server->expectEvent('answers');
            foreach (['send', 'close', 'exists', 'getClientInfo', 'protect', 'bind'] as $method) {
                same(false, $answers[$method][0], "{$method}({$fd})");
                same($answers[$method][1], $answers[$method][2]);
            }
            foreach (['send', 'close'] as $method) {
                check(in_array($answers[$method][1], [SWOOLE_ERROR_SESSION_NOT_EXIST, SWOOLE_ERROR_SESSION_CLOSED, SWOOLE_ERROR_SESSION_INVALID_ID], true),
                    "{$method}({$fd}): error code, got {$answers[$method][1]}");
            }
            check($answers['text'] !== '', 'an error text');
        }
        $server->allowOutput('/./');
        $server->allowLog('/./');
    },
);
?>
--EXPECT--
process: ok
base: ok
