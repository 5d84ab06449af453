// What the node finds to be well or not, and what to do.

import { plain } from "./daemon.js";
import { element, guarded } from "./words.js";

export function show(section) {
  const look = guarded(async () => {
    const { checks } = await plain("GET", "/v1/doctor");
    section.querySelector("tbody").replaceChildren(...checks.map(row));
  });
  section.querySelector("button").addEventListener("click", look);
  look();
}

export function update() {}

function row({ section, health, message, advice }) {
  const words = [element("div", {}, message)];
  if (advice) words.push(element("div", { class: "small" }, advice));
  return element("tr", {},
    element("td", {}, section),
    element("td", { class: health }, health),
    element("td", {}, ...words));
}
