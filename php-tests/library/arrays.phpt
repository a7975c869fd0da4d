--TEST--
Swoole\ArrayObject
--FILE--
<?php
use Swoole\ArrayObject;
use Swoole\Exception\ArrayKeyNotExists;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

const CANNOT_BE_EMPTY = PHP_VERSION_ID < 80400 ? 'cannot be empty' : 'must not be empty';
function of(mixed ...$values): ArrayObject
{
    return new ArrayObject($values);
}
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

// Elements: strings and arrays become objects where a method gives one.
$object = new ArrayObject(['a' => 1, 'b' => 'text', 'c' => [1, 2], 'd' => null]);
same(1, $object->get('a'));
same('Swoole\StringObject', get_class($object->get('b')));
same([1, 2], $object->get('c')->toArray());
same(null, $object->get('d'));
thrown(ArrayKeyNotExists::class, 'none', fn () => $object->get('none'));
thrown(ArrayKeyNotExists::class, '7', fn () => $object->get(7));
same('default', $object->getOr('none', 'default'));
same(null, $object->getOr('d', 'default'));
same('text', $object['b']);
same([1, 2], $object['c']);
same(null, $object['none']);
same([true, false, true, false], [isset($object['a']), isset($object['d']), $object->exists('d'), $object->exists('none')]);
same(['a', 'd', 1], [$object->firstKey(), $object->lastKey(), $object->first()]);
same([null, null, null, null], [of()->first(), of()->last(), of()->firstKey(), of()->lastKey()]);
same(7, of(7)->randomGet());
thrown(ValueError::class, 'array_rand(): Argument #1 ($array) ' . CANNOT_BE_EMPTY, fn () => of()->randomGet());
same([true, false, 4], [of()->isEmpty(), $object->isEmpty(), count($object)]);

// Iteration gives the elements themselves.
$seen = [];
foreach ($object as $key => $value) {
    $seen[$key] = $value;
}
same(['a' => 1, 'b' => 'text', 'c' => [1, 2], 'd' => null], $seen);
$walk = of('x', 'y');
same(['x', 0, 'y', 1, false, false, 'x'],
    [$walk->current(), $walk->key(), $walk->next(), $walk->key(), $walk->next(), $walk->valid(), $walk->rewind()]);

// What changes the object.
same([1, 'k' => 2], of(1)->set('k', 2)->toArray());
same([1 => 2], of(1, 2)->delete(0)->delete(9)->toArray());
same([1 => 2, 2 => 1], of(1, 2, 1)->remove(1)->toArray());
same([1 => 2], of(1, 2, 1)->remove(1, true, true)->toArray());
same([1 => 2], of('1', 2)->remove(1, false)->toArray());
same([], of(1)->clear()->toArray());
$object = of(1);
$object[] = 2;
$object['k'] = 3;
unset($object[0]);
same([1 => 2, 'k' => 3], $object->toArray());
same([3, 3, 3], [of(1, 2)->push(9), of(1, 2)->pushBack(9), of(1, 2)->pushFront(9)]);
same([1, 2, [3]], of(1)->append(2, [3])->toArray());
same([1, [8, 9], 2], of(1, 2)->insert(1, [8, 9])->toArray());
same([1, 'x', 2], of(1, 2)->insert(-1, 'x')->toArray());
$object = of('first', 'x', ['last']);
same([['last'], 'first', 'x', null], [$object->pop(), $object->popFront(), $object->popBack(), $object->pop()]);
$object = of(1, 2);
same($object, $object->each(function (int &$value, int $key): void {
    $value = $value * 10 + $key;
}));
same([10, 21], $object->toArray());
$words = ['b' => 'img12', 'a' => 'img2', 'c' => 'IMG1'];
foreach ([
    'sort' => ['IMG1', 'img12', 'img2'],
    'rsort' => ['img2', 'img12', 'IMG1'],
    'asort' => ['c' => 'IMG1', 'b' => 'img12', 'a' => 'img2'],
    'arsort' => ['a' => 'img2', 'b' => 'img12', 'c' => 'IMG1'],
    'ksort' => ['a' => 'img2', 'b' => 'img12', 'c' => 'IMG1'],
    'krsort' => ['c' => 'IMG1', 'b' => 'img12', 'a' => 'img2'],
    'natsort' => ['c' => 'IMG1', 'a' => 'img2', 'b' => 'img12'],
    'natcasesort' => ['c' => 'IMG1', 'a' => 'img2', 'b' => 'img12'],
] as $method => $sorted) {
    $object = new ArrayObject($words);
    same($object, $object->{$method}());
    same($sorted, $object->toArray(), $method);
}
$compare = fn (string $a, string $b): int => strcmp($b, $a);
same(['img2', 'img12', 'IMG1'], (new ArrayObject($words))->usort($compare)->toArray());
same(['a', 'b', 'c'], (new ArrayObject($words))->uasort($compare)->keys()->toArray());
same(['c', 'b', 'a'], (new ArrayObject($words))->uksort($compare)->keys()->toArray());
same([1], of(1)->shuffle()->toArray());

