"""Content Credentials (C2PA) in the file of a picture: who vouches for what was done to it, signed with the user's own key.

The manifest says what the XMP packet says (`_provenance`): made by gcodec, from which embedding, by which reconstructor, and
whether that restored or invented. No time is stamped and nothing is fetched. `c2pa-python` signs (`gcodec[sign]`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from gcodec.errors import OutputError, UnusablePlugin
from gcodec.files import why
from gcodec.pictures._provenance import ENHANCED

__all__ = ["Credentials", "check_signable", "signed"]

#: Media types of what can be signed, by Pillow's name of the format.
_TYPES = {
    "AVIF": "image/avif",
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
}


@dataclass(frozen=True)
class Credentials:
    """Certificates in PEM, the signer's own first, his issuer's behind it; and his private key, PEM without a password."""

    certificates: bytes
    key: bytes

    @classmethod
    def read(cls, certificates: str | Path, key: str | Path) -> Credentials:
        """From two files. Raises OutputError for those that cannot be read, UnusablePlugin without `gcodec[sign]`."""
        if find_spec("c2pa") is None:
            raise UnusablePlugin("--sign", "signing needs c2pa-python: pip install 'gcodec[sign]'")
        found = []
        for path in map(Path, (certificates, key)):
            try:
                found.append(path.read_bytes())
            except OSError as error:
                raise OutputError(str(path), why(error)) from error
        made = cls(*found)
        made.algorithm(str(key))
        return made

    def algorithm(self, name: str) -> bytes:
        """C2PA's name of the signature's algorithm. Raises OutputError about `name` for a key that it has none for."""
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(self.key, None)
        except (ValueError, TypeError) as error:
            raise OutputError(name, f"no private key in PEM without a password: {error}") from error
        if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size in (256, 384, 521):
            return {256: b"es256", 384: b"es384", 521: b"es512"}[key.key_size]
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return b"ed25519"
        if isinstance(key, rsa.RSAPrivateKey):
            return b"ps256"
        raise OutputError(name, "a key to sign with is of RSA, Ed25519 or a curve of NIST")


def check_signable(name: str, kind: str) -> None:
    """Raise OutputError about `name` where a file of this kind (Pillow's name) holds no Content Credentials."""
    if kind not in _TYPES:
        raise OutputError(name, f"{kind} holds no Content Credentials; choose .png, .jpg or .webp")


def signed(
    data: bytes,
    kind: str,
    name: str,
    credentials: Credentials,
    source_type: str | None,
    parameters: Mapping[str, str],
) -> bytes:
    """Return the file `data`, of Pillow's format `kind`, with a signed manifest inside. Raises OutputError about `name`."""
    import c2pa

    check_signable(name, kind)
    maker = {"name": "gcodec", "version": version("gcodec")}
    action = {
        "action": "c2pa.created",
        "digitalSourceType": source_type or ENHANCED,
        "softwareAgent": maker,
        "parameters": dict(parameters),
    }
    manifest = {
        "claim_generator_info": [maker],
        "format": _TYPES[kind],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    settings = {"builder": {"thumbnail": {"enabled": False}}}
    made = io.BytesIO()
    about = c2pa.C2paSignerInfo(
        credentials.algorithm(name), credentials.certificates, credentials.key, None
    )
    try:
        with (
            c2pa.Signer.from_info(about) as signer,
            c2pa.Context(c2pa.Settings.from_dict(settings)) as context,
            c2pa.Builder(manifest, context) as builder,
        ):
            builder.sign(signer, _TYPES[kind], io.BytesIO(data), made)
    except c2pa.C2paError as error:
        raise OutputError(name, f"it cannot be signed: {error}") from error
    return made.getvalue()
