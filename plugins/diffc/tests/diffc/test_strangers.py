"""A channel simulator of a stranger, who knows gcodec alone: `diffc` sends by it and a fresh process decodes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec import Picture, save_image
from gcodec.pictures import load_image

PLUGIN = """
from gcodec.plugin import ChannelSpec, Option, hookimpl

GCODEC_INTERFACE = 1


@hookimpl
def gcodec_channels():
    depth = Option("depth", int, 8, "bits of an index", minimum=1, maximum=12)
    return [
        ChannelSpec("acme/blocks", "best of 2^depth, block by block", "acme_channel:Blocks", options=(depth,), fixed=True),
        ChannelSpec("acme/loose", "the same with a length of its own", "acme_channel:Blocks", options=(depth,)),
        ChannelSpec("acme/raising", "fails", "acme_channel:Raising"),
        ChannelSpec("acme/double", "float64", "acme_channel:Double", fixed=True),
        ChannelSpec("acme/long", "a byte more than it says", "acme_channel:Long", fixed=True),
        ChannelSpec("acme/nan", "not finite", "acme_channel:Nan", fixed=True),
        ChannelSpec("acme/short", "an element less", "acme_channel:Short", fixed=True),
        ChannelSpec("acme/words", "a list for bytes", "acme_channel:Words"),
        ChannelSpec("acme/odd", "refuses its options", "acme_channel:Odd"),
        ChannelSpec("acme/none", "cannot be made", "builtins:dict"),
        ChannelSpec("acme/text", "makes no channel", "builtins:str"),
    ]
"""

CHANNEL = '''
"""Minimal random coding in blocks: of 2^depth candidates of a block one by its weight (Havasi et al. 2019)."""

import math

import numpy as np

from gcodec.channels import Channel, normalized, restored
from gcodec.errors import ChannelError
from gcodec.randomness import Domain


class Blocks(Channel):
    name = "acme/blocks"

    def __init__(self, bits, depth=8):
        self.bits, self.depth = bits, depth
        self.blocks = bits // depth

    def _candidates(self, block, rows, dimensions, common):
        first = block * dimensions // self.blocks
        last = (block + 1) * dimensions // self.blocks
        return common.randomness.normal(Domain.CODEBOOK, common.step, rows, last - first, first)

    def simulate(self, target, reference, common):
        m = normalized(self.name, target, reference)
        word, at = 0, 0
        for block in range(self.blocks):
            z = self._candidates(block, range(1 << self.depth), m.size, common)
            weight = z.astype(np.float64) @ m[at : at + z.shape[1]]
            u = common.randomness.uniform(Domain.ENCODER, common.step, block, 1 << self.depth)
            word = word << self.depth | int(np.argmax(weight - np.log(-np.log(u.astype(np.float64)))))
            at += z.shape[1]
        return (word << self.bits - self.blocks * self.depth).to_bytes(-(-self.bits // 8), "big")

    def replay(self, bits, reference, common):
        if len(bits) != -(-self.bits // 8):
            raise ChannelError(self.name, f"{len(bits)} bytes for {self.bits} bits")
        word, rest = int.from_bytes(bits, "big"), self.bits - self.blocks * self.depth
        if word & (1 << rest) - 1:
            raise ChannelError(self.name, "the padding is not zero")
        word >>= rest
        indices = [word >> self.depth * k & (1 << self.depth) - 1 for k in reversed(range(self.blocks))]
        parts = [self._candidates(b, [k], reference.mean.size, common)[0] for b, k in enumerate(indices)]
        return restored(np.concatenate(parts), reference)


class Raising(Blocks):
    def simulate(self, target, reference, common):
        raise KeyError("depth of the well")


class Double(Blocks):
    def replay(self, bits, reference, common):
        return super().replay(bits, reference, common).astype(np.float64)


class Long(Blocks):
    def simulate(self, target, reference, common):
        return super().simulate(target, reference, common) + b"x"


class Nan(Blocks):
    def replay(self, bits, reference, common):
        z = super().replay(bits, reference, common)
        z[-1] = np.nan
        return z


class Short(Blocks):
    def replay(self, bits, reference, common):
        return super().replay(bits, reference, common)[1:]


class Words(Blocks):
    def simulate(self, target, reference, common):
        return list(super().simulate(target, reference, common))


class Odd(Blocks):
    def __init__(self, bits):
        raise ValueError("depth and width do not go together")
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `acme-channels` is installed."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "acme_plugin.py").write_text(PLUGIN)
    (folder / "acme_channel.py").write_text(CHANNEL)
    info = folder / "acme_channels-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-channels\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gcodec]\nacme = acme_plugin\n")
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory, kodim23: NDArray[np.float32]) -> Path:
    """96 x 64 pixels."""
    path = tmp_path_factory.mktemp("picture") / "photo.png"
    save_image(Picture(kodim23[:, 64:128, 128:224].copy()), path)
    return path


def gcodec(*words: object, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run("-m", "gcodec", *words, site=site)


def run(*words: object, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    paths = [str(site)] if site else []
    return subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("typed", "head"),
    [
        ("acme/blocks", b"\x1f\x0bacme/blocks"),
        ("acme/loose:depth=6", b"\x1f\x12acme/loose:depth=6"),
    ],
)
def test_a_file_names_the_channel_and_a_fresh_process_decodes_it(
    typed: str, head: bytes, site: Path, picture: Path, tmp_path: Path
) -> None:
    """At a fixed length and at one of its own, options with it; a receiver without the plugin says what it lacks."""
    file, out = tmp_path / "photo.gcx", tmp_path / "out.png"
    words = ["encode", picture, "-o", file, "--embed", "diffc", "--channel", typed]
    done = gcodec(*words, "--quality", "0.6", site=site)
    assert done.returncode == 0, done.stderr
    assert head in file.read_bytes()

    done = gcodec("decode", file, "-o", out, "--recon", "mse", site=site)
    assert done.returncode == 0, done.stderr
    pixels = load_image(picture).pixels
    error = np.square(load_image(out).pixels - pixels).mean()
    assert error < 0.6 * pixels.var()  # of one colour at best it is 1

    done = gcodec("decode", file, "-o", tmp_path / "b.png", "--recon", "mse")
    assert done.returncode == 3
    name = typed.partition(":")[0]
    assert f"no installed channel is called '{name}'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


SCRIPT = """
import json, sys
import gcodec
picture, target = gcodec.load_image(sys.argv[1]), gcodec.Target(quality=0.1)
for typed in sys.argv[2:]:
    try:
        gcodec.encode(picture, "diffc", target=target, options={"channel": typed})
        print(json.dumps([0, "encoded"]))
    except gcodec.GcodecError as error:
        print(json.dumps([error.exit_status, str(error)]))
