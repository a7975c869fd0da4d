--TEST--
Hooks: hosts that streams connect to: names that are too long, addresses with a scope
--FILE--
<?php
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

/** What comes of connecting: an error's number and text. */
function attempt(string $address): array
{
    $client = @stream_socket_client($address, $errno, $error, 5);
    return [is_resource($client), $errno, $error];
}

/** A scoped address of this machine, if it has one. */
function scoped(): ?string
{
    foreach (@file('/proc/net/if_inet6') ?: [] as $line) {
        [$digits, , , $scope, $flags, $name] = preg_split('/\s+/', trim($line));
        if ($scope === '20' && (hexdec($flags) & 0x48) === 0) {
            return inet_ntop(hex2bin($digits)) . "%{$name}";
        }
    }
    return null;
}

$hosts = array_map(fn (int $before): string => str_repeat('x', $before) . str_repeat("\u{20ac}", 500), range(0, 2));
$scoped = scoped();
$addresses = ['tcp://[fe80::1%lo]:1', 'tcp://[fe80::1%1]:1', 'tcp://[fe80::1]:1', 'tcp://[::1%1]:1', 'udp://[fe80::1%lo]:1',
    'tcp://[fe80::1%none]:1', ...$scoped === null ? [] : ["tcp://[{$scoped}]:1"]];
$natively = array_combine($addresses, array_map(attempt(...), $addresses));
Co::set(['hook_flags' => SWOOLE_HOOK_ALL]);
Co\run(function () use ($hosts, $natively, $scoped): void {
    // What is said of them is cut, between two characters.
    foreach ($hosts as $host) {
        [$done, , $error] = attempt("tcp://{$host}:80");
        check(!$done && strlen($error) > 900 && strlen($error) <= 1024 && preg_match('//u', $error) === 1, json_encode($error));
    }
    // As without coroutines.
    foreach ($natively as $address => $outcome) {
        same($outcome, attempt($address), $address);
    }
    if ($scoped !== null) {
        $server = stream_socket_server("tcp://[{$scoped}]:0");
        $port = (int) substr(strrchr(stream_socket_get_name($server, false), ':'), 1);
        same([true, 0, ''], attempt("tcp://[{$scoped}]:{$port}"));
    }
});
echo "ok\n";
?>
--EXPECT--
ok
