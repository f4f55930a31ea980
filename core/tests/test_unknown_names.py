"""What somebody is told who asks for a plugin that is not installed: what looks alike, or the package that has it."""

from __future__ import annotations

import pytest

from gcodec.errors import UnknownPlugin
from gcodec.registry import Registry
from gcodec_formats import registry as numbers


def test_an_unknown_name_suggests_installed_ones_that_look_alike(installed: Registry) -> None:
    with pytest.raises(UnknownPlugin) as caught:
        installed.embedding("tini")
    assert caught.value.similar == ("tiny",)
    assert (caught.value.kind, caught.value.package) == ("embedding", None)


def test_an_unknown_name_that_is_registered_names_its_package(installed: Registry) -> None:
    with pytest.raises(UnknownPlugin) as caught:
        installed.embedding("webp")
    assert caught.value.package == "gcodec-classic"
    with pytest.raises(UnknownPlugin, match="pip install gcodec-flow"):
        installed.reconstructor("flow")


def test_nobody_is_told_to_install_what_is_not_published(
    installed: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserved = numbers.Embedding(190, "planned", "gcodec-planned", "reserved", "for this test")
    monkeypatch.setattr(numbers, "EMBEDDINGS", (*numbers.EMBEDDINGS, reserved))
    with pytest.raises(UnknownPlugin, match=f"reserved for {reserved.package}") as caught:
        installed.embedding(reserved.name)
    assert "pip install" not in str(caught.value)


def test_numbers_lead_to_the_installed_embedding_or_to_its_package(installed: Registry) -> None:
    assert installed.embedding_by_id(200).name == "tiny"
    with pytest.raises(UnknownPlugin, match="'webp'; install it with: pip install gcodec-classic"):
        installed.embedding_by_id(2)
    with pytest.raises(UnknownPlugin, match="number 191"):
        installed.embedding_by_id(191)
