"""What a written picture says of itself: restored or invented, and on request a signed manifest that says it too."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from PIL import Image
from support import fails, succeeds

from gcodec.errors import UnusablePlugin
from gcodec.pictures import Credentials

Command = Callable[..., CompletedProcess[bytes]]


def said(path: Path) -> dict[str, str]:
    """The codec's parameters in the XMP packet of a picture."""
    packet = re.search(rb"<x:xmpmeta.*?</x:xmpmeta>", path.read_bytes(), re.DOTALL)
    assert packet
    return dict(re.findall(r'gcodec:(\w+)="([^"]*)"', packet[0].decode()))


@pytest.fixture
def gcx(gcodec: Command, pictures: Path, tmp_path: Path) -> Path:
    path = tmp_path / "a.gcx"
    words = ("encode", pictures / "photo.png", "-o", path, "--embed", "tiny", "--suggest", "grain")
    succeeds(gcodec(*words))
    return path


def test_a_picture_says_whether_it_was_restored_or_invented(
    gcodec: Command, gcx: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.png"
    for recon, word in (("preview", "restored"), ("grain", "invented")):
        words = ("decode", gcx, "-o", out, "--force", "--recon", recon)
        assert json.loads(succeeds(gcodec(*words, "--json")))["origin"] == word
        assert f", {word}, " in succeeds(gcodec(*words))
        found = said(out)
        assert (found["reconstructor"], found["origin"]) == (recon, word)
        assert (b"trainedAlgorithmicMedia" in out.read_bytes().replace(b"Trained", b"trained")) == (
            word == "invented"
        )
    assert json.loads(succeeds(gcodec("info", gcx, "--json")))["origin"] == "invented"


def chain(key: Any) -> tuple[bytes, bytes]:
    """Certificates of a signer and of who issued them, and the signer's key: made for this test, worth nothing."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    authority, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)

    def certificate(subject: str, public: Any, issues: bool) -> bytes:
        def name(common: str) -> x509.Name:
            parts = {NameOID.ORGANIZATION_NAME: "A test", NameOID.COMMON_NAME: common}
            return x509.Name([x509.NameAttribute(*part) for part in parts.items()])

        usage = x509.KeyUsage(not issues, *3 * [False], False, issues, issues, False, False)
        made = (
            x509.CertificateBuilder(name("Issuer"), name(subject), public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(1))
            .not_valid_after(now + timedelta(9))
            .add_extension(x509.BasicConstraints(issues, None), True)
            .add_extension(usage, True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False
            )
        )
        if not issues:
            purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            made = made.add_extension(purposes, False)
        signed = made.sign(authority, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    both = (
        certificate("Signer", key.public_key(), False),
        certificate("Issuer", authority.public_key(), True),
    )
    return b"".join(both), secret


@pytest.fixture
def pem(tmp_path: Path) -> tuple[Path, Path]:
    """Files with certificates and key."""
    pytest.importorskip("c2pa", reason="c2pa-python is not here: gcodec[sign]")
    from cryptography.hazmat.primitives.asymmetric import ec

    paths = tmp_path / "certificates.pem", tmp_path / "key.pem"
    for path, data in zip(paths, chain(ec.generate_private_key(ec.SECP256R1())), strict=True):
        path.write_bytes(data)
    return paths


def manifest(data: bytes, kind: str) -> dict[str, Any]:
    """What a validator finds: the active manifest, and under "state" whether signature and hashes hold."""
    import c2pa

    with c2pa.Reader(kind, io.BytesIO(data)) as reader:
        found = json.loads(reader.json())
    active: dict[str, Any] = found["manifests"][found["active_manifest"]]
    codes = {status["code"] for status in found.get("validation_status", ())}
    # Nobody trusts a certificate that was made for a test; everything else must hold.
    return active | {"faults": codes - {"signingCredential.untrusted"}}


@pytest.mark.parametrize(("suffix", "kind"), [("png", "image/png"), ("jpg", "image/jpeg")])
def test_credentials_are_signed_into_the_picture(
    gcodec: Command, gcx: Path, pem: tuple[Path, Path], tmp_path: Path, suffix: str, kind: str
) -> None:
    plain, out = tmp_path / f"plain.{suffix}", tmp_path / f"a.{suffix}"
    succeeds(gcodec("decode", gcx, "-o", plain))
    succeeds(gcodec("decode", gcx, "-o", out, "--sign", *pem))
    found = manifest(out.read_bytes(), kind)
    assert not found["faults"]
    assert found["signature_info"]["common_name"] == "Signer"
    (action,) = found["assertions"][0]["data"]["actions"]
    assert action["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert action["softwareAgent"]["name"] == "gcodec"
    assert action["parameters"]["origin"] == "invented"
    assert action["parameters"]["embedding"] == "tiny"
    with Image.open(plain) as one, Image.open(out) as other:
        assert one.tobytes() == other.tobytes()
    assert said(out) == said(plain)

    changed = bytearray(out.read_bytes())
    changed[-20] ^= 1  # in the picture's own data
    assert manifest(bytes(changed), kind)["faults"]

    words = ("decode", gcx, "-o", out, "--force", "--recon", "preview", "--sign", *pem)
    succeeds(gcodec(*words))
    (action,) = manifest(out.read_bytes(), kind)["assertions"][0]["data"]["actions"]
    assert action["digitalSourceType"].endswith("/algorithmicallyEnhanced")


def test_what_cannot_be_signed_is_refused_before_anything_is_decoded(
    gcodec: Command, gcx: Path, pem: tuple[Path, Path], tmp_path: Path
) -> None:
    certificates, _ = pem
    words = ("decode", gcx, "-o", tmp_path / "a.png", "--sign")
    fails(gcodec(*words, certificates, tmp_path / "none.pem"), 8, "none.pem", "No such file")
    fails(gcodec(*words, certificates, certificates), 8, "no private key in PEM")
    fails(gcodec("decode", gcx, "-o", tmp_path / "a.ppm", "--sign", *pem), 8)
    other = tmp_path / "other.pem"
    from cryptography.hazmat.primitives.asymmetric import ed25519

    other.write_bytes(chain(ed25519.Ed25519PrivateKey.generate())[1])
    fails(gcodec(*words, certificates, other), 8, "cannot be signed")
    assert not (tmp_path / "a.png").exists()


def test_without_the_library_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gcodec.pictures._credentials.find_spec", lambda name: None)
    with pytest.raises(UnusablePlugin, match=r"pip install 'gcodec\[sign\]'"):
        Credentials.read(tmp_path / "a.pem", tmp_path / "b.pem")
