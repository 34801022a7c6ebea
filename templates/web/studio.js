"use strict";

// The page around the mail: what is chosen, what changes, what a person does.

const KEY = "newsletter-studio";
const byId = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const stage = byId("stage");
const mail = byId("mail");
const shown = { view: "mail", width: "desktop", colours: "light", images: true, ...remembered() };
let issue = document.querySelector("#list [aria-current]")?.dataset.target || "";
let version = document.body.dataset.version;
let painting = 0;
let refreshing = 0;
let chosen = 0;
let events = null;

function remembered() {
  try { return JSON.parse(localStorage.getItem(KEY)) || {}; } catch { return {}; }
}

function choose(change) {
  Object.assign(shown, change);
  try { localStorage.setItem(KEY, JSON.stringify(shown)); } catch { /* private windows may refuse */ }
  show();
}

// What is shown

function show() {
  const isMail = shown.view === "mail" || shown.view === "outlook";
  document.body.dataset.view = shown.view;
  for (const input of all("#bar input, #how input")) {
    input.checked = input.type === "checkbox" ? shown.images : shown[input.name] === input.value;
  }
  stage.toggleAttribute("data-broken", byId("problem").firstElementChild !== null);
  if (stage.hasAttribute("data-broken") || !mail.dataset.target) return;
  if (isMail) showMail(); else if (shown.view !== "headers") showText(shown.view);
  pinHead();
}

function address(kind, suffix, query) {
  const target = mail.dataset.target.split("/").map(encodeURIComponent).join("/");
  const reader = new URLSearchParams(location.search).get("as") || "";
  return `/${kind}/${target}${suffix}?${new URLSearchParams({ as: reader, ...query })}`;
}

async function showText(kind) {
  const mine = ++painting;
  const answer = await fetch(address(kind, "", {})).catch(() => null);
  if (mine !== painting || !answer?.ok) return;
  const text = await answer.text();
  const made = (line) => Object.assign(document.createElement("span"), { textContent: `${line}\n` });
  if (kind === "text") byId("text").textContent = text;
  else byId("source").replaceChildren(...text.trimEnd().split("\n").map(made));
}

// From one issue, reader and version to another

async function refresh() {
  const mine = ++refreshing;
  const answer = await fetch(location.href).catch(() => null);
  if (mine !== refreshing || !answer) return;
  if (!answer.ok) { say("lost", "The preview failed; its terminal says why"); return; }
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== refreshing) return;
  const isBroken = next.querySelector("#problem .error") !== null;
  for (const id of ["problem", "head", "headers", "findings", "reader", "count"]) {
    // What cannot be shown keeps its room, so that the stage keeps its place.
    if (!isBroken || id === "problem") byId(id).replaceChildren(...next.getElementById(id).childNodes);
  }
  mark(next.querySelector("#list [aria-current]")?.dataset.target || issue);
  document.title = next.title;
  ({ version } = next.body.dataset);
  document.body.dataset.token = next.body.dataset.token;
  mail.dataset.target = next.getElementById("mail").dataset.target || mail.dataset.target;
  show();
  say("live", "Live");
  judge(mine);
}

// All issues are checked after the page is there. A letter that cannot be read keeps the list from before.
async function judge(mine) {
  const answer = await fetch("/list").catch(() => null);
  if (!answer?.ok || mine !== refreshing) return;
  const focused = document.activeElement?.dataset.target;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  byId("list").replaceChildren(...next.body.childNodes);
  mark(issue);
  if (focused) all("#list a").find((link) => link.dataset.target === focused)?.focus({ preventScroll: true });
}

function mark(target) {
  issue = target;
  for (const link of all("#list a")) {
    if (link.dataset.target === target) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function go(change) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(change)) {
    if (value) url.searchParams.set(name, value); else url.searchParams.delete(name);
  }
  history.pushState(null, "", url);
  return refresh();
}

async function open(link) {
  if (!link || link.hasAttribute("aria-current")) return;
  chosen = 0;
  if (document.body.dataset.drawer === "issues") drawer("issues");
  mark(link.dataset.target);
  await go({ target: link.dataset.target });
  stage.scrollTop = 0;
  document.querySelector("#list [aria-current]")?.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const links = all("#list a");
  const at = links.findIndex((link) => link.dataset.target === issue);
  open(links[Math.min(links.length - 1, Math.max(0, at + by))]);
}

