"""The real binary, as a process."""

import os
import subprocess
import threading
from pathlib import Path

BINARY = os.environ["TESSERA_BINARY"]
CLIENT_KEY = "tsr_the-key-of-these-tests"
PATIENCE_S = 30


class Process:
    """A server that runs until it is stopped, on a free port of its own choice; what it logs goes into a file. A role of
    its own is told its port by a variable."""

    def __init__(self, arguments, log: Path, variables: dict[str, str] | None = None):
        listen = [] if variables else ["--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [BINARY, *arguments, *listen],
            env={**environment(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log.open("wb"),
            text=True,
        )
        self.url = self._address(log)

    def _address(self, log: Path) -> str:
        """Where it says it listens."""
        mark = "listens on "
        impatience = threading.Timer(PATIENCE_S, self.process.kill)
        impatience.start()
        said = next((line for line in self.process.stdout if mark in line), None)
        impatience.cancel()
        if said is None:
            raise RuntimeError(f"it never said where it listens; it logged:\n{log.read_text()}")
        return said.split(mark)[1].strip()

    def stop(self):
        """Asks it to end, which it must do well."""
        self.process.terminate()
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert status == 0, f"{self.process.args} ended with {status}"


def environment() -> dict[str, str]:
    """This process's own, without what would configure Tessera."""
    foreign = ("TESSERA_", "GEMINI_", "GOOGLE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "TESSERA_CLIENT_KEY": CLIENT_KEY}
