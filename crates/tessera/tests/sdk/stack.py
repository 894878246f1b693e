"""A simulated Gemini API and a Tessera in front of it: the real binary, as two processes."""

import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import anthropic
import httpx
import openai

BINARY = os.environ["TESSERA_BINARY"]
CLIENT_KEY = "tsr_the-key-of-these-tests"
ACCOUNT_KEY = "simulated-account-key"

SCRIPT = "latency.default = \"0s\"
"

ACCOUNT = f"""
[[accounts]]
id = "studio"
provider = "gemini"
project = "studio"
tier = "ultra"
api_key = "{ACCOUNT_KEY}"
"""

PLENTY = "limits = { requests_per_minute = 10000, images_per_minute = 10000, requests_per_day = 100000, concurrent = 64 }"


class Process:
    """A role of the binary, running, with all it prints in a file."""

    def __init__(self, arguments, log: Path, ready_at: str):
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TESSERA_", "GEMINI_", "GOOGLE_"))
        }
        environment["TESSERA_CLIENT_KEY"] = CLIENT_KEY
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [BINARY, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self._wait_until_ready(ready_at)

    def _wait_until_ready(self, url: str, patience_s: float = 30):
        give_up = time.monotonic() + patience_s
        while time.monotonic() < give_up and self.process.poll() is None:
            try:
                if httpx.get(url, timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"{url} never became ready; the process printed:\n{self.log.read_text()}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Simulator:
    """The simulated Gemini API, and what arrived at it."""

    url: str

    def arrivals(self, prompt: str | None = None) -> list[dict]:
        log = httpx.get(f"{self.url}/admin/arrivals").raise_for_status().json()["arrivals"]
        return [arrival for arrival in log if prompt is None or arrival["prompt"] == prompt]

    def ask(self, prompt: str, **image_config) -> dict:
        """What the provider itself answers, asked as Tessera would ask."""
        body = {
            "contents": [{"role": "user", "parts": [{"text": prompt}]}],
            "generationConfig": {"imageConfig": image_config},
        }
        url = f"{self.url}/v1beta/models/gemini-3-pro-image:generateContent"
        return httpx.post(url, json=body, headers={"x-goog-api-key": ACCOUNT_KEY}, timeout=60).raise_for_status().json()


@dataclass
class Tessera:
    """A gateway to point clients at, and the provider behind it."""

    url: str
    simulator: Simulator

    def openai(self, **options) -> openai.OpenAI:
        options = {"api_key": CLIENT_KEY, "max_retries": 0, "timeout": 60, **options}
        return openai.OpenAI(base_url=f"{self.url}/v1", **options)

    def anthropic(self, **options) -> anthropic.Anthropic:
        options = {"api_key": CLIENT_KEY, "max_retries": 0, "timeout": 60, **options}
        return anthropic.Anthropic(base_url=self.url, **options)

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {CLIENT_KEY}"}, timeout=60)


class Stacks:
    """Starts stacks and stops them all in the end."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.processes: list[Process] = []

    def start(self, script: str = "", settings: str = "", account: str = PLENTY) -> Tessera:
        """A Tessera with these settings and one account that says this, before a simulator with these rules."""
        directory = self.directory / f"stack-{len(self.processes)}"
        directory.mkdir()
        simulator = Simulator(url=f"http://{free_address()}")
        (directory / "script.toml").write_text(SCRIPT + script)
        self._start(
            ["simulator", "--script", directory / "script.toml"], simulator.url, "/healthz", directory / "simulator.log"
        )
        tessera = Tessera(url=f"http://{free_address()}", simulator=simulator)
        settings += f'\ngeneration.gemini.base_url = "{simulator.url}"\n'
        (directory / "tessera.toml").write_text(settings + ACCOUNT + account)
        options = ["--config", directory / "tessera.toml", "--data-dir", directory / "data"]
        self._start(["up", *options], tessera.url, "/readyz", directory / "tessera.log")
        return tessera

    def start_bare(self) -> str:
        """The address of a Tessera that was told nothing at all."""
        url = f"http://{free_address()}"
        self._start(["up", "--data-dir", self.directory / "bare"], url, "/readyz", self.directory / "bare.log")
        return url

    def _start(self, arguments, url: str, ready: str, log: Path):
        address = url.removeprefix("http://")
        self.processes.append(Process([*arguments, "--listen", address], log, url + ready))

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
