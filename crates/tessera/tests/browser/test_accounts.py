"""The accounts, live."""

import json
import os
import threading
from pathlib import Path

import pytest
from stage import until
from studio import Processes

CANARY = "AIza-canary-of-the-console-9f3d"

WATCH_BAR = """
(account) => {
  const reserved = document.querySelector(`[data-account="${account}"] .window[data-name="Requests a minute"] .reserved`);
  window.moves = [];
  const note = () => requestAnimationFrame(() => window.moves.push([Date.now(), reserved.style.transform]));
  new MutationObserver(note).observe(reserved, { attributes: true });
}
"""


def test_a_bar_moves_when_a_picture_is_asked_for_and_again_when_it_came(operator, tessera):
    """When each frame was shown is told to whoever runs these tests, who knows when the ledger noted the settle."""
    page, shown = operator.page, []
    account = page.locator("#rows tr[data-state=ready]").first.get_attribute("data-account")
    page.evaluate(WATCH_BAR, account)
    for number in range(7):
        asked = page.evaluate("() => { window.moves = []; return Date.now() }")
        assert tessera.generate(tessera.key, f"a lighthouse, number {number}") == 200
        moves = until(lambda: len(moves := page.evaluate("window.moves")) >= 2 and moves, "the bar moves twice")
        assert not moves[0][1].endswith("scaleX(0)") and moves[-1][1].endswith("scaleX(0)"), moves
        shown.append((asked, moves[-1][0]))
    Path(os.environ["CONSOLE_FRAMES"]).write_text(json.dumps(shown))


def test_an_account_is_added_and_its_credential_is_in_no_page_afterwards(operator, tessera):
    page = operator.page
    page.get_by_role("button", name="Add account").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("studio-b")
    form.get_by_label("Google project").fill("studio-b")
    form.get_by_role("textbox", name="API key").fill(CANARY)
    form.get_by_role("button", name="Add account").click()
    row = page.locator('[data-account="studio-b"]')
    row.wait_for()
    until(lambda: row.get_attribute("data-state") == "ready", "it is ready")
    assert not form.is_visible()

    page.get_by_role("switch", name="studio-b may be used").click()
    until(lambda: row.get_attribute("data-state") == "disabled", "it is disabled")
    page.reload()
    page.locator('[data-account="studio-b"][data-state="disabled"]').wait_for()
    shown = [url for url, body in operator.bodies if CANARY in body]
    assert shown == [] and CANARY not in page.content()
    kept = [path for path in tessera.data.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert kept == [] and CANARY not in tessera.log.read_text()

    page.get_by_role("button", name="Remove studio-b").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    row.wait_for(state="detached")


def test_what_is_refused_stands_beside_its_field(operator):
    page = operator.page
    page.get_by_role("button", name="Add account").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("two words")
    form.get_by_label("Google project").fill("p")
    form.get_by_role("textbox", name="API key").fill(CANARY)
    form.get_by_role("button", name="Add account").click()
    name = form.get_by_label("Name")
    until(lambda: name.get_attribute("aria-invalid") == "true", "the field is marked")
    assert "visible ASCII" in form.locator("#add-id-trouble").inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add account").click()
    assert form.get_by_role("textbox", name="API key").input_value() == "", "a credential does not stay in the page"


def test_the_filters_are_in_the_address(operator, tessera):
    page = operator.page
    page.locator("#rows tr").first.wait_for()
    page.locator("#filters").get_by_label("Tier").select_option("free")
    page.get_by_label("Name or project").fill("nobody")
    page.wait_for_url("**/accounts?q=nobody&tier=free")
    page.get_by_text("No account is like that.").wait_for()
    page.reload()
    assert page.locator("#filters").get_by_label("Tier").input_value() == "free"
    page.get_by_role("button", name="Clear").click()
    page.locator("#rows tr:not([hidden])").first.wait_for()


def test_what_a_second_browser_changes_is_seen_in_the_first(operator, tessera, chromium):
    row = operator.page.locator("#rows tr").first
    account = row.get_attribute("data-account")
    threading.Thread(target=tessera.operator, args=("accounts", "disable", account)).start()
    until(lambda: row.get_attribute("data-state") == "disabled", "it is disabled")
    assert row.get_by_role("switch").get_attribute("aria-checked") == "false"
    tessera.operator("accounts", "enable", account)
    until(lambda: row.get_attribute("data-state") == "ready", "it is ready")


@pytest.fixture
def refused(tmp_path):
    """One whose account the provider has just refused a call."""
    processes = Processes(tmp_path)
    studio = processes.studio()
    assert studio.ask("a lighthouse (beyond quota)") == 429
    yield studio
    processes.stop()


def test_a_cooldown_stands_beside_the_providers_own_words_and_so_does_the_attempt(visitor, refused):
    visitor.sign_in(refused)
    row = visitor.page.locator('[data-account="studio"][data-state="resting"]')
    row.get_by_text("429 RESOURCE_EXHAUSTED").wait_for()
    assert "the provider asked to wait; again in" in row.inner_text()
    visitor.page.get_by_role("link", name="Requests").click()
    visitor.page.locator("#rows a").click()
    visitor.page.locator(".attempts").get_by_text("429 RESOURCE_EXHAUSTED").wait_for()
    said = [body for _, body in visitor.bodies if "simulated-account-key" in body]
    assert said == [] and "simulated-account-key" not in visitor.page.content()
