--TEST--
Swoole\Coroutine\Socket: options of the kernel, of the socket itself, and of groups
--FILE--
<?php
use Swoole\Coroutine\Socket;
use function SwooleRs\Tests\{check, parts, same, warning_of};

require __DIR__ . '/pair.inc';

$tcp = fn () => new Socket(AF_INET, SOCK_STREAM, 0);
$udp = fn () => new Socket(AF_INET, SOCK_DGRAM, 0);
$thrown = function (callable $call): string {
    try {
        $call();
    } catch (Throwable $error) {
        return $error::class . ': ' . $error->getMessage();
    }
    return 'nothing';
};
$method = 'Swoole\Coroutine\Socket::';

parts([
    'numbers' => function () use ($tcp) {
        $socket = $tcp();
        same(SOCK_STREAM, $socket->getOption(SOL_SOCKET, SO_TYPE));
        same(1, $socket->getOption(SOL_TCP, TCP_NODELAY));
        same(true, $socket->setOption(SOL_TCP, TCP_NODELAY, false));
        same(0, $socket->getOption(SOL_TCP, TCP_NODELAY));
        same(true, $socket->setOption(SOL_SOCKET, SO_KEEPALIVE, '1'));
        same(1, $socket->getOption(SOL_SOCKET, SO_KEEPALIVE));
        check($socket->setOption(SOL_SOCKET, SO_RCVBUF, 100000), 'sets');
        check($socket->getOption(SOL_SOCKET, SO_RCVBUF) >= 100000, 'at least so much');
    },
    'structures' => function () use ($tcp, $thrown, $method) {
        $socket = $tcp();
        same(true, $socket->setOption(SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 7]));
        same(['l_onoff' => 1, 'l_linger' => 7], $socket->getOption(SOL_SOCKET, SO_LINGER));
        same("{$method}setOption(): no key \"l_linger\" passed in optval", warning_of(fn () => $socket->setOption(SOL_SOCKET, SO_LINGER, ['l_onoff' => 1])));
        same("TypeError: {$method}setOption(): Argument #3 (\$opt_value) must be of type array when argument \$option is SO_LINGER, int given",
            $thrown(fn () => $socket->setOption(SOL_SOCKET, SO_LINGER, 1)));
        same("ValueError: {$method}setOption(): Argument #3 (\$opt_value) \"l_linger\" must be between 0 and 65535",
            $thrown(fn () => $socket->setOption(SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 65536])));
        $info = $socket->getOption(SOL_TCP, TCP_INFO);
        same(7, $info['state']);
        foreach (['rto', 'snd_mss', 'rtt', 'snd_cwnd', 'rcv_wscale', 'total_retrans'] as $name) {
            check(is_int($info[$name]), $name);
        }
    },
    'time limits' => function () use ($tcp, $thrown, $method) {
        $socket = $tcp();
        same(true, $socket->setOption(SOL_SOCKET, SO_SNDTIMEO, ['sec' => 1, 'usec' => 500000]));
        same(['sec' => 1, 'usec' => 500000], $socket->getOption(SOL_SOCKET, SO_SNDTIMEO));
        same(['sec' => 60, 'usec' => 0], $socket->getOption(SOL_SOCKET, SO_RCVTIMEO));
        same("{$method}setOption(): no key \"usec\" passed in optval", warning_of(fn () => same(false, $socket->setOption(SOL_SOCKET, SO_RCVTIMEO, ['sec' => 1]))));
        same("TypeError: {$method}setOption(): Argument #3 (\$opt_value) must be of type array when argument \$option is SO_RCVTIMEO, null given",
            $thrown(fn () => $socket->setOption(SOL_SOCKET, SO_RCVTIMEO, null)));
        // 0 leaves it as it is.
        same(true, $socket->setOption(SOL_SOCKET, SO_SNDTIMEO, (object) ['sec' => 0, 'usec' => 0]));
        same(1, $socket->getOption(SOL_SOCKET, SO_SNDTIMEO)['sec']);
    },
    'what the kernel refuses' => function () use ($tcp, $method) {
        $socket = $tcp();
        same("{$method}getOption(): getsockopt({$socket->fd}, 1, 99999), Error: Protocol not available[92]", warning_of(fn () => same(false, $socket->getOption(SOL_SOCKET, 99999))));
        same("{$method}setOption(): setsockopt({$socket->fd}) failed, Error: Protocol not available[92]", warning_of(fn () => same(false, $socket->setOption(SOL_SOCKET, 99999, 1))));
        foreach ([PHP_INT_MAX, PHP_INT_MIN, -1] as $extreme) {
            same(false, @$socket->getOption($extreme, $extreme));
            same(false, @$socket->setOption($extreme, $extreme, []));
        }
    },
    'groups' => function () use ($udp, $method) {
        $socket = $udp();
        foreach ([[IP_MULTICAST_TTL, 9], [IP_MULTICAST_LOOP, 0], [IP_MULTICAST_LOOP, 1], [IP_MULTICAST_IF, 1], [IP_MULTICAST_IF, 0]] as [$name, $value]) {
            same(true, $socket->setOption(IPPROTO_IP, $name, $value));
            same($value, $socket->getOption(IPPROTO_IP, $name));
        }
        $warning = fn ($name, $value) => warning_of(fn () => same(false, $socket->setOption(IPPROTO_IP, $name, $value)));
        same("{$method}setOption(): Expected a value between 0 and 255", $warning(IP_MULTICAST_TTL, 256));
        same("{$method}setOption(): no interface with name \"nope\" could be found", $warning(IP_MULTICAST_IF, 'nope'));
        same("{$method}setOption(): no key \"group\" passed in optval", $warning(MCAST_JOIN_GROUP, []));
        check(str_contains($warning(MCAST_JOIN_GROUP, ['group' => 'no.such.host.invalid']), 'Host lookup failed'), 'no host');
        $group = ['group' => '224.0.0.23', 'interface' => 'lo'];
        same(true, $socket->setOption(IPPROTO_IP, MCAST_JOIN_GROUP, $group));
        check(str_contains($warning(MCAST_JOIN_GROUP, $group), 'Address already in use'), 'joined already');
        same(true, $socket->setOption(IPPROTO_IP, MCAST_LEAVE_GROUP, $group));
        $source = $group + ['source' => '127.0.0.1'];
        same(true, $socket->setOption(IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, $source));
        same(true, $socket->setOption(IPPROTO_IP, MCAST_LEAVE_SOURCE_GROUP, $source));
        $v6 = new Socket(AF_INET6, SOCK_DGRAM, 0);
        same(true, $v6->setOption(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 5));
        same(5, $v6->getOption(IPPROTO_IPV6, IPV6_MULTICAST_HOPS));
        same(true, $v6->setOption(IPPROTO_IPV6, IPV6_PKTINFO, ['addr' => '::1', 'ifindex' => 0]));
        same(false, @$v6->setOption(IPPROTO_IPV6, IPV6_PKTINFO, ['addr' => '::1']));
        same(false, @$v6->setOption(IPPROTO_IPV6, IPV6_PKTINFO, 7));
    },
]);
?>
--EXPECT--
numbers: ok
structures: ok
time limits: ok
what the kernel refuses: ok
groups: ok
