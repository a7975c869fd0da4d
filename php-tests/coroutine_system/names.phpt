--TEST--
Swoole\Coroutine\System: host names by the system's resolver and by DNS servers, with their cache
--FILE--
<?php
use Swoole\{Coroutine, Event, Process};
use Swoole\Coroutine\System;
use function Swoole\Coroutine\run;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

/** Answers questions as the name's first label says, and counts them. */
function serve(Socket $socket): never
{
    for ($count = 1;; $count++) {
        socket_recvfrom($socket, $question, 512, 0, $ip, $port);
        $label = substr($question, 13, ord($question[12]));
        $type = unpack('n', substr($question, -4))[1];
        $header = fn (int $flags, int $answers): string => substr($question, 0, 2) . pack('n5', $flags, 1, $answers, 0, 0)
            . substr($question, 12);
        $record = fn (int $type, string $data): string => pack('nnnNn', 0xC00C, $type, 1, 60, strlen($data)) . $data;
        $address = $type === 1 ? "\xC0\0\x02" . chr($count) : inet_pton('2001:db8::' . $count);
        $answer = match ($label) {
            'silent' => null,
            'none' => $header(0x8183, 0),
            'empty' => $header(0x8180, 0),
            'garbage' => 'garbage',
            'cut' => substr($header(0x8180, 1) . $record($type, $address), 0, -3),
            'forged' => "\0\0" . substr($header(0x8180, 1) . $record($type, "\x7F\0\0\x09"), 2),
            default => $header(0x8180, 2) . $record(5, "\x01a\xC0\x10") . $record($type, $address),
        };
        if ($answer !== null) {
            socket_sendto($socket, $answer, strlen($answer), 0, $ip, $port);
        }
        if ($label === 'forged') {
            $answer = $header(0x8180, 1) . $record($type, $address);
            socket_sendto($socket, $answer, strlen($answer), 0, $ip, $port);
        }
    }
}

$socket = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);
socket_bind($socket, '127.0.0.1', 0);
socket_getsockname($socket, $ip, $port);
$server = new Process(fn () => serve($socket));
$server->start();
// Whatever ends the test: its output stays open as long as the child runs.
register_shutdown_function(fn () => Process::kill($server->pid, SIGKILL));
socket_close($socket);

run(function () use ($port): void {
    Coroutine::set(['dns_server' => "127.0.0.1:{$port}"]);
    same('192.0.2.1', System::dnsLookup('a.example'));
    same('192.0.2.1', swoole_async_dns_lookup_coro('A.Example'), 'from the cache');
    same('2001:db8::2', System::dnsLookup('a.example', 5, AF_INET6));
    swoole_clear_dns_cache();
    same('192.0.2.3', System::dnsLookup('a.example.'));
    swoole_async_set(['dns_cache_refresh_time' => 0]);
    same('192.0.2.4', System::dnsLookup('a.example'));
    same('192.0.2.5', System::dnsLookup('a.example'));
    same('192.0.2.6', System::dnsLookup('forged.example'));
    foreach (['none', 'empty', 'cut', str_repeat('x', 64), "a\0b", "\xFF", 'a b'] as $name) {
        swoole_clear_error();
        same(false, System::dnsLookup("{$name}.example", 5), $name);
        same(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, swoole_last_error());
    }
    foreach (['silent', 'garbage'] as $name) {
        same(false, System::dnsLookup("{$name}.example", 0.02), $name);
        same(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, swoole_last_error());
    }
    $cid = Coroutine::getCid();
    Event::defer(fn () => Coroutine::cancel($cid));
    same(false, System::dnsLookup('silent.example'));
    same(SWOOLE_ERROR_CO_CANCELED, swoole_last_error());
    Coroutine::set(['dns_server' => '127.0.0.1:1']);
    same(false, System::dnsLookup('a.example', 5), 'no server there');
    Coroutine::set(['dns_server' => '']);

    // The system's resolver.
    same('127.0.0.1', System::gethostbyname('127.0.0.1'));
    same('::1', System::gethostbyname('::1', AF_INET6));
    same(false, System::gethostbyname('::1'));
    same(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, swoole_last_error());
    same('127.0.0.1', System::gethostbyname('localhost'));
    same('127.0.0.1', System::gethostbyname('localhost'), 'from the cache');
    same(['127.0.0.1'], System::getaddrinfo('localhost', AF_INET, SOCK_STREAM, SOL_TCP, '80'));
    same(['127.0.0.1'], System::getaddrinfo('127.0.0.1', service: null));
    same(false, System::getaddrinfo('::1'));
    check(swoole_last_error() < 0 && swoole_strerror(swoole_last_error(), SWOOLE_STRERROR_GAI) !== '', 'why');
    same(false, System::getaddrinfo('127.0.0.1', AF_INET, 99, 99));
    same(false, System::getaddrinfo("a\xFF"));
    same(false, System::gethostbyname("a\0b"));
    Event::defer(fn () => check(Coroutine::cancel($cid), 'canceled'));
    same(false, System::gethostbyname('name-' . bin2hex(random_bytes(4)) . '.invalid'));
    same(SWOOLE_ERROR_CO_CANCELED, swoole_last_error());
    foreach ([fn () => System::gethostbyname(''), fn () => System::gethostbyname('a', 99),
        fn () => System::getaddrinfo(''), fn () => System::getaddrinfo('a', 99), fn () => System::dnsLookup('')] as $call) {
        same(false, $call());
    }
    // Name resolvers ask it, too.
    same('127.0.0.1', swoole_name_resolver_lookup('localhost', new Swoole\NameResolver\Context));
});
?>
--EXTENSIONS--
sockets
--EXPECTF--
Warning: Swoole\Coroutine\System::gethostbyname(): domain name is empty in %s on line %d

Warning: Swoole\Coroutine\System::gethostbyname(): unknown protocol family, must be AF_INET or AF_INET6 in %s on line %d

Warning: Swoole\Coroutine\System::getaddrinfo(): hostname is empty in %s on line %d

Warning: Swoole\Coroutine\System::getaddrinfo(): unknown protocol family, must be AF_INET or AF_INET6 in %s on line %d

Warning: Swoole\Coroutine\System::dnsLookup(): domain name empty in %s on line %d
