// Faults on purpose, in the form: a row for each step, made from the faults' JSON Schema. Local and dev only.

import { h } from "./dom.js";

let row = () => "";

export function faultFields(schema, states) {
  const steps = states.filter((name) => new RegExp(schema.propertyNames.pattern, "u").test(name));
  row = (step, fault) => makeRow(schema.additionalProperties.properties, steps, step, fault);
  const list = h("div", { class: "faults-list" });
  const add = h("button", { type: "button", onclick: () => { list.append(row(steps.at(3), { error: "SoldOut" })); list.lastChild.querySelector("select").focus(); } }, "Inject a fault");
  return h("fieldset", { class: "faults" }, h("legend", {}, "faults on purpose"), list, add);
}

export function addFault(form, step, fault) {
  form.querySelector(".faults-list")?.append(row(step, fault));
}

function makeRow({ error, times, delay_seconds: delay }, steps, step, fault) {
  const pick = (name, values, chosen) => h("select", {}, values.map((value) => h("option", { value, selected: value === chosen }, value || "no error")));
  const number = ({ minimum, maximum }, value, step) => h("input", { type: "number", min: minimum, max: maximum, step, value, placeholder: "always" });
  const labelled = (text, input, name) => { input.dataset.fault = name; input.setAttribute("aria-label", text); return h("label", {}, h("span", {}, text), input); };
  const remove = h("button", { type: "button", "aria-label": "Remove this fault", onclick: () => made.remove() }, "×");
  const delayInput = number(delay, fault.delay_seconds, "any");
  delayInput.placeholder = "0";
  const made = h("div", { class: "fault" }, labelled("at", pick("step", steps, step), "step"), labelled("error", pick("error", ["", ...error.enum], fault.error ?? ""), "error"),
    labelled("times", number(times, fault.times, 1), "times"), labelled("delay in s", delayInput, "delay_seconds"), remove);
  return made;
}

export function readFaults(form) {
  const faults = {};
  for (const one of form.querySelectorAll(".fault")) {
    const value = (name) => one.querySelector(`[data-fault="${name}"]`).value;
    const fault = value("error") ? { error: value("error") } : {};
    for (const name of ["times", "delay_seconds"]) if (value(name) !== "") fault[name] = Number(value(name));
    faults[value("step")] = fault;
  }
  return faults;
}
