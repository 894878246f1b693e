"""Signs of life: what a stream says while nothing is drawn yet, and that the SDKs do not mind."""

import pytest
from dialects import CHAT, CLAUDE, DIALECTS, IMAGES, error_name


@pytest.fixture(scope="module")
def slow(stacks):
    """Draws for a second, and fails after one."""
    return stacks.start(
        rules="""
        [[rules]]
        match.prompt_contains = "(forbidden)"
        fault = "blocked-prompt"
        """,
        settings="gateway.keep_alive_seconds = 0.2",
        latency="1s",
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_sdk_reads_a_stream_with_signs_of_life(dialect, slow, prompt):
    assert dialect.ask(slow, prompt, stream=True)


@pytest.mark.parametrize("path, body", [IMAGES, CHAT, CLAUDE])
def test_a_stream_that_waits_gives_signs_of_life(slow, path, body):
    sign = "event: ping" if path == CLAUDE[0] else ": keep-alive"
    text = slow.http.post(path, json={**body, "stream": True}).text
    assert text.count(f"\n{sign}\n") + text.startswith(f"{sign}\n") >= 3


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_failure_after_signs_of_life_is_raised_from_within_the_stream(dialect, slow, prompt):
    with pytest.raises(dialect.sdk.APIError) as raised:
        dialect.ask(slow, f"{prompt} (forbidden)", stream=True)
    assert getattr(raised.value, "status_code", 200) == 200, "the stream had begun well"
    assert error_name(raised.value) in ("moderation_blocked", "content_policy_violation", "invalid_request_error")
