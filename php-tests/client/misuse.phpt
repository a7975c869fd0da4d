--TEST--
Swoole\Client: wrong arguments and types, what is not built, objects that cannot be made so
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, pair, parts, same, warning_of};

require __DIR__ . '/peer.inc';

function thrown(callable $call): string
{
    try {
        $call();
    } catch (Throwable $error) {
        return $error::class . ': ' . $error->getMessage();
    }
    return 'nothing';
}

parts([
    'constructor' => function () {
        foreach ([0, 7, 8, 99, -1, PHP_INT_MAX] as $type) {
            same("TypeError: Swoole\\Client::__construct() expects parameter 1 to be client type, unknown type {$type} given", thrown(fn () => new Client($type)));
        }
        same('Error: The $async parameter is not supported', thrown(fn () => new Client(SWOOLE_SOCK_TCP, true)));
        check(str_starts_with(thrown(fn () => new Client()), 'ArgumentCountError'), 'no type');
        check(str_starts_with(thrown(fn () => new Client('x')), 'TypeError'), 'no number');
        $client = new Client(SWOOLE_SOCK_TCP, SWOOLE_SOCK_SYNC, 'name');
        same([SWOOLE_SOCK_TCP, 'name', -1, 0, false, 0, null],
            [$client->type, $client->id, $client->sock, $client->errCode, $client->reuse, $client->reuseCount, $client->setting]);
    },
    'no TLS' => function () {
        [$client] = pair();
        foreach (['getPeerCert', 'verifyPeerCert'] as $method) {
            same("Swoole\\Client::{$method}(): SSL is not ready", warning_of(fn () => same(false, $client->$method())));
        }
        same('Swoole\Exception: sync client does not support `onSslReady` callback', thrown(fn () => $client->enableSSL(fn () => true)));
        check(str_starts_with(thrown(fn () => new Client(SWOOLE_SOCK_UDP | SWOOLE_SSL)), 'Swoole\Exception: TLS of datagrams (DTLS) is not built yet'), 'DTLS');
    },
    'without the constructor' => function () {
        $client = new class (1) extends Client {
            public function __construct()
            {
            }
        };
        same('Swoole\Error: must call constructor first', thrown(fn () => $client->connect('127.0.0.1', 1)));
        same('Swoole\Error: must call constructor first', thrown(fn () => $client->sendto('127.0.0.1', 1, 'x')));
        same(false, @$client->send('x'));
        same(false, $client->isConnected());
        $raw = (new ReflectionClass(Client::class))->newInstanceWithoutConstructor();
        same(false, @$raw->close());
    },
    'arguments of connect' => function () {
        $client = new Client(SWOOLE_SOCK_TCP);
        same('Swoole\Client::connect(): The host is empty', warning_of(fn () => same(false, $client->connect(''))));
        foreach ([-1, 65536, PHP_INT_MAX, PHP_INT_MIN] as $port) {
            same('Swoole\Client::connect(): The port is invalid', warning_of(fn () => same(false, $client->connect('127.0.0.1', $port))));
            same(SWOOLE_ERROR_INVALID_PARAMS, swoole_last_error());
        }
        foreach (["a\0b", ' ', '256.256.256.256', '::1', str_repeat('x', 100000), "127.0.0.1\n"] as $host) {
            same(false, @$client->connect($host, 1));
            check($client->errCode !== 0, 'a code');
        }
        foreach ([NAN, INF, -INF, 1e300, -0.0] as $timeout) {
            same(false, @$client->connect('127.0.0.1', 1, $timeout));
            same(111, $client->errCode);
        }
    },
    'arguments of transfers' => function () {
        [$client, $peer] = pair(timeout: 0.05);
        same('Swoole\Client::send(): data to send is empty', warning_of(fn () => same(false, $client->send(''))));
        same('Swoole\Client::recv(): the size to receive is -1, it must be 1 or more', warning_of(fn () => same(false, $client->recv(-1))));
        foreach ([PHP_INT_MAX, PHP_INT_MIN, -1, 1 << 40] as $flags) {
            @$client->recv(10, $flags);
        }
        same(true, $client->isConnected());
        foreach ([[], null, 1, 'x', new ArrayObject] as $settings) {
            same(is_array($settings), $client->set($settings));
        }
        foreach (['send', 'recv', 'sendto', 'sendfile', 'connect', 'close', 'shutdown', 'set'] as $method) {
            check(str_starts_with(thrown(fn () => $client->$method(new stdClass, new stdClass, new stdClass, new stdClass, new stdClass)), 'ArgumentCountError'), $method);
        }
    },
    'objects' => function () {
        [$client] = pair();
        same('Error: Trying to clone an uncloneable object of class Swoole\Client', thrown(fn () => clone $client));
        same('Error: Property sock of class Swoole\Client cannot be unset', thrown(function () use ($client) {
            unset($client->sock);
        }));
        check(str_contains(thrown(fn () => serialize($client)), 'not allowed'), 'not to be stored');
        // Properties are the user's to change; nothing breaks.
        foreach (['sock', 'type', 'id', 'setting', 'errCode', 'reuse'] as $name) {
            foreach ([null, 'x', [], new stdClass, 1.5] as $value) {
                $client->$name = $value;
                @$client->recv(1, Client::MSG_DONTWAIT);
            }
        }
        same(true, $client->close());
        same('Swoole\Error: must call constructor first', thrown(fn () => $client->connect('127.0.0.1', 1)));
        same('Swoole\Exception', get_parent_class(Swoole\Client\Exception::class));
    },
]);
?>
--EXPECT--
constructor: ok
no TLS: ok
without the constructor: ok
arguments of connect: ok
arguments of transfers: ok
objects: ok
