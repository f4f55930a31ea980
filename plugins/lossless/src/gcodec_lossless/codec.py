"""The codec proper: from samples to a stream and back. spec/embeddings/lossless.md is normative."""

from __future__ import annotations

import numpy as np

from gcodec.errors import PayloadError
from gcodec_lossless.coder import NAME, Coder, Reader, Writer
from gcodec_lossless.features import Context
from gcodec_lossless.network import Network
from gcodec_lossless.waves import Ints, waves

__all__ = ["NAME", "read", "written"]


def written(network: Network, samples: Ints, top: int) -> bytes:
    """The stream of samples from 0 to `top`, int64 [channels, height, width]."""
    writer = Writer()
    _walk(network, writer, _upright(samples).copy(), top, known=True)
    return writer.finish()


def read(network: Network, data: bytes, channels: int, height: int, width: int, top: int) -> Ints:
    """The samples of a stream. Raises PayloadError for what `written` cannot have made."""
    samples = np.zeros((channels, height, width), np.int64)
    reader = Reader(data)
    _walk(network, reader, _upright(samples), top, known=False)
    reader.finish()
    return samples


def _upright(samples: Ints) -> Ints:
    """No more rows than columns, so that there are few waves."""
    return samples.transpose(0, 2, 1) if samples.shape[1] > samples.shape[2] else samples


def _walk(network: Network, coder: Coder, samples: Ints, top: int, known: bool) -> None:
    """All samples in coding order, from or into `samples`."""
    channels, height, width = samples.shape
    context = Context(height, channels, top)
    for wave in waves(height, width):
        shared = network.trunk(context.seen(wave))
        place = wave.rows, wave.columns
        for index in range(channels):
            law = network.law(index, shared, context.channel(), top)
            wanted = samples[index][place] if known else None
            found = coder.samples(law, wanted)
            if not known:
                if found.min() < 0 or found.max() > top:
                    raise PayloadError(NAME, f"a sample beyond 0 to {top}")
                samples[index][place] = found
            context.found(found)
        context.done(wave)
