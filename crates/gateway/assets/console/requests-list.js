// The recent requests, live. Rows change in their place; new ones come above the others, but not while somebody reads
// or points at them: then a button says how many there are.

import { $, $$, fresh } from "./console.js";
import { follow } from "./feed.js";

/** How many rows are shown at first, and how many more each time. */
const STEP = 50;

/** So many new rows come at once; more come together, once in so many milliseconds. */
const FEW = 3;
const CALM = 900;

const WORDS = { queued: "Queued", drawing: "Drawing", delivered: "Delivered", partly: "Partly", abandoned: "Abandoned" };
const TONES = { queued: "open", drawing: "open", delivered: "good", partly: "rest", abandoned: "mute" };
const DIALECTS = { openai_images: "OpenAI Images", openai_chat: "OpenAI Chat", claude_messages: "Claude Messages" };

/** What is known of each request, by its id. */
const known = new Map();
/** The cells of those that are shown, and of these the ids of those in flight. */
const shown = new Map();
const flying = new Set();
/** Those that wait above until nobody reads. */
const arrivals = new Set();
const dirty = new Set();

const filters = $("#filters");
const tbody = $("#rows");
let most = STEP;
let ahead = 0;
let frame = 0;
/** When rows came last. */
let arrived = 0;

const now = () => Date.now() + ahead;

follow("/requests/feed", {
  whole({ now, away, rows }) {
    ahead = now - Date.now();
    known.clear();
    for (const row of rows) known.set(row.id, row);
    silence(away);
    options();
    rebuild();
  },
  change({ now, away, rows = [], gone = [] }) {
    ahead = now - Date.now();
    silence(away);
    for (const id of gone) forget(id);
    for (const row of rows) learn(row);
    frame ||= requestAnimationFrame(draw);
  },
});

function silence(away) {
  $("#away").hidden = !away;
  $("#away").textContent = away ? `What you see is old: ${away}.` : "";
}

function learn(row) {
  const isNew = !known.has(row.id);
  known.set(row.id, row);
  if (isNew) offer(row);
  if (shown.has(row.id)) dirty.add(row.id);
  else if (matches(row)) arrivals.add(row.id);
}

function forget(id) {
  known.delete(id);
  arrivals.delete(id);
  flying.delete(id);
  shown.get(id)?.row.remove();
  shown.delete(id);
}

/** Whether somebody reads: then nothing may move. */
function isRead() {
  return scrollY > 60 || tbody.matches(":hover") || tbody.contains(document.activeElement);
}

function draw() {
  frame = 0;
  for (const id of dirty) drawRow(shown.get(id), known.get(id));
  dirty.clear();
  const isHeld = isRead();
  if (!isHeld && (arrivals.size <= FEW || Date.now() - arrived >= CALM)) arrive();
  $("#arrivals").hidden = !isHeld || arrivals.size === 0;
  put($("#arrivals"), "textContent", `${arrivals.size} new`);
  count();
}

/** Puts what is new above the others, each in its place by its time. */
function arrive() {
  arrived = Date.now();
  const rows = [...arrivals].map((id) => known.get(id)).sort((a, b) => a.at - b.at).slice(-most);
  arrivals.clear();
  for (const row of rows) {
    let before = tbody.firstElementChild;
    while (before && known.get(before.dataset.id)?.at > row.at) before = before.nextElementSibling;
    tbody.insertBefore(rowOf(row), before);
  }
  while (tbody.rows.length > most) {
    const { id } = tbody.lastElementChild.dataset;
    tbody.lastElementChild.remove();
    shown.delete(id);
    flying.delete(id);
  }
}

/** Draws everything anew, as the filters say. */
function rebuild() {
  shown.clear();
  flying.clear();
  arrivals.clear();
  dirty.clear();
  const meant = [...known.values()].filter(matches).sort((a, b) => b.at - a.at);
  tbody.replaceChildren(...meant.slice(0, most).map(rowOf));
  $("#rest").hidden = meant.length <= most;
  $("#arrivals").hidden = true;
  count();
}

function rowOf(request) {
  const row = fresh("row");
  const { id, at } = request;
  const [link, time, state, client, model, spec, prompt, came, attempts, took, cost] = [
    "a", "time", ".word", ".client span", ".model", ".spec", ".prompt", ".came", ".attempts", ".took", ".cost",
  ].map((cell) => $(cell, row));
  row.dataset.id = id;
  link.href = `/requests/${encodeURIComponent(id)}`;
  const moment = new Date(at - ahead);
  time.dateTime = moment.toISOString();
  time.title = moment.toLocaleString();
  time.textContent = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  $(".id", row).textContent = id.length > 15 ? `${id.slice(0, 14)}…` : id;
  $(".id", row).title = id;
  client.textContent = request.client;
  $(".dialect", row).textContent = DIALECTS[request.dialect] ?? "gRPC";
  model.textContent = request.model;
  spec.textContent = `${request.ratio} · ${request.resolution}`;
  prompt.textContent = request.prompt ?? "";
  const cells = { row, state, came, attempts, took, cost };
  shown.set(id, cells);
  drawRow(cells, request);
  return row;
}

