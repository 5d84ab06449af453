// The channels that this node is in, and who is in them.

import { plain } from "./daemon.js";
import { button, element, guarded, invited, keyed, short, span } from "./words.js";

export function show(section) {
  const form = section.querySelector("form");
  form.addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    const name = form.channel.value;
    await plain("POST", "/v1/channels", { name: invited(name)?.channel ?? name });
    form.reset();
  }));
}

const leave = guarded(async (name) => {
  if (confirm(`Leave the channel ${name}?`)) await plain("DELETE", "/v1/channels", { name });
});

function member(peer) {
  const [best] = peer.paths;
  const time = best?.rtt_us === undefined || best?.rtt_us === null
    ? "" : `${(best.rtt_us / 1000).toFixed(1)} ms`;
  return element("tr", {},
    element("td", { title: peer.node }, short(peer.node, peer.label)),
    element("td", { class: "name" }, best?.path ?? ""),
    element("td", { class: "number" }, time),
    element("td", { class: "number" }, best ? span(best.seconds) : ""));
}

function make(name) {
  return element("div", {},
    element("h3", {}, element("bdi", {}, name), button("Leave", () => leave(name))), element("div"));
}

function fill(channel, name, peers) {
  const members = peers.filter((peer) => peer.channels.includes(name));
  const head = ["Node", "Path", "There and back", "Since"].map((words) => element("th", {}, words));
  channel.lastChild.replaceChildren(members.length > 0
    ? element("table", {}, element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...members.map(member)))
    : element("p", { class: "empty" }, "No other node is connected."));
}

export function update(section, { status }) {
  section.querySelector(".empty").hidden = status.channels.length > 0;
  keyed(section.querySelector(".list"), status.channels, {
    key: (name) => name,
    make,
    fill: (channel, name) => fill(channel, name, status.peers),
  });
}
