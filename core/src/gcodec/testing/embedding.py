"""What every embedding must do."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from gcodec.errors import TargetTooSmall
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.options import as_arguments, check_options
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.stage1 import build, open_stage1
from gcodec.plugin import EmbeddingSpec
from gcodec.registry import load_object, registry
from gcodec.run import Run
from gcodec.signals import Preview, Signal
from gcodec.testing import _processes, _signals, _specs, pictures
from gcodec.testing._generators import left_alone

if TYPE_CHECKING:
    from gcodec.plugin import Spec

__all__ = ["LARGE", "EmbeddingConformance", "assert_light"]

#: Height, width: the smallest, the thinnest, an odd one, and one of whole blocks.
_SIZES = ((1, 1), (1, 7), (7, 1), (17, 33), (48, 64))

_PHOTOGRAPH = (64, 96)

#: Height, width: beyond the tiles and tables that were made for 512 pixels.
LARGE = ((520, 700), (1, 600))

#: Squared error of rounding to 8 bits: nobody need know theirs better.
_ROUNDING = 1 / 255**2 / 12

#: Of a picture's, so many are tried.
_ALTERNATIVES = 8

_EXTREMES = {
    "black": pictures.flat(17, 33, 0),
    "white": pictures.flat(17, 33, 255),
    "gray": pictures.gray(17, 33),
    "noise": pictures.noise(17, 33),
    "checkerboard": pictures.checkerboard(17, 33),
}


class EmbeddingConformance:
    """Subclass it as ``class Test...`` and set `name`; the rest has defaults that suit most methods.

    name              of the installed embedding.
    options           settings that differ from the defaults, for all tests.
    qualities         at which sizes are compared, ascending; the first and the last are tested hardest.
    shrink            fraction of the bytes, beyond 8 bytes, by which a higher quality may come out smaller.
    mse_factor        how far the stated `Preview.mse` may be from the measured error, either way.
    signal_tolerance  largest difference between signals decoded here and in a fresh process. 0 suits integer decoders;
                      a float synthesis network may need 1/255. Symbols must be equal in any case.
    patience          seconds after which the decoder of damaged files counts as hanging.
    large             height and width of pictures beyond 512 pixels. A method that takes minutes for them may have smaller
                      ones, with the reason.
    """

    name: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    qualities: ClassVar[Sequence[float]] = (0.0, 0.15, 0.3, 0.5, 0.7, 0.85, 1.0)
    shrink: ClassVar[float] = 0.05
    mse_factor: ClassVar[float] = 2.0
    signal_tolerance: ClassVar[float] = 0.0
    patience: ClassVar[float] = 300.0
    large: ClassVar[Sequence[tuple[int, int]]] = LARGE

    @pytest.fixture(autouse=True)
    def _usable(self) -> None:
        """Skip all tests where the plugin says that something is missing here."""
        _specs.skip_unless_usable(EmbeddingSpec, self.name)

    @property
    def spec(self) -> EmbeddingSpec:
        """The installed spec."""
        return registry().embedding(self.name)

    def encode(self, image: pictures.Image, quality: float, **options: Any) -> bytes:
        """Return the file of an image."""
        made = encode(
            pictures.as_picture(image),
            self.name,
            target=Target(quality=quality),
            options={**self.options, **options},
        )
        return made.data

    def build(self) -> Embedding:
        """Return the implementation as the encoder sets it up."""
        spec, run = self.spec, Run()
        model = run.models.find(spec.model) if spec.model else None
        setup = Setup(run, check_options(spec.name, spec.options, self.options), model)
        return build(spec, setup)

    def decode(self, data: bytes) -> tuple[Signal, ...]:
        """Return the signals of a file; the pipeline holds them against the spec."""
        return open_stage1(data).signals()

    def test_spec(self) -> None:
        """The spec is well formed, and its implementation can be imported."""
        _specs.check_embedding(self.spec)
        implementation = load_object(self.name, self.spec.implementation)
        assert issubclass(implementation, Embedding)

    def test_listing_imports_nothing_heavy(self) -> None:
        """The module that the entry point names is imported by every command, so it must be light."""
        assert_light(self.spec)

    @pytest.mark.parametrize("size", _SIZES, ids=str)
    def test_round_trip(self, size: tuple[int, int]) -> None:
        """A file of any size, at either end of the qualities, gives back the signals of the spec."""
        for quality in (self.qualities[0], self.qualities[-1]):
            data = self.encode(pictures.photograph(*size), quality)
            assert open_stage1(data).file.header.size == size
            self.decode(data)

    def test_large_pictures(self) -> None:
        """What works at the size of a thumbnail works beyond 512 pixels, and in one row."""
        for height, width in self.large:
            image = pictures.photograph(height, width)
            signals = self.decode(self.encode(image, self.qualities[0]))
            self._check_stated(signals, image, f"at {height}x{width}")

    @pytest.mark.parametrize("picture", _EXTREMES)
    def test_extreme_pictures(self, picture: str) -> None:
        """No picture is too flat or too busy."""
        for quality in (self.qualities[0], self.qualities[-1]):
            self.decode(self.encode(_EXTREMES[picture], quality))

    def test_every_option(self) -> None:
        """Whatever the encoder was told, a decoder that was told nothing recovers the picture."""
        image = pictures.photograph(17, 33)
        for setting in _specs.variations(self.spec.options):
            signals = self.decode(self.encode(image, 0.5, **setting))
            self._check_stated(signals, image, f"with {setting}")

    def test_encoding_is_a_function(self) -> None:
        """The same picture and quality give the same bytes, whatever was encoded in between; the picture is left alone."""
        pixels = pictures.as_picture(pictures.photograph(17, 33)).pixels
        before = pixels.copy()
        embedding = self.build()
        analysis = embedding.analyse(pixels)
        first = embedding.encode(analysis, 0.8)
        embedding.encode(analysis, 0.1)
        for other in islice(embedding.alternatives(analysis, self.spec.makes), _ALTERNATIVES):
            embedding.decode(embedding.encode(other, 0.8), Size(17, 33))
        assert embedding.encode(analysis, 0.8) == first, "encoding in between changed the bytes"
        other = self.build()
        again = other.encode(other.analyse(before.copy()), 0.8)
        assert np.array_equal(pixels, before), "the encoder wrote into the picture"
        assert again == first, "another instance makes other bytes"

    def test_generators_are_left_alone(self) -> None:
        """What a caller has seeded gives the same numbers, whatever is encoded and decoded in between."""
        image = pictures.photograph(17, 33)
        self.encode(image, 0.5)  # libraries are imported
        with left_alone():
            self.decode(self.encode(image, 0.6))

    def test_stated_sizes(self) -> None:
        """Where the lengths of the layers are stated, layers are as long or a little shorter."""
        embedding = self.build()
        for height, width in _SIZES:
            image = pictures.as_picture(pictures.photograph(height, width))
            analysis = embedding.analyse(image.pixels)
            for quality in self.qualities:
                stated = embedding.sizes(analysis, quality)
                if stated is not None:
                    found = tuple(map(len, embedding.encode(analysis, quality)))
                    told = f"{stated} bytes stated, {found} encoded at {quality}"
                    assert len(stated) == len(found), told
                    assert all(
                        f <= s <= 1.25 * f + 16 for s, f in zip(stated, found, strict=True)
                    ), told

    def test_decoding_is_a_function(self) -> None:
        """The same file gives the same signals and symbols, whatever was decoded in between."""
        stage1 = open_stage1(self.encode(pictures.photograph(17, 33), 0.7))
        other = open_stage1(self.encode(pictures.noise(9, 5), 0.3))
        signals, symbols = _signals.flatten(stage1.signals()), stage1.symbol_digest()
        stage1.main.embedding.decode(other.main.layers, other.file.header.size)
        again = _signals.flatten(stage1.signals())
        apart = _signals.difference(signals, again)
        assert apart <= self.signal_tolerance, f"decoding in between changed signals by {apart:g}"
        assert stage1.symbol_digest() == symbols, "decoding in between changed the symbols"

    def test_fresh_process(self, tmp_path: Path) -> None:
        """A process that has only the file recovers the same symbols and signals.

        It is alone (`gcodec.pipeline.receiver`) and has another number of threads, another hash seed, time zone and clock.
        """
        made = [
            self.encode(pictures.photograph(*size), quality)
            for size in ((1, 1), (17, 33), _PHOTOGRAPH)
            for quality in (self.qualities[0], 0.7)
        ]
        tasks = [
            {"do": "decode", "data": base64.b64encode(data).decode(), "out": f"{i}.npz"}
            for i, data in enumerate(made)
        ]
        found = _processes.run_tasks(tasks, tmp_path, threads=_processes.other_threads())
        for i, data in enumerate(made):
            stage1 = open_stage1(data)
            assert found[i] == stage1.symbol_digest().hex(), "other symbols in the fresh process"
            with np.load(tmp_path / f"{i}.npz") as there:
                apart = _signals.difference(_signals.flatten(stage1.signals()), dict(there))
            assert apart <= self.signal_tolerance, (
                f"signals differ by {apart:g}: decoding depends on more than the file"
            )

    def test_encoding_in_a_fresh_process(self, tmp_path: Path) -> None:
        """The command line gives the bytes that Python gives here, on another number of threads as well."""
        image = pictures.photograph(*_PHOTOGRAPH)
        source = tmp_path / "photograph.png"
        source.write_bytes(pictures.as_png(image))
        output, threads = tmp_path / "photograph.gcx", _processes.other_threads()
        done = _processes.run_gcodec(
            *("encode", source, "-o", output, "--embed", self.name, "--quality", "0.6"),
            *("--threads", str(threads), *as_arguments(self.spec.options, self.options)),
        )
        assert done.returncode == 0, done.stderr
        assert output.read_bytes() == self.encode(image, 0.6), f"other bytes on {threads} threads"

    def test_bytes_grow_with_quality(self) -> None:
        """Rate control bisects quality: more of it costs more bytes, up to `shrink`."""
        image = pictures.photograph(*_PHOTOGRAPH)
        sizes = [len(self.encode(image, quality)) for quality in self.qualities]
        assert sizes[-1] > sizes[0], f"bytes at {self.qualities}: {sizes}"
        highest = 0
        for size in sizes:
            assert size >= highest * (1 - self.shrink) - 8, f"bytes at {self.qualities}: {sizes}"
            highest = max(highest, size)

    def test_quality_reduces_the_error(self) -> None:
        """What the preview's squared error loses is what the bytes are for."""
        image = self._photograph_with_preview()
        ends = (self.qualities[0], self.qualities[-1])
        low, high = (_error_of(self.decode(self.encode(image, q)), image) for q in ends)
        assert high < low, f"squared error {low:.3g} at quality {ends[0]}, {high:.3g} at {ends[1]}"

    def test_stated_error(self) -> None:
        """`Preview.mse` is the squared error, to within `mse_factor`."""
        image = self._photograph_with_preview()
        for quality in self.qualities:
            signals = self.decode(self.encode(image, quality))
            self._check_stated(signals, image, f"at quality {quality}")

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.8])
    def test_size_target_is_never_exceeded(self, share: float) -> None:
        """A target between the smallest and the largest file is met from below."""
        image = pictures.photograph(*_PHOTOGRAPH)
        picture = pictures.as_picture(image)
        low, high = (len(self.encode(image, quality)) for quality in (0.0, 1.0))
        limit = math.floor(low + share * (high - low))
        made = encode(picture, self.name, target=Target(bytes=limit), options=self.options)
        assert len(made.data) <= limit
        self.decode(made.data)

    def test_impossible_size_target(self) -> None:
        """A target far below the file of quality 0 is refused, with that file's size."""
        image = pictures.photograph(*_PHOTOGRAPH)
        smallest = len(self.encode(image, 0.0))
        with pytest.raises(TargetTooSmall) as caught:
            encode(
                pictures.as_picture(image),
                self.name,
                target=Target(bytes=smallest // 2),
                options=self.options,
            )
        assert caught.value.smallest == smallest

    def test_damaged_payload(self, tmp_path: Path) -> None:
        """Damaged layers end in PayloadError or in valid signals; no other error, no hang, no memory beyond 2 GiB."""
        data = self.encode(pictures.photograph(17, 33), 0.5)
        task = {"do": "damage", "data": base64.b64encode(data).decode()}
        (failures,) = _processes.run_tasks([task], tmp_path, threads=1, patience=self.patience)
        assert not failures, "\n".join(failures)

    def test_progressive(self) -> None:
        """Of a progressive file every whole layer that has arrived counts."""
        if not self.spec.progressive:
            pytest.skip("not progressive")
        image = pictures.photograph(*_PHOTOGRAPH)
        data = self.encode(image, 0.9)
        whole = open_stage1(data)
        count = len(whole.main.layers)
        assert count > 1, "a progressive file of one layer"
        size = whole.file.header.size
        errors = []
        for n in range(1, count + 1):
            signals = whole.main.embedding.decode(whole.main.layers[:n], size)
            errors.append(_error_of(signals, image))
        assert errors[-1] <= errors[0], f"squared errors by layer: {errors}"
        lost = len(whole.main.layers[-1]) // 2 + 1
        cut = open_stage1(data[:-lost], partial=True)
        assert cut.main.layers == whole.main.layers[:-1]

    def _photograph_with_preview(self) -> pictures.Image:
        if "preview" not in self.spec.makes:
            pytest.skip("makes no preview")
        return pictures.photograph(*_PHOTOGRAPH)

    def _check_stated(
        self, signals: Sequence[Signal], image: pictures.Image, circumstance: str
    ) -> None:
        for preview in signals:
            if isinstance(preview, Preview):
                measured = _error_of(signals, image)
                ratio = max(preview.mse, _ROUNDING) / max(measured, _ROUNDING)
                assert 1 / self.mse_factor <= ratio <= self.mse_factor, (
                    f"{circumstance} the preview states mse {preview.mse:.3g}, measured is {measured:.3g}"
                )


def assert_light(spec: Spec) -> None:
    """Assert that a fresh interpreter imports a plugin's module without any of the libraries that take long."""
    module = _specs.entry_point(spec).module
    heavy = _heavy(module)
    assert not heavy, f"importing {module} imports {heavy}; import it in the implementation instead"


@cache
def _heavy(module: str) -> str:
    """What a module imports of the libraries that take long; plugins of one module need one process."""
    code = (
        "import sys, importlib; before = set(sys.modules); importlib.import_module(sys.argv[1]);"
        "print(*sorted({'numpy', 'torch', 'PIL', 'scipy'} & (set(sys.modules) - before)))"
    )
    done = _processes.run_python("-c", code, module)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _error_of(signals: Sequence[Signal], image: pictures.Image) -> float:
    original = pictures.as_picture(image).pixels
    found = [signal.pixels for signal in signals if isinstance(signal, Preview)]
    return float(np.mean(np.square(found[0] - original), dtype=np.float64)) if found else 0.0