function say(state, words) {
  const live = byId("live");
  live.dataset.state = state;
  if (live.textContent !== words) live.textContent = words;
}

// A browser allows six connections to one host: a tab that nobody looks at gives its own back.
function listen() {
  events?.close();
  events = null;
  if (document.hidden) return;
  events = new EventSource("/events");
  events.onopen = () => say("live", "Live");
  events.onerror = () => say("lost", "Waiting for the preview to come back");
  events.onmessage = (event) => { if (event.data !== version) refresh(); };
}

// What a person does

function drawer(name) {
  const next = document.body.dataset.drawer === name ? "" : name;
  document.body.dataset.drawer = next;
  all("button[data-drawer]").forEach((one) => one.setAttribute("aria-expanded", String(one.dataset.drawer === next)));
  const opened = next && byId(next);
  if (opened) (opened.querySelector(".chosen button") || opened.querySelector("a, button"))?.focus();
  fit();
}

async function sendTest(form) {
  const told = byId("told");
  told.className = "";
  told.textContent = "Sending…";
  const answer = await fetch("/send-test", {
    method: "POST",
    headers: { "X-Studio-Token": document.body.dataset.token },
    body: new URLSearchParams({ target: issue, address: form.elements.address.value }),
  }).catch(() => null);
  told.className = answer?.ok ? "" : "error";
  told.textContent = answer ? (await answer.text()).trim() : "The preview does not answer; is it still running?";
}

function next(options, value) {
  return options[(options.indexOf(value) + 1) % options.length];
}

function onKey(event) {
  const field = event.target.closest?.("input, select, dialog");
  const isTyping = field && (!["radio", "checkbox"].includes(field.type) || event.key.startsWith("Arrow"));
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
  const views = { m: "mail", o: "outlook", t: "text", s: "source", h: "headers" };
  const widths = { 1: "phone", 2: "tablet", 3: "desktop", 4: "both" };
  const view = views[event.key];
  const act = {
    j: () => step(1), ArrowRight: () => step(1),
    k: () => step(-1), ArrowLeft: () => step(-1),
    d: () => choose({ colours: next(["light", "dark", "forced"], shown.colours) }),
    i: () => choose({ images: !shown.images }),
    f: () => select(findings().length ? (chosen % findings().length) + 1 : 0, "none"),
    a: () => byId("reader").focus(),
    e: () => byId("send").showModal(),
    "?": () => byId("keys").showModal(),
    Escape: () => { if (document.body.dataset.drawer) drawer(""); },
  }[event.key] || (view && (() => choose({ view: shown.view === view ? "mail" : view })))
    || (widths[event.key] && (() => choose({ width: widths[event.key] })));
  if (!act) return;
  event.preventDefault();
  act();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("#list a");
  const button = event.target.closest("button");
  const numbered = event.target.closest(".pin, .found > li");
  if (link && !(event.ctrlKey || event.metaKey || event.shiftKey)) { event.preventDefault(); open(link); }
  if (numbered) select(Number(numbered.dataset.number), numbered.matches(".pin") ? "mail" : "list");
  if (button?.dataset.open) byId(button.dataset.open).showModal();
  if (button?.dataset.drawer) drawer(button.dataset.drawer);
  if (button && "close" in button.dataset) button.closest("dialog").close();
});
document.addEventListener("change", ({ target }) => {
  if (target.id === "reader") {
    if (target.value === "?") byId("who").showModal(); else go({ as: target.value });
  } else if (target.closest("#bar, #how")) {
    choose({ [target.name]: target.type === "checkbox" ? target.checked : target.value });
  }
});
byId("send").addEventListener("submit", (event) => { event.preventDefault(); sendTest(event.target); });
byId("who").addEventListener("submit", (event) => {
  event.preventDefault();
  byId("who").close();
  go({ as: event.target.elements.address.value });
});
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", listen);
window.addEventListener("popstate", refresh);
window.addEventListener("resize", fit);
stage.focus({ preventScroll: true, focusVisible: false });
show();
listen();
judge(refreshing);
