// The daemon, as this page sees it: calls, streams of lines, and what happens, as it happens.

const STORED = "kp2p-session";

// "loaded": a load that this page asked for has ended well.
export const news = new EventTarget();

export class DaemonError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// Takes the token that kp2p-web put behind the page's address, once; reloads keep the session.
export async function enter() {
  const token = /^#token=([0-9a-f]{64})$/.exec(location.hash)?.[1];
  if (token) {
    history.replaceState(null, "", location.pathname);
    const { session } = await plain("POST", "/v1/web/session", { token });
    sessionStorage.setItem(STORED, session);
  }
  return sessionStorage.getItem(STORED) !== null;
}

export function leave() {
  sessionStorage.removeItem(STORED);
}

function headers() {
  return { Authorization: `KP2P-Web ${sessionStorage.getItem(STORED)}` };
}

async function ask(method, path, body) {
  const options = { method, headers: headers() };
  if (method !== "GET") {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  try {
    return await fetch(path, options);
  } catch {
    throw new DaemonError("no_daemon", "The daemon does not answer.");
  }
}

function failed(answer) {
  return new DaemonError(answer.code ?? "failed", `${answer.about ? `${answer.about}: ` : ""}${answer.message ?? "It failed."}`);
}

// A call with one answer.
export async function plain(method, path, body) {
  const response = await ask(method, path, body);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw failed(answer);
  return answer;
}

async function* pieces(response, separator) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const whole = (rest + value).split(separator);
    rest = whole.pop();
    yield* whole;
  }
}

// A call that answers with many events: each goes to `told`; returns the last.
export async function stream(path, body, told = () => {}) {
  const response = await ask(body === undefined ? "GET" : "POST", path, body);
  if (!response.ok) throw failed(await response.json().catch(() => ({})));
  for await (const line of pieces(response, "\n")) {
    const event = JSON.parse(line);
    if (event.event === "error") throw failed(event);
    if (event.event === "result") return event;
    told(event);
  }
  throw new DaemonError("closed", "The daemon ended before its answer did.");
}

// Server-sent events: told(name, value) until the connection breaks, which throws. EventSource
// cannot send the session.
export async function follow(path, told) {
  const response = await ask("GET", path);
  if (!response.ok) throw failed(await response.json().catch(() => ({})));
  for await (const piece of pieces(response, "\n\n")) {
    const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(piece) ?? [];
    if (name === "end") throw failed(JSON.parse(data));
    if (name) told(name, JSON.parse(data));
  }
  throw new DaemonError("no_daemon", "The daemon does not answer.");
}

// Puts a file of the browser's into the storage. `moved` gets how much of it has gone.
export function upload(file, moved) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/v1/upload?name=${encodeURIComponent(file.name)}`);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (event) => moved(event.loaded);
    request.onerror = () => reject(new DaemonError("no_daemon", "The daemon does not answer."));
    request.onload = () =>
      request.status === 200 ? resolve(request.response) : reject(failed(request.response ?? {}));
    request.send(file);
  });
}
