// Elements are made here and nowhere else: text always becomes a text node, so nothing a trip says is ever HTML.

const SVG = "http://www.w3.org/2000/svg";

export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Puts new children in; what had the focus and what was unfolded stays so, found again by its data-key.
export function renew(place, ...children) {
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const open = new Set([...place.querySelectorAll("details[open]")].map((details) => details.dataset.key));
  const { scrollTop } = place;
  place.replaceChildren(...children.flat().filter(Boolean));
  for (const details of place.querySelectorAll("details")) details.open = open.has(details.dataset.key);
  place.scrollTop = scrollTop;
  if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

// Calls `draw` when the value differs from the last one: an event brings a whole trip, of which little has changed.
export function whenChanged(draw) {
  let last;
  return (value) => {
    const text = JSON.stringify(value);
    if (text !== last) draw(value);
    last = text;
  };
}
