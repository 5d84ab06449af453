// The page: one view at a time, and what the daemon says of itself, to all of them.

import { enter, follow, leave } from "./daemon.js";
import { count, notice, short } from "./words.js";
import * as channels from "./channels.js";
import * as doctor from "./doctor.js";
import * as files from "./files.js";
import * as node from "./node.js";
import * as transfers from "./transfers.js";

// Each has show(section, state), once, when it is opened, and update(section, state) at news.
const views = { transfers, files, channels, node, doctor };
const AGAIN_MS = 2000;

const state = { status: null, transfers: [] };
let current = null;

function open() {
  const name = location.hash.slice(1);
  const chosen = name in views ? name : "transfers";
  const section = document.getElementById(chosen).content.cloneNode(true).firstElementChild;
  document.getElementById("view").replaceChildren(section);
  for (const link of document.querySelectorAll("nav a"))
    if (link.hash === `#${chosen}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  current = { view: views[chosen], section };
  current.view.show(section, state);
  if (state.status) current.view.update(section, state);
}

function summarise() {
  const { status } = state;
  document.getElementById("summary").textContent =
    `node ${short(status.node, status.label)}, connected to ${count(status.peers.length, "node")}, version ${status.version}`;
}

function told(name, value) {
  if (name === "status") {
    state.status = value;
    summarise();
  } else if (name === "transfers") {
    state.transfers = value.transfers;
  }
  if (state.status) current.view.update(current.section, state);
}

function locked(words) {
  document.getElementById("summary").textContent = "";
  document.getElementById("view").replaceChildren();
  notice(words);
}

async function live() {
  for (;;) {
    try {
      await follow("/v1/events", told);
    } catch (error) {
      if (error.code === "unauthorized") {
        leave();
        return locked("This page is not let in any more. Run kp2p-web to open it again.");
      }
      const words = error.code === "timed_out" ? error.message : "The daemon does not answer";
      document.getElementById("summary").textContent = `${words}; trying again…`;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

try {
  if (await enter()) {
    window.addEventListener("hashchange", open);
    open();
    live();
  } else {
    locked("Run kp2p-web on this computer to open this page.");
  }
} catch (error) {
  locked(`${error.message} Run kp2p-web to open this page again.`);
}
