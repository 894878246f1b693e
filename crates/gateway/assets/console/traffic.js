// The traffic: what the console counted in the last hour, live, or what the ledger recorded in the last thirty days.

import { $, fresh } from "./console.js";
import { follow } from "./feed.js";
import { Plots } from "./traffic-plots.js";

/** How often the hour is asked for while it changes, and the month, in milliseconds. */
const PACE = { hour: 2_000, month: 60_000 };

/** The least of an hour that is shown where no more of it was seen, in milliseconds. */
const YOUNG = 600_000;

/** Steps of the hour that make a minute. */
const MINUTE = 6;

const view = $("#view");
const plots = new Plots($("#plots"), { onZoom: (zoomed) => ($("#whole").hidden = !zoomed), say: (text) => ($("#spoken").textContent = text) });
let asked = 0;
let asking = false;

const count = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 1 });
const ratio = (value) => value.toFixed(2);
const seconds = (value) => (value < 1 ? `${Math.round(value * 1_000)} ms` : `${value.toFixed(1)} s`);
const word = (kind) => (kind.charAt(0).toUpperCase() + kind.slice(1)).replaceAll("_", " ");

/** US dollars, with as many digits as tell anything. */
function dollars(value) {
  const digits = Math.abs(value) >= 100 || value === 0 ? 2 : 3;
  return `${value < 0 ? "−" : ""}$${Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: digits })}`;
}

/** For each step the sum of the minute that ends with it; of the first ones nobody knows. */
function minutes(values) {
  let sum = 0;
  return values.map((value, step) => {
    sum += value - (values[step - MINUTE] ?? 0);
    return step < MINUTE - 1 ? null : sum;
  });
}

const over = (parts, wholes) => parts.map((part, step) => (wholes[step] ? part / wholes[step] : null));

function drawHour(told) {
  // The present step has only begun.
  const length = told.requests.length - 1;
  const moments = Array.from({ length }, (_, step) => told.first / 1_000 + (step + 1) * told.step);
  const unseen = moments.findIndex((moment) => moment * 1_000 > told.since);
  const seen = (values) => values.slice(0, length).map((value, step) => (unseen < 0 || step < unseen ? null : value));
  const minute = (values) => seen(minutes(values));
  const took = (values) => seen(values.map((value) => (value === null ? null : value / 1_000)));
  const ofAccount = chosen()[0] === "account";
  const asked = ofAccount ? "Calls" : "Requests";
  const errors = Object.entries(told.errors).sort(([, a], [, b]) => total(b) - total(a));

  plots.draw(moments, [
    { name: "throughput", title: "Throughput", unit: "a minute", format: count, lines: [
      { label: asked, tone: "--busy", values: minute(told.requests) },
      { label: "Pictures", tone: "--gold", values: minute(told.pictures) },
    ] },
    { name: "latency", title: ofAccount ? "Time of calls" : "Time to answer", unit: "where pictures came", format: seconds, points: true, lines: [
      { label: "p50", tone: "--good", values: took(told.p50) },
      { label: "p90", tone: "--gold", values: took(told.p90) },
      { label: "p99", tone: "--bad", values: took(told.p99) },
    ] },
    { name: "errors", title: "Errors", unit: "a minute, by kind", format: count, stacked: true, lines: errors.map(([kind, values], place) => (
      { label: word(kind), tone: TONES[place % TONES.length], values: minute(values) }
    )) },
    { name: "attempts", title: "Attempts per picture", unit: "over a minute", format: ratio, points: true, lines: [
      { label: "Attempts", tone: "--rest", values: seen(over(minutes(told.calls), minutes(told.pictures))) },
    ] },
    { name: "waiting", title: "Queue", unit: "wishes that wait for any account", format: count, lines: [
      { label: "Waiting", tone: "--busy", values: seen(told.waiting) },
    ] },
    { name: "spend", title: "Spend", unit: "a minute", format: dollars, lines: [
      { label: "US dollars", tone: "--good", values: minute(told.cost.map((micro) => micro / 1e6)) },
    ] },
  ], { from: Math.max(told.first, Math.min(told.since, told.now - YOUNG)) / 1_000, to: moments.at(-1) });

  const { sum } = told;
  const since = new Date(told.since);
  const isYoung = told.now - told.since < 3_600_000;
  $("#note").textContent = isYoung ? `Counted since the console began, ${since.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}.` : "";
  sums([
    [asked, count(sum.requests)],
    ["Pictures", count(sum.pictures)],
    ["Failed", sum.requests ? `${count(sum.failed)} · ${count((sum.failed / sum.requests) * 100)} %` : "0", sum.failed > 0 && "bad"],
    ["Time, p50", sum.p50 === null ? "–" : seconds(sum.p50 / 1_000)],
    ["Time, p99", sum.p99 === null ? "–" : seconds(sum.p99 / 1_000)],
    ["Attempts per picture", sum.pictures ? ratio(sum.calls / sum.pictures) : "–"],
    ["Waiting now", count(sum.waiting)],
    ["Spend", dollars(sum.cost / 1e6)],
  ]);
}

