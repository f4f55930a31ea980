"""The conformance suite on sound and on defective methods; `test_testing_kit` runs it in a process of its own."""

from __future__ import annotations

import kit_networks
import kit_plugin

from gcodec.testing import (
    AdapterConformance,
    CodebookConformance,
    CommandConformance,
    DenoiserConformance,
    EmbeddingConformance,
    LatentSpaceConformance,
    MetricConformance,
    ReconstructorConformance,
)

for _name in (
    *kit_plugin.EMBEDDINGS,
    "Smuggling",
    "Shadowing",
    "Stolen",
    "Promising",
    "Optional",
    "Heavy",
):
    _settings = {"name": f"kit/{_name.lower()}", "mse_factor": 1.1}
    if _name == "Hanging":
        _settings["patience"] = 4
    globals()[f"Test{_name}"] = type(f"Test{_name}", (EmbeddingConformance,), _settings)


class TestNotInstalled(EmbeddingConformance):
    name = "acme/nowhere"


class TestUnseeded(ReconstructorConformance):
    embeddings = ()
    name = "kit/unseeded"


class TestDialled(ReconstructorConformance):
    embeddings = ()
    name = "kit/dialled"


class TestWilful(ReconstructorConformance):
    embeddings = ()
    name = "kit/wilful"


class TestWandering(ReconstructorConformance):
    embeddings = ()
    name = "kit/wandering"


class TestCramped(ReconstructorConformance):
    embeddings = ()
    name = "kit/cramped"


class TestMingling(ReconstructorConformance):
    embeddings = ()
    name = "kit/mingling"


class TestOvershooting(ReconstructorConformance):
    embeddings = ()
    name = "kit/overshooting"


class TestScribbling(ReconstructorConformance):
    embeddings = ()
    name = "kit/scribbling"


class TestInventing(ReconstructorConformance):
    embeddings = ()
    name = "kit/inventing"  # and it does not say that it is deterministic


class TestLonely(ReconstructorConformance):
    name = "kit/lonely"


class TestSpaceless(ReconstructorConformance):
    name = "kit/spaceless"


class TestWrongType(AdapterConformance):
    source, target = "preview", "tokens/kit"


class TestTooSmall(AdapterConformance):
    source, target = "preview", "sketch"


_NETWORKS = {
    "KitSpace": LatentSpaceConformance,
    "KitDenoiser": DenoiserConformance,
    "KitCodebook": CodebookConformance,
}
for _class, _flaws in kit_networks.FLAWS.items():
    for _flaw in _flaws:
        _name = f"Test{_class}{_flaw.title()}"
        _model = f"{_class}-{_flaw or 'sound'}"
        globals()[_name] = type(_name, (_NETWORKS[_class],), {"model": _model})


class TestMetric(MetricConformance):
    name, identity, symmetric = "kit/checked", 0.0, True


class TestTrusting(TestMetric):
    name = "kit/trusting"


class TestLopsided(TestMetric):
    name = "kit/lopsided"


class TestNumberless(TestMetric):
    name = "kit/numberless"


class TestUpside(TestMetric):
    name = "kit/upside"


class TestCommand(CommandConformance):
    name = "kit-sound"
    good = ("one", "two")
    failing = {(): 2}  # noqa: RUF012


class TestLittering(TestCommand):
    name = "kit-littering"


class TestDefective(TestCommand):
    name = "kit-defective"


class TestNoCommand(TestCommand):
    name = "kit-no_command"


class TestPonderous(TestCommand):
    name = "kit-ponderous"
