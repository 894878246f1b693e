// Adding accounts, removing them, and letting them be used or not.

import { $, $$, asks, post, tell } from "./console.js";

/** Has the page's buttons change accounts; `renew` gets the rows anew. */
export function changes(tbody, renew) {
  adding(renew);
  removing(tbody, renew);
  switching(tbody);
}

function adding(renew) {
  const dialog = $("#adding");
  const form = $("#add-form");
  const { tier, service_account: json } = form.elements;

  const suit = () => {
    const provider = form.elements.provider.value;
    for (const field of $$("[data-for]", form)) {
      field.hidden = field.dataset.for !== provider;
      for (const input of $$("input, textarea", field)) input.disabled = field.hidden;
    }
    const limits = tier.selectedOptions[0].dataset.limits.split(" ");
    ["requests_per_minute", "images_per_minute", "requests_per_day", "concurrent"].forEach((name, at) => {
      form.elements[name].placeholder = limits[at];
    });
  };
  const empty = () => {
    form.reset();
    for (const trouble of $$(".trouble", form)) trouble.textContent = "";
    suit();
  };
  $("#add").addEventListener("click", () => {
    empty();
    dialog.showModal();
    form.elements.id.focus();
  });
  form.addEventListener("change", suit);
  $("#add-file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (file) json.value = await file.text();
    target.value = "";
  });
  // No credential stays in the page, whether it was sent or not.
  dialog.addEventListener("close", empty);
  asks(form, "/accounts/add", ({ account }) => {
    dialog.close();
    tell(`${account} is added.`);
    renew();
  });
}

function removing(tbody, renew) {
  const dialog = $("#removing");
  const form = $("#remove-form");
  tbody.addEventListener("click", ({ target }) => {
    const row = target.closest(".remove")?.closest("tr");
    if (!row) return;
    $("[data-name]", dialog).textContent = row.dataset.account;
    form.elements.id.value = row.dataset.account;
    dialog.showModal();
  });
  asks(form, "/accounts/remove", ({ account }) => {
    dialog.close();
    tell(`${account} is removed.`);
    renew();
  });
}

function switching(tbody) {
  tbody.addEventListener("click", async ({ target }) => {
    const button = target.closest(".enabled");
    if (!button) return;
    const id = button.closest("tr").dataset.account;
    const enabled = button.ariaChecked === "true";
    button.disabled = true;
    try {
      await post(enabled ? "/accounts/disable" : "/accounts/enable", { id });
      button.ariaChecked = String(!enabled);
      tell(enabled ? `${id} is disabled; its calls in flight go on.` : `${id} is enabled.`);
    } catch (refused) {
      tell(refused.message, { bad: true });
    } finally {
      button.disabled = false;
      button.focus();
    }
  });
}
