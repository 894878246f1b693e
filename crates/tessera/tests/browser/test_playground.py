"""The playground: what is shown is what is drawn, and what is drawn is what was asked for."""

import base64
import itertools
import struct
import subprocess
import sys
import urllib.parse
import zlib
from pathlib import Path

import pytest
from stage import until
from studio import Processes

SDK = Path(sys.prefix).parent / "newest/bin/python"

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def tessera(tmp_path_factory):
    """A Tessera of these tests' own, whose provider fails where a prompt says so."""
    processes = Processes(tmp_path_factory.mktemp("studio"))
    yield processes.studio()
    processes.stop()


@pytest.fixture
def page(operator):
    operator.page.get_by_role("link", name="Playground").click()
    operator.page.wait_for_url("**/playground**")
    return operator.page


@pytest.fixture
def prompt():
    return f"lighthouse number {next(numbers)} above a calm sea"


def png(width: int, height: int) -> bytes:
    """A plain PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + b"\x40\x80\xa0" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def size_of(data: bytes) -> tuple[int, int]:
    return struct.unpack(">II", data[16:24])


def ask(page, prompt: str, n: int = 1):
    """Fills the form and sends it; answers the run that it began."""
    page.get_by_label("Prompt").fill(prompt)
    page.get_by_role("spinbutton", name="Pictures").fill(str(n))
    page.get_by_role("button", name="Draw", exact=True).click()
    run = page.locator(".run").first
    run.get_by_text(prompt, exact=True).wait_for()
    return run


def over(run):
    run.and_(run.page.locator("[data-over]")).wait_for()
    return run


def give(page, how: str, *files: tuple[str, str, bytes]):
    """Drops or pastes files."""
    page.evaluate(
        """([how, files]) => {
          const carried = new DataTransfer();
          for (const [name, type, base64] of files) {
            const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
            carried.items.add(new File([bytes], name, { type }));
          }
          const form = document.querySelector("#asking");
          const told = { bubbles: true, cancelable: true };
          if (how === "drop") form.dispatchEvent(new DragEvent("drop", { ...told, dataTransfer: carried }));
          else form.dispatchEvent(new ClipboardEvent("paste", { ...told, clipboardData: carried }));
        }""",
        [how, [(name, kind, base64.b64encode(data).decode()) for name, kind, data in files]],
    )


def test_the_pixels_that_are_shown_are_those_of_the_picture_and_its_accounts_bar_moves(operator, page, prompt):
    accounts = page.context.new_page()
    accounts.goto(urllib.parse.urljoin(page.url, "/accounts"))
    used = accounts.locator('[data-account="studio"] .window[data-name="Requests a day"] b')
    before = int(until(lambda: used.inner_text(), "the account stands there").replace(",", ""))

    page.get_by_text("16:9", exact=True).click()
    page.get_by_role("radio", name="2K").check(force=True)
    assert "1 picture of 2752 × 1536, $0.134" in page.locator("#offer").inner_text()
    run = over(ask(page, prompt))
    facts = run.locator(".facts").inner_text()
    assert facts.startswith("2752 × 1536 · PNG · ") and "$0.134" in facts, facts
    decoded = """async (image) => { const { width, height } = await createImageBitmap(image); return [width, height]; }"""
    assert run.locator("img").evaluate(decoded) == [2752, 1536]
    with page.expect_download() as downloading:
        run.get_by_role("link", name="Download").click()
    file = downloading.value
    assert file.suggested_filename.endswith(".png") and size_of(Path(file.path()).read_bytes()) == (2752, 1536)

    until(lambda: int(used.inner_text().replace(",", "")) == before + 1, "the bar of the account moves")


def test_only_what_a_model_draws_is_offered(page):
    page.get_by_label("Model").select_option("gemini-3.1-flash-image")
    page.get_by_text("8:1", exact=True).click()
    page.get_by_role("radio", name="512").check(force=True)
    assert "1536 × 192" in page.locator("#offer").inner_text()
    page.get_by_label("Model").select_option("gemini-3-pro-image")
    assert page.get_by_text("8:1", exact=True).is_hidden() and page.get_by_role("radio", name="512").is_hidden()
    assert "1024 × 1024" in page.locator("#offer").inner_text()


def test_the_keyboard_chooses_a_ratio_and_draws(page, prompt):
    square = page.get_by_role("radio", name="1:1")
    square.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator('input[name="ratio"]:checked').input_value() != "1:1"
    field = page.get_by_label("Prompt")
    field.fill(prompt)
    field.press("Control+Enter")
    over(page.locator(".run").first)


def test_the_form_is_in_the_address_and_no_log_has_the_prompt(page, tessera, prompt):
    page.get_by_label("Model").select_option("gemini-3.1-flash-image")
    page.get_by_text("4:1", exact=True).click()
    page.get_by_text("Deny", exact=True).click()
    over(ask(page, prompt, 2))
    page.reload()
    assert page.get_by_label("Prompt").input_value() == prompt
    assert page.locator("#offer").inner_text().startswith("2 pictures of 2048 × 512")
    assert page.get_by_role("radio", name="Deny").is_checked()
    assert prompt not in tessera.log.read_text()


def test_of_two_pictures_one_may_fail(page):
    run = over(ask(page, "a pier (one is refused)", 2))
    assert run.locator(".picture[data-state='whole'] img").count() == 1
    lost = run.locator(".picture[data-state='lost']").inner_text()
    assert "safety system" in lost and "other words" in lost and "It cost nothing." in lost, lost
    assert "1 of 2 pictures came" in page.locator("#progress").inner_text()


def test_a_failure_says_what_helps_and_what_it_cost(page):
    run = over(ask(page, "a pier (forbidden)"))
    failure = run.get_by_role("alert").inner_text()
    assert "safety system" in failure and "It cost nothing." in failure, failure
    assert run.locator("img").count() == 0


def test_what_is_cancelled_gives_its_lease_back(page, tessera):
    prompt = "a pier (is never drawn)"
    accounts = page.context.new_page()
    accounts.goto(urllib.parse.urljoin(page.url, "/accounts"))
    flight = accounts.locator('[data-account="studio"] .flight b')
    run = ask(page, prompt)
    until(lambda: tessera.arrivals(prompt), "the provider is called")
    until(lambda: flight.inner_text() == "1", "a call is in flight")
    until(lambda: run.locator(".stage b").inner_text() == "Drawing", "the provider has it")
    run.get_by_role("button", name="Cancel").click()
    over(run)
    assert "Cancelled" in run.inner_text()
    until(lambda: flight.inner_text() == "0", "its lease is given back")
    until(lambda: tessera.arrivals(prompt)[0]["end"] == "hung-up", "the provider is left")
    assert page.get_by_role("button", name="Draw", exact=True).is_enabled()


def test_a_request_that_waits_says_so_until_an_account_is_free(page):
    many = ask(page, "eight piers (is never drawn)", n=8)
    until(lambda: many.locator(".stage b").inner_text() == "8 drawing", "all that may be are in flight")
    other = page.context.new_page()
    other.goto(page.url)
    one = ask(other, "one pier")
    until(lambda: one.locator(".stage b").inner_text() == "Waiting for an account", "it waits")
    many.get_by_role("button", name="Cancel").click()
    until(lambda: one.locator(".stage b").inner_text() == "Done", "it is drawn")


def test_pictures_that_are_dropped_pasted_and_drawn_are_sent_to_go_by(page, tessera, prompt):
    give(page, "drop", ("harbour.png", "image/png", png(64, 48)), ("notes.txt", "image/png", b"not a picture"))
    page.get_by_alt_text("").and_(page.locator(".reference img")).wait_for()
    assert "notes.txt is not a PNG, JPEG or WebP picture." in page.locator("#references-trouble").inner_text()
    give(page, "paste", ("pier.png", "image/png", png(48, 64)))
    until(lambda: page.locator(".reference").count() == 2, "the pasted one is there")
    page.get_by_role("button", name="Remove pier.png").click()
    until(lambda: page.locator(".reference").count() == 1, "it is removed")
    run = over(ask(page, prompt))
    assert [arrival["reference_images"] for arrival in tessera.arrivals(prompt)] == [1]

    run.get_by_role("button", name="Use as reference").click()
    until(lambda: page.locator(".reference").count() == 2, "what was drawn is taken to go by")
    over(ask(page, f"{prompt}, at night"))
    assert [arrival["reference_images"] for arrival in tessera.arrivals(f"{prompt}, at night")] == [2]


def test_more_pictures_than_the_model_takes_are_refused_in_words(page):
    page.get_by_label("Model").select_option("gemini-nano-banana-2.1")
    give(page, "drop", *[(f"{number}.png", "image/png", png(8, 8)) for number in range(11)])
    trouble = page.locator("#references-trouble")
    until(lambda: "takes at most 10 reference pictures" in trouble.inner_text(), "it is told why")
    assert page.locator(".reference").count() == 10


def test_the_strong_example_is_taken_over(page):
    page.get_by_role("button", name="Take it over").click()
    assert page.get_by_label("Prompt").input_value().startswith("A white lighthouse on a basalt cliff")


HARD = 'it\'s "50 %" of $HOME, `not` \\n more,\nü and 🦊, number '


@pytest.mark.parametrize("shown", [0, 2])
@pytest.mark.parametrize("tab", ["curl", "Python · OpenAI", "Python · Anthropic"])
def test_the_same_request_runs_as_it_is_shown(page, tessera, tmp_path, tab, shown):
    prompt = HARD + str(next(numbers))
    page.get_by_label("Prompt").fill(prompt)
    page.get_by_role("spinbutton", name="Pictures").fill("2")
    page.get_by_text("16:9", exact=True).click()
    pictures = [(f"{number}.png", "image/png", png(16, 9)) for number in range(shown)]
    give(page, "drop", *pictures)
    until(lambda: page.locator(".reference").count() == shown, "the pictures are there")
    for number, (_, _, data) in enumerate(pictures, 1):
        (tmp_path / f"reference-{number}.png").write_bytes(data)

    page.get_by_role("tab", name=tab).click()
    program = page.get_by_role("tabpanel").inner_text().replace("YOUR_CLIENT_KEY", tessera.key)
    assert tessera.url in program
    command = ["bash", "-euo", "pipefail", "-c"] if tab == "curl" else [SDK, "-c"]
    subprocess.run([*command, program], cwd=tmp_path, check=True, timeout=60)
    assert [size_of(file.read_bytes()) for file in tmp_path.glob("picture-*.png")] == [(1376, 768)] * 2
    assert [arrival["reference_images"] for arrival in tessera.arrivals(prompt)] == [shown] * 2


def test_typescript_is_shown_with_the_same_wishes(page, tessera):
    page.get_by_label("Prompt").fill("a pier")
    page.get_by_text("Deny", exact=True).click()
    tab = page.get_by_role("tab", name="curl")
    tab.focus()
    page.keyboard.press("ArrowLeft")
    shown = page.get_by_role("tabpanel").inner_text()
    assert f'baseURL: "{tessera.url}/v1"' in shown and 'prompt: "a pier"' in shown and 'personGeneration: "deny"' in shown
