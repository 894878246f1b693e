"""Where things are, and the real binary."""

import os
import socket
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
BINARY = os.environ["TESSERA_BINARY"]
PATIENCE_S = 30


def image() -> dict[str, str]:
    """The environment that the image sets, read from the Dockerfile's last stage."""
    joined = (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ")
    lines = joined[joined.rindex("\nFROM ") :].splitlines()
    words = [word for line in lines if line.startswith("ENV ") for word in line.split()[1:]]
    return dict(word.split("=", 1) for word in words)


def configuration(role: str, file: Path, environment: dict[str, str]) -> dict:
    """What is in force for a role with this file and these variables, as `tessera config print` tells it."""
    printed = subprocess.run(
        [BINARY, "config", "print", "--role", role],
        env={**image(), **environment, "TESSERA_CONFIG": str(file)},
        capture_output=True,
        text=True,
    )
    assert printed.returncode == 0, f"{role} with {file}: {printed.stderr}"
    return tomllib.loads(printed.stdout)


def secret_files(configuration) -> set[str]:
    """Every file that a configuration names as the place of a secret."""
    if isinstance(configuration, list):
        return set().union(*map(secret_files, configuration))
    if not isinstance(configuration, dict):
        return set()
    named = {value for key, value in configuration.items() if key.endswith("_file")}
    return named.union(*map(secret_files, configuration.values()))


def port(address: str) -> int:
    """The port of `host:port` or of a URL."""
    return int(address.rsplit(":", 1)[1])


def host(url: str) -> str:
    """The host of `http://host:port`."""
    return url.split("://")[1].split("@")[-1].split("/")[0].split("?")[0].rsplit(":", 1)[0]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
