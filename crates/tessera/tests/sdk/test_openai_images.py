"""OpenAI Images, by the openai SDK."""

import pytest
from pictures import size_of_base64, size_of_data_uri

MODEL = "gemini-3-pro-image"


def test_a_picture_comes_as_a_data_uri_and_says_what_it_is(openai, prompt):
    answer = openai.images.generate(model=MODEL, prompt=prompt)
    assert size_of_data_uri(answer.data[0].url) == (1024, 1024)
    assert answer.data[0].b64_json is None
    assert (answer.size, answer.quality, answer.output_format) == ("1024x1024", "standard", "png")
    assert answer.created > 1_700_000_000


@pytest.mark.parametrize(
    "model, wishes, size, quality",
    [
        (MODEL, {"size": "1024x1024"}, (1024, 1024), "standard"),
        (MODEL, {"size": "1920x1080"}, (2752, 1536), "medium"),
        (MODEL, {"size": "1024x1536"}, (1696, 2528), "medium"),
        (MODEL, {"size": "9:16"}, (768, 1376), "standard"),
        (MODEL, {"size": "21:9", "quality": "medium"}, (3168, 1344), "medium"),
        (MODEL, {"quality": "hd"}, (4096, 4096), "hd"),
        (MODEL, {"extra_body": {"imageSize": "2K", "aspect_ratio": "4:3"}}, (2400, 1792), "medium"),
        (MODEL, {"extra_body": {"image_size": "1k", "aspectRatio": "5:4"}, "quality": "hd"}, (1152, 928), "standard"),
        (f"{MODEL}-16-9-4k", {}, (5504, 3072), "hd"),
        (f"{MODEL}-2-3-2k", {"size": "auto"}, (1696, 2528), "medium"),
        (f"{MODEL}-preview-3x2", {}, (1264, 848), "standard"),
        ("gemini-3.1-flash-image-8-1-512", {}, (1536, 192), "low"),
        ("gemini-nano-banana-2.1", {"size": "4:1"}, (2048, 512), "standard"),
    ],
)
def test_the_pixels_are_those_that_were_asked_for(openai, prompt, model, wishes, size, quality):
    answer = openai.images.generate(model=model, prompt=prompt, response_format="b64_json", **wishes)
    assert size_of_base64(answer.data[0].b64_json) == size
    assert answer.data[0].url is None
    assert (answer.size, answer.quality) == ("{}x{}".format(*size), quality)


def test_a_model_need_not_be_named_and_null_equals_absent(openai, prompt):
    fields = ["model", "size", "quality", "n", "response_format", "style", "user", "background", "moderation"]
    fields += ["output_format", "output_compression", "stream", "partial_images", "imageSize", "aspect_ratio", "seed"]
    answer = openai.images.generate(prompt=prompt, extra_body=dict.fromkeys(fields))
    assert size_of_data_uri(answer.data[0].url) == (1024, 1024)


def test_three_pictures_are_three_calls(tessera, openai, prompt):
    answer = openai.images.generate(model=MODEL, prompt=prompt, n=3, size="16:9")
    assert [size_of_data_uri(picture.url) for picture in answer.data] == [(1376, 768)] * 3
    arrivals = tessera.simulator.arrivals(prompt)
    assert [(arrival["aspect_ratio"], arrival["resolution"]) for arrival in arrivals] == [("16:9", "1K")] * 3


def test_pictures_that_fail_are_listed_beside_those_that_came(openai, prompt):
    raw = openai.images.with_raw_response.generate(model=MODEL, prompt=f"{prompt} (one is lost)", n=3)
    answer = raw.parse()
    assert [size_of_data_uri(picture.url) for picture in answer.data] == [(1024, 1024)] * 2
    (error,) = answer.errors
    assert (error["index"] in range(3), error["code"], bool(error["message"])) == (True, "no_image", True)
    assert raw.headers["x-tessera-images-requested"] == "3"
    assert raw.headers["x-tessera-images-delivered"] == "2"


def test_usage_is_what_the_provider_counted(tessera, openai, prompt):
    counted = tessera.simulator.ask(prompt, aspectRatio="1:1", imageSize="1K")["usageMetadata"]
    usage = openai.images.generate(model=MODEL, prompt=prompt, n=2).usage
    assert usage.input_tokens == 2 * counted["promptTokenCount"]
    assert usage.total_tokens == 2 * counted["totalTokenCount"]
    assert usage.output_tokens == usage.total_tokens - usage.input_tokens
    assert usage.input_tokens_details.text_tokens == usage.input_tokens


def test_headers_tell_what_was_made(openai, prompt):
    raw = openai.images.with_raw_response.generate(model=f"{MODEL}-4-5", prompt=prompt)
    expected = {
        "x-tessera-model": MODEL,
        "x-tessera-aspect-ratio": "4:5",
        "x-tessera-resolution": "1K",
        "x-tessera-images-requested": "1",
        "x-tessera-images-delivered": "1",
    }
    assert {name: raw.headers[name] for name in expected} == expected
    assert raw.headers["x-request-id"] == raw.parse()._request_id


def test_a_stream_ends_with_each_picture_whole(openai, prompt):
    stream = openai.images.generate(model=MODEL, prompt=prompt, n=2, size="3:4", stream=True, partial_images=2)
    events = list(stream)
    assert [event.type for event in events] == ["image_generation.completed"] * 2
    for event in events:
        assert size_of_base64(event.b64_json) == (896, 1200)
        assert (event.size, event.quality, event.output_format) == ("896x1200", "standard", "png")
    assert sum(event.usage.total_tokens for event in events) > 0
