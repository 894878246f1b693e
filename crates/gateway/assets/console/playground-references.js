// Pictures to go by: chosen, dropped or pasted, and known by their bytes. They stay in this page until they are asked
// with.

import { $, fresh, tell } from "./console.js";
import { bytes } from "./playground-words.js";

/** What the rest of a request takes at the most, in bytes. */
const WORDS = 200_000;

const TYPES = [
  ["image/png", "png", (b) => [0x89, 0x50, 0x4e, 0x47].every((byte, i) => b[i] === byte)],
  ["image/jpeg", "jpg", (b) => [0xff, 0xd8, 0xff].every((byte, i) => b[i] === byte)],
  ["image/webp", "webp", (b) => String.fromCharCode(...b.slice(0, 4), ...b.slice(8, 12)) === "RIFFWEBP"],
];

/** Their list. */
export class References {
  #pictures = [];
  #model;
  #limit;
  #changed;

  /** `model` tells the model that is chosen; `limit` is how many bytes a request may have. */
  constructor(model, limit, changed) {
    this.#model = model;
    this.#limit = limit - WORDS;
    this.#changed = changed;
    const files = $("#files");
    files.addEventListener("change", () => {
      this.add(files.files).then(() => (files.value = ""));
    });
    this.#hearDrops($("#asking"));
    document.addEventListener("paste", ({ clipboardData }) => {
      if (clipboardData?.files.length) this.add(clipboardData.files);
    });
  }

  /** The pictures, to be sent. */
  blobs() {
    return this.#pictures.map(({ blob }) => blob);
  }

  /** What the snippets call them. */
  names() {
    return this.#pictures.map(({ name }) => name);
  }

  /** Takes those files that are pictures we can use, and says what is wrong with the others. */
  async add(files, then) {
    const wrong = [];
    for (const file of [...files]) {
      const why = await this.#take(file);
      if (why) wrong.push(why);
    }
    this.#say(wrong);
    this.#show();
    if (wrong.length === 0) then?.focus();
  }

  async #take(file) {
    const known = sniff(new Uint8Array(await file.slice(0, 16).arrayBuffer()));
    const named = file.name || "What was pasted";
    if (!known) return `${named} is not a PNG, JPEG or WebP picture.`;
    const most = this.#model().reference_images;
    if (this.#pictures.length >= most) return `${this.#model().name} takes at most ${most} reference pictures.`;
    const together = this.#pictures.reduce((sum, { blob }) => sum + blob.size, file.size);
    if (together > this.#limit) {
      return `${named} has ${bytes(file.size)}; all pictures of a request may have ${bytes(this.#limit)} together.`;
    }
    const [type, extension] = known;
    const url = URL.createObjectURL(file);
    try {
      await decoded(url);
    } catch {
      URL.revokeObjectURL(url);
      return `${named} begins like a picture, but cannot be read as one.`;
    }
    this.#pictures.push({ blob: new Blob([file], { type }), label: named, url, extension });
    this.#name();
  }

  #name() {
    for (const [place, picture] of this.#pictures.entries()) picture.name = `reference-${place + 1}.${picture.extension}`;
  }

  #say(wrong) {
    const most = this.#model().reference_images;
    const many = this.#pictures.length > most ? [`${this.#model().name} takes at most ${most} reference pictures; remove ${this.#pictures.length - most}.`] : [];
    $("#references-trouble").textContent = [...new Set([...wrong, ...many])].join(" ");
  }

  #show() {
    const items = this.#pictures.map((picture) => {
      const item = fresh("reference");
      $("img", item).src = picture.url;
      $("span", item).textContent = `${picture.label}, ${bytes(picture.blob.size)}`;
      const remove = $("button", item);
      remove.setAttribute("aria-label", `Remove ${picture.label}`);
      remove.addEventListener("click", () => this.#remove(picture));
      return item;
    });
    $("#references").replaceChildren(...items);
    $("#references-count").textContent = items.length ? `${items.length} of ${this.#model().reference_images}` : `up to ${this.#model().reference_images}`;
    this.#changed();
  }

  #remove(picture) {
    this.#pictures = this.#pictures.filter((other) => other !== picture);
    URL.revokeObjectURL(picture.url);
    this.#name();
    this.#say([]);
    this.#show();
    tell(`${picture.label} is removed.`);
    $("#files").focus();
  }

  /** Says how many the model takes, when another one is chosen. */
  renew() {
    this.#say([]);
    $("#references-count").textContent = this.#pictures.length
      ? `${this.#pictures.length} of ${this.#model().reference_images}`
      : `up to ${this.#model().reference_images}`;
  }

  #hearDrops(place) {
    let depth = 0;
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const mark = (by) => {
      depth = Math.max(0, depth + by);
      place.classList.toggle("dropping", depth > 0);
    };
    place.addEventListener("dragenter", (event) => carries(event) && mark(1));
    place.addEventListener("dragleave", (event) => carries(event) && mark(-1));
    // Anywhere else a picture that is dropped would take the page's place.
    addEventListener("dragover", (event) => carries(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      mark(-depth);
      this.add(event.dataTransfer.files);
    });
  }
}

const sniff = (head) => TYPES.find(([, , is]) => is(head));

async function decoded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
}
