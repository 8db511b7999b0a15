// The head of a trip and what can be done with it; and dialogs that ask first.

import { change } from "./api.js";
import { h, renew, whenChanged } from "./dom.js";
import { duration, moment, pill, seconds } from "./words.js";

const place = document.getElementById("head");
export const dialog = document.getElementById("dialog");

let after = () => {};
export function onDone(act) {
  after = act;
}

const QUESTIONS = {
  cancel: ["Cancel trip", "Its bookings are given back. A cancelled trip stays cancelled."],
  repair: ["Repair", "Runs again what the trip owes."],
};

export const showHead = whenChanged((trip) => {
  place.hidden = false;
  const { trip_id, status, created, updated, owner, owed, can } = trip;
  const facts = [
    created && ["begun", moment(created)],
    created && ["changed after", duration(seconds(created, updated))],
    owner && ["owner", owner],
    trip.goal && ["goal", trip.goal.replaceAll("_", " ").toLowerCase()],
  ].filter(Boolean);
  renew(place,
    h("div", { class: "title" }, h("h2", { id: "trip-id" }, trip_id), h("span", { id: "trip-status", role: "status" }, pill(status))),
    h("dl", {}, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    Object.keys(owed ?? {}).length > 0 && h("p", { class: "owed" }, `Still owed: ${Object.entries(owed).map(([who, error]) => `${who} (${error})`).join(", ")}`),
    h("div", { class: "actions" }, can.map((name) => h("button", { type: "button", "data-key": name, onclick: () => confirm(name, trip_id) }, QUESTIONS[name][0] + " …"))));
});

function confirm(name, trip_id) {
  const [title, text] = QUESTIONS[name];
  const problem = h("p", { class: "problem", role: "alert" });
  const act = async (event) => {
    event.preventDefault();
    try {
      await change(`/api/trips/${encodeURIComponent(trip_id)}/${name}`);
      dialog.close();
      after();
    } catch (refused) {
      problem.textContent = refused.message;
    }
  };
  dialog.className = "small";
  dialog.replaceChildren(h("form", { onsubmit: act }, h("h2", { id: "dialog-title" }, title), h("p", {}, h("code", {}, trip_id)), h("p", {}, text), problem,
    h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => dialog.close() }, "Keep it as it is"), h("button", { class: "primary", type: "submit" }, title))));
  dialog.showModal();
}
