"""The error tree: documented statuses, data on the error, one line that says what to do."""

from __future__ import annotations

import pickle
import re

import pytest

from gcodec import errors
from gcodec.errors import (
    ChannelError,
    CheckpointError,
    ChecksFailed,
    FormatError,
    GcodecError,
    ImageError,
    InvalidArgument,
    InvalidOption,
    MetricUnavailable,
    ModelDamaged,
    ModelMissing,
    NoPath,
    OutputError,
    OutputExists,
    PartlyFailed,
    PayloadError,
    PluginError,
    RecipeError,
    TargetTooSmall,
    TrainingDiverged,
    UnknownNetwork,
    UnknownOption,
    UnknownPlugin,
    UnknownProfile,
    Unmeasured,
    UnusablePlugin,
    UsageError,
    VerificationError,
    WorkerError,
)

EXAMPLES = [
    (InvalidArgument("not -1"), 2, "not -1"),
    (FormatError("a bit is set", offset=3), 20, "a bit is set (byte 3)"),
    (ChecksFailed("gcodec-x", 2, 31), 19, "gcodec-x: 2 of 31 checks failed"),
    (PartlyFailed(1, 6, "pairs"), 21, "1 of 6 pairs failed"),
    (UsageError("both"), 2, "both"),
    (
        UnknownPlugin("embedding", "ntx", similar=["ntc", "ntd"]),
        3,
        "no installed embedding is called 'ntx'; did you mean ntc or ntd?",
    ),
    (
        UnknownPlugin("embedding", "ntc", package="gcodec-ntc"),
        3,
        "no installed embedding is called 'ntc'; install it with: pip install gcodec-ntc",
    ),
    (
        UnknownPlugin("embedding", "acme/ntx", similar=["acme/ntc"], claimed="gcodec-acme"),
        3,
        "no installed embedding is called 'acme/ntx'; the file says: pip install gcodec-acme"
        " (which nobody here has checked)",
    ),
    (
        UnknownPlugin("reconstructor", "x"),
        3,
        "no installed reconstructor is called 'x'; `gcodec plugins` lists what is installed",
    ),
    (
        UnknownProfile("ntc", 7, "gcodec-ntc"),
        3,
        "the installed 'ntc' has no profile 7; a newer one may: pip install --upgrade gcodec-ntc",
    ),
    (UnknownProfile("a/b", 7, None), 3, "the installed 'a/b' has no profile 7"),
    (
        UnknownProfile("ntc", 1, "gcodec-ntc", "6b25454a"),
        3,
        "the installed 'ntc' has no profile 1: it was withdrawn with its model 6b25454a;"
        " encode the picture again, or decode with the gcodec that made the file",
    ),
    (
        UnknownProfile("ntc", 2, "gcodec-ntc", "2ed0b32b", readable=True),
        3,
        "the installed 'ntc' has no profile 2: it was withdrawn with its model 2ed0b32b;"
        " give that model with --models FOLDER if you have it, encode the picture again, or"
        " decode with the gcodec that made the file",
    ),
    (UnusablePlugin("ntc", "no torch"), 4, "plugin 'ntc' cannot be used: no torch"),
    (UnknownOption("webp", "a", ["b", "c"]), 2, "'webp' has no option 'a' (it has: b, c)"),
    (UnknownOption("webp", "a", []), 2, "'webp' has no option 'a' (it has: none)"),
    (
        InvalidOption("flow", "steps", 0, "a whole number from 1 to 50"),
        2,
        "option 'steps' of 'flow' is 0; it must be a whole number from 1 to 50",
    ),
    (
        NoPath("jpeg", "ode", ["noisy/base"], ["diffc"]),
        5,
        "'ode' cannot decode 'jpeg': it needs noisy/base, which diffc would supply",
    ),
    (
        NoPath("jpeg", "ode", ["noisy/base", "text + sketch"]),
        5,
        "'ode' cannot decode 'jpeg': it needs noisy/base or text + sketch,"
        " which no installed plugin supplies",
    ),
    (
        TargetTooSmall("ntc", 10, 90),
        6,
        "10 bytes are too few for 'ntc' and this image; allow 90, or take an embedding for lower rates",
    ),
    (
        TargetTooSmall("ntc", 10, 90, "its alpha (60 bytes)"),
        6,
        "10 bytes are too few for 'ntc' and this image; allow 90, or do without its alpha (60 bytes)",
    ),
    (
        Unmeasured("diffc", ["ntc", "webp"]),
        22,
        "where 'diffc' errs has not been measured, so it has no fidelity map; there is one of ntc, webp;"
        " docs/fidelity.md says how to measure",
    ),
    (
        Unmeasured("ntc", [], own=True),
        22,
        "where 'ntc' errs has not been measured with these weights, so it has no fidelity map; docs/fidelity.md"
        " says how to measure",
    ),
    (ImageError("a.png", "it is empty"), 7, "a.png: it is empty"),
    (OutputError("out/x", "the disk is full"), 8, "cannot write out/x: the disk is full"),
    (OutputExists("x"), 8, "cannot write x: it exists; give --force to overwrite it"),
    (ModelMissing("base/ntc", "get it"), 9, "model base/ntc is not installed; get it"),
    (
        UnknownNetwork("base/x", "MyNet", "denoiser", ["FlowNet"]),
        9,
        "model base/x is of class MyNet, which no installed plugin opens as a denoiser;"
        " classes known: FlowNet",
    ),
    (ModelDamaged("base/ntc", "cut short"), 9, "model base/ntc: cut short"),
    (
        ChannelError("trellis", "4 bits have no room in 3 dimensions"),
        17,
        "channel 'trellis': 4 bits have no room in 3 dimensions",
    ),
    (PayloadError("webp", "bad header"), 10, "payload of 'webp': bad header"),
    (
        PluginError("embedding", "acme/x", "gcodec-acme", "KeyError: 'a'"),
        18,
        "embedding 'acme/x' of gcodec-acme: KeyError: 'a' (GCODEC_TRACEBACK=1 shows where)",
    ),
    (
        VerificationError("a.gcx", b"\1\2", b"\3\4"),
        11,
        "a.gcx: stage 1 decodes to symbols 0304, the sender had 0102;"
        " this machine does not decode the file correctly",
    ),
    (
        WorkerError(9, "loading\ngcodec: no such file\n"),
        12,
        "the decoding process ended with status 9: gcodec: no such file",
    ),
    (MetricUnavailable("lpips", "no weights"), 13, "lpips: no weights"),
    (
        RecipeError("a.toml", "a whole number", "plan.steps"),
        14,
        "a.toml: plan.steps: a whole number",
    ),
    (RecipeError("a.toml", "not TOML"), 14, "a.toml: not TOML"),
    (
        CheckpointError("out/checkpoint.safetensors", "damaged"),
        15,
        "out/checkpoint.safetensors: damaged",
    ),
    (
        TrainingDiverged(9, "gradient", 4),
        16,
        "at step 9 the gradient is not a finite number; the state of step 4 is kept, and the same command"
        " goes on from it; if it comes to this again, begin anew with a lower plan.lr or plan.clip, or with"
        " plan.precision float32",
    ),
    (
        TrainingDiverged(2, "loss", 0),
        16,
        "at step 2 the loss is not a finite number; nothing was saved yet; if it comes to this again, begin"
        " anew with a lower plan.lr or plan.clip, or with plan.precision float32",
    ),
    (WorkerError(-9, ""), 12, "the decoding process ended with status -9: it printed nothing"),
]


