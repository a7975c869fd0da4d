--TEST--
Swoole\Server::send(): types, sizes, and the errors of too much
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['buffer_output_size' => 1 << 20, 'socket_buffer_size' => 2 << 20]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            $warnings = [];
            set_error_handler(function (int $level, string $text) use (&$warnings): bool {
                $warnings[] = $text;
                return true;
            });
            $answer = ['string fd' => $server->send((string) $fd, 'hello'), 'empty' => $server->send($fd, '')];
            $answer['too long'] = [$server->send($fd, str_repeat('x', (1 << 20) + 1)), $server->getLastError(), $warnings];
            $answer['longest'] = $server->send($fd, str_repeat('x', 1 << 20));
            try {
                $server->send($fd, ['an array']);
            } catch (TypeError $error) {
                $answer['array'] = $error->getMessage();
            }
            restore_error_handler();
            $side->event('answer', $answer);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect()->send('x');
        same('hello', $client->read(5));
        $answer = $server->expectEvent('answer');
        same(true, $answer['string fd']);
        same(false, $answer['empty']);
        same(false, $answer['too long'][0]);
        same(SWOOLE_ERROR_DATA_LENGTH_TOO_LARGE, $answer['too long'][1]);
        $text = implode("\n", $answer['too long'][2]) . $server->log();
        check(str_contains($text, 'sendfile') && str_contains($text, '1048577'), "the error names size and sendfile: {$text}");
        $server->allowLog('/sendfile/');
        same(true, $answer['longest']);
        check(str_contains($answer['array'], 'string'), $answer['array']);
        same(1 << 20, strlen($client->read(1 << 20)));
    },
);
?>
--EXPECT--
process: ok
base: ok
