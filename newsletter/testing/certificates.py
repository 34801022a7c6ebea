"""A certificate for this machine that nobody vouches for, made on the spot."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """The files of a certificate and its key."""

    file: Path
    key: Path

    def sign(self, what: bytes, hash_name: str) -> bytes:
        """Sign with the key, by the `openssl` of this machine."""
        command = ["openssl", "dgst", f"-{hash_name}", "-sign", str(self.key)]
        return subprocess.run(command, input=what, check=True, capture_output=True).stdout

    def server_context(self) -> ssl.SSLContext:
        """Show the certificate to whoever connects."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context

    def trusting_context(self) -> ssl.SSLContext:
        """Trust nothing but this certificate."""
        return ssl.create_default_context(cafile=str(self.file))


def can_make() -> bool:
    """Tell whether this machine has what makes certificates."""
    return shutil.which("openssl") is not None


def make_certificate(
    folder: Path, host: str = "IP:127.0.0.1,DNS:localhost", days: int = 2, rsa_bits: int = 0
) -> Certificate:
    """Make a certificate for a host, with the `openssl` of this machine; its key is of RSA if it has bits."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    what = ["-subj", "/CN=fake", "-addext", f"subjectAltName={host}", "-days", str(days)]
    curve = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    kind = ["-newkey", *([f"rsa:{rsa_bits}"] if rsa_bits else curve), "-nodes"]
    files = ["-keyout", str(made.key), "-out", str(made.file)]
    subprocess.run(["openssl", "req", "-x509", *kind, *what, *files], check=True, capture_output=True)
    return made
