"""The list of models, by both SDKs."""

from datetime import datetime

MODELS = ["gemini-3-pro-image", "gemini-3.1-flash-image", "gemini-nano-banana-2.1"]


def test_openai_lists_the_catalog(openai):
    models = openai.models.list().data
    assert [model.id for model in models] == MODELS
    assert {(model.object, type(model.created), type(model.owned_by)) for model in models} == {("model", int, str)}


def test_anthropic_lists_the_catalog(anthropic):
    page = anthropic.models.list()
    assert [model.id for model in page] == MODELS
    assert {(model.type, type(model.created_at)) for model in page.data} == {("model", datetime)}
    assert all(model.display_name for model in page.data)
    assert page.has_more is False


def test_one_model_is_found_by_name(openai, anthropic):
    for name in MODELS:
        assert openai.models.retrieve(name).id == name
        assert anthropic.models.retrieve(name).id == name
