// This node: where it can be reached, and where its files lie.

import * as limits from "./limits.js";
import { count, element, size, span } from "./words.js";

export function show(section) {
  limits.show(section.querySelector("form"));
}

function reachable(status) {
  if (status.tunnel) return `UDP is blocked here; through the relay ${status.tunnel}`;
  return status.firewalled ? "behind a NAT or firewall: others come in by hole punching or a relay"
    : "open: others connect to it directly";
}

function facts(status) {
  return [
    ["Node", status.label ? `${status.node} (${status.label})` : status.node],
    ["Reachable", reachable(status)],
    ["Public address", status.public_address ?? "not known yet"],
    ["UDP", status.udp],
    ["TCP", status.tcp ?? "off"],
    ["Router", status.port_mapping_message ?? status.port_mapping],
    ["DHT", status.bootstrapped ? `knows ${count(status.dht_nodes, "node")}` : "not reached yet"],
    ["Relays for others", status.relay?.serves ? `yes, ${count(status.relay.pairs, "pair")} now` : "no"],
    ["Storage", status.storage_dir],
    ["Unfinished", `${count(status.partial_files, "file")}, ${size(status.partial_bytes)}`],
    ["Running for", span(status.uptime_seconds)],
  ];
}

export function update(section, { status }) {
  section.querySelector("dl").replaceChildren(...facts(status).flatMap(
    ([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}
