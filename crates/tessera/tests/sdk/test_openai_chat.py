"""OpenAI Chat Completions, by the openai SDK."""

from pictures import data_uri, drawn, size_of_data_uri, sizes_in_markdown

MODEL = "gemini-3-pro-image"


def ask(text):
    return [{"role": "user", "content": text}]


def image(base64):
    return {"type": "image_url", "image_url": {"url": data_uri(base64)}}


def test_the_picture_comes_as_markdown(tessera, openai, prompt):
    counted = tessera.simulator.ask(prompt, aspectRatio="1:1", imageSize="1K")["usageMetadata"]
    answer = openai.chat.completions.create(model=MODEL, messages=ask(prompt))
    (choice,) = answer.choices
    assert sizes_in_markdown(choice.message.content) == [(1024, 1024)]
    assert (choice.message.role, choice.finish_reason, answer.object) == ("assistant", "stop", "chat.completion")
    assert answer.usage.prompt_tokens == counted["promptTokenCount"]
    assert answer.usage.total_tokens == counted["totalTokenCount"]


def test_wishes_are_heard_in_every_spelling(openai, prompt):
    for model, wishes, size in [
        (MODEL, {"size": "1920x1080"}, (2752, 1536)),
        (MODEL, {"image_config": {"aspect_ratio": "16:9", "image_size": "2K"}}, (2752, 1536)),
        (MODEL, {"aspect_ratio": "2:3", "quality": "medium"}, (1696, 2528)),
        (f"{MODEL}-9-16", {}, (768, 1376)),
    ]:
        answer = openai.chat.completions.create(model=model, messages=ask(prompt), extra_body=wishes)
        assert sizes_in_markdown(answer.choices[0].message.content) == [size], (model, wishes)


def test_modalities_move_the_picture_into_the_message(openai, prompt):
    answer = openai.chat.completions.create(model=MODEL, messages=ask(prompt), modalities=["image", "text"])
    message = answer.choices[0].message
    assert [size_of_data_uri(image["image_url"]["url"]) for image in message.images] == [(1024, 1024)]
    assert sizes_in_markdown(message.content or "") == []


def test_each_of_n_pictures_is_a_choice(openai, prompt):
    answer = openai.chat.completions.create(model=MODEL, messages=ask(prompt), n=3)
    assert sorted(choice.index for choice in answer.choices) == [0, 1, 2]
    assert [sizes_in_markdown(choice.message.content) for choice in answer.choices] == [[(1024, 1024)]] * 3


def test_a_conversation_goes_on_from_its_pictures(tessera, openai, prompt):
    first = openai.chat.completions.create(model=f"{MODEL}-16-9", messages=ask("a harbour"))
    conversation = [
        {"role": "system", "content": "paint in oil"},
        {"role": "user", "content": [{"type": "text", "text": "a harbour like this"}, image(drawn(640, 480))]},
        {"role": "assistant", "content": first.choices[0].message.content},
        {"role": "user", "content": prompt},
    ]
    answer = openai.chat.completions.create(model=MODEL, messages=conversation)
    (arrival,) = tessera.simulator.arrivals(prompt)
    assert arrival["reference_images"] == 2
    assert sizes_in_markdown(answer.choices[0].message.content) == [(1376, 768)], "the last picture's shape is kept"


def test_pictures_of_a_message_come_back_in_history(tessera, openai, prompt):
    first = openai.chat.completions.create(model=MODEL, messages=ask("a pier"), modalities=["image", "text"])
    history = [*ask("a pier"), first.choices[0].message.model_dump(exclude_none=True), *ask(prompt)]
    openai.chat.completions.create(model=MODEL, messages=history)
    (arrival,) = tessera.simulator.arrivals(prompt)
    assert arrival["reference_images"] == 1


def test_a_stream_is_made_of_ordinary_chunks(openai, prompt):
    stream = openai.chat.completions.create(
        model=MODEL, messages=ask(prompt), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert {(chunk.id, chunk.object) for chunk in chunks} == {(chunks[0].id, "chat.completion.chunk")}
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert sizes_in_markdown(text) == [(1024, 1024)]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 1120


def test_a_stream_without_the_wish_has_no_usage(openai, prompt):
    stream = openai.chat.completions.create(model=MODEL, messages=ask(prompt), stream=True)
    assert [chunk.usage for chunk in stream if chunk.usage] == []


def test_a_stream_gives_pictures_in_deltas_where_modalities_ask(openai, prompt):
    stream = openai.chat.completions.create(
        model=MODEL, messages=ask(prompt), stream=True, modalities=["image", "text"], n=2
    )
    pictures = {}
    for chunk in stream:
        for choice in chunk.choices:
            for picture in getattr(choice.delta, "images", None) or []:
                pictures[choice.index] = size_of_data_uri(picture["image_url"]["url"])
    assert pictures == {0: (1024, 1024), 1: (1024, 1024)}


def test_the_helper_for_streams_gathers_the_picture(openai, prompt):
    with openai.chat.completions.stream(model=MODEL, messages=ask(prompt)) as stream:
        types = {event.type for event in stream}
        message = stream.get_final_completion().choices[0].message
    assert {"chunk", "content.delta", "content.done"} <= types
    assert sizes_in_markdown(message.content) == [(1024, 1024)]
