"""Weights by name and digest, and the interfaces to the networks in them.

folder, store   a model folder, and all models that a run may use
needed, digests   which files are a model, and their digests remembered
cache, hub      models fetched before, and fetching
networks        latent spaces, denoisers, codebooks, captioners
"""

from __future__ import annotations

from gcodec.models.folder import DIGEST_PREFIX, Model, folder_digest
from gcodec.models.store import ModelStore, package_folder

__all__ = ["DIGEST_PREFIX", "Model", "ModelStore", "folder_digest", "package_folder"]
