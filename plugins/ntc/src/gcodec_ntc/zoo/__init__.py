"""The CompressAI zoo: its checkpoints become model folders of `ntc`, whose bits are decided by integers.

`find` is what `--model` and `gcodec models --fetch` ask; ``python -m gcodec_ntc.zoo CHECKPOINT FOLDER`` writes a folder.
`checkpoint` reads what CompressAI publishes, `convert` makes a folder of it, `prior` decides bits, `codec` codes. Nothing of
CompressAI is imported: its layers are a hundred lines, its package wants an older NumPy and takes seconds to import.
"""

from gcodec_ntc.zoo.finder import find
from gcodec_ntc.zoo.names import READ

__all__ = ["READ", "find"]
