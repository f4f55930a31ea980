"""LPIPS as a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["lpips_loss"]


def lpips_loss(device: torch.device) -> Any:
    """LPIPS (AlexNet) of two batches [B, 3, H, W] in [-1, 1], its weights from the folder that GCODEC_METRICS names.

    Raises MetricUnavailable.
    """
    from gcodec.errors import MetricUnavailable

    try:
        from gcodec_eval.metrics import lpips_network
        from gcodec_eval.metrics.weights import LPIPS, find
    except ImportError as error:
        raise MetricUnavailable(
            "LPIPS", "it needs: pip install gcodec-train[perceptual]"
        ) from error
    return lpips_network(find(LPIPS).parent).to(device)
