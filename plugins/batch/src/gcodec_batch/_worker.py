"""A process that makes shards of one plan: ``python -m gcodec_batch._worker``.

It is told by its standard input and answers by its standard output (`_messages`). First comes {"folder"}, then for each
shard {"shard", "hopeless", "apart"}: its number, pairs of an index and a reason, and indices. It answers with what `make`
tells, ["begin", index, 1] and ["end", index, well] for each input, with ["made", count, failed] for each shard, or with
["failed", class, text] where the destination cannot be written.
"""

from __future__ import annotations

from pathlib import Path

from gcodec_batch._messages import parent


def main() -> None:
    """Serve until the standard input ends."""
    messages, answer = parent()

    from gcodec.errors import GcodecError
    from gcodec_batch._engine import opened
    from gcodec_batch._plan import Plan
    from gcodec_batch._rows import open_tables
    from gcodec_batch._shard import make

    open_tables()
    try:
        plan = Plan(Path(messages.get()["folder"]))
        session = opened(plan)
    except GcodecError as error:
        messages.get()  # whoever asks for a shard is told why there is none
        answer(["failed", type(error).__name__, str(error)])
        return

    def tell(word: str, index: int, count: int) -> None:
        answer([word, index, count])

    while True:
        job = messages.get()
        try:
            made = make(plan, job["shard"], session, tell, dict(job["hopeless"]), set(job["apart"]))
            answer(["made", made.count, made.failed])
        except GcodecError as error:
            answer(["failed", type(error).__name__, str(error)])


if __name__ == "__main__":
    main()
