"""What strangers' plugins return is checked, and whatever they raise is theirs: one line with their names."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import strangers
import support
from support import fails, succeeds

from gcodec.border import Unfit, check_exact, check_signal, check_signals
from gcodec.errors import PayloadError, PluginError
from gcodec.interfaces import Size
from gcodec.pictures import Picture
from gcodec.pipeline.decoding import decode, decode_progressively, verify
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.mixing import measure
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.session import Session
from gcodec.pipeline.trying import Trials
from gcodec.registry import Registry
from gcodec.signals import Latent, Noisy, Preview, Text

Command = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where a stranger's plugin is installed beside the one under test."""
    folder = tmp_path_factory.mktemp("site")
    support.install_test_plugin(folder)
    support.install(folder, "acme-things", {}, points={"acme": "strangers_plugin"})
    return folder


def refused(error: pytest.ExceptionInfo[PluginError], kind: str, name: str, words: str) -> None:
    """Assert that an error names the plugin and says these words."""
    found = error.value
    assert (found.kind, found.plugin, found.distribution) == (kind, name, "acme-things")
    assert words in found.reason, found.reason
    assert "\n" not in str(found)


# --- a kind of signals of its own


def test_a_strangers_kind_goes_all_the_way(
    installed: Registry, photo: Picture, tmp_path: Path
) -> None:
    decoded = decode(encode(photo, "acme/tunnel").data, "acme/fog")
    assert decoded.path.feeds == ("acme/depth/metres",)
    columns = (255 * photo.pixels.mean((0, 1))).astype(np.uint8).astype(np.float32) + 1
    expected = np.broadcast_to(columns / 256, photo.pixels.shape)
    assert np.array_equal(decoded.picture.pixels, expected)


def test_a_strangers_kind_at_the_command(pictures: Path, site: Path, tmp_path: Path) -> None:
    words = ("mix", pictures / "photo.png", "--embed", "acme/tunnel", "--recon", "acme/fog")
    said = succeeds(support.gcodec(*words, "-o", tmp_path, site=[site]))
    assert "acme/fog" in said
    listed = succeeds(support.gcodec("plugins", site=[site]))
    assert "acme/depth" in listed and "distances, one a column" in listed
    row = next(
        line
        for line in succeeds(support.gcodec("matrix", site=[site])).splitlines()
        if line.split()[:2] == ["acme/tunnel", "acme/fog"]
    )
    assert "acme/depth/feet -> acme/depth/metres" in row


# --- what is returned

SIGNALS = {
    "nan": "preview.pixels holds values that are not finite",
    "infinity": "preview.pixels holds values that are not finite",
    "above": "beyond [0, 1]",
    "below": "beyond [0, 1]",
    "hwc": "preview.pixels has shape (45, 61, 3), not (3, 45, 61)",
    "plane": "preview.pixels has shape (45, 61), not (3, 45, 61)",
    "double": "preview.pixels is float64, not float32",
    "numbers": "preview.pixels is list, not a NumPy array",
    "error-nan": "preview.mse is nan",
    "error-below": "preview.mse is -1, beyond [0, inf]",
    "error-text": "preview.mse is str, not float",
    "error-bool": "preview.mse is bool, not float",
    "rounded-number": "latent.rounded is int, not bool",
    "impostor": "a Impostor is called 'preview', which is gcodec.signals:Preview",
    "unheard": "no plugin declares the kind 'acme/unheard'",
    "array": "a ndarray is no signal",
    "other": "decode returned ['sketch'], the spec says ['preview']",
    "surrogate": "text.value is no text",
    "latent-nan": "latent.values holds values that are not finite",
    "latent-empty": "latent.values has shape (3, 0, 61), not (3, h, 61)",
    "tokens-below": "tokens.indices is -1, beyond [0, inf]",
    "tokens-wide": "tokens.indices is int64, not int32",
    "depth-short": "acme/depth.far has shape (60,), not (61,)",
    "depth-below": "acme/depth.far runs from",
    "depth-float": "acme/depth.nearest is float, not int",
}


