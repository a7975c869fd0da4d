<?php
/** Sends back what comes, one connection after the other. Prints its port. */
declare(strict_types=1);

$server = stream_socket_server('tcp://127.0.0.1:0');
echo substr(strrchr(stream_socket_get_name($server, false), ':'), 1), "\n";
while ($peer = stream_socket_accept($server, -1)) {
    stream_set_read_buffer($peer, 0);
    stream_set_chunk_size($peer, 65536);
    while (($data = fread($peer, 65536)) !== '' && $data !== false) {
        for ($sent = 0; $sent < strlen($data); $sent += $part) {
            $part = fwrite($peer, substr($data, $sent));
            if (!$part) {
                break 2;
            }
        }
    }
    fclose($peer);
}
