"""What every reconstructor must do."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from gcodec.interfaces import Reconstructor, Size
from gcodec.pipeline.resolver import resolve
from gcodec.plugin import REALISM, ReconstructorSpec
from gcodec.registry import load_object, registry
from gcodec.run import Run
from gcodec.signals import Preview, Signal, type_of
from gcodec.testing import _processes, _signals, _sources, _specs, pictures
from gcodec.testing._generators import left_alone
from gcodec.testing._sources import BLURRED, reconstruct, reconstruct_all
from gcodec.testing.embedding import LARGE, assert_light

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["ReconstructorConformance"]

_ODD = (17, 33)


class ReconstructorConformance:
    """Subclass it as ``class Test...`` and set `name`; the rest has defaults that suit most methods.

    Tests run on the signals of every installed embedding from which a path leads to the reconstructor, and, where it
    can do with a preview, on a blurred picture, so that a plugin can be tested with nothing else installed.

    name           of the installed reconstructor.
    embeddings     to test with, by name; None: all that are installed.
    options        settings that differ from the defaults, for all tests; None: two steps, where it has the option `steps`.
    sizes          height and width of the pictures, odd ones among them.
    quality        of the embeddings' files; low, so that there is something to generate.
    deterministic  True where the picture does not depend on the seed; None where it may or may not.
    max_mse_ratio  largest squared error, in multiples of the preview's. Perfect realism costs 2 on the average of an
                   ideal sampler (review, section III-B); a distribution learned elsewhere costs more.
    tolerance      largest difference between the pictures of two processes.
    large          height and width of pictures beyond 512 pixels. A method that takes minutes for them may have smaller
                   ones, with the reason.
    """

    name: ClassVar[str]
    embeddings: ClassVar[Sequence[str] | None] = None
    options: ClassVar[Mapping[str, Any] | None] = None
    sizes: ClassVar[Sequence[tuple[int, int]]] = ((1, 1), (1, 7), (17, 33), (48, 64))
    quality: ClassVar[float] = 0.2
    deterministic: ClassVar[bool | None] = False
    max_mse_ratio: ClassVar[float] = 4.0
    tolerance: ClassVar[float] = 1 / 255
    large: ClassVar[Sequence[tuple[int, int]]] = LARGE

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Run each test that takes a `source` on every one that this installation has."""
        if "source" in metafunc.fixturenames:
            installed = cls.name in registry().usable(ReconstructorSpec)
            # Where the plugin is not installed the tests must fail, not vanish.
            metafunc.parametrize("source", (cls.sources() if installed else []) or [BLURRED])

    @classmethod
    def sources(cls) -> list[str]:
        """Return where signals for the tests come from: names of embeddings, and `BLURRED`."""
        spec = registry().reconstructor(cls.name)
        return _sources.sources_for(spec, cls.embeddings)

    @pytest.fixture(autouse=True)
    def _usable(self) -> None:
        """Skip all tests where the plugin says that something is missing here."""
        _specs.skip_unless_usable(ReconstructorSpec, self.name)

    @property
    def spec(self) -> ReconstructorSpec:
        """The installed spec."""
        return registry().reconstructor(self.name)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The options of all tests."""
        if self.options is not None:
            return self.options
        steps = [o for o in self.spec.options if o.name == "steps" and o.type is int]
        few = any(not o.choices and (o.minimum or 1) <= 2 <= (o.maximum or 2) for o in steps)
        return {"steps": 2} if few else {}

    def make(self, signals: Sequence[Signal], size: Size, seed: int = 0) -> FloatArray:
        """Return the picture that the reconstructor makes, checked."""
        return reconstruct(self.name, signals, size, self.settings, Run(seed=seed))

    def signals(
        self, source: str, height: int, width: int, scene: int = 0
    ) -> tuple[tuple[Signal, ...], Size]:
        """Return the signals of the test photograph at this size, or of another scene, and the size."""
        file = _sources.file_of(source, pictures.photograph(height, width, scene), self.quality)
        return _sources.signals_of(source, file, Size(height, width), scene)

    def test_spec(self) -> None:
        """The spec is well formed, its implementation can be imported, and something leads to it."""
        _specs.check_reconstructor(self.spec)
        implementation = load_object(self.name, self.spec.implementation)
        assert issubclass(implementation, Reconstructor)
        assert self.sources(), (
            "no installed embedding makes the signals that this reconstructor needs; install one to test it"
        )

    def test_listing_imports_nothing_heavy(self) -> None:
        """The module that the entry point names is imported by every command, so it must be light."""
        assert_light(self.spec)

    def test_sizes(self) -> None:
        """Pictures of all sizes come back as float32 [3, H, W] in [0, 1]."""
        source = self.sources()[0]
        for size in self.sizes:
            self.make(*self.signals(source, *size))

    def test_large_pictures(self) -> None:
        """What works at the size of a thumbnail works beyond 512 pixels, and in one row."""
        source = self.sources()[0]
        for size in self.large:
            self.make(*self.signals(source, *size))

    def test_source(self, source: str) -> None:
        """Signals of every embedding with a path are taken, and left as they were."""
        signals, size = self.signals(source, *_ODD)
        before = _signals.flatten(signals)
        self.make(signals, size)
        apart = _signals.difference(before, _signals.flatten(signals))
        assert apart == 0, "the reconstructor wrote into the signals"

    def test_several_at_once(self) -> None:
        """What is made of several pictures at once is what is made of each alone, in their order."""
        source = self.sources()[0]
        (one, size), (other, _) = (self.signals(source, *_ODD, scene) for scene in (0, 1))
        if list(map(type_of, one)) != list(map(type_of, other)):
            pytest.skip(f"{source} makes other signals of another picture")
        several = [one, other, other]
        made = reconstruct_all(self.name, several, size, self.settings, Run(seed=5))
        for signals, together in zip(several, made, strict=True):
            apart = float(np.abs(self.make(signals, size, 5) - together).max())
            assert apart <= self.tolerance, f"beside others the picture differs by {apart:g}"

    def test_every_option(self) -> None:
        """Every choice and both bounds of every option work."""
        source = self.sources()[0]
        signals, size = self.signals(source, *_ODD)
        for setting in _specs.variations(self.spec.options):
            options = {**self.settings, **setting}
            reconstruct(self.name, signals, size, options, Run())

    @pytest.mark.parametrize("mse", [0.0, 0.3])
    def test_extreme_previews(self, mse: float) -> None:
        """A lossless preview and one that says next to nothing are taken as well."""
        if BLURRED not in self.sources():
            pytest.skip("takes no preview")
        image = pictures.photograph(*_ODD) if mse == 0 else pictures.flat(*_ODD, 128)
        preview = Preview(pictures.as_picture(image).pixels, mse)
        self.make((preview,), Size(*_ODD))

    def test_squared_error(self, source: str) -> None:
        """Generation costs squared error, at most `max_mse_ratio` times the preview's."""
        signals, size = self.signals(source, *_sources.SIZE)
        previews = [signal for signal in signals if isinstance(signal, Preview)]
        if not previews:
            pytest.skip(f"{source} makes no preview to compare with")
        original = pictures.as_picture(pictures.photograph(*size)).pixels
        least = _squared_error(previews[0].pixels, original)
        found = _squared_error(self.make(signals, size), original)
        assert found <= self.max_mse_ratio * least + 1 / 255**2, (
            f"squared error {found:.3g}, {found / least:.2f} times the preview's"
        )

    def test_realism(self, source: str) -> None:
        """A sampler has the dial: 0 is the preview bit for bit, 1 the sample, between them is the straight line."""
        if REALISM not in self.spec.options:
            assert self.deterministic, (
                "the seed chooses the picture, so gcodec.plugin.REALISM belongs among the options"
            )
            return
        signals, size = self.signals(source, *_ODD)
        if resolve(map(type_of, signals), *_sources.bound(self.spec), 0.0) is None:
            pytest.skip(f"no path leads from {source} to a preview")

        def at(alpha: float) -> FloatArray:
            options = {**self.settings, REALISM.name: alpha}
            return reconstruct(self.name, signals, size, options, Run(seed=3))

        preview = reconstruct("preview", signals, size, {}, Run())
        assert np.array_equal(at(0.0), preview), "realism 0 is not the preview"
        sample = self.make(signals, size, seed=3)
        assert np.abs(at(1.0) - sample).max() <= self.tolerance, "realism 1 is not the sample"
        for alpha in (0.25, 0.5, 0.75):
            line = preview + alpha * (sample.astype(np.float64) - preview)
            apart = float(np.abs(at(alpha) - line).max())
            assert apart <= alpha * self.tolerance + 1e-6, (
                f"realism {alpha} is {apart:g} off the line from the preview to the sample"
            )

    def test_fresh_process(self, tmp_path: Path) -> None:
        """A lone process makes the same picture of the same file, seed and settings.

        It has another number of threads, another hash seed, time zone and clock.
        """
        files = [
            _sources.file_of(source, pictures.photograph(*_ODD), self.quality)
            for source in self.sources()
        ]
        tasks = [
            {
                "do": "reconstruct",
                "source": source,
                "data": None if file is None else base64.b64encode(file).decode(),
                "reconstructor": self.name,
                "options": dict(self.settings),
                "seed": 7,
                "out": f"{i}.npy",
            }
            for i, (source, file) in enumerate(zip(self.sources(), files, strict=True))
        ]
        _processes.run_tasks(tasks, tmp_path, threads=_processes.other_threads())
        for i, (source, file) in enumerate(zip(self.sources(), files, strict=True)):
            here = self.make(*_sources.signals_of(source, file), seed=7)
            apart = float(np.abs(here - np.load(tmp_path / f"{i}.npy")).max())
            assert apart <= self.tolerance, f"{source}: two processes differ by {apart:g}"

    def test_seed(self) -> None:
        """The same seed gives the same sample; another seed another one, unless `deterministic`.

        No other generator is drawn from.
        """
        source = self.sources()[0]
        signals, size = self.signals(source, *_ODD)
        one = self.make(signals, size, 1)
        with left_alone():
            again, other = (self.make(signals, size, seed) for seed in (1, 2))
        assert np.abs(one - again).max() <= self.tolerance, "one seed gives two pictures"
        apart = float(np.abs(one - other).max())
        if self.deterministic is None:
            return
        if self.deterministic:
            assert apart <= self.tolerance, "the picture depends on the seed"
        else:
            assert apart > self.tolerance, (
                "another seed gives the same picture; where that is meant, set `deterministic`"
            )


def _squared_error(pixels: FloatArray, original: FloatArray) -> float:
    return float(np.mean(np.square(pixels - original), dtype=np.float64))
