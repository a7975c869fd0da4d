--TEST--
Hooks: gethostbyname() and its family let other coroutines run
--FILE--
<?php
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

/** What the functions say that answer as PHP's own do. */
function story(): array
{
    $said = [gethostbynamel('10.1.2.3'), gethostbynamel('localhost'), gethostbynamel('no such name'), gethostbynamel('::1')];
    foreach (['127.0.0.1', '::1', 'no address', ''] as $address) {
        $said[] = @gethostbyaddr($address);
    }
    foreach (['gethostbynamel', 'gethostbyaddr'] as $function) {
        foreach ([[], ["\0"], [[]]] as $arguments) {
            try {
                $said[] = $function(...$arguments);
            } catch (Throwable $thrown) {
                $said[] = [$thrown::class, $thrown->getMessage()];
            }
        }
    }
    $said[] = [@gethostbynamel(str_repeat('a', 300)), error_get_last()['message']];
    $said[] = gethostbynamel('');
    return $said;
}

$native = story();
Co::set(['hook_flags' => SWOOLE_HOOK_ALL]);
Co\run(function () use ($native): void {
    foreach (story() as $step => $said) {
        same($native[$step], $said, "step {$step}");
    }
    // As Swoole\Coroutine\System::gethostbyname().
    same(['127.0.0.1', '127.0.0.9', false], [gethostbyname('localhost'), gethostbyname('127.0.0.9'), gethostbyname('no such name')]);
    same('::1', gethostbyname('::1', AF_INET6));
});
foreach ([
    fn () => gethostbyname('localhost') === '127.0.0.1',
    fn () => gethostbynamel('localhost') === ['127.0.0.1'],
    fn () => is_string(gethostbyaddr('127.0.0.1')),
] as $ask) {
    swoole_clear_dns_cache();
    Co\run(function () use ($ask): void {
        $order = [];
        Swoole\Coroutine::join([
            go(function () use (&$order, $ask): void {
                $order[] = $ask();
            }),
            go(function () use (&$order): void {
                $order[] = 'another';
            }),
        ]);
        same(['another', true], $order);
    });
}
Co\run(function (): void {
    $cid = go(fn () => same('127.0.0.1', gethostbyaddr('127.0.0.1')));
    same(true, Co::cancel($cid));
});
Swoole\Runtime::setHookFlags(SWOOLE_HOOK_NET_FUNCTION);
?>
--EXPECTF--
Warning: Swoole\Runtime::setHookFlags(): SWOOLE_HOOK_NET_FUNCTION is built but for mail() and dns_*(), which go on blocking the process in %s on line %d
