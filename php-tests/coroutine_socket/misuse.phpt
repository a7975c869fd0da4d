--TEST--
Swoole\Coroutine\Socket: wrong arguments, closed sockets, two coroutines that do the same, no coroutine, ends in the middle
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Socket;
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, coroutine_parts, failed_with, later, parts, same, sockets, warning_of};

require __DIR__ . '/pair.inc';

function thrown(callable $call): string
{
    try {
        $call();
    } catch (Throwable $error) {
        return $error::class . ': ' . $error->getMessage();
    }
    return 'nothing';
}

/** A script with two connected sockets, $a and $b, in a coroutine. */
function script(string $code, int $status): string
{
    $code = "Swoole\\Coroutine\\run(function () { [\$a, \$b] = swoole_coroutine_socketpair(AF_UNIX, SOCK_STREAM, 0);\n{$code}\n}); echo 'behind';";
    return Script::run($code, status: $status);
}

/** Arguments of the right type, or of the wrong value, for each method. */
const CALLS = [
    'bind' => ['127.0.0.1', 0], 'listen' => [], 'accept' => [0.01], 'connect' => ['127.0.0.1', 1], 'checkLiveness' => [],
    'getBoundCid' => [512], 'peek' => [], 'recv' => [], 'recvAll' => [], 'recvLine' => [], 'recvWithBuffer' => [],
    'recvPacket' => [], 'send' => ['x'], 'sendAll' => ['x'], 'sendFile' => [__FILE__], 'readVector' => [[1]],
    'readVectorAll' => [[1]], 'writeVector' => [['x']], 'writeVectorAll' => [['x']], 'sendto' => ['127.0.0.1', 1, 'x'],
    'getOption' => [1, 3], 'setOption' => [1, 9, 1], 'setProtocol' => [['open_eof_check' => true]], 'sslHandshake' => [],
    'shutdown' => [], 'cancel' => [], 'close' => [], 'getpeername' => [], 'getsockname' => [],
];

