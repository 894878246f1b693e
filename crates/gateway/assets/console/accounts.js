// The accounts, live: what is told changes cells in their place, once for each frame at the most.

import { changes } from "./accounts-changes.js";
import { $, $$, part, tell } from "./console.js";
import { follow } from "./feed.js";

/** What stands in the way of an account, as a state, a word for it, and why. */
const HINDRANCES = {
  disabled: ["disabled", "Disabled", "an operator disabled it"],
  throttled: ["resting", "Resting", "the provider asked to wait"],
  day_refused: ["used-up", "Used up", "the provider says that the day’s quota is used up"],
  overloaded: ["resting", "Resting", "the provider is short of capacity"],
  failing: ["resting", "Resting", "the provider failed several times in a row"],
  credential_rejected: ["stopped", "Stopped", "the provider refused the credential"],
  billing_closed: ["stopped", "Stopped", "the project pays for nothing any more"],
  forbidden: ["stopped", "Stopped", "the provider refuses it this model"],
  minute_full: ["busy", "Minute full", "a minute’s requests are used"],
  day_full: ["used-up", "Used up", "the day’s requests are used"],
  all_in_flight: ["busy", "Busy", "as many calls are in flight as may be"],
};
const READY = ["ready", "Ready", ""];
const STATES = { ready: "ready", busy: "busy", resting: "resting", "used-up": "used up", stopped: "stopped", disabled: "disabled" };

/** Standings by number, and of those with the chosen model the numbers by account. */
const standings = new Map();
const chosen = new Map();
/** The cells of each account's row. */
const shown = new Map();
const dirty = new Set();

const filters = $("#filters");
const tbody = $("#rows");
/** The ledger's clock less ours, in milliseconds. */
let ahead = 0;
let frame = 0;

const now = () => Date.now() + ahead;

follow("/accounts/feed", {
  whole({ now, away, rows }) {
    ahead = now - Date.now();
    standings.clear();
    for (const row of rows) standings.set(row.id, row);
    told = true;
    silence(away);
    choose();
  },
  change({ now, rows = [], changes = [], gone = [] }) {
    ahead = now - Date.now();
    for (const row of rows) standings.set(row.id, row);
    for (const id of gone) standings.delete(id);
    if (rows.length || gone.length) return choose();
    for (const change of changes) {
      const standing = Object.assign(standings.get(change.id), change);
      if (chosen.get(standing.account) === standing) dirty.add(standing.account);
    }
    if (dirty.size) frame ||= requestAnimationFrame(draw);
  },
  away: ({ away }) => silence(away),
});

function silence(away) {
  $("#away").hidden = !away;
  $("#away").textContent = away ? `What you see is old: ${away}.` : "";
}

/** Takes the standings with the chosen model. */
function choose() {
  chosen.clear();
  const model = filters.elements.model.value;
  for (const standing of standings.values()) if (standing.model === model) chosen.set(standing.account, standing);
  for (const account of shown.keys()) dirty.add(account);
  frame ||= requestAnimationFrame(draw);
  check();
}

/** Which accounts had standings when the rows were asked for; nothing before any were told. */
let known;
let told = false;
let renewing = false;

/** Asks for every row anew where there are other accounts now. */
function check() {
  if (!told || renewing) return;
  const accounts = [...new Set([...standings.values()].map(({ account }) => account))].sort();
  const now = accounts.join("\n");
  if (now === known) return;
  const complete = known === undefined && accounts.every((account) => shown.has(account));
  known = now;
  if (!complete) renew();
}

/** Gets every row anew. */
async function renew() {
  if (renewing) return;
  renewing = true;
  try {
    const rows = await part("/accounts/rows");
    tbody.replaceChildren(...rows.children);
    bind();
  } catch (refused) {
    tell(refused.message, { bad: true });
  } finally {
    renewing = false;
  }
  check();
}

function bind() {
  shown.clear();
  const tiles = [];
  for (const row of tbody.rows) {
    const windows = $$(".window", row).map((cell) => ({
      bar: $(".bar", cell),
      used: $(".used", cell),
      reserved: $(".reserved", cell),
      withheld: $(".withheld", cell),
      count: $("b", cell),
      configured: $("s", cell),
      limit: $(".limit", cell),
      when: $(".when", cell),
    }));
    const tile = document.createElement("i");
    tile.title = row.dataset.account;
    tiles.push(tile);
    const [word, why, words, flight, most, toggle] = [".word", ".why", ".words", ".flight b", ".flight .of", ".enabled"].map((cell) => $(cell, row));
    shown.set(row.dataset.account, { row, tile, word, why, words, flight, most, toggle, windows });
    dirty.add(row.dataset.account);
  }
  $("#mosaic").replaceChildren(...tiles);
  projects();
  draw();
  survey();
}

