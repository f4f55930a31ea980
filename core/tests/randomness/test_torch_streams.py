"""Streams in torch: the bits of NumPy, whatever the threads, pieces, device and global settings."""

from __future__ import annotations

import numpy as np
import pytest

from gcodec.randomness import Domain, Randomness

torch = pytest.importorskip("torch")

from gcodec.randomness import _torch  # noqa: E402  (it imports torch)

KINDS = ["bits", "normal", "uniform", "dither", "signs"]
RANDOMNESS = Randomness(0xFEDCBA9876543210)
QUESTIONS = [
    (Domain.INITIAL_NOISE, 0, 0, (3, 17), 0),
    (Domain.CODEBOOK, 2**32 - 1, [0, 2**32 - 1, 7], (200, 7), 13),
    (Domain.CODEBOOK, 5, np.arange(40), (5, 1000), 77),
    (0xFFFFFFFF, 1, 3, 600_001, 2**20 + 5),
    (Domain.SIGNS, 0, 1, 999, 2**34 - 999),
    (Domain.SIGNS, 0, [], (4, 4), 0),
    (Domain.SIGNS, 0, 0, (0, 4), 3),
    (Domain.SIGNS, 0, 0, (), 5),
]


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def check(kind, device="cpu"):
    for question in QUESTIONS:
        expected = getattr(RANDOMNESS, kind)(*question)
        found = getattr(RANDOMNESS.on(device), kind)(*question)
        assert found.device.type == device
        assert found.dtype == (torch.int64 if kind == "bits" else torch.float32)
        assert tuple(found.shape) == expected.shape
        # Bytes rather than values: -0 would pass for 0.
        assert found.cpu().numpy().astype(expected.dtype).tobytes() == expected.tobytes()


def check_permutations(device="cpu"):
    for b, n in [(0, 0), (0, 1), (3, 70_001), ([4, 2**32 - 1], 257)]:
        expected = RANDOMNESS.permutation(Domain.PERMUTATION, 9, b, n)
        found = RANDOMNESS.on(device).permutation(Domain.PERMUTATION, 9, b, n)
        assert found.dtype == torch.int64
        assert np.array_equal(found.cpu().numpy(), expected)


@pytest.fixture(params=["torch", "numpy"])
def maker(request, monkeypatch):
    """Who makes numbers for the processor: torch's operations, as on CUDA, or NumPy, as is usual."""
    if request.param == "torch":
        monkeypatch.setattr(_torch, "draw", _torch.compute)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_as_numpy(kind, threads, maker):
    check(kind)


def test_the_same_permutations_as_numpy(threads, maker):
    check_permutations()


def test_permutations_look_at_53_bits_and_keep_equal_keys_in_order():
    words = torch.zeros(64, 2, dtype=torch.int64)
    words[:, 1] = torch.arange(64)
    assert _torch.permutation(words).tolist() == list(range(64))
    words[:, 1] = 4095 - torch.arange(64) // 32 * 2048  # bit 11 counts, the eleven below do not
    assert _torch.permutation(words).tolist() == [*range(32, 64), *range(32)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_pieces_of_any_size_make_the_same_rows(kind, chunk, monkeypatch):
    monkeypatch.setattr(_torch, "_CHUNK", chunk)
    monkeypatch.setattr(_torch, "draw", _torch.compute)
    question = (Domain.CODEBOOK, 1, range(9), (5, 13), 13)
    found = getattr(RANDOMNESS.on("cpu"), kind)(*question)
    assert np.array_equal(found.numpy(), getattr(RANDOMNESS, kind)(*question))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_on_cuda(kind):
    check(kind, "cuda")
    check_permutations("cuda")


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="no MPS device")
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_on_mps(kind):
    check(kind, "mps")
    check_permutations("mps")


def test_global_settings_of_torch_do_not_matter(maker):
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
            for kind in KINDS:
                check(kind)
    finally:
        torch.set_default_dtype(default)
    # What was made in inference mode before does not spoil what is made outside.
    z = RANDOMNESS.on("cpu").normal(Domain.INITIAL_NOISE, 0, 0, 10)
    assert not z.is_inference()


def test_torchs_own_generator_is_neither_read_nor_moved():
    state = torch.get_rng_state()
    first = RANDOMNESS.on("cpu").normal(Domain.INITIAL_NOISE, 0, 0, 1000)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    assert torch.equal(RANDOMNESS.on("cpu").normal(Domain.INITIAL_NOISE, 0, 0, 1000), first)


def test_refusals_are_those_of_numpy():
    on_processor = Randomness(1).on("cpu")
    with pytest.raises(ValueError, match="registered domain"):
        on_processor.normal(0, 0, 0, 1)
    with pytest.raises(TypeError):
        on_processor.normal(1, 0.0, 0, 1)
    with pytest.raises(ValueError, match="outside the row"):
        on_processor.signs(1, 0, 0, 1, 2**39)
