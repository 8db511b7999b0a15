// Puts the page together: what is looked at stands in its address, and one stream brings what changes.

import { dialog, onDone, showHead } from "./actions.js";
import { get, listen } from "./api.js";
import { showBookings } from "./bookings.js";
import { h, renew, whenChanged } from "./dom.js";
import { openForm } from "./form.js";
import { colour, draw, drawLegend } from "./graph.js";
import * as list from "./list.js";
import * as story from "./story.js";

const banners = document.getElementById("banners");
const live = document.getElementById("live");
const book = document.getElementById("book");
const parts = ["head", "machine", "bookings", "story"].map((id) => document.getElementById(id));

let about = null;
let source = null;
let run = null; // the run that somebody picked; none: the last one
let trip = null; // as it was told last
const wrong = { console: null, stage: null, attention: [] };

const params = () => new URLSearchParams(location.search);
let newest = null; // the trip that is looked at while the address names none
const selected = () => params().get("trip") ?? newest;

function look() {
  source?.close();
  const query = new URLSearchParams();
  if (selected()) query.set("trip", selected());
  for (const name of ["saga", "status"]) if (params().get(name)) query.set(name, params().get(name));
  source = listen(query, { trip: onTrip, trips: onTrips, attention: (found) => { wrong.attention = found; warn(wrong); }, reach: onReach }, onConsole);
}

function go(changes) {
  const query = params();
  if ("trip" in changes) query.delete("saga");
  for (const [name, value] of Object.entries(changes)) value ? query.set(name, value) : query.delete(name);
  history.pushState(null, "", `?${query}`);
  arrive();
}

function arrive() {
  run = null;
  list.filterBy(params().get("status") ?? "");
  list.show(selected());
  look();
}

function onTrip(told) {
  if (told.trip_id !== selected()) return;
  trip = told;
  document.getElementById("empty").hidden = true;
  showHead(trip);
  showBookings(trip.bookings);
  story.tell({ story: trip.story, runs: trip.runs });
  showMachine();
}

function showMachine() {
  if (!about || !trip) return; // both come in their own time
  const shown = trip.runs.find((one) => one.run === run) ?? trip.runs.at(-1) ?? { run: 0, machine: "booking", states: {} };
  parts[1].hidden = false;
  showRuns({ runs: trip.runs.map((one) => one.run), current: shown.run });
  draw(shown.machine, about.machines[shown.machine], (state) => story.open(state, shown.run));
  colour(shown.states);
}

const showRuns = whenChanged(({ runs, current }) => {
  const pick = (number) => () => { run = number; showMachine(); };
  renew(document.getElementById("runs"), runs.length > 1 && runs.map((number) =>
    h("button", { type: "button", "data-key": `run ${number}`, "aria-pressed": String(number === current), onclick: pick(number) }, number ? `Undo ${number}` : "Booking")));
});

function onTrips(page) {
  const first = page.trips[0]?.trip_id ?? null;
  const follows = !params().get("trip") && !params().get("status") && first !== newest;
  if (!params().get("status")) newest = first;
  list.update(page, selected());
  if (!selected()) showNothing();
  if (follows) look();
}

function showNothing() {
  for (const part of parts) part.hidden = true;
  const empty = document.getElementById("empty");
  empty.hidden = false;
  empty.textContent = "No trip yet. Book one here, or run ./runtest.sh test-booking-success.json: it will show up by itself.";
}

function onReach({ advice }) {
  wrong.stage = advice;
  warn(wrong);
}

function onConsole(reached) {
  wrong.console = reached ? null : "The console does not answer; it goes on by itself when it is back: ./saga.sh console";
  warn(wrong);
}

function warn(wrong) {
  const off = wrong.console ?? (wrong.stage && `Not live: ${wrong.stage}`);
  live.textContent = off ? "not live" : "live";
  live.dataset.look = off ? "failed" : "succeeded";
  book.disabled = Boolean(off) || !about;
  showBanners({ off, attention: wrong.attention });
}

const showBanners = whenChanged(({ off, attention }) => {
  const link = ({ trip_id, owed }) => h("a", { href: `?trip=${encodeURIComponent(trip_id)}`, "data-trip": trip_id, "data-key": `stuck ${trip_id}` },
    trip_id, Object.keys(owed).length > 0 && ` owes ${Object.keys(owed).join(", ")}`);
  const more = attention.length - 3;
  renew(banners,
    off && h("p", { class: "banner off" }, off),
    attention.length > 0 && h("p", { class: "banner", id: "attention" }, h("strong", {}, attention.length === 1 ? "1 trip needs attention: " : `${attention.length} trips need attention: `),
      attention.slice(0, 3).flatMap((one, index) => [index ? ", " : "", link(one)]), more > 0 && ` and ${more} more`));
});

// Links to trips are followed in place; a new tab or window still opens them by their address.
function follow(event) {
  const link = event.target.closest("a[data-trip]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go({ trip: link.dataset.trip });
}

async function begin() {
  drawLegend(document.getElementById("legend"));
  document.addEventListener("click", follow);
  addEventListener("popstate", arrive);
  document.addEventListener("visibilitychange", () => (document.hidden ? source?.close() : look()));
  book.addEventListener("click", () => openForm(about, ({ trip_id, saga_id }) => go({ trip: trip_id, saga: saga_id })));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  onDone(look);
  look();
  about = await get("/api/about");
  document.getElementById("stage").textContent = [about.stage, about.region].filter(Boolean).join(" · ");
  list.setUp(about.statuses, params().get("status") ?? "", (status) => go({ status, trip: selected() }));
  warn(wrong);
  showMachine();
}

begin();
