--TEST--
swoole_mime_type_*: the types of files by their names, and changes to them
--FILE--
<?php
foreach (['a.html', 'A.HTML', 'html', 'a.b/c', 'a.tar.gz', 'app.js', 'x.woff2', 'x.docx', '.htaccess', 'a.', '', "a\0.css", "\xff.css"] as $name) {
    echo json_encode($name, JSON_INVALID_UTF8_SUBSTITUTE), ' ', swoole_mime_type_get($name), ' ', json_encode(swoole_mime_type_exists($name)), "\n";
}
var_dump(swoole_get_mime_type('x.json') === swoole_mime_type_get('x.json'));
$list = swoole_mime_type_list();
var_dump(count($list) > 350, array_is_list($list), in_array('text/html', $list, true));
echo json_encode([
    swoole_mime_type_add('html', 'x/mine'),
    swoole_mime_type_add('mine', 'x/one'), swoole_mime_type_add('MINE', 'x/two'), swoole_mime_type_get('a.Mine'),
    swoole_mime_type_set('mine', 'x/two'), swoole_mime_type_get('a.mine'),
    count(swoole_mime_type_list()) - count($list),
    swoole_mime_type_delete('mine'), swoole_mime_type_delete('mine'), swoole_mime_type_exists('a.mine'),
    swoole_mime_type_delete('html'), swoole_mime_type_get('a.html'),
    swoole_mime_type_set('html', 'text/html'), swoole_mime_type_get('a.html'),
], JSON_UNESCAPED_SLASHES), "\n";
?>
--EXPECT--
"a.html" text/html true
"A.HTML" text/html true
"html" text/html true
"a.b\/c" application/octet-stream false
"a.tar.gz" application/gzip true
"app.js" application/javascript true
"x.woff2" font/woff2 true
"x.docx" application/vnd.openxmlformats-officedocument.wordprocessingml.document true
".htaccess" application/octet-stream false
"a." application/octet-stream false
"" application/octet-stream false
"a\u0000.css" text/css true
"\ufffd.css" text/css true
bool(true)
bool(true)
bool(true)
bool(true)
[false,true,false,"x/one",null,"x/two",1,true,false,false,true,"application/octet-stream",null,"text/html"]
