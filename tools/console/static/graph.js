// The state machine as its ASL file has it, laid out by dagre, and the looks of an execution's states upon it.

import { h, renew, svg } from "./dom.js";
import { Graph, layout } from "./vendor/dagre.esm.js";
import { icon, LOOKS } from "./words.js";

const HEIGHT = 46;

const place = document.getElementById("graph");
let drawn = null; // the machine that stands there

// Every way on from a state: by Next, by a Choice, or by a Catch.
function ways(state) {
  const found = [];
  if (state.Next) found.push({ to: state.Next, kind: "next" });
  for (const choice of state.Choices ?? []) found.push({ to: choice.Next, kind: "next" });
  if (state.Default) found.push({ to: state.Default, kind: "next" });
  for (const rule of state.Catch ?? []) found.push({ to: rule.Next, kind: "catch" });
  return found;
}

function arrange(machine) {
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 18, edgesep: 12, ranksep: 30, marginx: 6, marginy: 6 });
  const names = Object.keys(machine.States);
  const width = 48 + 8.6 * Math.max(...names.map((name) => name.length)); // one for all: a calmer picture
  for (const name of names) graph.setNode(name, { width, height: HEIGHT });
  for (const [name, state] of Object.entries(machine.States)) {
    for (const { to, kind } of ways(state)) {
      if (!graph.hasEdge(name, to)) graph.setEdge(name, to, { kind, weight: kind === "next" ? 8 : 1 });
    }
  }
  layout(graph);
  return graph;
}

// What the picture needs: dagre's own size leaves out lines that run outside of the boxes.
function frame(graph) {
  const points = graph.edges().flatMap((edge) => graph.edge(edge).points);
  const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
  const { width, height } = graph.graph();
  const [left, right] = [Math.min(0, ...xs) - 4, Math.max(width, ...xs) + 4];
  const [top, bottom] = [Math.min(0, ...ys) - 4, Math.max(height, ...ys) + 4];
  return { x: left, y: top, width: right - left, height: bottom - top };
}

// A line through the points that dagre gives, with its corners rounded.
function curve([first, ...rest]) {
  let path = `M${first.x} ${first.y}`;
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    path += next
      ? `Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`
      : `L${point.x} ${point.y}`;
  });
  return path;
}

function drawEdge(graph, { v, w }) {
  const { points, kind } = graph.edge(v, w);
  return svg("path", { class: `edge ${kind}`, d: curve(points), "data-edge": `${v} ${w}`, "marker-end": "url(#tip)" });
}

function drawNode(graph, name, open) {
  const { x, y, width } = graph.node(name);
  const left = x - width / 2;
  return svg(
    "g",
    { class: "node", tabindex: 0, role: "button", "data-state": name, onclick: () => open(name), onkeydown: (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(name); }
    } },
    svg("rect", { x: left, y: y - HEIGHT / 2, width, height: HEIGHT, rx: 10 }),
    svg("g", { class: "mark", transform: `translate(${left + 12} ${y - 8})` }),
    svg("text", { class: "name", x: left + 38, y: y - 3 }, name),
    svg("text", { class: "what", x: left + 38, y: y + 14 }),
    svg("text", { class: "count", x: left + width - 10, y: y - 3, "text-anchor": "end" }),
  );
}

// Draws a machine anew; `open` is called with a state that somebody picks.
export function draw(kind, machine, open) {
  if (drawn === kind) return;
  drawn = kind;
  const graph = arrange(machine);
  const { x, y, width, height } = frame(graph);
  const tip = svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
    svg("path", { d: "M1 1 7 4 1 7", class: "tip" }));
  const attributes = { viewBox: `${x} ${y} ${width} ${height}`, width, height, role: "group", "aria-label": `State machine ${kind}` };
  place.replaceChildren(svg("svg", attributes, svg("defs", {}, tip),
    graph.edges().map((edge) => drawEdge(graph, edge)), graph.nodes().map((name) => drawNode(graph, name, open))));
}

function what({ look, error }) {
  return error && look !== "succeeded" && look !== "compensated" ? `${look} · ${error}` : look;
}

// Gives each state its look, and each way that was gone its colour.
export function colour(states) {
  const path = Object.keys(states);
  const gone = new Set(path.slice(1).map((state, index) => `${path[index]} ${state}`));
  for (const node of place.querySelectorAll(".node")) {
    const state = states[node.dataset.state] ?? { look: "waiting", attempts: 0 };
    const again = state.attempts > 1 ? `×${state.attempts}` : "";
    if (node.dataset.look !== state.look) node.querySelector(".mark").replaceChildren(icon(state.look));
    node.dataset.look = state.look;
    // The spaces are not seen; they keep the words apart for whoever listens.
    node.querySelector(".what").textContent = state.look === "waiting" ? "" : ` ${short(what(state), node)}`;
    node.querySelector(".count").textContent = ` ${again}`;
    node.classList.toggle("blank", state.look === "waiting");
    node.setAttribute("aria-label", [node.dataset.state, what(state), again].filter(Boolean).join(" "));
  }
  for (const edge of place.querySelectorAll(".edge")) edge.classList.toggle("gone", gone.has(edge.dataset.edge));
}

// A long error is cut to its box; the label and the story have it whole.
function short(text, node) {
  const most = Math.floor((node.querySelector("rect").width.baseVal.value - 44) / 6.5);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

export function drawLegend(legend) {
  renew(legend, LOOKS.map((look) => h("li", { "data-look": look }, icon(look), look)));
}
