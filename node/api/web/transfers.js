// What is being loaded and given, with bars.

import { news, plain, stream } from "./daemon.js";
import { button, element, guarded, invited, keyed, notice, short, size, span } from "./words.js";

export function show(section) {
  const form = section.querySelector("form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const uri = form.link.value.trim();
    form.reset();
    load(uri);
  });
}

const load = guarded(async (text) => {
  const { channel, file: uri = text } = invited(text) ?? {};
  if (channel) await plain("POST", "/v1/channels", { name: channel });
  try {
    await stream("/v1/load", { uri });
  } catch (error) {
    // A path in a sha1dir may be either; only the daemon knows.
    if (error.code !== "usage" || !uri.startsWith("sha1dir://")) throw error;
    await stream("/v1/load", { uri, directory: true });
  }
  notice("");
  news.dispatchEvent(new Event("loaded"));
});

const cancel = guarded((id) => plain("DELETE", "/v1/transfers", { id }));

function progress(transfer) {
  const { bytes, size: whole, bytes_per_second: rate } = transfer;
  if (!whole) return [element("progress"), element("div", { class: "small" }, "looking for it")];
  const left = rate > 0 && bytes < whole ? `, ${span((whole - bytes) / rate)} left` : "";
  return [
    element("progress", { max: whole, value: Math.min(bytes, whole) }),
    element("div", { class: "small" }, `${size(bytes)} of ${size(whole)}${left}`),
  ];
}

function make(transfer) {
  const cells = Array.from({ length: 5 }, () => element("td"));
  return element("tr", {}, ...cells,
    element("td", { class: "actions" }, button("Cancel", () => cancel(transfer.id))));
}

function fill(row, transfer, labels) {
  const [name, kind, bar, rate, nodes] = row.children;
  name.className = "name";
  name.dir = "auto";
  name.title = transfer.sha1;
  name.textContent = transfer.name || transfer.sha1;
  kind.textContent = transfer.kind === "load" ? "loading" : "giving";
  bar.replaceChildren(...progress(transfer));
  rate.className = "number";
  rate.textContent = `${size(transfer.bytes_per_second)}/s`;
  nodes.textContent = transfer.nodes.map((node) => short(node, labels.get(node))).join(", ");
}

export function update(section, { transfers, status }) {
  const labels = new Map(status.peers.map(({ node, label }) => [node, label]));
  section.querySelector(".empty").hidden = transfers.length > 0;
  section.querySelector("table").hidden = transfers.length === 0;
  keyed(section.querySelector("tbody"), transfers, {
    key: ({ id }) => id,
    make,
    fill: (row, transfer) => fill(row, transfer, labels),
  });
}
