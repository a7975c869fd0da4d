--TEST--
Swoole\Coroutine\Client: connecting, sending and receiving, packages, datagrams, its socket, closing
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\{Client, Socket};
use function SwooleRs\Tests\{check, closed_port, coroutine_parts, failed_with, later, listening, result, same, temporary, warning_of};

require __DIR__ . '/../coroutine_socket/pair.inc';

/** A connected client and its peer. */
function clients(array $settings = [], int $type = SWOOLE_SOCK_TCP, float $timeout = 5): array
{
    [$listener, $host, $port] = listening(match ($type) {
        SWOOLE_SOCK_TCP => AF_INET,
        SWOOLE_SOCK_TCP6 => AF_INET6,
        SWOOLE_SOCK_UNIX_STREAM => AF_UNIX,
    });
    $client = new Client($type);
    $settings && $client->set($settings);
    check($client->connect($host, $port, $timeout), "connects: {$client->errMsg}");
    return [$client, $listener->accept(5)];
}

function thrown(callable $call): string
{
    try {
        $call();
    } catch (Throwable $error) {
        return $error::class . ': ' . $error->getMessage();
    }
    return 'nothing';
}

$talk = function (int $type) {
    [$client, $peer] = clients(type: $type);
    same([true, true, $type, $client->socket->fd], [$client->connected, $client->isConnected(), $client->type, $client->fd]);
    same($client->exportSocket(), $client->socket);
    same(5, $client->send('hello'));
    same('hello', $peer->recv());
    $got = later(fn () => $client->recv());
    $peer->send('world');
    same('world', result($got));
    $local = $peer->getpeername();
    same(['host' => $local['address'], 'address' => $local['address'], 'port' => $local['port']], $client->getsockname());
    same($peer->getsockname()['port'], $client->getpeername()['port']);
    $peer->send('more');
    until_readable($client->socket);
    same('mo', $client->peek(2));
    same('more', $client->recv());
    same(true, $client->close());
    same([false, false, null], [$client->connected, $client->isConnected(), $client->socket]);
    same('', $peer->recv());
};

function until_readable(Socket $socket): void
{
    while (@$socket->peek(1) === false) {
        Coroutine::sleep(0.001);
    }
}

