"""What travels beside the samples: profile, EXIF, and the claim that a picture was generated."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from picture_files import (
    adobe_like,
    photo,
)
from PIL import Image

from gcodec.pictures import GENERATIVE, save_image
from gcodec.pictures._provenance import NAMESPACE, xmp_packet


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tiff"])
def test_profile_exif_and_provenance_travel(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0131] = "a camera"
    raw = exif.tobytes().removeprefix(b"Exif\0\0")
    path = tmp_path / f"a{suffix}"
    save_image(
        photo(icc=adobe_like(), exif=raw),
        path,
        parameters={"embedding": "ntc", "reconstructor": '<"&>'},
        generative=True,
    )
    image = Image.open(path)
    image.load()
    assert image.info["icc_profile"] == adobe_like()
    assert image.getexif()[0x0131] == "a camera"
    xmp = image.info["xmp"]
    values = {
        name: value
        for node in ElementTree.fromstring(xmp.strip(b"\0").decode()).iter()
        for name, value in node.attrib.items()
    }
    key = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
    assert values[key] == GENERATIVE
    assert values[f"{{{NAMESPACE}}}embedding"] == "ntc"
    assert values[f"{{{NAMESPACE}}}reconstructor"] == '<"&>'


def test_png_has_xmp_where_the_xmp_standard_puts_it(tmp_path: Path) -> None:
    save_image(photo(), tmp_path / "a.png", generative=True)
    assert b"iTXtXML:com.adobe.xmp\0\0\0\0\0<?xpacket" in (tmp_path / "a.png").read_bytes()


def test_plain_pictures_claim_nothing(tmp_path: Path) -> None:
    save_image(photo(), tmp_path / "a.png")
    assert b"xmp" not in (tmp_path / "a.png").read_bytes()
    assert (photo().channels, photo().depth, photo().alpha, photo().icc) == (3, 8, None, None)
    save_image(photo(), tmp_path / "b.png", parameters={"embedding": "webp"})
    assert b"DigitalSourceType" not in (tmp_path / "b.png").read_bytes()


def test_earlier_claim_is_replaced_and_the_rest_kept() -> None:
    for claim in (
        ' Iptc4xmpExt:DigitalSourceType="http://x/digitalCapture"/>',
        "><Iptc4xmpExt:DigitalSourceType>http://x/digitalCapture</Iptc4xmpExt:DigitalSourceType></rdf:Description>",
    ):
        original = (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
            '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:Iptc4xmpExt='
            '"http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
            f' dc:creator="Zoë"{claim}</rdf:RDF></x:xmpmeta>'
        ).encode()
        text = (xmp_packet(original, GENERATIVE, {}) or b"").decode()
        ElementTree.fromstring(text)
        assert text.count("DigitalSourceType") == 1 and "digitalCapture" not in text
        assert "Zoë" in text and GENERATIVE in text
    assert xmp_packet(original, None, {}) == original


def test_a_parameter_must_be_an_xml_name() -> None:
    with pytest.raises(ValueError, match="XMP property"):
        xmp_packet(None, None, {"a b": "c"})
