// One request: what changes of it is written anew by the console, as long as there may be more to tell.

import { $, $$, part, tell } from "./console.js";
import { follow } from "./feed.js";

/** How often what goes on is drawn longer, in milliseconds. */
const PACE = 1_000;

const { id } = $("#request").dataset;
const place = $("#part");
const isOpen = () => $(".told", place).dataset.open === "true";

let asking;

/** Gets it anew; what is told meanwhile is got afterwards. */
async function renew() {
  if (asking) return (asking = "again");
  asking = "once";
  try {
    place.replaceChildren(await part(`/requests/part?id=${encodeURIComponent(id)}`));
    localise();
  } catch {
    gone();
  } finally {
    const again = asking === "again";
    asking = undefined;
    if (again) renew();
  }
}

function gone() {
  $("#gone").hidden = false;
  $("#gone").textContent = "This request is not remembered any more; what you see is how it stood last.";
}

/** Times as they are here. */
function localise() {
  for (const time of $$("time[data-at]", place)) {
    time.textContent = new Date(Number(time.dataset.at)).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
  }
}

const concerns = ({ rows = [], others = [] }) => others.includes(id) || rows.some((row) => row.id === id);

follow("/requests/feed", {
  whole: () => isOpen() && renew(),
  change: (news) => concerns(news) && renew(),
  away: () => {},
});

setInterval(() => isOpen() && !document.hidden && $("#gone").hidden && renew(), PACE);

for (const button of $$("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy).then(
      () => tell("Copied."),
      () => tell("The browser allows no copying; select the text instead.", { bad: true }),
    );
  });
}

// Back to the list as it was filtered.
if (document.referrer.startsWith(`${location.origin}/requests?`)) $("#back").href = document.referrer;

localise();
