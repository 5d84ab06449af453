// How fast files may travel, by a slider each way, and how much may be kept.

import { plain } from "./daemon.js";
import { button, element, guarded, size } from "./words.js";

// What the sliders stand at, from slow to as fast as it goes.
const RATES = [1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, null];

function words(rate) {
  return rate === null ? "no limit" : `${size(rate)}/s`;
}

// The place of the fastest that is no faster.
function place(rate) {
  if (rate === null) return RATES.length - 1;
  return Math.max(0, RATES.findLastIndex((each) => each !== null && each <= rate));
}

function rateWords(settings, way) {
  const now = words(settings[`${way}_bytes_per_second`]);
  const text = settings[`limit_${way}`];
  return text.includes(",") ? `${now} now; by the hour: ${text}` : now;
}

// Those of one channel are made with kp2p-limit, and shown and taken away here.
function fillChannels(form, settings, set) {
  form.parentElement.querySelector(".channel-limits").replaceChildren(
    ...settings.channels.map((each) => element("li", {},
      `Channel ${each.channel}: give ${rateWords(each, "up")}, load ${rateWords(each, "down")} `,
      button("No limit", () =>
        set({ channel: each.channel, limit_up: "none", limit_down: "none" })))));
}

function fill(form, settings, set) {
  fillChannels(form, settings, set);
  for (const way of ["up", "down"]) {
    form.elements[`limit_${way}`].value = place(settings[`${way}_bytes_per_second`]);
    form.querySelector(`[name=${way}_words]`).textContent = rateWords(settings, way);
  }
  form.elements.limit_lan.checked = settings.limit_lan === "on";
  const { quota } = form.elements;
  if (document.activeElement === quota) return;  // what is being typed stays
  quota.value = quota.defaultValue = settings.quota === "none" ? "" : size(Number(settings.quota));
}

export function show(form) {
  const ask = guarded(async () => fill(form, await plain("GET", "/v1/settings"), set));
  const set = guarded(async (changes) => {
    try {
      fill(form, await plain("POST", "/v1/settings", changes), set);
    } catch (error) {
      await ask();
      throw error;
    }
  });
  for (const way of ["up", "down"]) {
    const slider = form.elements[`limit_${way}`];
    slider.max = RATES.length - 1;
    slider.addEventListener("input", () => {
      form.querySelector(`[name=${way}_words]`).textContent = words(RATES[slider.value]);
    });
    slider.addEventListener("change", () =>
      set({ [`limit_${way}`]: String(RATES[slider.value] ?? "none") }));
  }
  const { limit_lan: lan, quota } = form.elements;
  lan.addEventListener("change", () => set({ limit_lan: lan.checked ? "on" : "off" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (quota.value !== quota.defaultValue) set({ quota: quota.value.trim() || "none" });
  });
  ask();
}
