"""Client keys."""

from stage import until


def test_a_key_is_shown_once_draws_and_is_refused_once_revoked(operator, tessera):
    page = operator.page
    page.get_by_role("link", name="Clients").click()
    page.locator("#rows tr").first.wait_for()
    page.get_by_role("button", name="Create client key").click()
    form = page.locator("#creating")
    form.get_by_label("Name").fill("shop")
    form.get_by_label("Pictures a day").fill("500")
    form.get_by_label("Dollars a day").fill("2.50")
    form.get_by_role("button", name="Create").click()
    key = page.get_by_label("Client key", exact=True)
    key.wait_for()
    secret = key.input_value()
    assert secret.startswith("tsr_") and tessera.generate(secret) == 200
    page.get_by_role("button", name="Done").click()
    until(lambda: secret not in page.content() and key.input_value() == "", "the key is gone from the page")

    row = page.locator('[data-client="shop"]')
    until(lambda: "1 of 500" in row.inner_text(), "its use is shown")
    assert "$0.13 of $2.50" in row.inner_text()
    page.reload()
    row.wait_for()
    assert [url for url, body in operator.bodies if secret in body] == [f"{tessera.console}/clients/create"]

    page.get_by_role("button", name="Revoke the key of shop").click()
    page.locator("#revoking").get_by_role("button", name="Revoke").click()
    row.wait_for(state="detached")
    until(lambda: tessera.generate(secret) == 401, "its key opens nothing", patience_s=5)


def test_a_name_that_is_taken_is_refused_in_the_form(operator):
    page = operator.page
    page.get_by_role("link", name="Clients").click()
    page.locator("#rows tr").first.wait_for()
    page.get_by_role("button", name="Create client key").click()
    form = page.locator("#creating")
    form.get_by_label("Name").fill("default")
    form.get_by_role("button", name="Create").click()
    until(lambda: "default" in " ".join(form.locator(".trouble").all_inner_texts()), "it is told why")
