"""The example for services that speak gRPC to generation, made from the contracts as its first lines say."""

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from process import Process

ROOT = Path(__file__).resolve().parents[4]
EXAMPLE = ROOT / "crates/proto/examples/generate.py"


@pytest.fixture
def generation(tmp_path):
    """A generation service with one account, its provider and its ledger: `host:port`."""
    with serving(tmp_path) as address:
        yield address


@contextlib.contextmanager
def serving(home: Path, known_as=lambda role: {}):
    """The same where each role has further variables, and `localhost` for its host."""
    simulator = Process(["simulator"], home / "simulator.log")
    account = '[{ id = "a", provider = "gemini", project = "p", tier = "ultra", api_key = "AIza-a" }]'
    common = {"TESSERA_ACCOUNTS": account, "TESSERA_DATA_DIR": str(home / "data")}
    quota = Process(
        ["quota"],
        home / "quota.log",
        {**common, **known_as("quota"), "TESSERA_QUOTA__LISTEN": "127.0.0.1:0"},
    )
    generation = Process(
        ["generation"],
        home / "generation.log",
        {
            **common,
            **known_as("generation"),
            "TESSERA_GENERATION__LISTEN": "127.0.0.1:0",
            "TESSERA_GENERATION__QUOTA_URL": quota.url.replace("127.0.0.1", "localhost"),
            "TESSERA_GENERATION__GEMINI__BASE_URL": simulator.url,
        },
    )
    try:
        yield generation.url.split("://")[1].replace("127.0.0.1", "localhost")
    finally:
        for process in [generation, quota, simulator]:
            process.stop()


def ask(address: str, prompt: str, count: int, home: Path, *certificates) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path", ROOT / "proto"]
    command += ["--python_out", home, "--grpc_python_out", home]
    command += ["tessera/v1/failure.proto", "tessera/v1/generation.proto"]
    subprocess.run(command, check=True)
    command = [sys.executable, EXAMPLE, address, prompt, str(count), *certificates]
    return subprocess.run(command, cwd=home, capture_output=True, text=True)


def test_the_example_saves_every_picture_whole(generation, tmp_path):
    asked = ask(generation, "a lighthouse", 3, tmp_path)
    assert asked.returncode == 0, asked.stderr
    for index in range(3):
        picture = Image.open(io.BytesIO((tmp_path / f"picture-{index}.png").read_bytes()))
        picture.load()
        assert f"picture-{index}.png: {picture.width} x {picture.height} pixels" in asked.stdout
        assert picture.width > picture.height


def test_the_example_tells_a_failure_in_words(generation, tmp_path):
    asked = ask(generation, "", 1, tmp_path)
    assert asked.returncode == 1
    assert asked.stderr.startswith("INVALID_ARGUMENT: "), asked.stderr
    nobody = ask("127.0.0.1:9", "a lighthouse", 1, tmp_path)
    assert nobody.stderr.startswith("UNAVAILABLE: "), nobody.stderr


def test_the_example_is_let_in_with_the_certificate_of_a_client_alone(tmp_path):
    certificates = tmp_path / "tls"
    subprocess.run(["sh", ROOT / "deploy/certificates.sh", certificates, "localhost"], check=True)

    def known_as(role: str) -> dict[str, str]:
        names = {"CA": "ca.crt", "CERT": "tls.crt", "KEY": "tls.key"}
        return {f"TESSERA_TLS__{kind}_FILE": str(certificates / role / name) for kind, name in names.items()}

    with serving(tmp_path, known_as) as address:
        asked = ask(address, "a lighthouse", 1, tmp_path, certificates / "client")
        assert asked.returncode == 0, asked.stderr
        assert "picture-0.png: " in asked.stdout
        asked = ask(address, "a lighthouse", 1, tmp_path, certificates / "operator")
        assert asked.stderr.startswith("PERMISSION_DENIED: the certificate is for operator"), asked.stderr
        asked = ask(address, "a lighthouse", 1, tmp_path)
        assert asked.stderr.startswith("UNAVAILABLE: "), asked.stderr
