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


def make_certificate(folder: Path, host: str = "IP:127.0.0.1,DNS:localhost", days: int = 2) -> Certificate:
    """Make a certificate for a host, with the `openssl` of this machine."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    what = ["-subj", "/CN=fake", "-addext", f"subjectAltName={host}", "-days", str(days)]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(made.key), "-out", str(made.file)]
    subprocess.run(["openssl", "req", "-x509", *kind, *what, *files], check=True, capture_output=True)
    return made
