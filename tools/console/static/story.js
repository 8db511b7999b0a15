// The story of a trip: its saga log as a timeline, a chapter for each step, with what happened between.

import { h, renew, whenChanged } from "./dom.js";
import { clock, duration, icon, say, seconds } from "./words.js";

const SHOWN = 6; // lines of a chapter before the rest is folded away
const GAP = 1; // seconds of silence worth a line

const place = document.getElementById("story");

export const tell = whenChanged(({ story, runs }) => {
  place.hidden = !story.length;
  const parts = [];
  let last = null;
  for (const chapter of story) {
    const run = runs.find((one) => one.run === chapter.run);
    if (chapter.run !== last?.run && runs.length > 1) parts.push(h("li", { class: "run" }, chapter.run ? `Undo ${chapter.run}` : "Booking"));
    const began = chapter.lines[0].at;
    if (last && last.run === chapter.run && seconds(last.at, began) >= GAP) parts.push(gap(last.at, began));
    parts.push(tellChapter(chapter, run, span(story, chapter.run)));
    last = { run: chapter.run, at: chapter.lines.at(-1).at };
  }
  renew(place, h("h2", {}, "Saga log"), h("p", { class: "note" }, "as the table holds it, in UTC; FAILED is from the execution’s history"), h("ol", { class: "story" }, parts));
  for (const bar of place.querySelectorAll(".bar-track > i")) {
    bar.style.left = `${bar.dataset.left}%`;
    bar.style.width = `${bar.dataset.width}%`;
  }
});

// Brings a state's chapter into view.
export function open(state, run) {
  const name = { BeginSaga: "Saga", BeginCancellation: "Saga", EndSaga: "Saga" }[state] ?? state;
  const found = [...place.querySelectorAll(`[data-step="${CSS.escape(name)}"][data-run="${run}"]`)];
  const chapter = state === "EndSaga" ? found.at(-1) : found[0];
  chapter?.scrollIntoView({ block: "center", behavior: "smooth" });
  chapter?.focus({ preventScroll: true });
}

const gap = (from, to) => h("li", { class: "gap" }, `${duration(seconds(from, to))} later`);

function span(story, run) {
  const times = story.filter((chapter) => chapter.run === run).flatMap((chapter) => chapter.lines.map((line) => line.at)).sort();
  return { from: times[0], length: Math.max(seconds(times[0], times.at(-1)), 0.001) };
}

function tellChapter({ run, step, lines }, execution, { from, length }) {
  const look = lookOf(step, lines, execution);
  const [first, last] = [lines[0].at, lines.at(-1).at];
  const tries = 1 + Math.max(...lines.map((line) => line.attempt ?? 0)); // a first attempt that failed logs no START
  const position = {
    "data-left": Math.min(99, (100 * seconds(from, first)) / length).toFixed(2),
    "data-width": Math.max(1, (100 * seconds(first, last)) / length).toFixed(2),
  };
  return h("li", { class: "chapter", "data-look": look, "data-step": step, "data-run": run, tabindex: -1 },
    h("div", { class: "chapter-head" }, icon(look), h("strong", {}, step), h("span", { class: "look" }, look),
      tries > 1 && h("span", { class: "tries" }, `${tries} attempts`),
      lines.length > 1 && h("span", { class: "took" }, duration(seconds(first, last)))),
    h("div", { class: "bar-track", "aria-hidden": "true" }, h("i", position)),
    tellLines(lines, `${run} ${step} ${first}`));
}

function lookOf(step, lines, execution) {
  const last = lines.at(-1);
  if (step !== "Saga") return execution?.states[step]?.look ?? "waiting";
  return { ROLLED_BACK: "compensated", CANCELLED: "compensated", NEEDS_ATTENTION: "failed" }[last.status] ?? "succeeded";
}

function tellLines(lines, key) {
  const told = lines.map((line, index) => tellLine(line, lines[index - 1]));
  if (told.length <= SHOWN) return h("ul", {}, told);
  const folded = told.splice(SHOWN - 2, told.length - SHOWN);
  return [h("ul", {}, told.slice(0, SHOWN - 2)),
    h("details", { "data-key": key }, h("summary", { "data-key": `${key} more` }, `${folded.length} more entries`), h("ul", {}, folded)),
    h("ul", {}, told.slice(SHOWN - 2))];
}

function tellLine(line, before) {
  const since = before ? `+${duration(seconds(before.at, line.at))}` : "";
  return h("li", { class: `line ${line.kind.toLowerCase()}` },
    h("time", { datetime: line.at }, clock(line.at)), h("b", {}, line.kind), h("span", { class: "facts" }, facts(line).join(" · ")),
    h("span", { class: "since" }, since));
}

function facts(line) {
  const owed = Object.entries(line.owed ?? {}).map(([who, error]) => `owes ${who} (${error})`);
  return [
    line.status && say(line.status),
    line.error,
    line.message,
    line.confirmation,
    line.found && `found ${say(line.found)}`,
    line.attempt > 0 && `attempt ${line.attempt + 1}`,
    ...owed,
  ].filter(Boolean);
}