"""

#: What is typed -> exit status of the command, words of its line.
FAULTS = {
    "acme/raising": (18, "channel 'acme/raising' of acme-channels: KeyError: 'depth of"),
    "acme/double": (18, "replay returned float64"),
    "acme/long": (18, "bytes, its spec says"),
    "acme/none": (18, "acme/none' of acme-channels: TypeError"),
    "acme/text": (18, "builtins:str made a str, not a Channel"),
    "acme/odd": (17, "channel 'acme/odd': depth and width do not go together"),
    "acme/blocks:depth=13": (2, "is 13; it must be a whole number from 1 to 12"),
    "acme/block": (3, "did you mean acme/blocks"),
}


def test_whatever_a_stranger_does_is_one_line_that_names_it(site: Path, picture: Path) -> None:
    done = run("-c", SCRIPT, picture, *FAULTS, site=site)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    for (typed, (status, words)), (found, line) in zip(FAULTS.items(), said, strict=True):
        assert (found, "\n" in line) == (status, False), f"{typed}: {line}"
        assert words in line and typed.partition(":")[0] in line


SIZES = """
import json, sys
import gcodec
from gcodec.interfaces import Setup
from gcodec.run import Run
from gcodec_diffc.diffc.embedding import Diffc
picture, options, run = gcodec.load_image(sys.argv[1]), {"channel": sys.argv[2]}, Run()
data = gcodec.encode(picture, "diffc", target=gcodec.Target(bytes=int(sys.argv[3])), options=options).data
embedding = Diffc(Setup(run, options, run.models.find("base/diffc")))
analysis = embedding.analyse(picture.pixels)
stated = embedding.sizes(analysis, 0.3)
print(json.dumps([len(data), stated, [len(layer) for layer in embedding.encode(analysis, 0.3)]]))
"""


def test_the_name_counts_where_a_size_is_asked_for(site: Path, picture: Path) -> None:
    """A file is as long as it may be, head and all; stated lengths are the layers' own."""
    done = run("-c", SIZES, picture, "acme/blocks:depth=4", 250, site=site)
    assert done.returncode == 0, done.stderr
    length, stated, found = json.loads(done.stdout)
    assert 240 <= length <= 250
    assert stated == found
