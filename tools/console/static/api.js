// What the page asks of its server.

const token = document.querySelector('meta[name="console-token"]').content;

export class Refused extends Error {
  constructor({ detail, errors = [] }) {
    super(detail);
    this.errors = errors;
  }
}

export const get = (path) => ask(path, {});

export function change(path, body = {}) {
  const headers = { "content-type": "application/json", "x-console-token": token };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused({ detail: "the console does not answer; ./saga.sh console starts it" });
  }
  const answer = await response.json().catch(() => ({ detail: `the console failed: ${response.status}` }));
  if (!response.ok) throw new Refused(answer);
  return answer;
}

// A stream of what changes; `hear` maps an event to what is done with it, `reached` is told of the console itself.
export function listen(query, hear, reached) {
  const source = new EventSource(`/api/events?${new URLSearchParams(query)}`);
  for (const [name, act] of Object.entries(hear)) {
    source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  }
  source.addEventListener("open", () => reached(true));
  source.addEventListener("error", () => reached(false));
  return source;
}
