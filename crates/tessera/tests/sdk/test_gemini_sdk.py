"""The simulator, by the google-genai SDK: what Google's own client takes for the Gemini API and for Vertex AI."""

from base64 import b64decode

import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from pictures import drawn, size_of
from stack import ACCOUNT_KEY

MODEL = "gemini-3-pro-image"


@pytest.fixture
def gemini(tessera):
    return genai.Client(api_key=ACCOUNT_KEY, http_options=types.HttpOptions(base_url=tessera.simulator.url))


@pytest.fixture
def vertex(tessera):
    return genai.Client(
        vertexai=True,
        project="studio",
        location="global",
        credentials=Credentials("any-token"),
        http_options=types.HttpOptions(base_url=tessera.simulator.url),
    )


def config(**image):
    return types.GenerateContentConfig(
        response_modalities=["TEXT", "IMAGE"], image_config=types.ImageConfig(**image), temperature=0.7, seed=7
    )


def pictures(answer):
    content = answer.candidates[0].content
    return [part.inline_data for part in (content and content.parts) or [] if part.inline_data]


def test_a_picture_is_drawn_at_googles_size(gemini, prompt):
    answer = gemini.models.generate_content(
        model=MODEL, contents=prompt, config=config(aspect_ratio="16:9", image_size="2K")
    )
    (picture,) = pictures(answer)
    assert (picture.mime_type, size_of(picture.data)) == ("image/png", (2752, 1536))
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage.candidates_token_count >= 1120
    assert usage.total_token_count >= usage.prompt_token_count + usage.candidates_token_count


def test_a_stream_brings_the_same_picture(gemini, prompt):
    chunks = list(gemini.models.generate_content_stream(model=MODEL, contents=prompt, config=config()))
    drawn_sizes = [size_of(picture.data) for chunk in chunks if chunk.candidates for picture in pictures(chunk)]
    assert drawn_sizes == [(1024, 1024)]
    assert chunks[-1].usage_metadata.total_token_count > 1120


def test_a_picture_that_is_shown_gives_the_shape(tessera, gemini, prompt):
    shown = types.Part.from_bytes(data=b64decode(drawn(900, 1600)), mime_type="image/png")
    answer = gemini.models.generate_content(model=MODEL, contents=[shown, prompt])
    assert size_of(pictures(answer)[0].data) == (768, 1376)
    (arrival,) = tessera.simulator.arrivals(prompt)
    assert arrival["reference_images"] == 1


def test_a_chat_goes_on_from_its_pictures(tessera, gemini, prompt):
    chat = gemini.chats.create(model=MODEL, config=config())
    chat.send_message("a harbour")
    chat.send_message(prompt)
    (arrival,) = tessera.simulator.arrivals(prompt)
    assert arrival["reference_images"] == 1


def test_the_models_are_listed(gemini):
    names = [model.name for model in gemini.models.list()]
    assert f"models/{MODEL}" in names
    assert gemini.models.get(model=MODEL).name == f"models/{MODEL}"


@pytest.mark.parametrize(
    "model, changes, code, status",
    [
        ("gemini-0", {}, 404, "NOT_FOUND"),
        (MODEL, {"candidate_count": 2}, 400, "INVALID_ARGUMENT"),
        (MODEL, {"image_config": types.ImageConfig(aspect_ratio="7:5")}, 400, "INVALID_ARGUMENT"),
        (MODEL, {"image_config": types.ImageConfig(image_size="8K")}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_what_google_refuses_is_refused(gemini, prompt, model, changes, code, status):
    with pytest.raises(errors.ClientError) as raised:
        gemini.models.generate_content(model=model, contents=prompt, config=types.GenerateContentConfig(**changes))
    assert (raised.value.code, raised.value.status) == (code, status)


def test_a_refused_prompt_has_no_candidate(gemini, prompt):
    answer = gemini.models.generate_content(model=MODEL, contents=f"{prompt} (forbidden)")
    assert not answer.candidates
    assert answer.prompt_feedback.block_reason


def test_vertex_ai_draws_whole_and_in_a_stream(tessera, vertex, prompt):
    asked = config(aspect_ratio="16:9", image_size="2K")
    answer = vertex.models.generate_content(model=MODEL, contents=prompt, config=asked)
    assert [size_of(picture.data) for picture in pictures(answer)] == [(2752, 1536)]
    chunks = vertex.models.generate_content_stream(model=MODEL, contents=prompt, config=config())
    drawn_sizes = [size_of(picture.data) for chunk in chunks if chunk.candidates for picture in pictures(chunk)]
    assert drawn_sizes == [(1024, 1024)]
    calls = [(arrival["provider"], arrival["project"]) for arrival in tessera.simulator.arrivals(prompt)]
    assert calls == [("vertex", "studio")] * 2


def test_what_vertex_ai_refuses_is_understood_though_it_comes_in_a_list(vertex, prompt):
    with pytest.raises(errors.ClientError) as raised:
        vertex.models.generate_content(model="gemini-0", contents=prompt)
    assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")
