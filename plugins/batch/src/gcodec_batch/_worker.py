"""A process that makes shards of one plan: ``python -m gcodec_batch._worker``.

It is told by its standard input and answers by its standard output (`_messages`). First comes {"folder"}, then
{"shard", "deaths"} for each shard. It answers ["begin", index, true] and ["end", index, well] for each input, ["made",
count, failed] for each shard, or ["failed", class, text] where the destination cannot be written. It ends when its standard input
does, at once, whatever it is doing: the one that started it is gone.
"""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path
from typing import Any

from gcodec_batch._messages import read_message, write_message


def main() -> None:
    """Serve until the standard input ends."""
    heard = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plugin prints is no answer
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        while (message := read_message(heard)) is not None:
            messages.put(message)
        os._exit(1)

    threading.Thread(target=listen, daemon=True).start()

    from gcodec.errors import GcodecError
    from gcodec_batch._engine import opened
    from gcodec_batch._plan import Plan
    from gcodec_batch._shard import make

    plan = Plan(Path(messages.get()["folder"]))
    session = opened(plan)

    def tell(word: str, index: int, well: bool) -> None:
        write_message(answers, [word, index, well])

    while True:
        job = messages.get()
        try:
            made = make(plan, job["shard"], session, tell, [tuple(d) for d in job["deaths"]])
            write_message(answers, ["made", made.count, made.failed])
        except GcodecError as error:
            write_message(answers, ["failed", type(error).__name__, str(error)])


if __name__ == "__main__":
    main()
