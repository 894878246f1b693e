"""What every test may ask for."""

import itertools

import pytest
from stack import Stacks


@pytest.fixture(scope="session")
def stacks(tmp_path_factory):
    stacks = Stacks(tmp_path_factory.mktemp("stacks"))
    yield stacks
    stacks.stop()


@pytest.fixture(scope="session")
def tessera(stacks):
    """A Tessera with one account and quota for everything; its provider misbehaves only when a prompt says so."""
    return stacks.start(
        rules="""
        [[rules]]
        match = { prompt_contains = "(one is lost)", every = 3 }
        fault = "no-image"

        [[rules]]
        match.prompt_contains = "(forbidden)"
        fault = "blocked-prompt"

        [[rules]]
        match.prompt_contains = "(withheld)"
        fault = "finish"
        reason = "IMAGE_SAFETY"

        [[rules]]
        match.prompt_contains = "(nothing is drawn)"
        fault = "no-image"
        """
    )


@pytest.fixture(scope="session")
def openai(tessera):
    return tessera.openai()


@pytest.fixture(scope="session")
def anthropic(tessera):
    return tessera.anthropic()


numbers = itertools.count(1)


@pytest.fixture
def prompt():
    """A prompt that no other test uses, so that its arrivals can be told from all others."""
    return f"lighthouse number {next(numbers)} above a calm sea"
