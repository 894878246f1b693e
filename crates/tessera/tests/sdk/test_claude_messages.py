"""Claude Messages, by the anthropic SDK."""

import pytest
from pictures import drawn, size_of_base64, sizes_in_markdown

MODEL = "gemini-3-pro-image"
AS_BLOCKS = [
    pytest.param({"extra_headers": {"x-tessera-image-blocks": "true"}}, id="header"),
    pytest.param({"extra_body": {"image_blocks": True}}, id="field"),
]


def ask(text):
    return {"max_tokens": 1024, "messages": [{"role": "user", "content": text}]}


def image(base64):
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64}}


def test_the_picture_comes_as_markdown(tessera, anthropic, prompt):
    counted = tessera.simulator.ask(prompt, aspectRatio="1:1", imageSize="1K")["usageMetadata"]
    message = anthropic.messages.create(model=MODEL, **ask(prompt))
    (block,) = message.content
    assert (block.type, sizes_in_markdown(block.text)) == ("text", [(1024, 1024)])
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")
    assert message.usage.input_tokens == counted["promptTokenCount"]
    assert message.usage.output_tokens == counted["totalTokenCount"] - counted["promptTokenCount"]


def test_wishes_are_heard_in_every_spelling(anthropic, prompt):
    for model, wishes, size in [
        (MODEL, {"size": "1920x1080"}, (2752, 1536)),
        (MODEL, {"image_config": {"aspect_ratio": "16:9", "image_size": "2K"}}, (2752, 1536)),
        (MODEL, {"aspectRatio": "2:3", "imageSize": "2k"}, (1696, 2528)),
        (f"{MODEL}-9-16", {}, (768, 1376)),
    ]:
        message = anthropic.messages.create(model=model, **ask(prompt), extra_body=wishes)
        assert sizes_in_markdown(message.content[0].text) == [size], (model, wishes)


@pytest.mark.parametrize("wish", AS_BLOCKS)
def test_a_wish_turns_the_picture_into_an_image_block(anthropic, prompt, wish):
    message = anthropic.messages.create(model=f"{MODEL}-4-3", **ask(prompt), **wish)
    blocks = [block for block in message.content if block.type == "image"]
    assert [size_of_base64(block.source["data"]) for block in blocks] == [(1200, 896)]
    assert blocks[0].source["media_type"] == "image/png"


def test_n_pictures_are_blocks_of_one_message(anthropic, prompt):
    message = anthropic.messages.create(model=MODEL, **ask(prompt), extra_body={"n": 3, "image_blocks": True})
    assert [block.type for block in message.content].count("image") == 3


def test_a_conversation_goes_on_from_its_pictures(tessera, anthropic, prompt):
    markdown = anthropic.messages.create(model=f"{MODEL}-16-9", **ask("a harbour"))
    block = anthropic.messages.create(model=f"{MODEL}-16-9", **ask("a pier"), extra_body={"image_blocks": True})
    pictures = [part.model_dump(exclude_none=True, warnings=False) for part in block.content if part.type == "image"]
    conversation = [
        {"role": "user", "content": [{"type": "text", "text": "a harbour like this"}, image(drawn(640, 480))]},
        {"role": "assistant", "content": markdown.content},
        {"role": "user", "content": "now a pier"},
        {"role": "assistant", "content": pictures},
        {"role": "user", "content": prompt},
    ]
    message = anthropic.messages.create(model=MODEL, max_tokens=1024, system="paint in oil", messages=conversation)
    (arrival,) = tessera.simulator.arrivals(prompt)
    assert arrival["reference_images"] == 3
    assert sizes_in_markdown(message.content[0].text) == [(1376, 768)], "the last picture's shape is kept"


def test_events_come_in_their_order(anthropic, prompt):
    events = list(anthropic.messages.create(model=MODEL, **ask(prompt), stream=True))
    types = [event.type for event in events]
    assert types[:2] == ["message_start", "content_block_start"]
    assert set(types[2:-3]) == {"content_block_delta"}
    assert types[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[-2].delta.stop_reason == "end_turn"
    assert events[-2].usage.output_tokens >= 1120


def test_the_helper_for_streams_gathers_the_picture(anthropic, prompt):
    with anthropic.messages.stream(model=f"{MODEL}-3-4", **ask(prompt)) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert sizes_in_markdown(text) == [(896, 1200)]
    assert (message.content[0].text, message.stop_reason) == (text, "end_turn")


@pytest.mark.parametrize("wish", AS_BLOCKS)
def test_an_image_block_streams_whole(anthropic, prompt, wish):
    with anthropic.messages.stream(model=MODEL, **ask(prompt), **wish) as stream:
        message = stream.get_final_message()
    blocks = [block for block in message.content if block.type == "image"]
    assert [size_of_base64(block.source["data"]) for block in blocks] == [(1024, 1024)]


def test_tokens_are_counted_without_a_call(tessera, anthropic, prompt):
    before = len(tessera.simulator.arrivals())
    conversation = [{"role": "user", "content": [{"type": "text", "text": prompt}]}]
    words = anthropic.messages.count_tokens(model=MODEL, messages=conversation).input_tokens
    conversation[0]["content"].append(image(drawn(640, 480)))
    with_picture = anthropic.messages.count_tokens(model=MODEL, messages=conversation).input_tokens
    assert 0 < words < with_picture
    assert len(tessera.simulator.arrivals()) == before
