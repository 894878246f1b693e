"""Failures, as the SDKs raise them, and what the SDKs then do of their own accord."""

import time

import pytest
from dialects import DIALECTS, ClaudeMessages, OpenAIChat, OpenAIImages, error_name

every_dialect = pytest.mark.parametrize("dialect", DIALECTS)
streamed_or_not = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@every_dialect
@streamed_or_not
def test_a_wrong_key_is_an_authentication_error(dialect, stream, tessera, prompt):
    with pytest.raises(dialect.sdk.AuthenticationError) as raised:
        dialect.ask(tessera, prompt, stream=stream, api_key="tsr_wrong")
    assert error_name(raised.value) in ("invalid_api_key", "authentication_error")
    assert "tsr_wrong" not in str(raised.value)
    assert tessera.simulator.arrivals(prompt) == []


@every_dialect
@streamed_or_not
def test_an_unknown_model_is_not_found_and_the_known_ones_are_listed(dialect, stream, tessera, prompt):
    with pytest.raises(dialect.sdk.NotFoundError) as raised:
        dialect.ask(tessera, prompt, stream=stream, model="gpt-image-1")
    assert error_name(raised.value) in ("model_not_found", "not_found_error")
    assert "gemini-3.1-flash-image" in str(raised.value)
    assert tessera.simulator.arrivals(prompt) == []


@every_dialect
@streamed_or_not
def test_a_shape_that_the_model_lacks_is_a_bad_request(dialect, stream, tessera, prompt):
    with pytest.raises(dialect.sdk.BadRequestError) as raised:
        dialect.ask(tessera, prompt, stream=stream, model="gemini-3-pro-image-8-1")
    if dialect.sdk.__name__ == "openai":
        assert raised.value.param == "model"
    assert "21:9" in str(raised.value), "what it has is listed"
    assert tessera.simulator.arrivals(prompt) == []


@every_dialect
@streamed_or_not
@pytest.mark.parametrize("why", ["(forbidden)", "(withheld)"])
def test_a_refusal_for_safety_is_a_bad_request_and_final(dialect, stream, why, tessera, prompt):
    prompt = f"{prompt} {why}"
    with pytest.raises(dialect.sdk.BadRequestError) as raised:
        dialect.ask(tessera, prompt, stream=stream, max_retries=2)
    if dialect is not ClaudeMessages:
        expected = {OpenAIImages: "moderation_blocked", OpenAIChat: "content_policy_violation"}
        assert raised.value.code == expected[dialect]
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert len(tessera.simulator.arrivals(prompt)) == 1


@every_dialect
def test_what_may_have_been_paid_for_is_not_asked_again(dialect, tessera, prompt):
    prompt = f"{prompt} (nothing is drawn)"
    with pytest.raises(dialect.sdk.InternalServerError) as raised:
        dialect.ask(tessera, prompt, max_retries=2)
    assert raised.value.status_code == 502
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert raised.value.response.headers["x-tessera-possibly-billed"] == "true"
    assert len(tessera.simulator.arrivals(prompt)) == 1


@every_dialect
def test_what_will_pass_is_asked_again(dialect, stacks, prompt):
    tessera = stacks.start('[[rules]]\nmatch.first = 1\nfault = "unavailable"')
    assert dialect.ask(tessera, prompt, max_retries=2)
    assert len(tessera.simulator.arrivals(prompt)) == 2


@every_dialect
@pytest.mark.parametrize(
    "fault, status, status_of_claude, calls",
    [("unavailable", 503, 529, 2), ("bad-key", 502, 502, 1), ("truncate", 502, 502, 1), ("hang", 504, 504, 1)],
)
def test_the_provider_s_troubles_keep_their_status(
    dialect, fault, status, status_of_claude, calls, stacks, prompt
):
    tessera = stacks.start(
        rules=f'[[rules]]\nfault = "{fault}"', settings="generation.gemini.first_byte_timeout_seconds = 1"
    )
    with pytest.raises(dialect.sdk.APIStatusError) as raised:
        dialect.ask(tessera, prompt)
    assert raised.value.status_code == (status_of_claude if dialect is ClaudeMessages else status)
    assert len(tessera.simulator.arrivals(prompt)) == calls, "a want of capacity is waited for, once"


@every_dialect
def test_a_minute_that_is_spent_says_when_to_come_back(dialect, stacks, prompt):
    tessera = stacks.start(settings="generation.deadline_seconds = 1", account="limits.requests_per_minute = 1")
    dialect.ask(tessera, prompt)
    with pytest.raises(dialect.sdk.RateLimitError) as raised:
        dialect.ask(tessera, prompt)
    headers = raised.value.response.headers
    assert headers["x-should-retry"] == "true"
    assert 30 <= int(headers["retry-after"]) <= 63, "the minute, and the time in which a call may still start"
    assert len(tessera.simulator.arrivals(prompt)) == 1


@every_dialect
def test_a_day_that_is_spent_keeps_no_client_waiting(dialect, stacks, prompt):
    tessera = stacks.start(account="limits.requests_per_day = 1")
    dialect.ask(tessera, prompt)
    start = time.monotonic()
    with pytest.raises(dialect.sdk.RateLimitError) as raised:
        dialect.ask(tessera, prompt, max_retries=2)
    assert time.monotonic() - start < 5
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert "retry-after" not in raised.value.response.headers
    assert len(tessera.simulator.arrivals(prompt)) == 1


@every_dialect
def test_a_model_that_no_account_serves_is_said_to_be_so(dialect, stacks, prompt):
    tessera = stacks.start(account='models = ["gemini-3-pro-image"]')
    with pytest.raises(dialect.sdk.InternalServerError) as raised:
        dialect.ask(tessera, prompt, model="gemini-3.1-flash-image", max_retries=2)
    assert raised.value.status_code == 503
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert tessera.simulator.arrivals() == []