coroutine_parts([
    'constructor' => function () {
        same('Swoole\Coroutine\Socket\Exception: new Socket() failed. Error: Address family not supported by protocol [97]', thrown(fn () => new Socket(9999, SOCK_STREAM)));
        foreach ([PHP_INT_MAX, PHP_INT_MIN, -1] as $extreme) {
            check(str_starts_with(thrown(fn () => new Socket($extreme, $extreme, $extreme)), 'Swoole\Coroutine\Socket\Exception'), 'extreme');
        }
        $socket = new Socket(AF_INET, SOCK_STREAM);
        same('Error: Constructor of Swoole\Coroutine\Socket can only be called once', thrown(fn () => $socket->__construct(AF_INET, SOCK_STREAM)));
        check(str_starts_with(thrown(fn () => clone $socket), 'Error'), 'no clone');
        check(str_starts_with(thrown(fn () => serialize($socket)), 'Exception'), 'no serialize');
    },
    'without the constructor' => function () {
        $raw = (new ReflectionClass(Socket::class))->newInstanceWithoutConstructor();
        same(true, $raw->isClosed());
        foreach (CALLS as $method => $arguments) {
            same('Swoole\Error: must call constructor first', thrown(fn () => $raw->$method(...$arguments)), $method);
        }
    },
    'closed' => function () {
        $socket = new Socket(AF_INET, SOCK_STREAM);
        $socket->close();
        foreach (CALLS as $method => $arguments) {
            $socket->errCode = 0;
            failed_with(SOCKET_EBADF, $socket, $socket->$method(...$arguments));
        }
        $peer = 'as it was';
        failed_with(SOCKET_EBADF, $socket, $socket->recvfrom($peer));
        same('as it was', $peer);
    },
    'addresses' => function () {
        $socket = new Socket(AF_INET, SOCK_STREAM);
        failed_with(SWOOLE_ERROR_BAD_HOST_ADDR, $socket, $socket->bind('localhost'));
        failed_with(SWOOLE_ERROR_BAD_PORT, $socket, $socket->bind('127.0.0.1', 65536));
        failed_with(SOCKET_EADDRNOTAVAIL, $socket, $socket->bind('192.0.2.1'));
        same('Swoole\Coroutine\Socket::connect(): Socket of type AF_INET/AF_INET6 requires port argument', warning_of(fn () => same(false, $socket->connect('127.0.0.1'))));
        foreach ([0, 65536] as $port) {
            same("Swoole\\Coroutine\\Socket::connect(): Invalid port argument[{$port}]", warning_of(fn () => same(false, $socket->connect('127.0.0.1', $port))));
        }
        failed_with(SWOOLE_ERROR_BAD_PORT, $socket, $socket->connect('127.0.0.1', -1));
        failed_with(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, $socket, $socket->connect('no.such.host.invalid', 80));
        failed_with(SOCKET_ENOTCONN, $socket, $socket->getpeername());
        failed_with(SOCKET_EINVAL, $socket, $socket->accept());
        $unix = new Socket(AF_UNIX, SOCK_STREAM);
        failed_with(SOCKET_EINVAL, $unix, $unix->bind("/tmp/a\0b"));
        failed_with(SOCKET_EINVAL, $unix, $unix->connect(''));
        failed_with(SOCKET_ENOENT, $unix, $unix->connect('/no/such/socket'));
    },
    'properties of subclasses' => function () {
        $socket = new class (AF_INET, SOCK_STREAM) extends Socket {
            public array $written = [];
            public $extra = 'mine';
            public function __set(string $name, mixed $value): void
            {
                $this->written[] = $name;
            }
        };
        same([true, AF_INET, 'mine'], [$socket->fd > 0, $socket->domain, $socket->extra]);
        $socket->errCode = 'text';
        $socket->errMsg = [];
        same(true, $socket->bind('127.0.0.1'));
        failed_with(SOCKET_ENOTCONN, $socket, $socket->getpeername());
        same([], $socket->written);
    },
    'extreme arguments' => function () {
        [$client, $peer] = swoole_coroutine_socketpair(AF_UNIX, SOCK_STREAM, 0);
        $peer->send('x');
        foreach ([PHP_INT_MAX, PHP_INT_MIN, -1, 0] as $extreme) {
            $client->peek($extreme);
            $client->getBoundCid($extreme);
            $client->cancel($extreme);
            @$client->listen($extreme);
            $client->shutdown($extreme);
        }
        foreach ([NAN, INF, -INF, 1e300, -0.0] as $extreme) {
            same('x', $client->recv(1, $extreme));
            $peer->send('x');
        }
    },
    'no memory for what was not sent' => function () {
        $output = Script::run('ini_set("memory_limit", "32M");
            Swoole\Coroutine\run(function () {
                $pairs = [];
                for ($i = 0; $i < 200; $i++) {
                    [$a, $b] = $pairs[] = swoole_coroutine_socketpair(AF_UNIX, SOCK_STREAM, 0);
                    go(fn () => $a->recvAll(1 << 20));
                    go(fn () => $b->recv(1 << 20));
                }
                foreach ($pairs as [$a, $b]) {
                    $a->close();
                    $b->close();
                }
            });
            echo "done";');
        same('done', $output);
    },
    'two readers' => function () {
        $output = script('go(fn () => $a->recv()); register_shutdown_function(fn () => print("shutdown")); try { $a->recvAll(); } finally { echo "not here"; }', 255);
        check((bool) preg_match('/Uncaught Swoole\\\\Error: Socket#\d+ has already been bound to another coroutine#2, reading of the same socket in coroutine#1 at the same time is not allowed/', $output), $output);
        check(str_contains($output, '[Coroutine-2] Stack trace:') && str_ends_with($output, 'shutdown'), $output);
    },
    'two writers' => function () {
        $output = script('$big = str_repeat("x", 1 << 24); go(fn () => $a->sendAll($big)); $a->send("x");', 255);
        check(str_contains($output, 'coroutine#2, writing of the same socket'), $output);
        $output = script('go(fn () => $a->recv()); $a->connect("x");', 255);
        check(str_contains($output, 'coroutine#2, reading of the same socket'), $output);
    },
    'ends in the middle' => function () {
        $output = script('go(function () use ($a) { try { $a->recv(); } finally { echo "not here"; } }); exit(7);', 255);
        check(str_contains($output, 'Uncaught Swoole\ExitException') && !str_contains($output, 'not here'), $output);
        check(str_contains(script('go(fn () => $a->recvAll()); throw new Exception("oh");', 255), 'oh'), 'exception');
        check(str_contains(script('go(fn () => $a->recvPacket()); ini_set("memory_limit", "16M"); str_repeat("x", 1 << 30);', 255), 'Allowed memory size'), 'fatal');
        // The last of them waits for ever.
        $output = script('$a->setOption(SOL_SOCKET, SO_RCVTIMEO, ["sec" => -1, "usec" => 0]); go(fn () => $a->recv()); $b->send("x");', 0);
        same('behind', $output);
    },
]);
// Ends the script, as in the reference: nothing catches it.
$output = Script::run('[$one, $two] = swoole_coroutine_socketpair(AF_UNIX, SOCK_STREAM, 0);
    try { $one->recv(); } catch (Throwable) { echo "goes on"; }', status: 255);
check(str_contains($output, 'API must be called in the coroutine') && !str_contains($output, 'goes on'), $output);
echo "outside: ok\n";
?>
--EXPECT--
constructor: ok
without the constructor: ok
closed: ok
addresses: ok
properties of subclasses: ok
extreme arguments: ok
no memory for what was not sent: ok
two readers: ok
two writers: ok
ends in the middle: ok
outside: ok
