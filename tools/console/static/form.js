// The form that books a trip, made from the trip's JSON Schema; a field is named by its JSON Pointer.

import { change } from "./api.js";
import { dialog } from "./actions.js";
import { h } from "./dom.js";
import { addFault, faultFields, readFaults } from "./faults.js";

const TYPES = { day: "date", moment: "datetime-local" };

// Opens the form; `booked` gets the trip that was started.
export function openForm(about, booked) {
  const form = h("form", { class: "book" });
  const problem = h("p", { class: "problem", role: "alert" });
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(form, problem, booked); });
  form.append(h("h2", { id: "dialog-title" }, "Book a trip"), samples(form, about), ...fields(about.trip, about, "", about.trip),
    about.faults ? faultFields(about.faults, Object.keys(about.machines.booking.States)) : "", problem,
    h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => dialog.close() }, "Close"), h("button", { class: "primary", type: "submit" }, "Book")));
  dialog.className = "";
  dialog.replaceChildren(form);
  dialog.showModal();
}

function samples(form, about) {
  const names = Object.keys(about.samples);
  const select = h("select", { name: "sample", onchange: () => select.value && preset(form, about.samples[select.value]) },
    h("option", { value: "" }, "none"), names.map((name) => h("option", { value: name }, name.replace(/^test-/, ""))));
  return h("label", { class: "field" }, h("span", {}, "Start from a sample"), select);
}

function fields(schema, about, pointer, root) {
  return Object.entries(schema.properties).map(([name, inner]) => {
    const path = `${pointer}/${name}`;
    if (inner.type === "object") return h("fieldset", {}, h("legend", {}, name), ...fields(inner, about, path, root));
    return field(name, path, inner, root, { required: (schema.required ?? []).includes(name), choices: choices(about, path, schema) });
  });
}

// The first field of a participant says which offer it books.
function choices(about, path, schema) {
  const [, participant, name] = path.split("/");
  return name && name === Object.keys(schema.properties)[0] ? about.offers[participant] : null;
}

function field(name, path, inner, root, { required, choices }) {
  const type = inner.$ref?.split("/").at(-1);
  const rules = inner.$ref ? root.$defs[type] : inner;
  const id = `field${path.replaceAll("/", "-")}`;
  const input = h("input", { id, name: path, type: TYPES[type] ?? "text", required, maxlength: rules.maxLength, autocomplete: "off",
    "aria-describedby": `${id}-problem`, list: choices ? `${id}-offers` : null, placeholder: required ? null : "a fresh one", oninput: () => mark(input, "") });
  // The schema's pattern, but not as an attribute: there it would be read by other rules.
  if (rules.pattern) input.addEventListener("change", () => mark(input, input.value && !new RegExp(rules.pattern, "u").test(input.value) ? `expected ${rules.description}` : ""));
  return h("div", { class: "field" }, h("label", { for: id }, name.replaceAll("_", " ")), input,
    choices && h("datalist", { id: `${id}-offers` }, choices.map((value) => h("option", { value }))),
    h("span", { id: `${id}-problem`, class: "problem" }));
}

function mark(input, text) {
  input.setCustomValidity(text);
  input.setAttribute("aria-invalid", text ? "true" : "false");
  document.getElementById(`${input.id}-problem`).textContent = text;
}

const inputs = (form) => [...form.querySelectorAll('input[name^="/"]')];

function preset(form, sample) {
  for (const input of inputs(form)) {
    const [, part, name] = input.name.split("/");
    input.value = (name ? sample[part]?.[name] : sample[part]) ?? "";
    mark(input, "");
  }
  form.querySelector(".faults-list")?.replaceChildren();
  for (const [step, fault] of Object.entries(sample.faults ?? {})) addFault(form, step, fault);
}

function read(form) {
  const event = {};
  for (const { name: pointer, value } of inputs(form)) {
    const [, part, name] = pointer.split("/");
    if (value === "") continue;
    if (name) (event[part] ??= {})[name] = value;
    else event[part] = value;
  }
  const faults = readFaults(form);
  return Object.keys(faults).length ? { ...event, faults } : event;
}

async function submit(form, problem, booked) {
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  problem.textContent = "";
  try {
    const started = await change("/api/trips", read(form));
    dialog.close();
    booked(started);
  } catch (refused) {
    tell(form, problem, refused);
  } finally {
    button.disabled = false;
  }
}

// Each problem stands at its field; what has no field stands above the buttons.
function tell(form, problem, refused) {
  const left = (refused.errors ?? []).filter(({ pointer, detail }) => {
    const input = inputs(form).find((one) => one.name === pointer);
    if (input) mark(input, detail);
    return !input;
  });
  problem.textContent = refused.errors?.length ? left.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("; ") : refused.message;
  form.querySelector('[aria-invalid="true"]')?.focus();
}