// What answers with a new object.
$object = of(1, '1', 2, 2);
foreach ([
    [[1, 2 => 2], $object->unique()],
    [[2, 2, '1', 1], $object->reverse()],
    [[3 => 2, 2 => 2, 1 => '1', 0 => 1], $object->reverse(true)],
    [['1', 2], $object->slice(1, 2)],
    [[1 => '1', 2 => 2], $object->slice(1, 2, true)],
    [[[1, '1'], [2, 2]], $object->chunk(2)],
    [[2 => 2, 3 => 2], $object->filter(fn ($x) => $x > 1)],
    [[3 => 2], $object->filter(fn ($key) => $key > 2, ARRAY_FILTER_USE_KEY)],
    [[2, 2, 4, 4], $object->map(fn ($x) => $x * 2)],
    [[[1, 'a'], [2, 'b']], of(1, 2)->map(fn ($x, $y) => [$x, $y], ['a', 'b'])],
    [[1 => 0, 'a' => 1], of(1, 'a')->flip()],
    [[0, 1], $object->keys('1')],
    [[1], $object->keys('1', true)],
    [['x'], (new ArrayObject(['k' => 'x']))->values()],
    [[1 => 'x', 2 => 'y'], of(['id' => 1, 'n' => 'x'], ['id' => 2, 'n' => 'y'])->column('n', 'id')],
] as [$expected, $actual]) {
    same($expected, $actual->toArray());
}
same([1, '1', 2, 2], $object->toArray());
same([6, 4, 16], [$object->sum(), $object->product(), $object->reduce(fn ($sum, $x) => $sum + $x, 10)]);
same([true, false, true], [$object->contains('1'), $object->contains('2'), $object->contains('2', false)]);
same([1, false, 3, null, 2], [$object->indexOf('1'), $object->search('2'), $object->lastIndexOf(2),
    $object->lastIndexOf('2'), $object->search(2)]);
$joined = $object->join('-');
same(['Swoole\StringObject', '1-1-2-2'], [$joined::class, (string) $joined]);

// Subclasses, copies, serialization.
class Own extends ArrayObject {}
same([Own::class, Own::class], [get_class((new Own([[1]]))->get(0)), get_class(Own::from([1])->map(fn ($x) => $x))]);
$copy = clone $object;
$copy->clear();
same(4, count($object));
same($object->toArray(), unserialize(serialize($object))->toArray());
same('a:1:{i:0;i:5;}', of(5)->serialize());
same([6], of(5)->unserialize(swoole_string(of(6)->serialize()))->toArray());
same([[1], [], [1, [2]]], [swoole_array([1])->toArray(), _array()->toArray(), swoole_array_list(1, [2])->toArray()]);
same([1, 2, null, null], [swoole_array_default_value(['a' => 1], 'a'), swoole_array_default_value([], 'a', 2),
    swoole_array_default_value([], 'a'), swoole_array_default_value(['a' => null], 'a', 2)]);
echo "ok\n";
?>
--EXPECT--
ok
