// The list of trips: the newest page comes live, older ones on demand.

import { get } from "./api.js";
import { h, renew } from "./dom.js";
import { moment, pill, say } from "./words.js";

const place = document.getElementById("trips");
const older = document.getElementById("older");
const select = document.getElementById("status");

let trips = null; // the newest first; null: not told yet
let after = null; // asks for the trips behind the last one
let asked = false; // whether older ones were asked for

export function setUp(statuses, chosen, onFilter) {
  select.append(...statuses.map((status) => h("option", { value: status }, say(status))));
  select.value = chosen;
  select.addEventListener("change", () => { forget(); onFilter(select.value); });
  older.addEventListener("click", more);
  place.addEventListener("keydown", walk);
}

function forget() {
  [trips, after, asked] = [null, null, false];
}

export function filterBy(status) {
  select.value = status;
}

const age = ({ created, trip_id }) => `${created} ${trip_id}`;

// Takes the newest page in. What it pushes off its end stays below it; what is missing in it has gone.
export function update(page, selected) {
  const last = page.trips.at(-1);
  const older = (trips ?? []).filter((trip) => last && age(trip) < age(last));
  trips = [...page.trips, ...older];
  if (!asked) after = page.after;
  show(selected);
}

export function show(selected) {
  const rows = (trips ?? []).map((trip) => row(trip, selected));
  renew(place, rows.length ? rows : h("li", { class: "none" }, trips ? "none" : "…"));
  older.hidden = !after;
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
    const page = await get(`/api/trips?${new URLSearchParams({ after, ...(select.value && { status: select.value }) })}`);
    const first = page.trips[0];
    trips = [...trips.filter((trip) => !first || age(trip) > age(first)), ...page.trips];
    [after, asked] = [page.after, true];
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
