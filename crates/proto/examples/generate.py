"""Asks the generation service for pictures, with code made from the contracts alone:

    pip install grpcio-tools
    python -m grpc_tools.protoc --proto_path proto --python_out . --grpc_python_out . \
        tessera/v1/failure.proto tessera/v1/generation.proto
    python crates/proto/examples/generate.py 127.0.0.1:8050 "a lighthouse in fog" 2

Where services show each other certificates, the directory with one for `client` comes last.
"""

import os
import sys
import uuid
from pathlib import Path

sys.path.insert(0, os.getcwd())  # where the code was made

import grpc
from tessera.v1 import generation_pb2 as messages
from tessera.v1.generation_pb2_grpc import GenerationStub

# How long all of it may take. It travels with the call, so that nothing is begun that nobody waits for.
PATIENCE_S = 180

# Pictures come in chunks of 256 KiB at most; the ones that are sent along may be larger.
OPTIONS = [("grpc.max_receive_message_length", 4 << 20), ("grpc.max_send_message_length", 64 << 20)]


def wish(prompt: str, count: int) -> messages.GenerateRequest:
    text = messages.Part(text=prompt)
    return messages.GenerateRequest(
        request_id=str(uuid.uuid4()),  # its own for each request
        client="example",
        model="gemini-3-pro-image",
        turns=[messages.Turn(role=messages.ROLE_USER, parts=[text])],
        aspect_ratio="16:9",
        resolution="1K",
        count=count,
    )


def save(events) -> None:
    """Writes every picture that comes to a file. They come one after the other, whichever is ready first."""
    picture = None
    for event in events:
        match event.WhichOneof("event"):
            case "image_started":
                head = event.image_started
                name = f"picture-{head.index}.{head.media_type.removeprefix('image/')}"
                print(f"{name}: {head.width} x {head.height} pixels, {head.length} bytes")
                picture = open(name, "wb")
            case "image_chunk":
                picture.write(event.image_chunk)
            case "image_finished":
                picture.close()
            case "image_failed":
                print(f"picture {event.image_failed.index} failed: {event.image_failed.failure.message}")
            case "finished":
                return
    sys.exit("the answer broke off; asking again buys what is missing once more")


def connect(address: str, certificates: str | None) -> grpc.Channel:
    if certificates is None:
        return grpc.insecure_channel(address, OPTIONS)
    authority, certificate, key = (Path(certificates, name).read_bytes() for name in ["ca.crt", "tls.crt", "tls.key"])
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority, key, certificate), OPTIONS)


def main(address: str, prompt: str, count: str, certificates: str | None = None) -> None:
    with connect(address, certificates) as channel:
        try:
            save(GenerationStub(channel).Generate(wish(prompt, int(count)), timeout=PATIENCE_S))
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name}: {error.details()}")


main(*sys.argv[1:])
