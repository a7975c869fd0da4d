--TEST--
library: classes are compiled when they are first used, before autoloaders, and leave the script alone
--INI--
error_reporting=E_ALL
--FILE--
<?php
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

$asked = [];
spl_autoload_register(function (string $class) use (&$asked): void {
    $asked[] = $class;
});
set_error_handler(fn (int $type, string $text) => throw new ErrorException($text));

same(false, class_exists('Swoole\Constant', false));
same('worker_num', Swoole\Constant::OPTION_WORKER_NUM);
same(true, class_exists('Swoole\Constant', false));
same(true, class_exists('\sWOOLE\arrayOBJECT'));
same(true, class_exists('Co\WaitGroup'));
same('Swoole\Coroutine\WaitGroup', get_class(new Co\WaitGroup()));
same(true, class_exists('swoole\process\processmanager'));
// A class whose parents are in the library, too.
same(true, is_subclass_of('Swoole\Database\PDOProxy', 'Swoole\ObjectProxy'));
same(false, class_exists('Swoole\NotThere'));
same(false, class_exists('Co\NotThere'));
same(false, class_exists('SwooleNotThere'));
same(false, class_exists('Elsewhere'));
same(['Swoole\NotThere', 'Co\NotThere', 'SwooleNotThere', 'Elsewhere'], $asked);
same('@swoole/library/ArrayObject.php', (new ReflectionClass('Swoole\ArrayObject'))->getFileName());

// Needed in the middle of something: the variables there stay as they are, nothing else becomes visible.
function needs(): array
{
    $here = 'here';
    $file = 'mine';
    Swoole\Http\Status::getReasonPhrase(200);
    return get_defined_vars();
}
same(['here' => 'here', 'file' => 'mine'], needs());
same(E_ALL, error_reporting());

// Needed while an exception unwinds.
try {
    try {
        throw new LogicException('first');
    } finally {
        new Swoole\StringObject('x');
    }
} catch (LogicException $e) {
    same('first', $e->getMessage());
}

// Needed by a class of the script, by a constant expression, by a default, by instanceof (which loads nothing).
class Own extends Swoole\MultibyteStringObject
{
    public const EVENT = Swoole\Constant::EVENT_START;
    public function f(string $x = Swoole\Server\Helper::class): string
    {
        return static::EVENT . $x;
    }
}
same('startSwoole\Server\Helper', (new Own())->f());
same(false, new stdClass() instanceof Swoole\ConnectionPool);
same(false, class_exists('Swoole\ConnectionPool', false));

// Types are strict inside, and calls from here follow this file.
same(5, swoole_string(12345)->length());
foreach ([
    'swoole_array(): Argument #1 ($array) must be of type array, string given' => fn () => swoole_array('x'),
    'swoole_array_default_value() expects at least 2 arguments, 1 given' => fn () => swoole_array_default_value([]),
    'Swoole\Coroutine\batch(): Argument #1 ($tasks) must be of type array, null given' => fn () => Swoole\Coroutine\batch(null),
    'swoole_table() expects exactly 2 arguments, 3 given' => fn () => swoole_table(1, 'a:i', 2),
    'Swoole\Coroutine\map(): Argument #2 ($fn) must be a valid callback, function "no such" not found or invalid function name' =>
        fn () => Swoole\Coroutine\map([], 'no such'),
] as $message => $call) {
    try {
        $call();
        echo "no error\n";
    } catch (TypeError $e) {
        same($message, $e->getMessage());
    }
}

// All files compile, each declares its class, and nothing is said.
restore_error_handler();
$sources = dirname(__DIR__, 2) . '/src/php/library';
foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($sources)) as $file) {
    if ($file->getExtension() !== 'php') {
        continue;
    }
    $code = file_get_contents($file->getPathname());
    preg_match('/^namespace ([\w\\\\]+);/m', $code, $namespace);
    preg_match('/^(?:abstract |final )*class (\w+)/m', $code, $class);
    $name = ltrim(($namespace[1] ?? '') . '\\' . $class[1], '\\');
    check_class($name, $file->getPathname());
}
function check_class(string $name, string $path): void
{
    SwooleRs\Tests\check(class_exists($name), "{$name} is in the library");
    same(true, str_ends_with($path, substr((new ReflectionClass($name))->getFileName(), strlen('@swoole'))), $path);
}
echo "ok\n";
?>
--EXPECT--
ok
