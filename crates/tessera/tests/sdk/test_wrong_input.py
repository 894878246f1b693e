"""Wrong input, byte by byte: each is answered by the dialect's own error, and nothing is called."""

import json

import pytest
from dialects import CHAT, CLAUDE, IMAGES
from pictures import data_uri, drawn

LONG = "x" * 32_001
REMOVED = object()

def cases(field, *values):
    return [(field, value) for value in values]


SHARED = [
    *cases("model", 7, [], {}),
    *cases("size", "large", "1024", "0x0", "7:5", "1024x", 1024, [], "99999x1", ""),
    *cases("quality", "ultra", "8k", 1, {}),
    *cases("imageSize", "8K", "big", 2, "512"),
    *cases("image_size", "3K", True),
    *cases("aspect_ratio", "7:5", "16/9", "8:1", 1.5),
    *cases("aspectRatio", "wide", []),
    *cases("n", 0, 11, 1e9, "3", -1, 1.5, True, [], 10**30),
    *cases("person_generation", "maybe", 1),
    *cases("personGeneration", "ALLOW_ALL", False),
    *cases("stream", "true", 1, []),
]

OF_IMAGES = [
    *cases("prompt", REMOVED, None, "", "  \n", 7, [], ["a cat"], LONG),
    *cases("response_format", "png", 1),
    *cases("output_format", "gif", 1),
    *cases("output_compression", -1, 101, "50", 1.5),
    *cases("background", "transparent", "green"),
    *cases("moderation", "none"),
    *cases("style", "cubist", 1),
    *cases("seed", "x", 1.5, 2**40),
    *cases("user", 7),
    *cases("partial_images", 4, -1, "1"),
]


def said(content):
    return [{"role": "user", "content": content}]


def shown(url):
    return said([{"type": "text", "text": "a cat"}, {"type": "image_url", "image_url": url}])


OF_CHAT = [
    *cases("messages", REMOVED, None, [], {}, "a cat"),
    ("messages[0]", ["a cat"]),
    ("messages[0].role", [{"content": "a cat"}]),
    ("messages[0].role", [{"role": "tool", "content": "a cat"}]),
    ("messages[0].role", [{"role": 1, "content": "a cat"}]),
    ("messages[0].content", said(7)),
    ("messages[0].content[0]", said([7])),
    ("messages[0].content[0].type", said([{"text": "a cat"}])),
    ("messages[0].content[0].type", said([{"type": "input_audio"}])),
    ("messages[0].content[0].text", said([{"type": "text"}])),
    ("messages[0].content[0].text", said([{"type": "text", "text": 7}])),
    ("messages[0].content[1].image_url", shown(7)),
    ("messages[0].content[1].image_url.url", shown({})),
    ("messages[0].content[1].image_url.url", shown({"url": "https://example.com/cat.png"})),
    ("messages[0].content[1].image_url.url", shown({"url": "data:image/png;base64,?!"})),
    ("messages[0].content[1].image_url.url", shown({"url": "data:image/png;base64,AAAA"})),
    ("messages[0].content[1].image_url.url", shown({"url": "data:text/plain;base64,AAAA"})),
    ("messages", said("")),
    ("messages", said(LONG)),
    ("messages", [*said("a cat"), {"role": "assistant", "content": "which one?"}]),
    *cases("modalities", "image", ["video"], [1]),
    *cases("image_config", "16:9", 7),
    ("image_config.aspect_ratio", {"aspect_ratio": "7:5"}),
    ("image_config.image_size", {"image_size": "8K"}),
    *cases("stream_options", "usage"),
]


def block(source):
    return said([{"type": "text", "text": "a cat"}, {"type": "image", "source": source}])


PNG = drawn(8, 8)
OF_CLAUDE = [
    *cases("model", REMOVED, None),
    *cases("max_tokens", REMOVED, None, 0, -1, "1024", 1.5),
    *cases("messages", REMOVED, None, [], {}, "a cat"),
    ("messages[0].role", [{"role": "system ", "content": "a cat"}]),
    ("messages[0].content", said(7)),
    ("messages[0].content[0].type", said([{"type": "document"}])),
    ("messages[0].content[0].text", said([{"type": "text"}])),
    ("messages[0].content[1].source", block(None)),
    ("messages[0].content[1].source.url", block({"type": "url", "url": "https://example.com/cat.png"})),
    ("messages[0].content[1].source.type", block({"type": "file", "file_id": "file_1"})),
    ("messages[0].content[1].source.media_type", block({"type": "base64", "media_type": "image/gif", "data": PNG})),
    ("messages[0].content[1].source.data", block({"type": "base64", "media_type": "image/png", "data": "?!"})),
    ("messages[0].content[1].source.data", block({"type": "base64", "media_type": "image/png"})),
    ("messages", [*said("a cat"), {"role": "assistant", "content": "which one?"}]),
    *cases("system", 7, [7]),
    *cases("image_blocks", "yes"),
    ("image_config.image_size", {"image_size": "8K"}),
]

