// The three bookings, and the capacity they take: without this trip, and with it.

import { h, renew, whenChanged } from "./dom.js";
import { pill } from "./words.js";

const place = document.getElementById("bookings");

export const showBookings = whenChanged((bookings) => {
  const parts = Object.entries(bookings);
  place.hidden = !parts.length;
  renew(place, h("h2", {}, "Bookings"), h("div", { class: "bookings" }, parts.map(showBooking)));
});

function showBooking([participant, part]) {
  const live = part.status === "BOOKED" ? 1 : 0;
  const note = { BOOKED: null, CANCELLED: part.booked ? "taken, then given back" : "never taken" }[part.status];
  return h("article", { class: "booking", "data-participant": participant },
    h("div", { class: "what" }, h("h3", {}, participant), part.status ? pill(part.status) : h("span", { class: "pill", "data-look": "waiting" }, "not booked")),
    h("div", { class: "which" }, h("p", { class: "offer" }, part.offer), h("p", { class: "confirmation" }, part.booked ? part.confirmation : "no confirmation"),
      note && h("p", { class: "note" }, note)),
    h("div", { class: "days", tabindex: 0, role: "group", "aria-label": `Capacity taken at ${participant}`, "data-key": `days ${participant}` },
      h("table", {}, h("thead", {}, h("tr", {}, ["day", "before", "now", "of"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, spans(part.days).map((span) => showSpan(span, live, part.capacity))))));
}

// Days of which equally much is taken share a row: a trip of a month is mostly one.
function spans(days) {
  const found = [];
  for (const { day, taken } of days) {
    if (found.at(-1)?.taken === taken) found.at(-1).last = day;
    else found.push({ day, last: day, taken });
  }
  return found;
}

// "Before" is what is taken without this trip: other trips come and go meanwhile.
function showSpan({ day, last, taken }, live, capacity) {
  const short = day.slice(0, 5) === last.slice(0, 5) ? last.slice(5) : last;
  const name = [h("span", { class: "day" }, day), day !== last && [" ", h("span", { class: "day" }, `to ${short}`)]].flat();
  return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, String(taken - live)),
    h("td", { class: live ? "took" : null }, String(taken)), h("td", {}, capacity === null ? "not offered" : String(capacity)));
}
