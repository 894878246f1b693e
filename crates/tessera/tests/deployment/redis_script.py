"""Redis as the files under deploy start it, on this machine."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

from house import BINARY, PATIENCE_S, free_port, image

PASSWORD = "p@ss/word of the test"


@contextlib.contextmanager
def running(script: str, home: Path):
    """Runs the script in `home` instead of a container's root, and gives the port and the password's file."""
    (home / "run").mkdir()
    (home / "data").mkdir()
    password = home / "password"
    password.write_text(PASSWORD)
    port = free_port()
    script = script.replace("/run/redis", str(home / "run")).replace("--dir /data", f"--dir {home}/data")
    server = subprocess.Popen(
        ["sh", "-c", script, "sh", "--port", str(port), "--logfile", str(home / "log")],
        env={"PATH": os.environ["PATH"], "PASSWORD_FILE": str(password)},
    )
    try:
        end = time.monotonic() + PATIENCE_S
        while "PONG" not in tells(port, "PING"):
            assert server.poll() is None and time.monotonic() < end, (home / "log").read_text()
            time.sleep(0.1)
        yield port, password
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def holds_a_ledger(port: int, password: Path, prefix: str, home: Path) -> None:
    """Runs quota on it until it is ready."""
    probe = f"127.0.0.1:{free_port()}"
    environment = {
        **image(),
        "TESSERA_QUOTA__LISTEN": "127.0.0.1:0",
        "TESSERA_OPERATIONS__LISTEN": probe,
        "TESSERA_QUOTA__STORE": f"redis://tessera@127.0.0.1:{port}{prefix}",
        "TESSERA_QUOTA__STORE_PASSWORD_FILE": str(password),
        "TESSERA_DATA_DIR": str(home),
    }
    log = (home / "quota.log").open("w+")
    quota = subprocess.Popen([BINARY, "quota"], env=environment, stdout=subprocess.DEVNULL, stderr=log)
    try:
        end = time.monotonic() + PATIENCE_S
        while subprocess.run([BINARY, "health"], env=environment, capture_output=True).returncode:
            assert quota.poll() is None and time.monotonic() < end, Path(log.name).read_text()
            time.sleep(0.1)
    finally:
        quota.terminate()
        assert quota.wait(PATIENCE_S) == 0


def tells(port: int, *command: str) -> str:
    """What Redis answers to the ledger's user."""
    return subprocess.run(
        ["redis-cli", "-p", str(port), "--user", "tessera", *command],
        env={**os.environ, "REDISCLI_AUTH": PASSWORD},
        capture_output=True,
        text=True,
    ).stdout.strip()
