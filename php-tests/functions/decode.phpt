--TEST--
swoole_substr_json_decode and swoole_substr_unserialize: parts of strings, bad parts, bad data
--FILE--
<?php
function show(callable $f): void
{
    set_error_handler(static function (int $level, string $message): bool {
        // PHP 8.3 and later remark on what stands behind the data.
        str_contains($message, '(): Extra data ') || print "  {$message}\n";
        return true;
    });
    try {
        echo str_replace("\n", ' ', var_export($f(), true)), "\n";
    } catch (Throwable $e) {
        echo $e::class, ': ', $e->getMessage(), "\n";
    }
    restore_error_handler();
}

$json = 'head{"a":[1,2]}tail';
show(fn () => swoole_substr_json_decode($json, 4, 11, true));
show(fn () => swoole_substr_json_decode($json, -15, 11)->a);
show(fn () => swoole_substr_json_decode($json, 4, 11, flags: JSON_OBJECT_AS_ARRAY));
show(fn () => [swoole_substr_json_decode('x12345', 1, 2), swoole_substr_json_decode('x12345', 1, 1)]);
show(fn () => swoole_substr_json_decode('x[1]', 1));
show(fn () => swoole_substr_json_decode('x[1]', 1, -7));
show(fn () => swoole_substr_json_decode('x[1]', 1, PHP_INT_MAX));
show(fn () => [swoole_substr_json_decode('x[1]', 0), json_last_error_msg(), swoole_substr_json_decode('x[1]', 1), json_last_error_msg()]);
show(fn () => swoole_substr_json_decode('x[1', 1, flags: JSON_THROW_ON_ERROR));
show(fn () => [swoole_substr_json_decode('x[[1]]', 1, depth: 1), json_last_error_msg()]);
show(fn () => swoole_substr_json_decode('x[[1]]', 1, depth: 0));
show(fn () => swoole_substr_json_decode('x[[1]]', 1, depth: PHP_INT_MAX));
show(fn () => swoole_substr_json_decode('', 0));
show(fn () => swoole_substr_json_decode('[1]', 3));
show(fn () => swoole_substr_json_decode('[1]', PHP_INT_MAX));
show(fn () => swoole_substr_json_decode('[1]', -4));
show(fn () => swoole_substr_json_decode('[1]', PHP_INT_MIN, PHP_INT_MIN));

$data = 'head' . serialize(['a' => 1, 'o' => new ArrayObject([2])]) . 'tail';
show(fn () => swoole_substr_unserialize($data, 4)['o'][0]);
show(fn () => swoole_substr_unserialize($data, -(strlen($data) - 4), strlen($data) - 8, ['allowed_classes' => false])['o']::class);
show(fn () => swoole_substr_unserialize($data, 4, 5));
show(fn () => swoole_substr_unserialize('', 0));
show(fn () => swoole_substr_unserialize('i:1;', 4));
show(fn () => swoole_substr_unserialize('i:1;', -5));
show(fn () => swoole_substr_unserialize('i:1;', PHP_INT_MIN, PHP_INT_MAX));
show(fn () => swoole_substr_unserialize('i:1;', 0, 0, ['max_depth' => 'x']));

class Waking
{
    public function __unserialize(array $data): void
    {
        throw new DomainException('not awake');
    }
}
show(fn () => swoole_substr_unserialize('..' . serialize(new Waking()), 2));
?>
--EXPECT--
array (   'a' =>    array (     0 => 1,     1 => 2,   ), )
array (   0 => 1,   1 => 2, )
(object) array(    'a' =>    array (     0 => 1,     1 => 2,   ), )
array (   0 => 12,   1 => 1, )
array (   0 => 1, )
array (   0 => 1, )
array (   0 => 1, )
array (   0 => NULL,   1 => 'Syntax error',   2 =>    array (     0 => 1,   ),   3 => 'No error', )
JsonException: Syntax error
array (   0 => NULL,   1 => 'Maximum stack depth exceeded', )
ValueError: swoole_substr_json_decode(): Argument #5 ($depth) must be from 1 to 2147483647, 0 is not
ValueError: swoole_substr_json_decode(): Argument #5 ($depth) must be from 1 to 2147483647, 9223372036854775807 is not
  swoole_substr_json_decode(): Non-empty string required
NULL
  swoole_substr_json_decode(): Offset must be less than the length of the string
NULL
  swoole_substr_json_decode(): Offset must be less than the length of the string
NULL
  swoole_substr_json_decode(): Offset must be not less than the negative length of the string
NULL
  swoole_substr_json_decode(): Offset must be not less than the negative length of the string
NULL
2
'__PHP_Incomplete_Class'
  swoole_substr_unserialize(): Error at offset 5 of 5 bytes
false
false
false
false
false
TypeError: swoole_substr_unserialize(): Option "max_depth" must be of type int, string given
DomainException: not awake