function drawRow(cells, request) {
  const { id, state, came, asked, attempts, took, cost } = request;
  put(cells.row.dataset, "tone", TONES[state] ?? "bad");
  put(cells.state, "textContent", word(state));
  put(cells.came, "textContent", asked === 1 ? String(came) : `${came} of ${asked}`);
  put(cells.attempts, "textContent", String(attempts));
  put(cells.cost, "textContent", cost ? dollars(cost) : "–");
  put(cells.took, "textContent", span(took ?? now() - request.at, took === undefined));
  if (took === undefined) flying.add(id);
  else flying.delete(id);
}

const word = (state) => WORDS[state] ?? (state.charAt(0).toUpperCase() + state.slice(1)).replaceAll("_", " ");

function span(milliseconds, isGoing) {
  const seconds = Math.max(0, milliseconds) / 1_000;
  if (seconds >= 60) return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds) % 60).padStart(2, "0")} s`;
  if (isGoing) return `${Math.floor(seconds)} s`;
  return seconds < 1 ? `${Math.round(milliseconds)} ms` : `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`;
}

/** Millionths of a US dollar, exactly, with two digits after the point or more. */
function dollars(micro) {
  const [whole, fraction] = (micro / 1e6).toFixed(6).split(".");
  return `$${whole}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

function matches(row) {
  const { q, state, client, model, account, dialect } = filters.elements;
  const wanted = q.value.trim().toLowerCase();
  const isMeant = { "in flight": row.took === undefined, failed: row.took !== undefined && !(row.state in WORDS) };
  return (
    (!wanted || row.id.toLowerCase().includes(wanted) || (row.prompt ?? "").toLowerCase().includes(wanted)) &&
    (!state.value || (isMeant[state.value] ?? row.state === state.value)) &&
    (!client.value || row.client === client.value) &&
    (!model.value || row.model === model.value) &&
    (!account.value || row.accounts.includes(account.value)) &&
    (!dialect.value || (row.dialect ?? "grpc") === dialect.value)
  );
}

function count() {
  const inFlight = [...known.values()].reduce((sum, row) => sum + (row.took === undefined), 0);
  put($("#summary"), "textContent", known.size ? `${known.size} remembered · ${inFlight} in flight` : "");
  put($("#empty"), "hidden", shown.size > 0);
  put($("#empty"), "textContent", known.size ? "No request is like that." : "Nothing was asked for yet.");
  put($("#requests"), "hidden", shown.size === 0);
}

/** What there is to choose from, in the order of the names. */
const choices = { state: new Map(), client: new Map(), model: new Map(), account: new Map(), dialect: new Map() };

function choice(name, value, title = value) {
  if (!value || choices[name].has(value)) return;
  choices[name].set(value, title);
  const select = filters.elements[name];
  const option = new Option(title, value);
  const after = [...select.options].slice(1).find((other) => other.text > title);
  select.add(option, after ?? null);
}

function offer(row) {
  choice("client", row.client);
  choice("model", row.model);
  choice("dialect", row.dialect ?? "grpc", DIALECTS[row.dialect] ?? "gRPC");
  for (const account of row.accounts) choice("account", account);
  if (row.took !== undefined) choice("state", row.state, word(row.state));
}

function options() {
  for (const row of known.values()) offer(row);
}

function address() {
  const said = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
  $("#clear").hidden = said.size === 0;
  history.replaceState(null, "", said.size ? `?${said}` : location.pathname);
}

function recall() {
  for (const [title, value] of [["In flight", "in flight"], ["Failed", "failed"]]) choice("state", value, title);
  for (const state of ["delivered", "partly", "abandoned"]) choice("state", state, word(state));
  const said = new URLSearchParams(location.search);
  for (const [name, value] of said) {
    if (name in choices) choice(name, value, name === "state" ? word(value) : DIALECTS[value] ?? value);
    const element = filters.elements.namedItem(name);
    if (element) element.value = value;
  }
  $("#clear").hidden = said.size === 0;
}

/** Writes only what is other: the browser then has nothing to do for the rest. */
function put(target, name, value) {
  if (target[name] !== value) target[name] = value;
}

filters.addEventListener("input", () => (address(), (most = STEP), rebuild()));
filters.addEventListener("submit", (event) => event.preventDefault());
filters.addEventListener("reset", () => setTimeout(() => (address(), rebuild())));
$("#more").addEventListener("click", () => ((most += STEP), rebuild()));
$("#arrivals").addEventListener("click", () => {
  scrollTo({ top: 0 });
  arrive();
  draw();
  $("a", tbody.firstElementChild)?.focus({ preventScroll: true });
});

// A click anywhere in a row opens it, as its link does.
tbody.addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (!row || event.target.closest("a") || getSelection().toString()) return;
  const address = $("a", row).href;
  if (event.metaKey || event.ctrlKey) open(address);
  else location.assign(address);
});
for (const settled of ["pointerleave", "focusout"]) tbody.addEventListener(settled, () => setTimeout(() => (frame ||= requestAnimationFrame(draw))));
addEventListener("scroll", () => arrivals.size && (frame ||= requestAnimationFrame(draw)), { passive: true });

setInterval(() => {
  if (arrivals.size) frame ||= requestAnimationFrame(draw);
  for (const id of flying) {
    const row = known.get(id);
    put(shown.get(id).took, "textContent", span(now() - row.at, true));
  }
}, 1_000);

recall();