/** Every project there is, to choose from. */
function projects() {
  const select = filters.elements.project;
  const known = new Set([...tbody.rows].map((row) => row.dataset.project));
  const wanted = select.value || new URLSearchParams(location.search).get("project") || "";
  if (wanted) known.add(wanted);
  select.replaceChildren(select.options[0], ...[...known].sort().map((name) => new Option(name, name)));
  select.value = wanted;
}

function draw() {
  frame = 0;
  for (const account of dirty) {
    const cells = shown.get(account);
    if (cells) drawRow(cells, chosen.get(account));
  }
  dirty.clear();
  if (counted) return;
  counted = true;
  setTimeout(survey, 250);
}

/** Whether the rows are counted and sifted soon: what concerns all of them is done a few times a second at the most. */
let counted = false;

function survey() {
  counted = false;
  count();
  filter();
}

function drawRow(cells, standing) {
  const { row, word, words, flight, most, windows } = cells;
  const [state, title, reason] = stateOf(row, standing);
  put(row.dataset, "state", state);
  put(cells.tile.dataset, "state", state);
  put(word, "textContent", title);
  cells.reason = reason;
  // The provider's own words belong to the cooldown; an account that is disabled beside it has another reason.
  const said = (standing?.why === standing?.cooling?.[0] && standing?.words) || "";
  put(words, "textContent", said);
  put(words, "title", said);
  put(words, "hidden", !said);
  if (standing && !cells.toggle.disabled) put(cells.toggle, "ariaChecked", String(standing.enabled));
  put(flight, "textContent", standing ? String(standing.in_flight) : "");
  put(most, "textContent", standing ? ` of ${standing.concurrent}` : "");
  windows.forEach((window, kind) => drawWindow(window, kind, standing));
  drawTimes(cells, standing);
}

function stateOf(row, standing) {
  if (row.dataset.setAside) return ["stopped", "Set aside", row.dataset.setAside];
  if (!standing) return ["absent", "Not for this model", ""];
  if (!standing.why) {
    const { setbacks } = standing;
    return setbacks ? ["ready", "Ready", `${setbacks} setback${setbacks > 1 ? "s" : ""} since the last success`] : READY;
  }
  return HINDRANCES[standing.why] ?? ["resting", "Resting", standing.why];
}

function drawWindow(window, kind, standing) {
  const { bar, used, reserved, withheld } = window;
  if (!standing) {
    for (const part of [used, reserved, withheld]) put(part.style, "transform", "");
    for (const text of [window.count, window.configured, window.limit]) put(text, "textContent", "");
    return;
  }
  const configured = standing.configured[kind];
  const limit = Math.min(configured, standing.learned[kind] ?? configured);
  const taken = standing.used[kind];
  const flying = Math.min(standing.in_flight, taken);
  const whole = Math.max(configured, taken, 1);
  put(used.style, "transform", `scaleX(${share(taken - flying, whole)})`);
  put(reserved.style, "transform", `translateX(${share(taken - flying, whole) * 100}%) scaleX(${share(flying, whole)})`);
  put(withheld.style, "transform", limit < configured ? `translateX(${share(limit, whole) * 100}%) scaleX(${share(whole - limit, whole)})` : "");
  bar.toggleAttribute("data-full", taken >= limit);
  put(window.count, "textContent", number(taken));
  put(window.configured, "textContent", limit < configured ? number(configured) : "");
  put(window.limit, "textContent", number(limit));
  put(bar, "ariaValueMax", String(limit));
  put(bar, "ariaValueNow", String(taken));
  put(bar, "ariaValueText", `${taken} of ${limit}${flying ? `, ${flying} of them in flight` : ""}`);
}

const number = (count) => count.toLocaleString("en");

/** The least of a bar that can be seen: whatever is not nothing is to be seen. */
const SLIVER = 0.012;

const share = (part, whole) => (part ? Math.max(SLIVER, Math.round((part / whole) * 10_000) / 10_000) : 0);