coroutine_parts([
    'TCP' => fn () => $talk(SWOOLE_SOCK_TCP),
    'IPv6' => fn () => $talk(SWOOLE_SOCK_TCP6),
    'unix' => fn () => $talk(SWOOLE_SOCK_UNIX_STREAM),
    'before connect()' => function () {
        $client = new Client(SWOOLE_SOCK_TCP);
        same([0, '', -1, null, SWOOLE_SOCK_TCP, null, false], array_values(get_object_vars($client)));
        same([false, null], [$client->isConnected(), $client->exportSocket()]);
        foreach (['recv' => [], 'send' => ['x'], 'peek' => [], 'close' => [], 'getsockname' => [], 'getpeername' => [], 'sendfile' => [__FILE__], 'enableSSL' => [], 'getPeerCert' => [], 'verifyPeerCert' => []] as $method => $arguments) {
            $client->errCode = 0;
            failed_with(SWOOLE_ERROR_CLIENT_NO_CONNECTION, $client, $client->$method(...$arguments));
        }
    },
    'connections that fail' => function () {
        $client = new Client(SWOOLE_SOCK_TCP);
        failed_with(SOCKET_ECONNREFUSED, $client, $client->connect('127.0.0.1', closed_port()));
        same([false, null], [$client->connected, $client->socket]);
        failed_with(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, $client, $client->connect('no.such.host.invalid', 80));
        same('Swoole\Coroutine\Client::connect(): The host is empty', warning_of(fn () => same(false, $client->connect(''))));
        same('Swoole\Coroutine\Client::connect(): The port is invalid', warning_of(fn () => same(false, $client->connect('127.0.0.1', 65536))));
        // A full backlog lets nobody in.
        $listener = new Socket(AF_INET, SOCK_STREAM);
        $listener->bind('127.0.0.1');
        $listener->listen(1);
        $port = $listener->getsockname()['port'];
        $full = [];
        do {
            $full[] = $client = new Client(SWOOLE_SOCK_TCP);
        } while ($client->connect('127.0.0.1', $port, 0.1) && count($full) < 50);
        failed_with(SOCKET_ETIMEDOUT, $client, $client->connect('127.0.0.1', $port, 0.05));
        $later = later(fn () => [$client->connect('127.0.0.1', $port), $client->errCode]);
        same(true, Coroutine::cancel(max(iterator_to_array(Coroutine::list()))));
        same([false, SOCKET_ECANCELED], result($later));
    },
    'again and again' => function () {
        [$listener, $host, $port] = listening();
        $client = new Client(SWOOLE_SOCK_TCP);
        for ($i = 0; $i < 3; $i++) {
            same(true, $client->connect($host, $port));
            failed_with(SOCKET_EISCONN, $client, $client->connect($host, $port));
            same(true, $client->isConnected());
            same(true, $client->close());
        }
        same(true, $client->connect('localhost', $port));
    },
    'time limits' => function () {
        // That of connect() holds for what follows.
        [$client, $peer] = clients(timeout: 0.02);
        failed_with(SOCKET_ETIMEDOUT, $client, $client->recv());
        [$client, $peer] = clients();
        failed_with(SOCKET_ETIMEDOUT, $client, $client->recv(0.01));
        [$client, $peer] = clients(['read_timeout' => 0.01], timeout: 0);
        failed_with(SOCKET_ETIMEDOUT, $client, $client->recv());
        same(true, $client->set(['timeout' => 7]));
        same(7, $client->socket->getOption(SOL_SOCKET, SO_RCVTIMEO)['sec']);
        same(['read_timeout' => 0.01, 'timeout' => 7], $client->setting);
    },
    'packages' => function () {
        $length = ['open_length_check' => true, 'package_length_type' => 'N', 'package_body_offset' => 4];
        [$client, $peer] = clients($length);
        $peer->send(pack('N', 3) . 'one' . pack('N', 3) . 'two');
        same([pack('N', 3) . 'one', pack('N', 3) . 'two'], [$client->recv(), $client->recv()]);
        $peer->close();
        same('', $client->recv());
        [$client, $peer] = clients(['open_eof_split' => true, 'package_eof' => '!']);
        $peer->send('a!b!');
        same(['a!', 'b!'], [$client->recv(), $client->recv()]);
        [$client, $peer] = clients(['open_length_check' => true, 'package_length_func' => fn (string $data) => $data[0] === '2' ? 2 : 3]);
        $peer->send('2a3bc');
        same(['2a', '3bc'], [$client->recv(), $client->recv()]);
        $weak = WeakReference::create($client->setting['package_length_func']);
        unset($client);
        same(null, $weak->get());
    },
    'other settings' => function () {
        $port = closed_port();
        [$client, $peer] = clients(['bind_address' => '127.0.0.1', 'bind_port' => $port, 'socket_buffer_size' => '64K', 'open_tcp_nodelay' => false]);
        same($port, $client->getsockname()['port']);
        same(0, $client->socket->getOption(SOL_TCP, TCP_NODELAY));
        check($client->socket->getOption(SOL_SOCKET, SO_SNDBUF) >= 65536, 'buffer');
        same(false, $client->set([]));
        same('Swoole\Coroutine\Client::set(): socket buffer size must be greater than 0, got 0', warning_of(fn () => same(false, $client->set(['socket_buffer_size' => 0]))));
    },
    'sending' => function () {
        [$client, $peer] = clients();
        same('Swoole\Coroutine\Client::send(): data to send is empty', warning_of(fn () => same(false, $client->send(''))));
        $data = random_bytes(8 << 20);
        $got = later(fn () => md5($peer->recvAll(8 << 20)));
        same(8 << 20, $client->send($data));
        same(md5($data), result($got));
        same(true, $client->sendfile(__FILE__, 10, 20));
        same(file_get_contents(__FILE__, offset: 10, length: 20), $peer->recv());
        same(false, $client->sendfile('/no/such/file'));
        same([SOCKET_ENOENT, 'open(/no/such/file) failed, No such file or directory'], [$client->errCode, $client->errMsg]);
        same('Swoole\Coroutine\Client::sendfile(): file to send is empty', warning_of(fn () => same(false, $client->sendfile(''))));
        failed_with(SOCKET_EPROTONOSUPPORT, $client, $client->sendto('127.0.0.1', 9, 'x'));
    },
    'datagrams' => function () {
        $server = new Socket(AF_INET, SOCK_DGRAM);
        $server->bind('127.0.0.1');
        $port = $server->getsockname()['port'];
        $client = new Client(SWOOLE_SOCK_UDP);
        same(true, $client->sendto('127.0.0.1', $port, 'hello'));
        same([false, false], [$client->connected, $client->isConnected()]);
        same('hello', $server->recvfrom($from));
        same(3, $server->sendto($from['address'], $from['port'], 'one'));
        same('one', $client->recvfrom(100, $address, $number));
        same(['127.0.0.1', $port], [$address, $number]);
        $server->sendto($from['address'], $from['port'], 'two');
        same('two', $client->recvfrom(100, $address));
        same(false, $client->recvfrom(0, $address));
        same(false, $client->sendto('127.0.0.1', $port, ''));
        same(false, $client->sendfile(__FILE__));
        same([SOCKET_EINVAL, 'dgram socket cannot use sendfile'], [$client->errCode, $client->errMsg]);
        $fixed = new Client(SWOOLE_SOCK_UDP);
        same(true, $fixed->connect('127.0.0.1', $port));
        same([4, 'sent'], [$fixed->send('sent'), $server->recvfrom($from)]);
        $bound = new Client(SWOOLE_SOCK_UDP);
        $bound->set(['bind_address' => '127.0.0.1', 'timeout' => 0.02]);
        failed_with(SOCKET_ETIMEDOUT, $bound, $bound->recvfrom(10, $address));
        same('127.0.0.1', $bound->getsockname()['address']);
    },
    'closing' => function () {
        [$client, $peer] = clients();
        $reader = later(fn () => [$client->recv(), $client->errCode]);
        failed_with(SWOOLE_ERROR_CO_SOCKET_CLOSE_WAIT, $client, $client->close());
        same([false, SOCKET_ECANCELED], [result($reader)[0], SOCKET_ECANCELED]);
        same(true, $client->close());
        same(null, $client->socket);
        // By the socket itself.
        [$client, $peer] = clients();
        $socket = $client->exportSocket();
        same(true, $socket->close());
        same([null, false], [$client->socket, $client->connected]);
        failed_with(SWOOLE_ERROR_CLIENT_NO_CONNECTION, $client, $client->recv());
        // With the object, whoever holds the socket's.
        [$client, $peer] = clients();
        $socket = $client->exportSocket();
        unset($client);
        same(true, $socket->isClosed());
        same('', $peer->recv());
    },
    'misuse' => function () {
        foreach ([0, 7, -1, PHP_INT_MAX] as $type) {
            same("TypeError: Swoole\\Coroutine\\Client::__construct() expects parameter 1 to be client type, unknown type {$type} given", thrown(fn () => new Client($type)));
        }
        check(str_starts_with(thrown(fn () => new Client(SWOOLE_SOCK_UDP | SWOOLE_SSL)), 'Swoole\Exception: TLS of datagrams (DTLS) is not built yet'), 'DTLS');
        [$client, $peer] = clients();
        failed_with(SOCKET_EISCONN, $client, $client->getPeerCert());
        failed_with(SOCKET_ENOTCONN, $client, $client->verifyPeerCert());
        failed_with(SOCKET_EINVAL, $client, $client->peek(-1));
        $raw = new class (1) extends Client {
            public function __construct()
            {
            }
        };
        failed_with(SOCKET_ECONNREFUSED, $raw, $raw->connect('127.0.0.1', closed_port()));
        $raw->type = 99;
        same('Swoole\Error: must call constructor first', thrown(fn () => $raw->connect('127.0.0.1', 1)));
        check(str_starts_with(thrown(fn () => clone $client), 'Error'), 'no clone');
    },
    'nothing is left' => function () {
        [$listener, $host, $port] = listening();
        $round = function () use ($listener, $host, $port) {
            $client = new Client(SWOOLE_SOCK_TCP);
            $client->set(['open_eof_check' => true, 'package_eof' => '!']);
            $client->connect($host, $port);
            $peer = $listener->accept();
            $client->send('x!');
            $peer->recv();
            $peer->send('y!');
            $client->recv();
        };
        for ($i = 0; $i < 100; $i++) {
            $round();
        }
        $memory = memory_get_usage();
        $open = count(scandir('/proc/self/fd'));
        for ($i = 0; $i < 1000; $i++) {
            $round();
        }
        same($open, count(scandir('/proc/self/fd')));
        same($memory, memory_get_usage());
    },
]);
?>
--EXPECT--
TCP: ok
IPv6: ok
unix: ok
before connect(): ok
connections that fail: ok
again and again: ok
time limits: ok
packages: ok
other settings: ok
sending: ok
datagrams: ok
closing: ok
misuse: ok
nothing is left: ok
