// The playground: a form that offers only what can be drawn, and what comes of it.

import { $, $$, tell } from "./console.js";
import { standing } from "./feed.js";
import { ask, Unanswered } from "./playground-answer.js";
import { References } from "./playground-references.js";
import { Run } from "./playground-run.js";
import { snippets } from "./playground-snippets.js";
import { dollars, times } from "./playground-words.js";

const form = $("#asking");
const fields = form.elements;
const catalog = new Map(JSON.parse(form.dataset.catalog).map((model) => [model.name, model]));
const references = new References(() => catalog.get(fields.model.value), Number(form.dataset.bodyLimit), renew);

/** What is drawn at present, if anything. */
let drawing;

/** The form, as it would be asked. */
function question() {
  return {
    prompt: fields.prompt.value,
    model: fields.model.value,
    ratio: fields.ratio.value,
    resolution: fields.resolution.value,
    n: Number(fields.n.value),
    people: fields.people.value,
  };
}

// What is offered.

/** Offers what the model draws, and puts what it does not draw back to what is usual. */
function offer() {
  const model = catalog.get(fields.model.value);
  $("#model-about").textContent = model.description;
  offerChoices(fields.ratio, (ratio) => ratio in model.pixels, "1:1");
  const prices = new Map(model.prices);
  offerChoices(fields.resolution, (resolution) => prices.has(resolution), model.resolution);
  const sizes = model.pixels[fields.ratio.value];
  for (const [place, [resolution, price]] of model.prices.entries()) {
    const tile = $(`input[name="resolution"][value="${resolution}"]`, form).closest("label");
    $("[data-pixels]", tile).textContent = times(...sizes[place]);
    $("[data-price]", tile).textContent = dollars(price);
  }
}

function offerChoices(radios, draws, usual) {
  for (const radio of radios) {
    radio.disabled = !draws(radio.value);
    radio.closest("label").hidden = radio.disabled;
  }
  const chosen = [...radios].find((radio) => radio.checked);
  if (chosen && !chosen.disabled) return;
  const possible = [...radios].filter((radio) => !radio.disabled);
  (possible.find((radio) => radio.value === usual) ?? possible[0]).checked = true;
}

function renew() {
  offer();
  const asked = question();
  const model = catalog.get(asked.model);
  const place = model.prices.findIndex(([resolution]) => resolution === asked.resolution);
  const size = times(...model.pixels[asked.ratio][place]);
  const counted = asked.n === 1 ? "1 picture" : `${asked.n || "?"} pictures`;
  const told = [`${counted} of ${size}, `, dollars(model.prices[place][1] * (asked.n || 1))];
  if ($("#offer").textContent !== told.join("")) {
    const price = document.createElement("b");
    price.textContent = told[1];
    $("#offer").replaceChildren(told[0], price);
  }
  snippets.show(asked, references.names());
  remember(asked);
}

// The form is in the address, behind the sign that no server is told of what follows.

function remember(asked) {
  const state = new URLSearchParams(asked);
  if (!asked.prompt) state.delete("prompt");
  if (asked.n === 1) state.delete("n");
  if (asked.people === "allow") state.delete("people");
  history.replaceState(null, "", `#${state}`);
}

function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const name of ["prompt", "n", "people", "model", "ratio", "resolution"]) {
    const value = state.get(name);
    if (value === null || (name === "model" && !catalog.has(value))) continue;
    const field = fields[name];
    if (field instanceof RadioNodeList && ![...field].some((radio) => radio.value === value)) continue;
    field.value = value;
  }
  renew();
}

addEventListener("hashchange", () => {
  recall();
  references.renew();
});
form.addEventListener("input", renew);
fields.model.addEventListener("change", () => references.renew());

for (const button of $$("[data-step]", form)) {
  button.addEventListener("click", () => {
    fields.n.value = Math.min(10, Math.max(1, (Number(fields.n.value) || 1) + Number(button.dataset.step)));
    renew();
  });
}

$("#take").addEventListener("click", () => {
  fields.prompt.value = $("#strong").textContent;
  renew();
  fields.prompt.focus();
});

fields.prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

// Drawing.

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (drawing) return;
  clearTroubles();
  const asked = question();
  if (!asked.prompt.trim()) return trouble({ field: "prompt", message: "Say what to draw." });
  draw(asked).catch((error) => tell(String(error), { bad: true }));
});

async function draw(asked) {
  const abort = new AbortController();
  const model = catalog.get(asked.model);
  const place = model.prices.findIndex(([resolution]) => resolution === asked.resolution);
  const run = new Run(asked, model.pixels[asked.ratio][place], {
    cancel: () => abort.abort(),
    refer: (blob, name) => references.add([new File([blob], name, { type: blob.type })], fields.prompt),
  });
  drawing = run;
  $("#draw").disabled = true;
  $("#guide").open = false;
  try {
    await ask(asked, references.blobs(), abort.signal, (told, bytes) => run.take(told, bytes));
    run.end();
  } catch (error) {
    if (abort.signal.aborted) run.cancelled();
    else if (!(error instanceof Unanswered)) throw error;
    else if (error.field || error.refused) {
      run.remove();
      trouble(error);
    } else run.lost(error.message);
  } finally {
    drawing = undefined;
    $("#draw").disabled = false;
    standing("live", "ready");
  }
}

function trouble({ field, message }) {
  const input = field === "references" ? $("#files") : fields.namedItem(field ?? "");
  const place = document.getElementById(`${field}-trouble`) ?? $("[data-trouble]", form);
  place.textContent = message;
  if (!input || input instanceof RadioNodeList) return;
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

function clearTroubles() {
  for (const place of $$(".trouble", form)) place.textContent = "";
  for (const input of $$("[aria-invalid]", form)) input.removeAttribute("aria-invalid");
}

// Leaving would cancel what is drawn.
addEventListener("beforeunload", (event) => drawing && event.preventDefault());

standing("live", "ready");
recall();
references.renew();
