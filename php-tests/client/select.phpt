--TEST--
swoole_client_select(): clients, sockets, streams and numbers; keys stay, what is not ready goes
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, child, pair, parts, reap, same, warning_of, write};

require __DIR__ . '/peer.inc';

parts([
    'keys and order' => function () {
        [$one, $one_peer] = pair();
        [$two, $two_peer] = pair();
        [$three, $three_peer] = pair();
        write($one_peer, 'x');
        write($three_peer, 'x');
        $read = ['c' => $three, 7 => $two, 'a' => $one];
        $write = [$two];
        $except = [];
        same(3, swoole_client_select($read, $write, $except, 5));
        same(['c' => $three, 'a' => $one], $read);
        same([$two], $write);
        same([], $except);
    },
    'nothing ready' => function () {
        [$client, $peer] = pair();
        $read = $except = [$client];
        $write = null;
        same(0, swoole_client_select($read, $write, $except, 0.01));
        same([[], null, []], [$read, $write, $except]);
        $read = [$client];
        same(0, swoole_select($read, $write, $except, 0));
    },
    'it waits' => function () {
        [$client, $peer] = pair();
        $pid = child(function () use ($peer) {
            usleep(30000);
            write($peer, 'x');
        });
        $read = [$client];
        $write = $except = null;
        same(1, swoole_client_select($read, $write, $except, -1));
        same('x', $client->recv());
        reap($pid);
    },
    'a peer that closes' => function () {
        [$client, $peer] = pair();
        socket_close($peer);
        $read = [$client];
        $write = $except = null;
        same(1, swoole_client_select($read, $write, $except, 5));
        same([$client], $read);
        same('', $client->recv());
    },
    'anything with a descriptor' => function () {
        [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        fwrite($b, 'x');
        socket_create_pair(AF_UNIX, SOCK_STREAM, 0, $sockets);
        [$client] = pair();
        $read = ['stream' => $a];
        $write = ['socket' => $sockets[0], 'number' => $client->sock, 'same' => $client];
        $except = null;
        same(3, swoole_client_select($read, $write, $except, 1));
        same(['stream'], array_keys($read));
        same(['socket', 'number', 'same'], array_keys($write));
    },
    'what was received already' => function () {
        [$client, $peer] = pair(['open_eof_check' => true, 'package_eof' => "\n"]);
        write($peer, "one\ntwo\nthr");
        $read = [$client];
        $write = $except = null;
        same(1, swoole_client_select($read, $write, $except, 5));
        same("one\n", $client->recv());
        // In the client, no more in the kernel.
        $read = [$client];
        same(1, swoole_client_select($read, $write, $except, -1));
        same("two\n", $client->recv());
        $read = [$client];
        same(0, swoole_client_select($read, $write, $except, 0.01));
    },
    'no descriptors' => function () {
        $none = 'swoole_client_select(): no resource arrays were passed to select';
        $read = $write = $except = [];
        same($none, warning_of(fn () => same(false, swoole_client_select($read, $write, $except))));
        $read = $write = $except = null;
        same($none, warning_of(fn () => same(false, swoole_client_select($read, $write, $except))));
        $read = [new Client(SWOOLE_SOCK_TCP), new stdClass];
        same(false, @swoole_client_select($read, $write, $except));
        foreach ([[-1], [PHP_INT_MAX], ['x'], [null], [1.5], [[]]] as $read) {
            $text = is_int($read[0]) ? "invalid file descriptor#{$read[0]} passed" : 'invalid file descriptor passed';
            $warnings = [];
            set_error_handler(function (int $level, string $message) use (&$warnings) {
                $warnings[] = $message;
            });
            same(false, swoole_client_select($read, $write, $except, 0));
            restore_error_handler();
            same(["swoole_client_select(): {$text}", $none], $warnings);
        }
    },
    'a handler that changes the arrays' => function () {
        [$client, $peer] = pair();
        write($peer, 'x');
        $read = ['bad', 'a' => $client];
        $write = $except = null;
        set_error_handler(function () use (&$read, &$client) {
            $read = null;
            $client = null;
            return true;
        });
        same(1, swoole_client_select($read, $write, $except, 5));
        restore_error_handler();
        same(['a'], array_keys($read));
        same('x', $read['a']->recv());
    },
    'wrong arguments' => function () {
        foreach ([[1, null, null], [null, 'x', null], [null, null, new stdClass], [[], [], [], 'x']] as $arguments) {
            try {
                swoole_client_select(...$arguments);
                check(false, 'it throws');
            } catch (TypeError) {
            }
        }
        $read = [999999];
        $write = $except = null;
        // No such descriptor: told at once, in no array.
        same(1, swoole_client_select($read, $write, $except, 5));
        same([], $read);
    },
]);
?>
--EXPECT--
keys and order: ok
nothing ready: ok
it waits: ok
a peer that closes: ok
anything with a descriptor: ok
what was received already: ok
no descriptors: ok
a handler that changes the arrays: ok
wrong arguments: ok
