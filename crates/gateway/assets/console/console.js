// What every page uses: finding elements, asking the console to change something, telling people what came of it.

/** The first element that a selector finds, in the document or in an element. */
export const $ = (selector, within = document) => within.querySelector(selector);

/** Every element that a selector finds. */
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

/** A template's content as a new element. */
export const fresh = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

/** Something was not done, and why; `field` names the form's field at fault, if one is. */
export class Refused extends Error {
  constructor({ message, field }) {
    super(message);
    this.field = field;
  }
}

const csrf = $('meta[name="csrf"]')?.content;

/** Has the console change something; answers what it told, or throws `Refused`. `values` are those of a form. */
export async function post(path, values = {}) {
  const request = { method: "POST", headers: { "x-csrf-token": csrf, accept: "application/json" }, body: new URLSearchParams(values) };
  const answer = await fetch(path, request).catch(() => {
    throw new Refused({ message: "Tessera cannot be reached; look whether it runs" });
  });
  if (answer.status === 401) location.reload();
  const text = await answer.text();
  const told = text.startsWith("{") ? JSON.parse(text) : {};
  if (!answer.ok) throw new Refused({ message: told.message ?? `it answered ${answer.status}`, field: told.field });
  return told;
}

/** A part of a page, as the console writes it. */
export async function part(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  if (answer.status === 401) location.reload();
  const text = await answer.text();
  if (!answer.ok) throw new Refused(text.startsWith("{") ? JSON.parse(text) : { message: `it answered ${answer.status}` });
  return new DOMParser().parseFromString(`<template>${text}</template>`, "text/html").querySelector("template").content;
}

/** Tells people something for a while, in the corner and to screen readers. */
export function tell(text, { bad = false } = {}) {
  const toast = document.createElement("p");
  toast.className = bad ? "toast bad" : "toast";
  toast.textContent = text;
  $("#toasts").append(toast);
  setTimeout(() => toast.remove(), bad ? 12_000 : 5_000);
}

/**
 * Has a form ask the console when it is sent. While it asks nothing can be sent twice; what is refused stands beside
 * the field at fault, or below the others in the element `[data-trouble]`.
 */
export function asks(form, path, done) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter ?? $('button[type="submit"]', form);
    clear(form);
    button.disabled = true;
    try {
      await done(await post(typeof path === "function" ? path(form) : path, new FormData(form)), form);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      show(form, refused);
    } finally {
      button.disabled = false;
    }
  });
}

function clear(form) {
  for (const input of $$('[aria-invalid="true"]', form)) input.removeAttribute("aria-invalid");
  for (const trouble of $$(".trouble", form)) trouble.textContent = "";
}

function show(form, { message, field }) {
  const input = field && form.elements.namedItem(field.replace(/^limits\./, ""));
  const place = input?.closest?.(".field")?.querySelector(".trouble") ?? $("[data-trouble]", form);
  place.textContent = message;
  input?.setAttribute?.("aria-invalid", "true");
  input?.focus?.();
}

$("#sign-out")?.addEventListener("click", async () => {
  await post("/sign-out").catch(() => {});
  location.assign("/sign-in");
});

for (const dialog of $$("dialog")) {
  for (const close of $$("[data-close]", dialog)) close.addEventListener("click", () => dialog.close());
}
