// Numbers and names as people read them, and the page's elements.

const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function size(bytes) {
  let unit = 0;
  while (bytes >= 1000 && unit < UNITS.length - 1) {
    bytes /= 1000;
    ++unit;
  }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${UNITS[unit]}`;
}

export function span(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

// Eight digits of a node, and what it calls itself.
export function short(node, label = "") {
  return node.slice(0, 8) + (label ? ` (${label})` : "");
}

// element("td", { class: "number" }, "text", otherElement)
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// What an invitation, as kp2p-invite prints it, has in it: { channel, file }; nothing if it is none.
export function invited(text) {
  const [, fields] = /kp2p:join\/(.*?)\/end/.exec(text.replace(/\s/g, "")) ?? [];
  if (fields === undefined) return null;
  return Object.fromEntries(fields.split("/").map((field) => {
    const [key, value = ""] = field.split("=");
    return [key, decodeURIComponent(value)];
  }));
}

export function button(words, onclick) {
  return element("button", { type: "button", onclick }, words);
}

export function notice(words) {
  const place = document.getElementById("notice");
  place.textContent = words;
  place.hidden = words === "";
}

// For handlers of events: what fails is said at the top of the page.
export function guarded(work) {
  return async (...given) => {
    try {
      notice("");
      await work(...given);
    } catch (error) {
      notice(error.message);
    }
  };
}

// Makes the children of `place` those of `items`, and leaves in place what is there already, for it
// may have the focus. make(item) gives an element, once; fill(element, item) follows each time.
export function keyed(place, items, { key, make, fill }) {
  const there = new Map([...place.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const name = String(key(item));
    const child = there.get(name) ?? make(item);
    child.dataset.key = name;
    fill(child, item);
    return child;
  });
  if (wanted.length !== place.children.length || wanted.some((w, i) => w !== place.children[i]))
    place.replaceChildren(...wanted);
}
