"""Where a picture comes from, said in the XMP packet of the file that holds it.

A generative reconstruction is not a photograph: what the sender did not transmit has been invented, plausibly, by a
trained model. IPTC's digital source types name that, and viewers, agencies and C2PA tools look for them:

    digitalCapture                          what the camera saw
    trainedAlgorithmicMedia                 made by a model as a whole, from a prompt or from nothing
    compositeWithTrainedAlgorithmicMedia    existing media edited or augmented with a generative model

The last fits a decoder that starts from a transmitted description of a real picture and adds detail; the second would
deny that there is a photograph behind it, and "algorithmicallyEnhanced" is for methods that generate nothing.
Vocabulary: http://cv.iptc.org/newscodes/digitalsourcetype/
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["ENHANCED", "GENERATIVE", "NAMESPACE", "xmp_packet"]

#: Digital source type of what a generative reconstructor made.
GENERATIVE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

#: Of what one made that generates nothing. Content Credentials must say one; an XMP packet claims nothing then.
ENHANCED = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"

#: XML namespace of the codec's parameters.
NAMESPACE = "urn:x-gcodec:parameters/1.0/"

_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    "{}</rdf:RDF></x:xmpmeta>\n"
    '<?xpacket end="w"?>'
)
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: What stands for it in an attribute in double quotes. xml.sax would do it too, and imports HTTP for it.
_ESCAPED = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)

#: An earlier claim about the source, as attribute or as element: it was true of the original only.
_CLAIM = re.compile(
    r"""\s[\w.-]+:DigitalSourceType\s*=\s*(?:"[^"]*"|'[^']*')"""
    r"|<([\w.-]+:DigitalSourceType)\b[^>]*?(?:/>|>.*?</\1\s*>)",
    re.DOTALL,
)
_END = re.compile(r"</rdf:RDF\s*>")


def xmp_packet(
    original: bytes | None, source_type: str | None, parameters: Mapping[str, str]
) -> bytes | None:
    """Return an XMP packet in UTF-8 with the digital source type and the codec's parameters.

    original     packet of the source picture, kept around it; an earlier digital source type is replaced. One in which
                 no RDF is found is left out.
    source_type  URI of an IPTC digital source type, or None to claim nothing.
    parameters   name -> value, e.g. {"embedding": "ntc", "reconstructor": "flow"}; names must be XML names.

    The original itself where there is nothing to say. Raises ValueError for a parameter's name that XML cannot hold.
    """
    if source_type is None and not parameters:
        return original
    attributes = [f"xmlns:gcodec={_quoted(NAMESPACE)}"]
    if source_type is not None:
        attributes += [
            f"xmlns:Iptc4xmpExt={_quoted(_IPTC)}",
            f"Iptc4xmpExt:DigitalSourceType={_quoted(source_type)}",
        ]
    for name, value in parameters.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of an XMP property")
        attributes.append(f"gcodec:{name}={_quoted(_NOT_XML.sub('?', value))}")
    description = f'<rdf:Description rdf:about="" {" ".join(attributes)}/>\n'
    text = (original or b"").decode("utf-8", "replace")
    if source_type is not None:
        text = _CLAIM.sub("", text)
    ends = list(_END.finditer(text))
    if not ends:
        return _PACKET.format(description).encode()
    at = ends[-1].start()
    return (text[:at] + description + text[at:]).encode()


def _quoted(value: str) -> str:
    return f'"{value.translate(_ESCAPED)}"'
