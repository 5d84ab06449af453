// What the storage holds: search, add, copy the link, keep, remove.

import { plain, stream, upload } from "./daemon.js";
import { button, element, guarded, notice, size } from "./words.js";

const SHOWN = 500; // more than that nobody reads

let asked = 0; // so that a late answer to an earlier search is not

export function show(section) {
  const search = section.querySelector("[type=search]");
  const chosen = section.querySelector("[type=file]");
  const drop = section.querySelector(".drop");
  search.addEventListener("input", () => refresh(section));
  chosen.addEventListener("change", () => add(section, [...chosen.files]));
  for (const name of ["dragenter", "dragover"])
    section.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  section.addEventListener("dragleave", () => drop.classList.remove("over"));
  section.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    add(section, [...event.dataTransfer.files]);
  });
  refresh(section);
}

export function update() {}

const refresh = guarded(async (section) => {
  const mine = ++asked;
  const words = section.querySelector("[type=search]").value.trim();
  const files = [];
  const result = await stream(
    `/v1/files?limit=${SHOWN}&search=${encodeURIComponent(words)}`, undefined,
    (event) => files.push(event));
  if (mine !== asked) return;
  fill(section, files, result.files);
});

function fill(section, files, count) {
  section.querySelector("tbody").replaceChildren(...files.map((file) => row(section, file)));
  section.querySelector(".empty").hidden = count > 0;
  const more = section.querySelector(".more");
  more.hidden = count <= files.length;
  more.textContent = `and ${count - files.length} more`;
}

function row(section, file) {
  const copy = button("Copy link", guarded(async () => {
    await navigator.clipboard.writeText(file.uri);
    copy.textContent = "Copied";
  }));
  const keep = button(file.pinned ? "Unpin" : "Pin", guarded(async () => {
    await plain("POST", file.pinned ? "/v1/unpin" : "/v1/pin", { uri: file.uri });
    await refresh(section);
  }));
  const remove = button("Remove", guarded(async () => {
    if (!confirm(`Remove ${file.name || file.uri} from the storage?`)) return;
    await plain("POST", "/v1/remove", { uri: file.uri });
    await refresh(section);
  }));
  return element("tr", { "data-uri": file.uri },
    element("td", { class: "name", title: file.uri }, file.name || file.uri),
    element("td", { class: "number" }, size(file.size)),
    element("td", {}, new Date(file.time * 1000).toLocaleString()),
    element("td", {}, file.pinned ? `${file.kind}, pinned` : file.kind),
    element("td", { class: "actions" }, copy, " ", keep, " ", remove));
}

async function add(section, files) {
  const list = section.querySelector(".uploads");
  for (const file of files) {
    const bar = element("progress", { max: file.size || 1, value: 0 });
    const item = element("li", {}, `${file.name} `, bar);
    list.append(item);
    try {
      await upload(file, (bytes) => { bar.value = bytes; });
      item.remove();
    } catch (error) {
      notice(`${file.name}: ${error.message}`);
      item.remove();
    }
  }
  await refresh(section);
}