@pytest.mark.parametrize("case", SIGNALS)
def test_signals_are_checked_where_they_are_made(
    installed: Registry, photo: Picture, case: str
) -> None:
    name = f"acme/signals-{case}"
    with pytest.raises(PluginError) as caught:
        encode(photo, name)
    refused(caught, "embedding", name, SIGNALS[case])


def test_a_list_of_signals_is_no_tuple(installed: Registry, photo: Picture) -> None:
    with pytest.raises(PluginError) as caught:
        encode(photo, "acme/listed")
    refused(caught, "embedding", "acme/listed", "signals come as a tuple, not list")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("list", "encode returned a list where a tuple of bytes is due"),
        ("bytes", "where a tuple of bytes is due"),
        ("none", "encode returned no layer"),
        ("arrays", "encode returned a tuple where a tuple of bytes is due"),
        ("nothing", "encode returned None where a tuple of bytes is due"),
    ],
)
def test_layers_are_bytes(installed: Registry, photo: Picture, case: str, words: str) -> None:
    with pytest.raises(PluginError) as caught:
        encode(photo, f"acme/layers-{case}")
    refused(caught, "embedding", f"acme/layers-{case}", words)


def test_sizes_are_whole_numbers_and_symbols_bytes(installed: Registry, photo: Picture) -> None:
    for name in ("acme/vague", "acme/minus"):
        with pytest.raises(PluginError) as caught:
            encode(photo, name, target=Target(bytes=1000))
        refused(caught, "embedding", name, "sizes returned a tuple where")
    with pytest.raises(PluginError) as caught:
        encode(photo, "acme/dreamy", target=Target(bytes=1000))
    refused(caught, "embedding", "acme/dreamy", "about returned nan where a number of bytes is due")
    with pytest.raises(PluginError) as caught:
        verify(encode(photo, "acme/wordy").data)
    refused(caught, "embedding", "acme/wordy", "symbols returned 'symbols' where bytes are due")


def test_an_exact_picture_is_octets_of_its_size() -> None:
    size = Size(4, 6)
    picture = np.zeros((3, 4, 6), np.uint8)
    assert check_exact(picture, size) is picture
    assert check_exact(None, size) is None
    for bad in (picture.astype(np.float32), picture[:, :3], picture[:1], [0]):
        with pytest.raises(Unfit, match="exact "):
            check_exact(bad, size)  # type: ignore[arg-type]


def test_refinements_are_as_many_as_were_asked_for(installed: Registry, photo: Picture) -> None:
    data = encode(photo, "acme/hasty").data
    with pytest.raises(PluginError) as caught:
        list(decode_progressively(data, "preview"))
    refused(caught, "embedding", "acme/hasty", "refine ended before the last of them")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("nan", "the picture holds values that are not finite"),
        ("above", "beyond [0, 1]"),
        ("below", "beyond [0, 1]"),
        ("hwc", "the picture has shape (45, 61, 3), not (3, 45, 61)"),
        ("double", "the picture is float64, not float32"),
        ("bytes", "the picture is uint8, not float32"),
        ("signal", "the picture is Preview, not a NumPy array"),
    ],
)
def test_pictures_are_checked(installed: Registry, photo: Picture, case: str, words: str) -> None:
    data = encode(photo, "tiny").data
    with pytest.raises(PluginError) as caught:
        decode(data, f"acme/pictures-{case}")
    refused(caught, "reconstructor", f"acme/pictures-{case}", words)


