"""The three dialects: asked by their SDKs, and as the smallest request that each takes."""

import anthropic
import openai

MODEL = "gemini-3-pro-image"


class OpenAIImages:
    sdk = openai

    @staticmethod
    def ask(tessera, prompt, model=MODEL, stream=False, **client):
        answer = tessera.openai(**client).images.generate(model=model, prompt=prompt, stream=stream)
        return list(answer) if stream else answer


class OpenAIChat:
    sdk = openai

    @staticmethod
    def ask(tessera, prompt, model=MODEL, stream=False, **client):
        messages = [{"role": "user", "content": prompt}]
        answer = tessera.openai(**client).chat.completions.create(model=model, messages=messages, stream=stream)
        return list(answer) if stream else answer


class ClaudeMessages:
    sdk = anthropic

    @staticmethod
    def ask(tessera, prompt, model=MODEL, stream=False, **client):
        messages = [{"role": "user", "content": prompt}]
        create = tessera.anthropic(**client).messages.create
        answer = create(model=model, max_tokens=1024, messages=messages, stream=stream)
        return list(answer) if stream else answer


DIALECTS = [OpenAIImages, OpenAIChat, ClaudeMessages]


def error_name(error) -> str:
    """The dialect's own name for what happened."""
    return error.body["error"]["type"] if "error" in error.body else error.code or error.type


IMAGES = ("/v1/images/generations", {"model": MODEL, "prompt": "a cat"})
CHAT = ("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "a cat"}]})
CLAUDE = ("/v1/messages", {**CHAT[1], "max_tokens": 1024})
