"""A Ray cluster of two nodes of one CPU each, in a network, process and mount namespace of its own.

Whoever reaches a port of Ray runs code: here there is loopback alone, and nobody else is on it. What runs in the namespace
ends with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ADDRESS = "127.0.0.1:6379"

#: The first process of the namespace: brings loopback up (SIOCSIFFLAGS, IFF_UP), and stays until its input ends.
_FIRST = """
import fcntl, socket, struct, sys
with socket.socket() as any:
    fcntl.ioctl(any, 0x8914, struct.pack("16sh22x", b"lo", 1))
print("up", flush=True)
sys.stdin.read()
"""


class Namespace:
    """Processes of it see one another, and each other's ports, and nothing else of this kind. Raises OSError."""

    def __init__(self) -> None:
        words = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork"]
        self.outer = subprocess.Popen(
            [*words, "--mount-proc", "--kill-child", sys.executable, "-c", _FIRST],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.outer.stdout is not None
        if self.outer.stdout.readline() != "up\n":
            self.close()
            raise OSError("no namespace can be made here")
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        self.first = int(children.read_text().split()[0])
        self._own = (Path(f"/proc/{self.first}/ns/pid")).readlink()

    def start(self, *words: str | Path, **how: Any) -> subprocess.Popen[str]:
        """Start a command in it."""
        inside = ["nsenter", "--preserve-credentials", "-U", "-n", "-m", "-p", "-t", self.first]
        # `cwd` would be one out here, below which nothing is seen that is mounted in there.
        command = [str(w) for w in (*inside, "env", "-C", how.pop("cwd", "/"), *words)]
        return subprocess.Popen(command, text=True, **how)

    def run(self, *words: str | Path, **how: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in it to its end."""
        run = self.start(
            *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how
        )
        try:
            out, error = run.communicate(timeout=120)
        finally:
            run.kill()
        return subprocess.CompletedProcess(words, run.returncode, out, error)

    def processes(self, word: str) -> list[int]:
        """Those of it, by their numbers out here, whose command line has this word; the oldest first."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    ours = (entry / "ns/pid").readlink() == self._own
                    if ours and word.encode() in (entry / "cmdline").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    continue
        return sorted(found)

    def close(self) -> None:
        """End everything in it."""
        for stream in (self.outer.stdin, self.outer.stdout):
            assert stream is not None
            stream.close()
        self.outer.kill()
        self.outer.wait()


class Cluster:
    """A head and a further node, in this order; more can be added, and each can lose its power."""

    def __init__(self) -> None:
        self.room = Namespace()
        # Not pytest's folder: Ray puts sockets below it, whose paths may have 107 characters.
        self.folder = tempfile.mkdtemp(prefix="ray")
        self.raylets: list[int] = []
        try:
            self.add(
                "--head", "--port=6379", "--include-dashboard=false", f"--temp-dir={self.folder}"
            )
            self.add(f"--address={ADDRESS}")
        except BaseException:
            self.close()
            raise

    def add(self, *words: str) -> None:
        """Start a node of one CPU."""
        made = self.room.run(
            *(sys.executable, "-m", "ray.scripts.scripts", "start", *words),
            *("--node-ip-address=127.0.0.1", "--num-cpus=1", f"--memory={4 << 30}"),
            *(f"--object-store-memory={80 << 20}", "--disable-usage-stats"),
        )
        assert made.returncode == 0, made.stdout + made.stderr
        found = self.room.processes("raylet/raylet")
        self.raylets.append(next(pid for pid in found if pid not in self.raylets))

    def cut(self, node: int) -> None:
        """End a node and all that runs on it at once, as a loss of power does."""
        family = _family(self.raylets[node])
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        for pid in family:
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End it all."""
        self.room.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in _family(int(child)))]