TABLE = [
    pytest.param(path, body, field, value, id=f"{path.rsplit('/')[-1]}-{field}-{index}")
    for (path, body), rows in ((IMAGES, SHARED + OF_IMAGES), (CHAT, SHARED + OF_CHAT), (CLAUDE, SHARED + OF_CLAUDE))
    for index, (field, value) in enumerate(rows)
]


@pytest.fixture(autouse=True)
def nothing_is_called(tessera):
    """Holds for every test of this file."""
    before = len(tessera.simulator.arrivals())
    yield
    assert len(tessera.simulator.arrivals()) == before


def refusal(path, answer, status=400):
    """What the refusal says, after its shape was checked."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-request-id"]
    error = answer.json()["error"]
    if path == CLAUDE[0]:
        assert answer.json()["type"] == "error"
        assert answer.json()["request_id"] == answer.headers["request-id"]
    else:
        assert {"message", "type", "param", "code"} <= error.keys()
    return error


@pytest.mark.parametrize("path, body, field, value", TABLE)
def test_a_wrong_field_is_named(tessera, path, body, field, value):
    top = field.split("[")[0].split(".")[0]
    body = {**body, top: value}
    if value is REMOVED:
        del body[top]
    error = refusal(path, tessera.http.post(path, json=body))
    assert error["type"] == "invalid_request_error"
    assert field in error["message"]
    if path != CLAUDE[0]:
        assert error["param"] == field


@pytest.mark.parametrize("path, body", [IMAGES, CHAT, CLAUDE])
@pytest.mark.parametrize("name", ["gpt-image-1", "", "gemini-3-pro-image-7-5", "gemini-3-pro-image-8k"])
def test_a_model_or_suffix_that_does_not_exist_is_not_found(tessera, path, body, name):
    error = refusal(path, tessera.http.post(path, json={**body, "model": name}), 404)
    assert "gemini-3-pro-image" in error["message"]


NESTED = b'{"prompt": ' + b"[" * 200 + b"]" * 200 + b"}"
BYTES = {
    "nothing": b"",
    "no JSON": b"a cat",
    "no object": b'["a cat"]',
    "null": b"null",
    "cut short": b'{"prompt": "a c',
    "trailing": b'{"prompt": "a cat"} {}',
    "not UTF-8": b'{"prompt": "a c\xff\xfet"}',
    "half a surrogate": rb'{"prompt": "\ud800"}',
    "not a number": b'{"prompt": "a cat", "n": NaN}',
    "nested 200 deep": NESTED,
}


@pytest.mark.parametrize("path", [IMAGES[0], CHAT[0], CLAUDE[0]])
@pytest.mark.parametrize("body", BYTES.values(), ids=BYTES.keys())
def test_a_body_that_is_no_json_object_is_refused(tessera, path, body):
    answer = tessera.http.post(path, content=body, headers={"content-type": "application/json"})
    assert refusal(path, answer)["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", [IMAGES[0], CHAT[0], CLAUDE[0]])
def test_a_body_of_100_megabytes_is_refused(tessera, path):
    body = json.dumps({"prompt": "x" * 100_000_000})
    answer = tessera.http.post(path, content=body, headers={"content-type": "application/json"})
    refusal(path, answer, 413)


@pytest.mark.parametrize("path, body", [IMAGES, CHAT, CLAUDE])
def test_a_body_of_another_media_type_is_refused(tessera, path, body):
    answer = tessera.http.post(path, content=json.dumps(body), headers={"content-type": "text/plain"})
    refusal(path, answer, 415)


def test_more_pictures_than_the_model_takes_are_refused(tessera):
    picture = {"type": "image_url", "image_url": {"url": data_uri(PNG)}}
    body = {**CHAT[1], "messages": said([{"type": "text", "text": "a cat"}] + [picture] * 15)}
    error = refusal(CHAT[0], tessera.http.post(CHAT[0], json=body))
    assert "14" in error["message"]
