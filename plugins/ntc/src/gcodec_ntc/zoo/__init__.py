"""The CompressAI zoo: checkpoints of its hyperprior models become model folders of `ntc`, whose bits are integer.

`find` is what `--model` and `gcodec models --fetch` ask; ``python -m gcodec_ntc.zoo CHECKPOINT FOLDER`` writes a folder.
`layout` says what a checkpoint must hold, `convert` what a folder does, `codec` codes with it. Nothing of CompressAI is
imported: its layers are a dozen lines, its package wants an older NumPy and takes seconds to import.
"""

from gcodec_ntc.zoo.finder import find
from gcodec_ntc.zoo.names import READ

__all__ = ["READ", "find"]
