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
  return h("article", { class: "booking", "data-participant": participant },
    h("h3", {}, participant, part.status ? pill(part.status) : h("span", { class: "pill", "data-look": "waiting" }, "not booked")),
    h("p", { class: "offer" }, part.offer),
    h("p", { class: "confirmation" }, part.booked ? part.confirmation : "no confirmation"),
    h("div", { class: "days", tabindex: 0, role: "group", "aria-label": `Capacity taken at ${participant}`, "data-key": `days ${participant}` },
      h("table", {}, h("thead", {}, h("tr", {}, ["day", "before", "now", "of"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, part.days.map((day) => showDay(day, live, part.capacity))))),
    part.status === "CANCELLED" && h("p", { class: "note" }, part.booked ? "was taken, and given back" : "nothing was ever taken"));
}

// "Before" is what is taken without this trip: other trips come and go meanwhile.
function showDay({ day, taken }, live, capacity) {
  return h("tr", {}, h("th", { scope: "row" }, day), h("td", {}, String(taken - live)),
    h("td", { class: live ? "took" : null }, String(taken)), h("td", {}, capacity === null ? "not offered" : String(capacity)));
}
