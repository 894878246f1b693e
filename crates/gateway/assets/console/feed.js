// What is told live. A page that nobody sees follows nothing; once it is seen again it gets the whole picture.

import { $ } from "./console.js";

/** How long a page may be hidden and still follow, in milliseconds. */
const PATIENCE = 10_000;

const live = $("#live");

/** Shows whether the page is live: "live", "waiting" or "away". */
export function standing(state, text) {
  if (live.dataset.state === state && live.textContent === text) return;
  live.dataset.state = state;
  live.textContent = text;
}

/**
 * Follows a feed of the console. `handlers` are functions by the name of the event, each of which gets what is told;
 * `away` tells why the console itself is told nothing.
 */
export function follow(path, handlers) {
  let source;
  let hiding;

  const open = () => {
    source = new EventSource(path);
    source.addEventListener("error", () => {
      standing("waiting", "connecting");
      // It is refused: whoever was here is signed out.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2_000);
    });
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, ({ data }) => {
        const told = JSON.parse(data);
        if (told.away) standing("away", "no word");
        else standing("live", "live");
        handle(told);
      });
    }
  };
  const close = () => {
    source?.close();
    source = undefined;
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(close, PATIENCE);
    else if (!source) open();
  });
  // Else a page that is kept for going back keeps its connection.
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && !source && open());
  open();
}