@pytest.mark.parametrize(
    ("reconstructor", "adapter", "words"),
    [
        ("acme/lied-to", "lying", "text was returned where sketch is due"),
        ("acme/blurted-to", "blurting", "tokens.indices is -7, beyond [0, inf]"),
        ("acme/failed-by", "fail", "LookupError: no such thing"),
    ],
)
def test_what_an_adapter_makes_is_what_it_said(
    installed: Registry, photo: Picture, reconstructor: str, adapter: str, words: str
) -> None:
    data = encode(photo, "tiny").data
    with pytest.raises(PluginError) as caught:
        decode(data, reconstructor)
    assert adapter in caught.value.plugin
    refused(caught, "adapter", caught.value.plugin, words)


def test_minus_zero_is_in_the_range_and_the_ends_are() -> None:
    pixels = np.zeros((3, 4, 4), np.float32)
    pixels[0, 0, 0], pixels[1, 1, 1] = -0.0, 1.0
    for values in (pixels, pixels.transpose(0, 2, 1), pixels[:, ::-1], np.asfortranarray(pixels)):
        check_signal(Preview(values, 0.0), Size(4, 4))


def test_a_file_holds_one_of_the_sets_of_its_spec_whole() -> None:
    preview, words = Preview(np.zeros((3, 2, 2), np.float32), 0.0), Text("a cat")
    contents = (("preview", "text"), ("text",))
    for sound in ((preview, words), (words, preview), (words,)):
        assert check_signals(sound, Size(2, 2), contents) == sound
    for unsound in ((preview,), (preview, preview), (preview, words, words), ()):
        with pytest.raises(Unfit, match="the spec says"):
            check_signals(unsound, Size(2, 2), contents)


def test_where_numbers_need_not_be_finite_the_others_keep_the_bounds(installed: Registry) -> None:
    def depth(*values: float) -> strangers.Depth:
        return strangers.Depth(np.array(values, np.float32), "feet", 0)

    for sound in (depth(1, np.inf), depth(np.nan, 2), depth(np.nan, np.inf)):
        check_signal(sound, Size(1, 2))
    with pytest.raises(Unfit, match=r"acme/depth.far is 0.5, beyond \[1, inf\]"):
        check_signal(depth(np.inf, 0.5), Size(1, 2))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 17, -1])
def test_one_sample_that_is_not_finite_is_found_anywhere(value: float, place: int) -> None:
    values = np.linspace(0, 1, 3 * 5 * 7, dtype=np.float32).reshape(3, 5, 7)
    values.flat[place] = value
    for signal in (Preview(values, 0.0), Latent(values, "x", 0.0), Noisy(values, "x", 1.0, 1.0)):
        with pytest.raises(Unfit, match="not finite"):
            check_signal(signal, Size(5, 7))


def test_a_latent_has_no_bounds_and_any_size() -> None:
    values = np.linspace(-1e30, 1e30, 12, dtype=np.float32).reshape(2, 3, 2)
    check_signal(Latent(values, "x", 0.5), Size(100, 3))


# --- what is raised


@pytest.mark.parametrize(
    "method",
    ["init", "analyse", "alternatives", "about", "sizes", "encode", "decode", "symbols", "refine"],
)
def test_what_an_embedding_raises_is_its_own(
    installed: Registry, photo: Picture, method: str
) -> None:
    name = f"acme/fails-in-{method}"
    with pytest.raises(PluginError) as caught:
        tried = Trials(2, "preview", metric="psnr") if method == "alternatives" else None
        data = encode(photo, name, target=Target(bytes=4000), trials=tried).data
        verify(data)
        list(decode_progressively(data, "preview"))
    refused(caught, "embedding", name, "LookupError: no such thing")
    assert isinstance(caught.value.__cause__, LookupError)


def test_a_function_of_ours_that_a_plugin_calls_wrongly_is_the_plugins_defect(
    installed: Registry, photo: Picture
) -> None:
    with pytest.raises(PluginError) as caught:
        encode(photo, "acme/misled")
    refused(caught, "embedding", "acme/misled", "InvalidArgument: a squared error is a finite")


