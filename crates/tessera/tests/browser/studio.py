"""A Tessera before a simulator that does as its script says, both of whoever asks for them."""

import json
import subprocess
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from stage import BINARY, PATIENCE_S, Tessera

SCRIPT = """
latency.default = "{latency}"

[[rules]]
match = {{ prompt_contains = "(one is refused)", nth = 2 }}
fault = "blocked-prompt"

[[rules]]
match.prompt_contains = "(forbidden)"
fault = "blocked-prompt"

[[rules]]
match.prompt_contains = "(is never drawn)"
fault = "hang"

[[rules]]
match = {{ prompt_contains = "(crowded)", every = 2 }}
fault = "capacity"

[[rules]]
match.prompt_contains = "(beyond quota)"
fault = "quota-minute"

[[rules]]
match.prompt_contains = "(slow)"
fault = "slow"
bytes_per_second = 800_000
"""

CONFIG = """
[gateway]
console_token = "tso_the-token-of-these-tests"

[generation]
keep_prompts = {keeps_prompts}

[generation.gemini]
base_url = "{provider}"

[[accounts]]
id = "studio"
provider = "gemini"
project = "studio"
tier = "ultra"
api_key = "simulated-account-key"
limits = {{ requests_per_minute = 100, images_per_minute = 100, requests_per_day = 1000, concurrent = 8 }}

[[clients]]
name = "website"
key = "tsr_the-key-of-these-tests"
"""


@dataclass
class Studio(Tessera):
    """A Tessera, and what arrived at its provider."""

    provider: str = ""

    def ask(self, prompt: str, n: int = 1) -> int:
        """Has wide pictures made; answers the status."""
        return self.generate(self.key, prompt, n=n, size="16:9")

    def arrivals(self, prompt: str) -> list[dict]:
        with urllib.request.urlopen(f"{self.provider}/admin/arrivals") as answer:
            return [arrival for arrival in json.load(answer) if arrival["prompt"] == prompt]


class Processes:
    """What was started, to be stopped in the end."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.running: list[subprocess.Popen] = []

    def studio(self, latency: str = "0s", keeps_prompts: bool = False) -> Studio:
        script, config = self.directory / "script.toml", self.directory / "tessera.toml"
        script.write_text(SCRIPT.format(latency=latency))
        (provider,) = self._start(["simulator", "--script", script], "listens on ")
        config.write_text(CONFIG.format(provider=provider, keeps_prompts=str(keeps_prompts).lower()))
        data, log = self.directory / "data", self.directory / "1.log"
        up = ["up", "--config", config, "--data-dir", data, "--console", "127.0.0.1:0"]
        url, console = self._start(up, "listens on ", "The console is at ")
        said = {"token": "tso_the-token-of-these-tests", "key": "tsr_the-key-of-these-tests"}
        return Studio(url, console.split(";")[0], **said, data=data, log=log, provider=provider)

    def _start(self, arguments: list, *marks: str) -> list[str]:
        """Starts a server on a port of its own choice; answers what it says behind each of these marks."""
        log = (self.directory / f"{len(self.running)}.log").open("wb")
        command = [BINARY, *arguments, "--listen", "127.0.0.1:0"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        self.running.append(process)
        impatience = threading.Timer(PATIENCE_S, process.kill)
        impatience.start()
        said = [next(line for line in process.stdout if mark in line).split(mark)[1].strip() for mark in marks]
        impatience.cancel()
        return said

    def stop(self):
        while self.running:
            process = self.running.pop()
            process.terminate()
            assert process.wait(PATIENCE_S) == 0, process.args
