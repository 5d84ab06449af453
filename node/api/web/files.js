// What the storage holds: search, add, copy the link, keep, remove.

import { news, plain, stream, upload } from "./daemon.js";
import { button, element, guarded, keyed, notice, size } from "./words.js";

const SHOWN = 500; // more than that nobody reads

let asked = 0; // so that a late answer to an earlier search is not

export function show(section) {
  current = section;
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

// What is loaded while one looks is seen when it has come.
let loading = new Set();
let current = null;
news.addEventListener("loaded", () => current?.isConnected && refresh(current));

export function update(section, { transfers }) {
  const now = new Set(transfers.filter(({ kind }) => kind === "load").map(({ id }) => id));
  const ended = [...loading].some((id) => !now.has(id));
  loading = now;
  if (ended) refresh(section);
}

const refresh = guarded(async (section) => {
  const mine = ++asked;
  const words = section.querySelector("[type=search]").value.trim();
  const files = [];
  const result = await stream(
    `/v1/files?limit=${SHOWN}&search=${encodeURIComponent(words)}`, undefined,
    (event) => files.push(event));
  if (mine !== asked) return;
  fill(section, files, result.files);
  if (result.unread) notice(`Not all is listed: ${result.unread}`);
});

function fill(section, files, count) {
  keyed(section.querySelector("tbody"), files, {
    key: (file) => file.uri,
    make: () => make(section),
    fill: fillRow,
  });
  section.querySelector(".empty").hidden = count > 0;
  const more = section.querySelector(".more");
  more.hidden = count <= files.length;
  more.textContent = `and ${count - files.length} more: search finds them`;
}

// What each row is of now: it stays, and with it the focus, when the list is asked for again.
const shown = new WeakMap();

function make(section) {
  const row = element("tr", {},
    element("td", { class: "name", dir: "auto" }), element("td", { class: "number" }),
    element("td"), element("td"));
  const copy = button("Copy link", guarded(async () => {
    await navigator.clipboard.writeText(shown.get(row).uri);
    copy.textContent = "Copied";
  }));
  const keep = button("Pin", guarded(async () => {
    const { uri, pinned } = shown.get(row);
    await plain("POST", pinned ? "/v1/unpin" : "/v1/pin", { uri });
    await refresh(section);
  }));
  keep.classList.add("keep");
  const remove = button("Remove", guarded(async () => {
    const { name, uri } = shown.get(row);
    if (!confirm(`Remove ${name || uri} from the storage?`)) return;
    await plain("POST", "/v1/remove", { uri });
    await refresh(section);
  }));
  row.append(element("td", { class: "actions" }, copy, " ", keep, " ", remove));
  return row;
}

function fillRow(row, file) {
  shown.set(row, file);
  row.dataset.uri = file.uri;
  const [name, bytes, time, kind] = row.children;
  name.title = file.uri;
  name.textContent = file.name || file.uri;
  bytes.textContent = size(file.size);
  time.textContent = new Date(file.time * 1000).toLocaleString();
  kind.textContent = file.pinned ? `${file.kind}, pinned` : file.kind;
  row.querySelector(".keep").textContent = file.pinned ? "Unpin" : "Pin";
}

async function add(section, files) {
  const list = section.querySelector(".uploads");
  for (const file of files) {
    const bar = element("progress", { max: file.size || 1, value: 0 });
    const item = element("li", {}, element("bdi", {}, file.name), " ", bar);
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
