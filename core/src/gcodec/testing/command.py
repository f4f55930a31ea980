"""What every command must do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click
import pytest

from gcodec.errors import DEFECT_EXIT_STATUS, PluginError
from gcodec.plugin import CommandSpec
from gcodec.registry import load_object, registry
from gcodec.testing import _processes
from gcodec.testing.embedding import assert_light

if TYPE_CHECKING:
    from subprocess import CompletedProcess

__all__ = ["CommandConformance"]

#: Exit status of what was not raised on purpose: a traceback, as other programs have it.
_DEFECTS = (DEFECT_EXIT_STATUS, PluginError.exit_status)


class CommandConformance:
    """Subclass it as ``class Test...`` and set `name`. Every run is a process of its own, in an empty folder.

    name      of the installed command.
    good      arguments with which it ends with status 0; () if none are known.
    failing   arguments that cannot work -> the exit status of gcodec that they end with.
    """

    name: ClassVar[str]
    good: ClassVar[Sequence[str]] = ()
    failing: ClassVar[Mapping[Sequence[str], int]] = {}

    @property
    def spec(self) -> CommandSpec:
        """The installed spec."""
        return registry().named(CommandSpec, self.name)

    def run(self, folder: Path, *words: str) -> CompletedProcess[str]:
        """Run the command in `folder`."""
        return _processes.run_gcodec(self.name, *words, cwd=folder)

    def test_spec(self) -> None:
        """The spec is well formed, the module that offers it light, and what it names a click.Command."""
        assert self.spec.summary.strip() and "\n" not in self.spec.summary, (
            "the summary is one line"
        )
        assert_light(self.spec)
        made = load_object(self.name, self.spec.implementation)
        assert isinstance(made, click.Command), f"{self.spec.implementation} is no click.Command"

    def test_help(self, tmp_path: Path) -> None:
        """--help says what it does, and ``gcodec --help`` lists it."""
        done = self.run(tmp_path, "--help")
        assert done.returncode == 0, done.stderr
        assert f"gcodec {self.name}" in done.stdout and len(done.stdout.splitlines()) > 2, (
            done.stdout
        )
        listed = _processes.run_gcodec("--help").stdout
        assert f"\n  {self.name} " in listed, f"gcodec --help does not list {self.name}"

    def test_help_is_light(self, tmp_path: Path) -> None:
        """--help imports neither torch nor NumPy: what takes long is imported when the command runs."""
        code = (
            "import sys; from gcodec.cli import cli; from gcodec.registry import registry; registry();"
            # What other plugins import is theirs to answer for.
            "before = set(sys.modules); cli.main(sys.argv[1:], 'gcodec', standalone_mode=False);"
            "heavy = {'numpy', 'torch', 'PIL', 'scipy'} & (set(sys.modules) - before);"
            "print('imported', *sorted(heavy))"
        )
        done = _processes.run_python("-c", code, self.name, "--help", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        heavy = done.stdout.splitlines()[-1].split()[1:]
        assert not heavy, f"{self.name} --help imports {', '.join(heavy)}"

    def test_what_cannot_be_meant(self, tmp_path: Path) -> None:
        """An option that does not exist is status 2 and one line that names it."""
        done = self.run(tmp_path, "--no-such-option-at-all")
        self.check_refusal(done, 2, "no-such-option-at-all")

    def test_failures(self, tmp_path: Path) -> None:
        """What cannot work is one line and its status, and leaves nothing behind."""
        for words, status in self.failing.items():
            self.check_refusal(self.run(tmp_path, *words), status)
            left = [path.name for path in tmp_path.iterdir()]
            assert not left, f"{' '.join(words)} left {left} behind"

    def test_runs(self, tmp_path: Path) -> None:
        """With the `good` arguments it ends well."""
        if not self.good:
            pytest.skip("`good` arguments are not given")
        done = self.run(tmp_path, *self.good)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr

    def check_refusal(self, done: CompletedProcess[str], status: int, *parts: str) -> None:
        """Assert one line on standard error, with `parts`, and an exit status."""
        defect = done.returncode in _DEFECTS and done.returncode != status
        assert not defect, f"a defect: {done.stderr}"
        assert done.returncode == status, f"status {done.returncode}, not {status}: {done.stderr}"
        lines = done.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("gcodec: "), f"not one line: {done.stderr}"
        for part in parts:
            assert part in lines[0], f"{part!r} is not in {lines[0]!r}"
