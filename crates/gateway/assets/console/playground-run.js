// One request: its places for pictures, which fill as they come, and how it went.

import { $, fresh } from "./console.js";
import { bytes as spelled, dollars, seconds, times } from "./playground-words.js";

/** Requests whose pictures are kept in the page. */
const KEPT = 12;

/** Tiles of the mosaic that stands for a picture until it has come. */
const TILES = 35;

/** Names every picture of this page for downloads. */
let number = 0;

export class Run {
  #asked;
  #element = fresh("run");
  #places;
  #refer;
  #begun = performance.now();
  #clock;
  #now;
  #spent = 0;
  #came = 0;
  #lost = 0;
  #urls = [];

  /** Begins: `size` is what each picture will measure; `cancel` cancels, `refer` takes a picture to go by. */
  constructor(asked, size, { cancel, refer }) {
    this.#asked = asked;
    this.#refer = refer;
    $(".asked", this.#element).textContent = asked.prompt;
    $(".cancel", this.#element).addEventListener("click", cancel);
    this.#places = Array.from({ length: asked.n }, () => this.#place(size));
    $(".pictures", this.#element).append(...this.#places);
    $("#runs").prepend(this.#element);
    this.#element.run = this;
    for (const old of [...$("#runs").children].slice(KEPT)) old.run.remove();
    this.#clock = setInterval(() => this.#tick(), 100);
    this.#stage("Asking");
    if (innerWidth < 980) this.#element.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  /** Takes what is told, or bytes of the picture that was told of last. */
  take(told, bytes) {
    if (bytes) return this.#bytes(bytes);
    switch (told.event) {
      case "asked":
        this.#element.dataset.request = told.id;
        break;
      case "started":
        this.#stage(this.#asked.n === 1 ? "Drawing" : `Drawing ${this.#asked.n} pictures`);
        break;
      case "queued":
        this.#stage("Waiting for an account", "No account is free at this moment. The request keeps its place and is drawn as soon as one is.");
        break;
      case "stands":
        this.#stands(told);
        break;
      case "picture":
        this.#now = { ...told, chunks: [], length: told.length, came: 0, place: this.#places[told.index] };
        break;
      case "complete":
        this.#complete(this.#now);
        break;
      case "lost":
        this.#lose(this.#places[told.index], told);
        break;
      case "finished":
        this.#spent = told.cost_micro_usd;
        break;
      case "failed":
        this.#fail(told);
        break;
    }
  }

  /** Nothing more is told. */
  end() {
    const took = seconds(performance.now() - this.#begun);
    if (this.#came === 0) this.#stage("Failed", `Nothing came, after ${took}.`);
    else if (this.#lost > 0) this.#stage("Done in part", `${this.#came} of ${this.#asked.n} pictures came, in ${took}.`);
    else this.#stage("Done", `${this.#came === 1 ? "The picture" : `All ${this.#came} pictures`} came, in ${took}.`);
    this.#close(this.#came ? `${took} · ${dollars(this.#spent)} · ` : `${took} · `);
  }

  /** It was cancelled here. */
  cancelled() {
    this.#stage("Cancelled", "Cancelled. What was not sent to the provider yet costs nothing; a call that was under way may be charged.");
    this.#close("What was not sent to the provider yet costs nothing; a call that was under way may be charged. ");
  }

  /** The console told nothing to its end. */
  lost(message) {
    this.#fail({ message, advice: "Look at the page Accounts for what was charged, then ask again.", possibly_billed: true });
    this.end();
  }

  /** Leaves the page, pictures and all. */
  remove() {
    clearInterval(this.#clock);
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.#element.remove();
  }

  #place([width, height]) {
    const place = fresh("picture");
    const canvas = $(".canvas", place);
    canvas.style.aspectRatio = `${width} / ${height}`;
    place.style.setProperty("--shape", width / height);
    const tiles = Array.from({ length: TILES }, (_, at) => {
      const tile = document.createElement("i");
      tile.style.animationDelay = `${-((at * 7919) % 3_600)}ms`;
      return tile;
    });
    $(".drawing", place).append(...tiles);
    $("figcaption", place).textContent = times(width, height);
    return place;
  }

  #bytes(bytes) {
    const now = this.#now;
    now.chunks.push(bytes);
    now.came += bytes.length;
    const progress = $("progress", now.place);
    progress.hidden = false;
    progress.value = now.came / now.length;
  }

  #complete({ place, chunks, media_type, extension, width, height, length, caption, price_micro_usd }) {
    this.#came += 1;
    const blob = new Blob(chunks, { type: media_type });
    this.#now = undefined;
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    const name = `tessera-${++number}.${extension}`;
    const image = new Image(width, height);
    image.alt = this.#asked.prompt;
    image.src = url;
    const canvas = $(".canvas", place);
    canvas.style.aspectRatio = `${width} / ${height}`;
    canvas.replaceChildren(image);
    place.dataset.state = "whole";
    const facts = [times(width, height), extension.toUpperCase(), spelled(length), seconds(performance.now() - this.#begun), dollars(price_micro_usd)];
    $("figcaption", place).replaceChildren(...this.#told(facts, caption), this.#actions(url, name, blob));
    if (this.#asked.n > 1) this.#stage(`${this.#came} of ${this.#asked.n} have come`);
  }

  #told(facts, caption) {
    const line = document.createElement("p");
    line.className = "facts";
    line.textContent = facts.join(" · ");
    if (!caption.trim()) return [line];
    const words = document.createElement("p");
    words.className = "caption";
    words.textContent = caption;
    return [line, words];
  }

  #actions(url, name, blob) {
    const actions = document.createElement("div");
    actions.className = "actions";
    const download = document.createElement("a");
    Object.assign(download, { className: "button", href: url, download: name, textContent: "Download" });
    const open = document.createElement("a");
    Object.assign(open, { className: "button", href: url, target: "_blank", rel: "noopener", textContent: "Open" });
    const refer = document.createElement("button");
    Object.assign(refer, { type: "button", textContent: "Use as reference" });
    refer.addEventListener("click", () => this.#refer(blob, name));
    actions.append(download, open, refer);
    return actions;
  }

  #lose(place, why) {
    this.#lost += 1;
    place.dataset.state = "lost";
    $(".canvas", place).replaceChildren(failure(why));
    $("figcaption", place).textContent = "";
  }

  /** The whole request failed: every place that is empty stays so. */
  #fail(why) {
    const empty = this.#places.filter((place) => place.dataset.state === "waiting");
    this.#lost += empty.length;
    for (const place of empty) place.remove();
    $(".pictures", this.#element).append(failure(why));
  }

  #stage(word, whole = word) {
    $(".stage b", this.#element).textContent = word;
    $("#progress").textContent = whole;
    $(".sum", this.#element).textContent = whole === word ? "" : whole;
  }

  /** Where its pictures stand: how many wait, have their account, are drawn, or are on their way here. */
  #stands({ queued, leased, drawing, coming, waiting }) {
    if (queued && !(leased || drawing || coming || this.#came)) {
      const others = waiting > 1 ? ` ${waiting} requests wait at present.` : "";
      return this.#stage("Waiting for an account", `No account is free at this moment. The request keeps its place and is drawn as soon as one is.${others}`);
    }
    const parts = [[queued, "waiting for an account"], [leased, "about to be drawn"], [drawing, "drawing"], [coming, "arriving"]];
    const words = parts.filter(([count]) => count).map(([count, what]) => (this.#asked.n === 1 ? what : `${count} ${what}`));
    if (this.#came) words.unshift(`${this.#came} of ${this.#asked.n} have come`);
    if (words.length) this.#stage(words.join(" · ").replace(/^./, (first) => first.toUpperCase()));
  }

  #tick() {
    $(".elapsed", this.#element).textContent = seconds(performance.now() - this.#begun);
  }

  #close(sum) {
    clearInterval(this.#clock);
    this.#tick();
    this.#element.dataset.over = "";
    for (const place of this.#places) if (place.dataset.state === "waiting") place.dataset.state = "ended";
    $(".cancel", this.#element).remove();
    const id = this.#element.dataset.request;
    const line = $(".sum", this.#element);
    line.textContent = sum;
    if (!id) return;
    const named = document.createElement("code");
    named.textContent = id;
    line.append(named);
    if (!$('nav a[href="/requests"]')) return;
    const link = document.createElement("a");
    Object.assign(link, { href: `/requests/${id}`, target: "_blank", textContent: "its time line" });
    line.append(" · ", link);
  }
}

function failure({ message, advice, possibly_billed, again_in_seconds }) {
  const element = fresh("failure");
  $("h3", element).textContent = message.charAt(0).toUpperCase() + message.slice(1);
  const soon = again_in_seconds && again_in_seconds < 600 ? ` In about ${again_in_seconds} s it can succeed.` : "";
  $(".advice", element).textContent = advice + soon;
  $(".money", element).textContent = possibly_billed ? "The provider may have charged for it." : "It cost nothing.";
  element.classList.toggle("billed", Boolean(possibly_billed));
  return element;
}
