// The clients: what each has used is asked for anew every few seconds while the page is seen.

import { $, $$, asks, part, tell } from "./console.js";
import { standing } from "./feed.js";

/** How often, in milliseconds. */
const AGAIN = 4_000;

const tbody = $("#rows");
let asked = 0;

async function renew() {
  const question = ++asked;
  try {
    const rows = await part("/clients/rows");
    if (question !== asked) return; // a later one is under way
    replace([...rows.children]);
    standing("live", "live");
    $("#away").hidden = true;
  } catch (refused) {
    standing("away", "no word");
    $("#away").hidden = false;
    $("#away").textContent = `What you see is old: ${refused.message}.`;
  }
}

/** Puts rows in the place of those that are other, so that whoever is on a button stays there. */
function replace(rows) {
  rows.forEach((row, at) => {
    const before = tbody.rows[at];
    if (!before) tbody.append(row);
    else if (before.outerHTML !== row.outerHTML) {
      const focused = before.contains(document.activeElement) && before.dataset.client === row.dataset.client;
      before.replaceWith(row);
      if (focused) $("button", row)?.focus();
    }
  });
  while (tbody.rows.length > rows.length) tbody.lastElementChild.remove();
  $("#empty").hidden = rows.length > 0;
  $("#clients").hidden = rows.length === 0;
  $("#summary").textContent = rows.length ? `${rows.length} client${rows.length === 1 ? "" : "s"}` : "";
}

const creating = $("#creating");
const created = $("#created");
const revoking = $("#revoking");

$("#create").addEventListener("click", () => {
  $("#create-form").reset();
  for (const trouble of $$(".trouble", creating)) trouble.textContent = "";
  creating.showModal();
});

asks($("#create-form"), "/clients/create", ({ name, key }) => {
  creating.close();
  $("[data-name]", created).textContent = name;
  $("#key").value = key;
  created.showModal();
  $("#key").select();
  renew();
});

created.addEventListener("close", () => {
  $("#key").value = "";
});

$("#copy").addEventListener("click", async () => {
  $("#key").select();
  try {
    await navigator.clipboard.writeText($("#key").value);
    tell("The key is copied.");
  } catch {
    tell("The browser did not let it be copied; it is selected.", { bad: true });
  }
});

tbody.addEventListener("click", (event) => {
  const row = event.target.closest(".revoke")?.closest("tr");
  if (!row) return;
  const { client } = row.dataset;
  $("[data-name]", revoking).textContent = client;
  $("#revoke-form").elements.name.value = client;
  revoking.showModal();
});

asks($("#revoke-form"), "/clients/revoke", ({ name }) => {
  revoking.close();
  tell(`The key of ${name} is revoked.`);
  renew();
});

setInterval(() => document.hidden || renew(), AGAIN);
document.addEventListener("visibilitychange", () => document.hidden || renew());
renew();
