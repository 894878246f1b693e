"""The three dialects behind one question, for what holds in all of them."""

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
