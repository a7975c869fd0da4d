--TEST--
swoole_get_local_ip, swoole_get_local_mac, swoole_hashcode, swoole_strerror, swoole_clear_dns_cache
--FILE--
<?php
foreach ([AF_INET => FILTER_FLAG_IPV4, AF_INET6 => FILTER_FLAG_IPV6] as $family => $flag) {
    foreach (swoole_get_local_ip($family) as $interface => $ip) {
        if (!is_string($interface) || filter_var($ip, FILTER_VALIDATE_IP, $flag) === false || $ip === '::1' || str_starts_with($ip, '127.')) {
            echo "bad: {$interface} {$ip}\n";
        }
    }
}
var_dump(swoole_get_local_ip() === swoole_get_local_ip(AF_INET), swoole_get_local_ip(-1), swoole_get_local_ip(PHP_INT_MAX));
foreach (swoole_get_local_mac() as $interface => $mac) {
    if ($interface === 'lo' || !preg_match('/^([0-9A-F]{2}:){5}[0-9A-F]{2}$/', $mac)) {
        echo "bad: {$interface} {$mac}\n";
    }
}
var_dump(swoole_hashcode('abc'), swoole_hashcode('abc', 1), swoole_hashcode("\xff\0a", 1), swoole_hashcode(''), swoole_hashcode('', 1));
var_dump(swoole_hashcode('abc', 2), swoole_hashcode('abc', PHP_INT_MIN));
var_dump(swoole_strerror(2, SWOOLE_STRERROR_DNS), swoole_strerror(-4, SWOOLE_STRERROR_GAI), swoole_strerror(PHP_INT_MIN, SWOOLE_STRERROR_DNS) !== '');
var_dump(swoole_clear_dns_cache());
?>
--EXPECT--
bool(true)
array(0) {
}
array(0) {
}
int(-9223372036661289845)
int(3977453403)
int(3082293967)
int(-9223372036854770427)
int(0)
bool(false)
bool(false)
string(24) "Host name lookup failure"
string(42) "Non-recoverable failure in name resolution"
bool(true)
NULL
