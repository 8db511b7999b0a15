// The list of trips: the newest page comes live, older ones on demand.

import { get } from "./api.js";
import { h, renew } from "./dom.js";
import { moment, pill, say } from "./words.js";

const place = document.getElementById("trips");
const older = document.getElementById("older");
const select = document.getElementById("status");

let newest = { trips: [], after: null };
let rest = { trips: [], after: undefined }; // `after` undefined: nothing older was asked for yet

export function setUp(statuses, chosen, onFilter) {
  select.append(...statuses.map((status) => h("option", { value: status }, say(status))));
  select.value = chosen;
  select.addEventListener("change", () => { forget(); onFilter(select.value); });
  older.addEventListener("click", more);
  place.addEventListener("keydown", walk);
}

export function forget() {
  newest = { trips: [], after: null };
  rest = { trips: [], after: undefined };
}

export function filterBy(status) {
  select.value = status;
}

// Takes the newest page in. What it pushes off its end stays, in its old place, below it.
export function update(page, selected) {
  if (rest.after !== undefined) rest.trips = [...newest.trips, ...rest.trips];
  newest = page;
  show(selected);
}

export function show(selected) {
  const known = new Map([...rest.trips, ...newest.trips].map((trip) => [trip.trip_id, trip]));
  const trips = [...known.values()].sort((a, b) => (a.created < b.created || (a.created === b.created && a.trip_id < b.trip_id) ? 1 : -1));
  renew(place, trips.length ? trips.map((trip) => row(trip, selected)) : h("li", { class: "none" }, "none"));
  older.hidden = !(rest.after === undefined ? newest.after : rest.after);
}

function row({ trip_id, status, created }, selected) {
  const current = trip_id === selected;
  const query = new URLSearchParams({ trip: trip_id });
  return h("li", {},
    h("a", { href: `?${query}`, "data-key": trip_id, "data-trip": trip_id, "aria-current": current ? "true" : null },
      h("span", { class: "id" }, trip_id), pill(status), h("time", { datetime: created }, moment(created))));
}

async function more() {
  older.disabled = true;
  try {
    const after = rest.after ?? newest.after;
    const page = await get(`/api/trips?${new URLSearchParams({ after, ...(select.value && { status: select.value }) })}`);
    rest = { trips: [...rest.trips, ...page.trips], after: page.after };
    show(place.querySelector("[aria-current]")?.dataset.trip);
  } finally {
    older.disabled = false;
  }
}

function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const links = [...place.querySelectorAll("a")];
  links[links.indexOf(document.activeElement) + step]?.focus();
}
