"""A simulated Gemini API and a Tessera in front of it, and the clients that ask them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import anthropic
import httpx
import openai
from process import CLIENT_KEY, Process

ACCOUNT_KEY = "simulated-account-key"
ACCOUNT = f"""
[[accounts]]
id = "studio"
provider = "gemini"
project = "studio"
tier = "ultra"
api_key = "{ACCOUNT_KEY}"
"""

PLENTY = """
[accounts.limits]
requests_per_minute = 10_000
images_per_minute = 10_000
requests_per_day = 100_000
concurrent = 64
"""


@dataclass
class Simulator:
    """The simulated Gemini API, and what arrived at it."""

    url: str

    def arrivals(self, prompt: str | None = None) -> list[dict]:
        log = self.http.get("/admin/arrivals").raise_for_status().json()
        return [arrival for arrival in log if prompt is None or arrival["prompt"] == prompt]

    def ask(self, prompt: str, **image_config) -> dict:
        """What the provider itself answers, asked as Tessera would ask."""
        body = {
            "contents": [{"role": "user", "parts": [{"text": prompt}]}],
            "generationConfig": {"imageConfig": image_config},
        }
        answer = self.http.post("/v1beta/models/gemini-3-pro-image:generateContent", json=body)
        return answer.raise_for_status().json()

    @cached_property
    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"x-goog-api-key": ACCOUNT_KEY}, timeout=60)


@dataclass
class Tessera:
    """A gateway to point clients at, and the provider behind it."""

    url: str
    simulator: Simulator

    def openai(self, **options) -> openai.OpenAI:
        """The official client; it asks once, unless the options say otherwise."""
        options = {"api_key": CLIENT_KEY, "max_retries": 0, "timeout": 60, **options}
        return openai.OpenAI(base_url=f"{self.url}/v1", **options)

    def anthropic(self, **options) -> anthropic.Anthropic:
        """The official client; it asks once, unless the options say otherwise."""
        options = {"api_key": CLIENT_KEY, "max_retries": 0, "timeout": 60, **options}
        return anthropic.Anthropic(base_url=self.url, **options)

    @cached_property
    def http(self) -> httpx.Client:
        """For what no SDK would send."""
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {CLIENT_KEY}"}, timeout=60)


class Stacks:
    """Starts stacks, and stops them all in the end."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.processes: list[Process] = []

    def start(self, rules: str = "", settings: str = "", account: str = PLENTY, latency: str = "0s") -> Tessera:
        """A Tessera with these settings and one account that says this, before a simulator with these rules."""
        directory = self.directory / str(len(self.processes))
        directory.mkdir()
        script, config = directory / "script.toml", directory / "tessera.toml"
        script.write_text(f'latency.default = "{latency}"\n{rules}')
        simulator = self._start(["simulator", "--script", script], directory / "simulator.log")
        config.write_text(f'{settings}\ngeneration.gemini.base_url = "{simulator.url}"\n{ACCOUNT}\n{account}')
        tessera = self._start(["up", "--config", config, "--data-dir", directory / "data"], directory / "tessera.log")
        return Tessera(tessera.url, Simulator(simulator.url))

    def _start(self, arguments, log: Path) -> Process:
        self.processes.append(Process(arguments, log))
        return self.processes[-1]

    def stop(self):
        while self.processes:
            self.processes.pop().stop()