@pytest.mark.parametrize(("error", "status", "text"), EXAMPLES, ids=lambda v: type(v).__name__)
def test_each_error_has_its_documented_status_and_text(
    error: GcodecError, status: int, text: str
) -> None:
    assert (error.exit_status, str(error)) == (status, text)


@pytest.mark.parametrize("error", [e for e, _, _ in EXAMPLES], ids=lambda e: type(e).__name__)
def test_errors_pass_between_processes_with_their_data(error: GcodecError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_the_documentation_lists_every_error_with_its_status() -> None:
    drawn = re.findall(r"^[ │├└─]+([A-Z]\w+)\s+(\d+)(?:\s|$)", errors.__doc__ or "", re.MULTILINE)
    classes = {name: getattr(errors, name).exit_status for name in errors.__all__}
    del classes["GcodecError"]
    assert {name: int(status) for name, status in drawn} == classes


def test_every_public_error_has_an_example_here() -> None:
    shown = {type(error).__name__ for error, _, _ in EXAMPLES}
    abstract = {"GcodecError", "ModelError"}
    assert set(errors.__all__) - abstract <= shown


def test_errors_carry_what_they_say_as_data() -> None:
    plugin = UnknownPlugin("embedding", "ntx", similar=["ntc"], package="p")
    assert (plugin.kind, plugin.name, plugin.similar, plugin.package) == (
        "embedding",
        "ntx",
        ("ntc",),
        "p",
    )
    path = NoPath("jpeg", "ode", ["noisy"], ["diffc"])
    assert (path.embedding, path.reconstructor, path.missing, path.suppliers) == (
        "jpeg",
        "ode",
        ("noisy",),
        ("diffc",),
    )
    small = TargetTooSmall("ntc", 10, 90)
    assert (small.embedding, small.target, small.smallest) == ("ntc", 10, 90)
    option = InvalidOption("flow", "steps", 0, "more")
    assert (option.owner, option.option, option.value, option.expected) == (
        "flow",
        "steps",
        0,
        "more",
    )
    assert OutputExists("x").path == "x"
    assert WorkerError(3, "said").output == "said"


def test_one_except_clause_catches_every_refusal_of_options_and_of_output() -> None:
    assert issubclass(OutputExists, OutputError)
    assert issubclass(ModelMissing, errors.ModelError)
    for kind in (UnknownPlugin, UnknownProfile, UnusablePlugin, NoPath, TargetTooSmall):
        assert issubclass(kind, UsageError)
