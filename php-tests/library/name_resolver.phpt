--TEST--
Swoole\NameResolver and NameResolver\Cluster: what a registry in PHP gives to connections by name
--FILE--
<?php
use Swoole\NameResolver;
use Swoole\NameResolver\{Cluster, Context};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

function outcome(callable $f): mixed
{
    try {
        return $f();
    } catch (Throwable $e) {
        return [$e::class, $e->getMessage(), $e->getCode()];
    }
}

$cluster = new Cluster();
$cluster->add('1.2.3.4', 80);
$cluster->add('::1', 0, 50);
same(2, $cluster->count());
$nodes = [$cluster->pop(), $cluster->pop()];
usort($nodes, fn (array $a, array $b): int => $a['port'] <=> $b['port']);
same([['host' => '::1', 'port' => 0, 'weight' => 50], ['host' => '1.2.3.4', 'port' => 80, 'weight' => 100]], $nodes);
same([false, 0], [$cluster->pop(), $cluster->count()]);
same(['Swoole\Exception', 'Bad IP Address [name]', 0], outcome(fn () => $cluster->add('name', 80)));
same(['Swoole\Exception', 'Bad Port [65536]', 0], outcome(fn () => $cluster->add('1.2.3.4', 65536)));
same(['Swoole\Exception', 'Bad Port [-1]', 0], outcome(fn () => $cluster->add('1.2.3.4', -1)));
same(['Swoole\Exception', 'Bad Weight [101]', 0], outcome(fn () => $cluster->add('1.2.3.4', 80, 101)));
for ($i = 0; $i < 100; $i++) {
    $cluster->add('1.2.3.4', 1, 0);
    $cluster->add('1.2.3.4', 2, 1);
    same([2, 1], [$cluster->pop()['port'], $cluster->pop()['port']], 'a weight of 0 comes last');
}

final class Registry extends NameResolver
{
    /** @var array<string, list<int>> ports by name */
    public array $services = [];

    public function join(string $name, string $ip, int $port, array $options = []): bool
    {
        $this->services[$this->prefix . $name][] = $port;
        return true;
    }

    public function leave(string $name, string $ip, int $port): bool
    {
        unset($this->services[$this->prefix . $name]);
        return true;
    }

    public function getCluster(string $name): ?Cluster
    {
        $ports = $this->services[$this->prefix . $name] ?? null;
        if ($ports === null) {
            return null;
        }
        $cluster = new Cluster();
        foreach ($ports as $port) {
            $cluster->add('127.0.0.1', $port);
        }
        return $cluster;
    }

    public function seen(): array
    {
        return [$this->baseUrl, $this->info];
    }

    public function check(int $status): bool
    {
        return $this->checkResponse(new Swoole\Coroutine\Http\ClientProxy('body', $status, [], null));
    }
}
foreach (['', 'name', '127.0.0.1:8500', 'http:///'] as $url) {
    same(['RuntimeException', "invalid url parameter '{$url}'", 0], outcome(fn () => new Registry($url)));
}
same(['RuntimeException', "Failed to resolve host 'no.such.host.invalid'", 0],
    outcome(fn () => new Registry('http://no.such.host.invalid/')));
$registry = new Registry('http://127.0.0.1:8500/path/', 'test_');
same(['http://127.0.0.1:8500/path', ['scheme' => 'http', 'host' => '127.0.0.1', 'port' => 8500, 'path' => '/path/',
    'ip' => '127.0.0.1']], $registry->seen());
same(true, $registry->check(200));
same(['Swoole\NameResolver\Exception', 'Http Body: body', 503], outcome(fn () => $registry->check(503)));

// By itself, and as connections ask.
swoole_name_resolver_add($registry);
$lookup = fn (string $name): string => swoole_name_resolver_lookup($name, new Context(AF_INET, true));
same('', $registry->lookup('one'));
$registry->join('one', '127.0.0.1', 1);
same('127.0.0.1:1', $lookup('one'));
same(['host' => '127.0.0.1', 'port' => 1, 'weight' => 100], $registry->lookup('one'));
$registry->join('two', '127.0.0.1', 1);
$registry->join('two', '127.0.0.1', 2);
same(2, $registry->lookup('two')->count());
$context = new Context(AF_INET, true);
$both = [swoole_name_resolver_lookup('two', $context), swoole_name_resolver_lookup('two', $context)];
sort($both);
same(['127.0.0.1:1', '127.0.0.1:2'], $both);
$registry->withFilter(fn (string $name): bool => $name === 'two');
same([true, null], [$registry->hasFilter(), $registry->lookup('one')]);
check($registry->getFilter() instanceof Closure, 'the filter');
$registry->leave('two', '127.0.0.1', 1);
same('', $registry->lookup('two'));
echo "ok\n";
?>
--EXPECT--
ok
