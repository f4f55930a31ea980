"""Training: recipes, the loop that runs them, and the photographs they learn from.

A plugin that trains something implements `Task`; `train` runs it, resumes it and exports it. Imports torch.
"""

from gcodec.training._loop import train
from gcodec.training._task import Inputs, Plan, Task
from gcodec.training.photos import Photos, packed

__all__ = ["Inputs", "Photos", "Plan", "Task", "packed", "train"]
