"""Who gets in."""

import urllib.request


def test_only_the_token_opens_the_console_and_the_way_leads_back(visitor, tessera):
    page = visitor.page
    page.goto(f"{tessera.console}/accounts?tier=pro&q=a")
    page.get_by_label("Operator token").fill("tso_of somebody else entirely")
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("alert").inner_text() == "That is not the operator token."
    page.get_by_label("Operator token").fill(tessera.token)
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts?tier=pro&q=a")
    assert page.get_by_label("Name or project").input_value() == "a"

    [cookie] = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("tessera_console", True, "Strict")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.context.add_cookies([cookie])
    page.goto(f"{tessera.console}/accounts")
    assert "/sign-in" in page.url, "a session that was left holds no more"


def test_a_link_from_elsewhere_finds_whoever_is_signed_in(operator, tessera):
    page = operator.page
    page.goto("about:blank")  # whose links the strict cookie does not go with
    page.set_content(f'<a href="{tessera.console}/clients">there</a>')
    page.get_by_role("link").click()
    page.get_by_role("heading", name="Clients").wait_for()


def test_another_site_can_change_nothing(operator, tessera):
    page, wrong = operator.page, []
    page.get_by_role("switch").first.wait_for()
    token = page.locator("meta[name=csrf]").get_attribute("content")
    cookie = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())
    usual = {"cookie": cookie, "origin": tessera.console, "x-csrf-token": token}
    for change in [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": None},
        {"x-csrf-token": None},
        {"x-csrf-token": "0" * 64},
        {"cookie": None},
    ]:
        headers = {name: value for name, value in {**usual, **change}.items() if value is not None}
        request = urllib.request.Request(f"{tessera.console}/accounts/disable", b"id=simulated", headers)
        try:
            wrong.append((change, urllib.request.urlopen(request).status))
        except urllib.error.HTTPError as error:
            if error.code not in (401, 403):
                wrong.append((change, error.code))
    assert wrong == []


def test_every_answer_has_the_headers_that_keep_it_to_itself(tessera):
    for path in ["/sign-in", "/nowhere"]:
        try:
            answer = urllib.request.urlopen(tessera.console + path)
        except urllib.error.HTTPError as error:
            answer = error
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