@pytest.mark.parametrize(
    ("name", "words"),
    [("short-of-one", "1 pictures were returned of 2"), ("forgetful", "TypeError: ")],
)
def test_several_pictures_are_as_many_as_were_asked_for(
    installed: Registry, photo: Picture, name: str, words: str
) -> None:
    with Session() as session:
        data = session.encode(photo, "tiny").data
        with pytest.raises(PluginError) as caught:
            session.decode([data, data], f"acme/{name}", together=2)
    refused(caught, "reconstructor", f"acme/{name}", words)


@pytest.mark.parametrize("method", ["init", "reconstruct"])
def test_what_a_reconstructor_raises_is_its_own(
    installed: Registry, photo: Picture, method: str
) -> None:
    data = encode(photo, "tiny").data
    with pytest.raises(PluginError) as caught:
        decode(data, f"acme/fails-in-{method}")
    refused(caught, "reconstructor", f"acme/fails-in-{method}", "LookupError: no such thing")


def test_what_a_metric_raises_is_its_own(
    installed: Registry, photo: Picture, pictures: Path
) -> None:
    with pytest.raises(PluginError) as caught:
        measure(photo, pictures / "photo.png", ["acme/taste"])
    refused(caught, "metric", "acme/taste", "LookupError: no such thing")


def test_what_is_raised_on_purpose_passes(installed: Registry, photo: Picture) -> None:
    with pytest.raises(PayloadError, match="on purpose"):
        encode(photo, "acme/ends-in-payload")


@pytest.mark.parametrize(
    ("case", "status", "words"),
    [
        ("signals-nan", 18, "embedding 'acme/signals-nan' of acme-things: preview.pixels holds"),
        ("fails-in-encode", 18, "of acme-things: LookupError: no such thing"),
        ("ends-in-memory", 70, "out of memory"),
        ("ends-in-payload", 10, "on purpose"),
    ],
)
def test_the_command_says_it_in_one_line(
    gcodec: Command, pictures: Path, tmp_path: Path, case: str, status: int, words: str
) -> None:
    out = tmp_path / "made.gcx"
    done = gcodec("encode", pictures / "photo.png", "-o", out, "--embed", f"acme/{case}")
    fails(done, status, words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("raise", 18, "command 'acme-stumble' of acme-things: LookupError: no such thing"),
        ("refuse", 2, "not like this"),
        ("full", 8, "cannot write standard output: the disk is full"),
        ("sing", 2, "acme-stumble --help"),
    ],
)
def test_a_command_that_stumbles_is_named(site: Path, how: str, status: int, words: str) -> None:
    fails(support.gcodec("acme-stumble", "--how", how, site=[site]), status, words)


def test_a_command_may_exit_as_it_likes(site: Path) -> None:
    done = support.gcodec("acme-stumble", "--how", "exit", site=[site])
    assert (done.returncode, done.stderr) == (5, b"")


def test_ctrl_c_ends_the_command_and_exit_does_not(
    gcodec: Command, pictures: Path, site: Path, tmp_path: Path
) -> None:
    words = ("encode", pictures / "photo.png", "-o", tmp_path / "made.gcx", "--embed")
    # Its status would be the command's own, 0 perhaps, with nothing written.
    fails(gcodec(*words, "acme/ends-in-exit"), 18, "acme/ends-in-exit", "SystemExit: 41")
    done = support.gcodec(*words, "acme/ends-in-interrupt", site=[site])
    assert (done.returncode, done.stderr.split()) == (130, [b"gcodec:", b"interrupted"])


def test_the_traceback_shows_the_plugins_own_line(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    words = ("encode", pictures / "photo.png", "-o", tmp_path / "made.gcx")
    done = support.gcodec(
        *words, "--embed", "acme/fails-in-encode", site=[site], GCODEC_TRACEBACK="1"
    )
    assert b"strangers.py" in done.stderr and b"no such\nthing" in done.stderr
