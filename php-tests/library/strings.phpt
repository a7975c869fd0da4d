--TEST--
Swoole\StringObject, MultibyteStringObject and ObjectProxy
--FILE--
<?php
use Swoole\{MultibyteStringObject, ObjectProxy, StringObject};
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

function thrown(string $class, string $message, callable $f): void
{
    try {
        $f();
    } catch (Throwable $e) {
        same([$class, $message], [$e::class, $e->getMessage()]);
        return;
    }
    echo "nothing was thrown\n";
}

foreach (extension_loaded('mbstring') ? [StringObject::class, MultibyteStringObject::class] : [StringObject::class] as $class) {
    $of = fn (string $text = ''): StringObject => new $class($text);
    same(['', 'x', 'x', 'x'], [(string) $of(), (string) $class::from('x'), $of('x')->toString(), "{$of('x')}"]);
    foreach ([
        ['abc', $of('ABC')->lower()],
        ['ABC', $of('abc')->upper()],
        ['cba', $of('abc')->reverse()],
        ['a', $of("\0 \n a\t")->trim()],
        [' a', $of(' a ')->trim('x')->rtrim()],
        ['a ', $of(' a ')->ltrim()],
        ['a', $of('xax')->trim('x')],
        ['bc', $of('abcd')->substr(1, 2)],
        ['cd', $of('abcd')->substr(-2)],
        ['', $of('abcd')->substr(9)],
        ['ababab', $of('ab')->repeat(3)],
        ['ab5', $of('ab')->append(5)],
        ['abcd', $of('ab')->append($of('cd'))],
        ['ab-cd-', $of('abcd')->chunkSplit(2, '-')],
    ] as [$expected, $actual]) {
        same([$class, $expected], [$actual::class, (string) $actual]);
    }
    same('a-b-', (string) $of('aXbX')->replace('X', '-', $count));
    same(2, $count);
    $text = $of('abcb');
    same([1, 3, false, 3, 1, 3, 1], [$text->indexOf('b'), $text->indexOf('b', 2), $text->indexOf('z'),
        $text->lastIndexOf('b'), $text->pos('b'), $text->rpos('b'), $text->ipos('B')]);
    same([true, false, true, true, false], [$text->startsWith('ab'), $text->startsWith('b'), $text->endsWith('cb'),
        $text->contains('cb'), $text->contains('z')]);
    same([true, true, true, false, true, false], [$text->equals('abcb'), $text->equals($of('abcb'), true),
        $of('1')->equals(1), $of('1')->equals(1, true), $of('')->equals(null), $of('')->equals(null, true)]);
    same([['a', 'c'], ['a', 'c,d'], ['ab', 'cb'], 'b', 'b', ''], [$of('a,c')->split(',')->toArray(),
        $of('a,c,d')->split(',', 2)->toArray(), $text->chunk(2)->toArray(), $text->char(1), $text->char(-1), $text->char(9)]);
    thrown(ValueError::class, 'explode(): Argument #1 ($separator) ' . (PHP_VERSION_ID < 80400 ? 'cannot be empty' : 'must not be empty'), fn () => $text->split(''));
    same(true, unserialize(serialize($text)) == $text);
}
same([5, 2, "\xc3"], [swoole_string('héé')->length(), swoole_string('éa')->indexOf('a'), (string) swoole_string('é')->substr(0, 1)]);
if (extension_loaded('mbstring')) {
    same([3, 1, 'é', ['é', 'a']], [swoole_mbstring('héé')->length(), swoole_mbstring('éa')->indexOf('a'),
        (string) swoole_mbstring('éa')->substr(0, 1), swoole_mbstring('éa')->chunk()->toArray()]);
    same([2, 0], [swoole_mbstring('éa')->indexOf('a', 0, 'ISO-8859-1'), _mbstring('Éa')->ipos('é')]);
}

class Target
{
    public $open = 1;
    private $hidden = 2;
    public function add(int $x): int
    {
        return $x + 1;
    }
    public function __invoke($x): string
    {
        return "invoked {$x}";
    }
}
$target = new Target();
$proxy = new ObjectProxy($target);
same([1, 5, 'invoked 4', true], [$proxy->open, $proxy->add(4), $proxy(4), $proxy->__getObject() === $target]);
$proxy->open = 9;
same([9, true, false], [$target->open, isset($proxy->open), isset($proxy->none)]);
unset($proxy->open);
same(false, isset($target->open));
thrown(Error::class, 'Cannot access private property Target::$hidden', fn () => $proxy->hidden);
thrown(Error::class, 'Call to undefined method Target::none()', fn () => $proxy->none());
thrown(Error::class, 'Object of type stdClass is not callable', fn () => (new ObjectProxy(new stdClass()))(1));
thrown(Error::class, 'Trying to clone an uncloneable database proxy object',
    fn () => clone new Swoole\Database\ObjectProxy($target));
same(true, (clone $proxy)->__getObject() === $target);
echo "ok\n";
?>
--EXPECT--
ok
