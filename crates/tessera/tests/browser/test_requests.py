"""The recent requests, live, and the time line of one."""

import threading

import pytest
from stage import until
from studio import Processes


@pytest.fixture(scope="module")
def tessera(tmp_path_factory):
    """A Tessera of these tests' own, whose operator wants prompts kept."""
    processes = Processes(tmp_path_factory.mktemp("requests"))
    yield processes.studio(latency="400ms", keeps_prompts=True)
    processes.stop()


@pytest.fixture
def page(operator):
    return shown(operator.page)


def shown(page):
    page.get_by_role("link", name="Requests").click()
    page.wait_for_url("**/requests")
    return page


def row(page, prompt: str):
    return page.locator("#rows tr", has_text=prompt)


def test_a_request_appears_while_it_is_drawn_and_its_row_tells_how_it_ended(page, tessera):
    asking = threading.Thread(target=tessera.ask, args=("a (slow) lighthouse",))
    asking.start()
    slow = row(page, "a (slow) lighthouse")
    until(lambda: "Drawing" in slow.inner_text(), "it is being drawn")
    asking.join()
    until(lambda: "Delivered" in slow.inner_text(), "it came")
    assert "$0.134" in slow.inner_text() and "OpenAI Images" in slow.inner_text()
    assert tessera.ask("a (forbidden) thing") == 400
    forbidden = row(page, "a (forbidden) thing")
    until(lambda: "Content policy" in forbidden.inner_text(), "it failed")
    assert page.locator("#rows tr").first.inner_text() == forbidden.inner_text(), "the newest is above"


def test_the_time_line_has_every_attempt(page, tessera):
    assert tessera.ask("a (crowded) market", n=2) == 200
    row(page, "a (crowded) market").locator("a").click()
    page.wait_for_url("**/requests/req_*")
    until(lambda: page.locator(".told").get_attribute("data-open") == "false", "everything is told")
    outcomes = page.locator(".attempts .word").all_inner_texts()
    assert outcomes.count("Overloaded") >= 1 and "Delivered" in outcomes, outcomes
    told = page.locator(".attempts li[data-tone=good] svg").first.get_attribute("aria-label")
    assert [part.split()[0] for part in told.split(", ")] == ["queued", "leased", "called", "answering", "settling"]
    parts = page.locator(".attempts li[data-tone=good]").first.locator("svg rect:not(.tick)")
    boxes = [part.bounding_box() for part in parts.all()]
    assert [box["x"] for box in boxes] == sorted(box["x"] for box in boxes)
    assert boxes[2]["width"] > 5 * boxes[1]["width"], "the call took longer than its beginning"
    assert "studio" in page.locator(".attempts .who").first.inner_text()


def test_an_address_shows_one_request_and_one_that_is_not_remembered_says_so(page, tessera):
    tessera.ask("to be shared")
    address = row(page, "to be shared").locator("a").get_attribute("href")
    page.goto(tessera.console + address)
    page.get_by_text("1376 × 768 px").wait_for()
    answer = page.goto(f"{tessera.console}/requests/req_of_nobody")
    assert answer.status == 404
    page.get_by_role("heading", name="This request is not remembered").wait_for()


def test_the_filters_are_in_the_address(page, tessera):
    tessera.ask("a (forbidden) thing")
    tessera.ask("a plain thing")
    row(page, "a plain thing").wait_for()
    page.locator("#filters").get_by_label("Outcome").select_option("failed")
    page.get_by_label("Id or prompt").fill("forbidden")
    page.wait_for_url("**/requests?q=forbidden&state=failed")
    assert row(page, "a plain thing").count() == 0 and row(page, "a (forbidden) thing").count() > 0
    page.reload()
    row(page, "a (forbidden) thing").first.wait_for()
    assert row(page, "a plain thing").count() == 0
    page.get_by_role("button", name="Clear").click()
    row(page, "a plain thing").first.wait_for()


def test_nothing_moves_under_a_pointer(page, tessera):
    tessera.ask("read with care")
    first = page.locator("#rows tr").first
    until(lambda: "read with care" in first.inner_text(), "it is above")
    first.hover()
    tessera.ask("comes meanwhile")
    arrivals = page.get_by_role("button", name="1 new")
    arrivals.wait_for()
    assert "read with care" in first.inner_text()
    arrivals.click()
    until(lambda: "comes meanwhile" in first.inner_text(), "it came above")


@pytest.fixture
def discreet(tmp_path):
    """One whose operator said nothing of prompts."""
    processes = Processes(tmp_path)
    yield processes.studio()
    processes.stop()


def test_without_the_operators_will_no_prompt_is_shown(visitor, discreet):
    visitor.sign_in(discreet)
    page = shown(visitor.page)
    assert discreet.ask("nobody is to read this") == 200
    link = page.locator("#rows a")
    link.wait_for()
    assert "nobody is to read" not in page.content()
    link.click()
    page.get_by_text("1376 × 768 px").wait_for()
    assert "nobody is to read" not in page.content()
