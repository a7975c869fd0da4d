--TEST--
stubs: the files for IDEs say what reflection of the extension says, and document all of it
--FILE--
<?php
require __DIR__ . '/stubs.inc';

$command = [PHP_BINARY, '-n', __DIR__ . '/stubs.inc', dirname(__DIR__) . '/stubs'];
$process = proc_open($command, [1 => ['pipe', 'w']], $pipes);
$stubs = json_decode(stream_get_contents($pipes[1]), true, flags: JSON_THROW_ON_ERROR);
proc_close($process);

$extension = new ReflectionExtension('swoole');
$loaded = ['classes' => [], 'functions' => [], 'constants' => []];
foreach ($extension->getClasses() as $name => $class) {
    $loaded['classes'][strtolower($name)] = describe_class($class);
}
foreach ($extension->getFunctions() as $name => $function) {
    $loaded['functions'][strtolower($name)] = describe_function($function);
}
foreach (get_defined_constants(true)['swoole'] as $name => $value) {
    $loaded['constants'][$name] = var_export($value, true);
}
// The sockets extension has constants of the same names, if it is loaded.
foreach (array_diff_key($stubs['constants'], $loaded['constants']) as $name => $value) {
    if (defined($name) && (string) constant($name) === $value) {
        $loaded['constants'][$name] = $value;
    }
}

foreach (['classes', 'functions', 'constants'] as $kind) {
    foreach (array_keys($stubs[$kind] + $loaded[$kind]) as $name) {
        $stub = (array) ($stubs[$kind][$name] ?? ['' => 'missing']);
        $real = (array) ($loaded[$kind][$name] ?? ['' => 'missing']);
        foreach (array_keys($stub + $real) as $member) {
            if (($stub[$member] ?? 'missing') !== ($real[$member] ?? 'missing')) {
                echo "{$name} {$member}\n    stub:      ", $stub[$member] ?? 'missing',
                    "\n    extension: ", $real[$member] ?? 'missing', "\n";
            }
        }
    }
}
foreach ($stubs['undocumented'] as $name) {
    echo "not documented: {$name}\n";
}
echo count($loaded['classes']) > 10 && count($loaded['functions']) > 5 && count($loaded['constants']) > 300 ? "compared\n" : "nothing to compare\n";
?>
--EXPECT--
compared
