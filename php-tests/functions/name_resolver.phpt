--TEST--
swoole_name_resolver_*: resolvers in their order, several nodes, bad answers, exceptions, DNS
--FILE--
<?php
namespace Swoole {
    if (!class_exists(NameResolver::class)) {
        abstract class NameResolver
        {
        }
    }
}

namespace {
    use Swoole\NameResolver\Context;

    class Nodes
    {
        public function __construct(private array $nodes)
        {
        }

        public function count(): int
        {
            return count($this->nodes);
        }

        public function pop(): mixed
        {
            return array_shift($this->nodes) ?? false;
        }
    }

    class Resolver extends Swoole\NameResolver
    {
        public function __construct(private Closure $answer)
        {
        }

        public function lookup(string $name): mixed
        {
            return ($this->answer)($name);
        }

        public function join(string $name, string $ip, int $port, array $options = []): bool
        {
            return true;
        }

        public function leave(string $name, string $ip, int $port): bool
        {
            return true;
        }

        public function getCluster(string $name): ?Swoole\NameResolver\Cluster
        {
            return null;
        }

        public function __destruct()
        {
            echo "resolver gone\n";
        }
    }

    function show(callable $f): void
    {
        try {
            echo json_encode($f()), "\n";
        } catch (Throwable $e) {
            echo $e::class, ': ', $e->getMessage(), "\n";
        }
    }

    $first = new Resolver(static fn (string $name): mixed => match ($name) {
        'one' => '192.0.2.1',
        'none' => '',
        'many' => new Nodes([['host' => '192.0.2.2', 'port' => 80], ['host' => '192.0.2.3', 'port' => 81]]),
        'bad' => new Nodes([['host' => 7], 'x', ['port' => 80]]),
        'throws' => throw new DomainException('no names today'),
        'empty' => new Nodes([]),
        'stranger' => new stdClass(),
        'number' => 7,
        default => null,
    });
    $second = new Resolver(static fn (string $name): mixed => $name === 'localhost' ? null : "second: {$name}");
    show(fn () => [swoole_name_resolver_add($first), swoole_name_resolver_add($second), swoole_name_resolver_add($first)]);
    foreach (['one', 'none', 'throws', 'empty', 'number', 'localhost', "a\0b"] as $name) {
        show(fn () => [$name, swoole_name_resolver_lookup($name, new Context())]);
    }
    show(fn () => swoole_name_resolver_lookup('bad', new Context(AF_INET, true)));
    show(fn () => swoole_name_resolver_lookup('stranger', new Context()));
    foreach ([false, true] as $with_port) {
        $context = new Context(AF_INET, $with_port);
        show(fn () => [swoole_name_resolver_lookup('many', $context), swoole_name_resolver_lookup('many', $context), swoole_name_resolver_lookup('many', $context)]);
    }
    show(fn () => [swoole_name_resolver_remove($second), swoole_name_resolver_remove($second)]);
    unset($second);
    foreach (['no.such.name.invalid', ''] as $name) {
        show(fn () => [swoole_name_resolver_lookup($name, new Context()), swoole_last_error() === SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED]);
    }
    show(fn () => [swoole_name_resolver_lookup('::1', new Context(AF_INET6)), swoole_name_resolver_lookup('x', new Context(77))]);
    show(fn () => swoole_name_resolver_lookup('x', new stdClass()));
    show(fn () => @swoole_name_resolver_add(new stdClass()));
    show(fn () => swoole_name_resolver_remove(new stdClass()));
    show(fn () => clone new Context());
    show(fn () => serialize(new Context()));
    show(fn () => swoole_name_resolver_lookup('one', (new ReflectionClass(Context::class))->newInstanceWithoutConstructor()));
    $away = new Resolver(static function () use (&$away): mixed {
        swoole_name_resolver_remove($away);
        $away = null;
        return null;
    });
    swoole_name_resolver_remove($first);
    swoole_name_resolver_add($away);
    show(fn () => swoole_name_resolver_lookup('127.0.0.1', new Context()));
    swoole_name_resolver_add($first);
    echo "end\n";
}
?>
--EXPECT--
[true,true,true]
["one","192.0.2.1"]
["none",""]
DomainException: no names today
["empty","second: empty"]
["number","second: number"]
["localhost","127.0.0.1"]
["a\u0000b","second: a\u0000b"]
"second: bad"
Error: Invalid callback stdClass::pop, class stdClass does not have a method "pop"
["192.0.2.2","192.0.2.3","192.0.2.2"]
["192.0.2.2:80","192.0.2.3:81","192.0.2.2:80"]
[true,false]
resolver gone
["",true]
["",true]
["::1",""]
TypeError: swoole_name_resolver_lookup(): Argument #2 ($ctx) must be of type Swoole\NameResolver\Context
false
false
Error: Trying to clone an uncloneable object of class Swoole\NameResolver\Context
Exception: Serialization of 'Swoole\NameResolver\Context' is not allowed
"192.0.2.1"
resolver gone
"127.0.0.1"
end
resolver gone
