// Words, times and icons: the same everywhere on the page.

import { h, svg } from "./dom.js";

export const LOOKS = ["waiting", "running", "succeeded", "refused", "retried", "compensated", "failed"];

const SHAPES = {
  waiting: "M8 5.2a2.8 2.8 0 1 0 .01 0",
  running: "M8 2.500a5.500 5.500 0 1 1-5.500 5.500",
  succeeded: "M3.200 8.400l3.200 3.200 6.400-7",
  refused: "M8 2.400a5.600 5.600 0 1 0 .01 0M4.100 4.100l7.800 7.800",
  retried: "M13.200 8a5.200 5.200 0 1 1-1.600-3.700M12.200 1.600v3h-3",
  compensated: "M6 3.200 2.800 6.400 6 9.600M3 6.400h6a3.300 3.300 0 0 1 0 6.600H6.500",
  failed: "M4 4l8 8M12 4l-8 8",
};

const STATUS_LOOKS = {
  BOOKING: "running",
  BOOKED: "succeeded",
  CONFIRMED: "succeeded",
  COMPENSATING: "retried",
  CANCELLING: "retried",
  ROLLED_BACK: "compensated",
  CANCELLED: "compensated",
  NEEDS_ATTENTION: "failed",
};

export function icon(look) {
  const shape = svg("path", { d: SHAPES[look] });
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, shape);
}

export const say = (status) => status.replaceAll("_", " ").toLowerCase();

export function pill(status) {
  const look = STATUS_LOOKS[status] ?? "waiting";
  return h("span", { class: "pill", "data-look": look }, icon(look), status ? say(status) : "not recorded yet");
}

// The log is in UTC, and so is all that is shown: one clock for the page, the terminal and CloudWatch.
export const clock = (at) => at.slice(11, 23);
export const moment = (at) => `${at.slice(0, 10)} ${at.slice(11, 19)}`;

export function seconds(from, to) {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

export function duration(value) {
  if (value < 0.9995) return `${Math.max(0, Math.round(value * 1000))} ms`;
  if (value < 99.5) return `${value.toFixed(value < 9.995 ? 2 : 1)} s`;
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}
