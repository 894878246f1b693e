"""Whoever sees little, has no mouse, or holds a phone."""

import pytest

PAGES = ["sign-in", "accounts", "traffic", "requests", "playground", "clients"]

# What each shows once it has been filled in.
FILLED = {"accounts": "#rows tr", "traffic": "#sums div", "requests": "#rows tr", "playground": "#offer", "clients": "#rows tr"}

NAMELESS = """
() => [...document.querySelectorAll("a, button, input, select, textarea, [role=meter], [role=switch], progress, dialog, nav, table")]
  .filter((element) => !element.closest("[aria-hidden=true]") && element.type !== "hidden")
  .filter((element) => {
    const label = element.labels?.[0]?.textContent ?? "";
    const by = (element.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("");
    const own = element.matches("a, button") ? element.textContent : element.querySelector(":scope > caption")?.textContent ?? "";
    return !(element.ariaLabel || by || label || own).trim();
  })
  .map((element) => element.outerHTML.slice(0, 120))
"""

DUPLICATE = """
() => {
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  return ids.filter((id, at) => ids.indexOf(id) !== at);
}
"""

POINTED = """
() => [...document.querySelectorAll("[aria-describedby], [aria-labelledby], label[for]")]
  .flatMap((element) => ["aria-describedby", "aria-labelledby", "for"].flatMap((name) => (element.getAttribute(name) ?? "").split(" ")))
  .filter((id) => id && !document.getElementById(id))
"""

# Every text against the ground behind it, as WCAG 2.2 reckons contrast.
FAINT = """
() => {
  const colour = (text) => {
    const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
    context.fillStyle = text;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return { r, g, b, a: a / 255 };
  };
  const light = ({ r, g, b }) => [r, g, b].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const behind = colour(getComputedStyle(at).backgroundColor);
      if (behind.a > 0.9) return behind;
    }
    return colour(getComputedStyle(document.documentElement).backgroundColor);
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data.trim()).join("");
    if (!text || !element.checkVisibility() || element.closest(".unseen, .skip, :disabled")) continue;
    const [one, other] = [light(colour(getComputedStyle(element).color)), light(ground(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.push(`${text.slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return faint;
}
"""


def visit(tab, page, tessera):
    if page == "sign-in":
        tab.context.clear_cookies()
    if page == "requests":
        assert tessera.generate(tessera.key) == 200
    tab.goto(f"{tessera.console}/{page}")
    if page != "sign-in":
        tab.locator(FILLED[page]).first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_everything_has_a_name_and_every_text_can_be_read(page, scheme, operator, tessera):
    tab = operator.page
    tab.emulate_media(color_scheme=scheme)
    visit(tab, page, tessera)
    if page in ("accounts", "clients"):
        for button in tab.locator(".head button").all():
            button.click()
            assert tab.evaluate(NAMELESS) == [] and tab.evaluate(FAINT) == []
            tab.keyboard.press("Escape")
    assert tab.evaluate(NAMELESS) == [] and tab.evaluate(DUPLICATE) == [] and tab.evaluate(POINTED) == []
    assert tab.evaluate(FAINT) == []
    assert tab.locator("main").count() == 1 and tab.locator("h1").count() == 1
    assert tab.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_cut_off_on_a_phone(page, operator, tessera):
    tab = operator.page
    tab.set_viewport_size({"width": 360, "height": 740})
    visit(tab, page, tessera)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    tabs = tab.locator("nav a").all()
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 360 for box in (tab.bounding_box() for tab in tabs))


def test_the_keyboard_reaches_everything_and_shows_where_it_is(operator):
    page = operator.page
    page.get_by_role("switch").first.wait_for()
    page.locator("body").press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('role') ?? document.activeElement.localName"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("document.activeElement === document.body")
    assert {"button", "input", "select", "switch"} <= reached


def test_without_scripts_the_page_says_what_is_missing(chromium, tessera):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(tessera.console)
    page.get_by_label("Operator token").fill(tessera.token)
    page.get_by_role("button", name="Sign in").click()
    assert "Allow scripts for this address" in page.locator("noscript").inner_text()
    context.close()
