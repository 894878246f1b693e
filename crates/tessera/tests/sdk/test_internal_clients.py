"""The example for services that speak gRPC to generation, made from the contracts as its first lines say."""

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
    simulator = Process(["simulator"], tmp_path / "simulator.log")
    account = '[{ id = "a", provider = "gemini", project = "p", tier = "ultra", api_key = "AIza-a" }]'
    common = {"TESSERA_ACCOUNTS": account, "TESSERA_DATA_DIR": str(tmp_path / "data")}
    quota = Process(
        ["quota"], tmp_path / "quota.log", {**common, "TESSERA_QUOTA__LISTEN": "127.0.0.1:0"}
    )
    generation = Process(
        ["generation"],
        tmp_path / "generation.log",
        {
            **common,
            "TESSERA_GENERATION__LISTEN": "127.0.0.1:0",
            "TESSERA_GENERATION__QUOTA_URL": quota.url,
            "TESSERA_GENERATION__GEMINI__BASE_URL": simulator.url,
        },
    )
    yield generation.url.removeprefix("http://")
    for process in [generation, quota, simulator]:
        process.stop()


def ask(address: str, prompt: str, count: int, home: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path", ROOT / "proto"]
    command += ["--python_out", home, "--grpc_python_out", home]
    command += ["tessera/v1/failure.proto", "tessera/v1/generation.proto"]
    subprocess.run(command, check=True)
    command = [sys.executable, EXAMPLE, address, prompt, str(count)]
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