/** What changes because time passes. */
function drawTimes(cells, standing) {
  if (!standing) {
    for (const { when } of cells.windows) put(when, "textContent", "");
    put(cells.why, "textContent", cells.reason);
    return;
  }
  const [minute, day] = standing.resets;
  const clears = standing.used[0] ? `clears in ${span(minute - now())}` : "";
  put(cells.windows[0].when, "textContent", clears);
  put(cells.windows[1].when, "textContent", clears);
  const [text, soon] = forecast(standing, day);
  put(cells.windows[2].when, "textContent", text);
  cells.windows[2].when.classList.toggle("soon", soon);
  if (standing.free_at > now() && !["used-up", "disabled"].includes(cells.row.dataset.state)) {
    put(cells.why, "textContent", `${cells.reason}; ${standing.why === "all_in_flight" ? "at the latest in" : "again in"} ${span(standing.free_at - now())}`);
  } else put(cells.why, "textContent", cells.reason);
}

/** What becomes of the day's quota at the present pace: when it is used up, or how much of it lapses. */
function forecast(standing, resets) {
  const configured = standing.configured[2];
  const limit = Math.min(configured, standing.learned[2] ?? configured);
  const left = Math.max(0, limit - standing.used[2]);
  const hours = Math.max(0, resets - now()) / 3_600_000;
  const reset = `resets in ${span(resets - now())}`;
  if (!left) return [reset, false];
  const needed = standing.pace * hours;
  if (needed >= left) return [`used up at ${clock(now() + (left / standing.pace) * 3_600_000)}`, true];
  const lapses = Math.round(left - needed);
  return [`${number(lapses)} will lapse in ${span(resets - now())}`, false];
}

const clock = (moment) => new Date(moment - ahead).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function span(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1_000));
  if (seconds < 60) return `${seconds}\u00a0s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}\u00a0min`;
  return `${Math.floor(seconds / 3_600)}\u00a0h\u00a0${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}\u00a0min`;
}

function count() {
  const counts = {};
  let flying = 0;
  const pools = new Set();
  for (const [account, { row }] of shown) {
    counts[row.dataset.state] = (counts[row.dataset.state] ?? 0) + 1;
    const standing = chosen.get(account);
    if (standing && !pools.has(`${standing.provider} ${standing.project}`)) {
      pools.add(`${standing.provider} ${standing.project}`);
      flying += standing.in_flight;
    }
  }
  const words = Object.entries(STATES).filter(([state]) => counts[state]).map(([state, word]) => `${counts[state]} ${word}`);
  const text = [`${shown.size} account${shown.size === 1 ? "" : "s"}`, ...words, `${flying} in flight`].join(" · ");
  put($("#summary"), "textContent", shown.size ? text : "");
}

/** Shows the rows that are meant, and says so in the address. */
function filter() {
  const { q, state, tier, provider, project } = filters.elements;
  const wanted = q.value.trim().toLowerCase();
  let visible = 0;
  for (const [account, { row, tile }] of shown) {
    const { dataset } = row;
    const meant =
      (!wanted || account.toLowerCase().includes(wanted) || dataset.project.toLowerCase().includes(wanted)) &&
      (!state.value || dataset.state === state.value) &&
      (!tier.value || dataset.tier === tier.value) &&
      (!provider.value || dataset.provider === provider.value) &&
      (!project.value || dataset.project === project.value);
    put(row, "hidden", !meant);
    put(tile, "hidden", !meant);
    visible += meant;
  }
  put($("#empty"), "hidden", visible > 0);
  put($("#empty"), "textContent", shown.size ? "No account is like that." : "There is no account yet.");
  put($("#accounts"), "hidden", visible === 0);
}

function address() {
  const said = new URLSearchParams();
  for (const [name, value] of new FormData(filters)) {
    const usual = name === "model" ? $("[data-default]", filters)?.value : "";
    if (value && value !== usual) said.set(name, value);
  }
  $("#clear").hidden = said.size === 0;
  history.replaceState(null, "", said.size ? `?${said}` : location.pathname);
}

/** Writes only what is other: the browser then has nothing to do for the rest. */
function put(target, name, value) {
  if (target[name] !== value) target[name] = value;
}

function recall() {
  const said = new URLSearchParams(location.search);
  for (const [name, value] of said) {
    const element = filters.elements.namedItem(name);
    if (name === "project" && value) element.append(new Option(value, value));
    if (element) element.value = value;
  }
  if (!filters.elements.model.value) filters.elements.model.value = $("[data-default]", filters).value;
  $("#clear").hidden = said.size === 0;
}

filters.addEventListener("input", () => (address(), choose(), draw(), survey()));
filters.addEventListener("submit", (event) => event.preventDefault());
filters.addEventListener("reset", () => setTimeout(() => (address(), choose(), draw(), survey())));

setInterval(() => {
  for (const [account, cells] of shown) if (!cells.row.hidden) drawTimes(cells, chosen.get(account));
}, 1_000);

recall();
changes(tbody, renew);
renew();
