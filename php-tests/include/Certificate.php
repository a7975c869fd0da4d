<?php
declare(strict_types=1);

namespace SwooleRs\Tests;

/** A certificate and its key, made on the spot; its files are gone with the object. Needs the openssl extension. */
final class Certificate
{
    /** The certificate, the key, and both in one file, in PEM. */
    public readonly string $file;
    public readonly string $key_file;
    public readonly string $both_file;

    private readonly \OpenSSLAsymmetricKey $key;
    private readonly \OpenSSLCertificate $certificate;
    private readonly int $pid;

    /** Signed by $authority, else by itself; $password for the key. */
    public function __construct(string $name = 'localhost', ?Certificate $authority = null, ?string $password = null)
    {
        static $serial = 1;
        $this->pid = getmypid();
        $this->key = openssl_pkey_new(['private_key_bits' => 2048]);
        $key = $this->key;
        $request = openssl_csr_new(['commonName' => $name, 'organizationName' => 'swoole-rs tests'], $key);
        $signer = $authority?->key ?? $this->key;
        $options = ['digest_alg' => 'sha256'];
        $this->certificate = openssl_csr_sign($request, $authority?->certificate, $signer, 2, $options, $serial++);
        openssl_pkey_export($this->key, $secret, $password);
        $made = [];
        foreach ([$this->pem(), $secret, $this->pem() . $secret] as $text) {
            $made[] = $file = tempnam(sys_get_temp_dir(), 'swoole-rs');
            file_put_contents($file, $text);
        }
        [$this->file, $this->key_file, $this->both_file] = $made;
    }

    public function pem(): string
    {
        openssl_x509_export($this->certificate, $pem);
        return $pem;
    }

    public function __destruct()
    {
        if (getmypid() === $this->pid) {
            array_map(unlink(...), [$this->file, $this->key_file, $this->both_file]);
        }
    }
}