const TONES = ["--bad", "--gold", "--busy", "--mute", "--good", "--rest"];
const total = (values) => values.reduce((sum, value) => sum + value, 0);

function drawMonth({ days }) {
  // A Pacific day is drawn where the same day is here.
  const date = new Intl.DateTimeFormat("en-CA", { timeZone: "America/Los_Angeles" });
  const moments = days.map(({ at }) => new Date(`${date.format(at)}T12:00`).getTime() / 1_000);
  const values = (name) => days.map((day) => day[name]);
  plots.draw(moments, [
    { name: "calls", title: "Calls and pictures", unit: "a day", format: count, bars: true, lines: [
      { label: "Calls", tone: "--busy", values: values("calls") },
      { label: "Pictures", tone: "--gold", values: values("pictures") },
    ] },
    { name: "spend", title: "Spend", unit: "a day", format: dollars, bars: true, lines: [
      { label: "US dollars", tone: "--good", values: values("cost").map((micro) => micro / 1e6) },
    ] },
    { name: "attempts", title: "Calls per picture", unit: "by the day", format: ratio, points: true, lines: [
      { label: "Calls", tone: "--rest", values: over(values("calls"), values("pictures")) },
    ] },
    { name: "tokens", title: "Tokens", unit: "a day, read and written", format: count, bars: true, lines: [
      { label: "Tokens", tone: "--busy", values: values("tokens") },
    ] },
  ], { from: moments[0] - 43_200, to: moments.at(-1) + 43_200, byDay: true });
  const [calls, pictures, tokens, cost] = ["calls", "pictures", "tokens", "cost"].map((name) => total(values(name)));
  $("#note").textContent = "From the usage record, in Pacific days as the provider’s quotas are. Times and kinds of errors are kept for the last hour alone, and in the metrics.";
  sums([["Calls", count(calls)], ["Pictures", count(pictures)], ["Calls per picture", pictures ? ratio(calls / pictures) : "–"], ["Tokens", count(tokens)], ["Spend", dollars(cost / 1e6)]]);
}

function sums(list) {
  const place = $("#sums");
  while (place.children.length > list.length) place.lastElementChild.remove();
  list.forEach(([name, value, tone], index) => {
    const sum = place.children[index] ?? place.appendChild(fresh("sum"));
    put($("dt", sum), "textContent", name);
    put($("dd", sum), "textContent", value);
    put(sum, "className", tone || "");
  });
}

/** The kind and the name of what is looked at; empty for everything. */
function chosen() {
  const [kind, ...name] = view.elements.of.value.split(":");
  return kind ? [kind, name.join(":")] : [];
}

const range = () => view.elements.range.value;

async function ask() {
  if (asking) return;
  asking = true;
  asked = Date.now();
  const [kind, name] = chosen();
  const query = kind ? `?${new URLSearchParams({ [kind]: name })}` : "";
  const wanted = address();
  try {
    const answer = await fetch(`/traffic/${range()}${query}`, { headers: { accept: "application/json" } });
    if (answer.status === 401) location.reload();
    const told = await answer.json();
    if (wanted !== address()) return;
    silence(answer.ok ? silent : told.message);
    if (!answer.ok) return;
    options(told.names);
    if (range() === "hour") drawHour(told);
    else drawMonth(told);
  } catch {
    silence("the console cannot be reached");
  } finally {
    asking = false;
    if (wanted !== address()) ask();
  }
}

let silent;

function silence(away) {
  $("#away").hidden = !away;
  $("#away").textContent = away ? `What you see is old: ${away}.` : "";
}

/** Everything there is to look at; what was once there stays. */
function options({ models, clients, accounts }) {
  for (const [kind, names] of [["model", models], ["client", clients], ["account", accounts]]) {
    for (const name of names) option(kind, name);
  }
}

function option(kind, name) {
  const group = $(`optgroup[data-kind="${kind}"]`, view);
  const value = `${kind}:${name}`;
  const known = [...group.children];
  if (known.some((option) => option.value === value)) return;
  group.insertBefore(new Option(name, value), known.find((option) => option.text > name) ?? null);
}

function address() {
  const said = new URLSearchParams();
  const [kind, name] = chosen();
  if (kind) said.set(kind, name);
  if (range() !== "hour") said.set("range", range());
  return said.size ? `?${said}` : location.pathname;
}

function recall() {
  const said = new URLSearchParams(location.search);
  if (said.get("range") === "month") view.elements.range.value = "month";
  for (const kind of ["model", "client", "account"]) {
    const name = said.get(kind);
    if (!name) continue;
    option(kind, name);
    view.elements.of.value = `${kind}:${name}`;
  }
}

/** Writes only what is other: the browser then has nothing to do for the rest. */
function put(target, name, value) {
  if (target[name] !== value) target[name] = value;
}

view.addEventListener("input", () => {
  history.replaceState(null, "", address());
  plots.whole();
  ask();
});
view.addEventListener("submit", (event) => event.preventDefault());
$("#whole").addEventListener("click", () => plots.whole());

recall();
ask();
follow("/traffic/feed", {
  beat({ away }) {
    if (silent !== away) silence((silent = away));
    if (Date.now() - asked >= PACE[range()] - 100) ask();
  },
});
