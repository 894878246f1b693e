"""A Tessera that runs, and a browser that looks at its console."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

BINARY = os.environ["TESSERA_BINARY"]
CHROMIUM = os.environ.get("TESSERA_CHROMIUM", "/usr/bin/chromium")
PATIENCE_S = 30


@dataclass
class Tessera:
    """The real binary, as its first start left it; whoever runs these tests started it."""

    url: str
    console: str
    token: str
    key: str
    data: Path
    log: Path

    def generate(self, key: str, prompt: str = "a lighthouse", n: int = 1, size: str = "1:1") -> int:
        """Has pictures made; answers the status."""
        body = json.dumps({"prompt": prompt, "n": n, "size": size, "response_format": "b64_json"}).encode()
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.url}/v1/images/generations", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                answer.read()
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def operator(self, *arguments: str) -> str:
        """What an operator's command prints."""
        command = [BINARY, *arguments, "--data-dir", self.data]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@dataclass
class Watched:
    """A page, and everything that was wrong with it."""

    page: object
    troubles: list = field(default_factory=list)
    bodies: list = field(default_factory=list)

    def watch(self):
        def said(message):
            # What a page asks for and is refused is shown to people, and told here by the browser too.
            if message.type in ("error", "warning") and "status of 4" not in message.text:
                self.troubles.append(f"{message.type}: {message.text}")

        def answered(response):
            if "event-stream" in response.headers.get("content-type", "") or response.status in (204, 301, 302, 303, 304):
                return
            try:
                self.bodies.append((response.url, response.text()))
            except Exception:  # a page that was left has no body any more
                pass

        self.page.on("console", said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        self.page.on("requestfailed", lambda request: self.failed(request))
        self.page.on("response", answered)
        return self

    def sign_in(self, tessera: Tessera):
        self.page.goto(tessera.console)
        self.page.get_by_label("Operator token").fill(tessera.token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/accounts")

    def failed(self, request):
        if request.failure != "net::ERR_ABORTED":
            self.troubles.append(f"{request.url}: {request.failure}")


def until(condition, what: str, patience_s: float = 10):
    """Waits until something is so."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"it never came about: {what}")
