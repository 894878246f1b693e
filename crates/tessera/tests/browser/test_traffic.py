"""The traffic of the last hour and of the last days."""

import pytest
from stage import until
from studio import Processes


@pytest.fixture(scope="module")
def tessera(tmp_path_factory):
    """A Tessera of these tests' own, of which two pictures were asked for and one that is refused."""
    processes = Processes(tmp_path_factory.mktemp("traffic"))
    tessera = processes.studio(latency="400ms")
    assert [tessera.ask("a lighthouse", n=2), tessera.ask("a (forbidden) thing")] == [200, 400]
    yield tessera
    processes.stop()


@pytest.fixture
def page(operator):
    operator.page.get_by_role("link", name="Traffic").click()
    operator.page.wait_for_url("**/traffic")
    return operator.page


# In one look, since the page may draw them anew at any time.
SUMS = """
() => Object.fromEntries([...document.querySelectorAll("#sums div")].map((sum) => [...sum.children].map(({ innerText }) => innerText)))
"""


def sums(page) -> dict:
    return page.evaluate(SUMS)


def test_the_numbers_are_those_of_what_was_asked(page):
    told = until(lambda: (now := sums(page)).get("Requests") == "2" and now, "both requests are counted")
    assert (told["Pictures"], told["Failed"], told["Spend"]) == ("2", "1 · 50 %", "$0.268")
    assert told["Attempts per picture"] == "1.50"
    # What is plotted is whole steps of ten seconds.
    plotted = page.locator("#plot-throughput .u-series", has_text="Requests").locator(".u-value")
    until(lambda: plotted.inner_text() == "2", "the plot has them", 25)
    page.locator("#plot-errors summary").click()
    table = page.locator("#plot-errors .numbers table")
    assert "Content policy" in table.inner_text()


def test_one_client_or_account_can_be_looked_at_by_address(page, tessera):
    page.get_by_label("Of what").select_option("account:studio")
    page.wait_for_url("**/traffic?account=studio")
    until(lambda: sums(page).get("Calls") == "3", "its calls are counted")
    page.goto(f"{tessera.console}/traffic?client=nobody")
    until(lambda: sums(page).get("Requests") == "0", "nobody asked for anything")


def test_the_last_days_are_those_of_the_usage_record(page):
    page.get_by_text("30 days").click()
    page.wait_for_url("**/traffic?range=month")
    until(lambda: sums(page).get("Pictures") == "2", "both pictures are recorded")
    assert sums(page)["Spend"] == "$0.268" and page.locator("#plot-spend canvas").count() == 1


def test_the_keyboard_points_zooms_and_goes_back(page):
    until(lambda: sums(page).get("Requests"), "it is drawn")
    page.locator("#plot-waiting .area").focus()
    page.keyboard.press("ArrowLeft")
    until(lambda: "Waiting" in page.locator("#spoken").inner_text(), "what is pointed at is spoken")
    page.keyboard.press("+")
    page.get_by_role("button", name="Show the whole span").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show the whole span").wait_for(state="hidden")


def test_a_drag_zooms_every_plot(page):
    until(lambda: sums(page).get("Requests"), "it is drawn")
    box = page.locator("#plot-throughput .u-over").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=5)
    page.mouse.up()
    page.get_by_role("button", name="Show the whole span").wait_for()
    page.mouse.dblclick(box["x"] + box["width"] * 0.5, middle)
    page.get_by_role("button", name="Show the whole span").wait_for(state="hidden")
