"use strict";

const KEY = "newsletter-preview";
const stage = document.getElementById("stage");
const paper = document.getElementById("paper");
const text = document.getElementById("text");
const live = document.getElementById("live");
const shown = { view: "desktop", width: "desktop", scheme: "light", ...remembered() };
let version = document.body.dataset.version;
let painting = 0;
let refreshing = 0;
let events = null;

function remembered() {
  try { return JSON.parse(localStorage.getItem(KEY)) || {}; } catch { return {}; }
}

function remember() {
  try { localStorage.setItem(KEY, JSON.stringify(shown)); } catch { /* private windows may refuse */ }
}

function choose(change) {
  Object.assign(shown, change);
  if (shown.view !== "text") shown.width = shown.view;
  remember();
  show();
}

function show() {
  document.body.dataset.view = shown.view;
  for (const button of document.querySelectorAll("[data-view],[data-scheme]")) {
    if (button.localName !== "button") continue;
    const [name, value] = Object.entries(button.dataset)[0];
    button.setAttribute("aria-pressed", String(shown[name] === value));
    if (name === "scheme") button.disabled = shown.view === "text";
  }
  const broken = document.querySelector("#head .error") !== null;
  stage.toggleAttribute("data-broken", broken);
  paper.hidden = shown.view === "text" || !(paper.dataset.target || paper.querySelector("iframe"));
  text.hidden = shown.view !== "text";
  if (broken || !paper.dataset.target) return;
  if (shown.view === "text") showText(); else showMail();
}

function address(kind, suffix) {
  return `/${kind}/${paper.dataset.target.split("/").map(encodeURIComponent).join("/")}${suffix}`;
}

async function showText() {
  const mine = ++painting;
  const answer = await fetch(address("text", ""));
  if (mine === painting && answer.ok) text.textContent = await answer.text();
}

// The new mail loads unseen above the old one, so that nothing flashes and the stage keeps its scroll position.
function showMail() {
  const source = address("frame", `.html?scheme=${shown.scheme}&version=${version}`);
  const current = paper.querySelector("iframe:not(.coming)");
  const mine = ++painting;
  if (current && current.getAttribute("src") === source) { fit(current); return; }
  paper.querySelectorAll(".coming").forEach((frame) => frame.remove());
  const next = document.createElement("iframe");
  next.title = "The mail";
  next.className = "coming";
  next.setAttribute("sandbox", paper.dataset.sandbox);
  next.addEventListener("load", () => {
    if (mine !== painting) return;
    // No document of ours: it broke between the page and the frame, and the next change tells.
    if (!next.contentDocument) { next.remove(); return; }
    fit(next);
    paper.dataset.scheme = shown.scheme;
    for (const child of [...paper.children]) if (child !== next) child.remove();
    next.classList.remove("coming");
    next.contentDocument.addEventListener("keydown", onKey);
  }, { once: true });
  next.src = source;
  paper.append(next);
}

function fit(frame) {
  const page = frame.contentDocument?.documentElement;
  if (!page) return;
  const before = stage.scrollTop;
  frame.style.height = "0";
  frame.style.height = `${Math.max(page.scrollHeight, 200)}px`;
  stage.scrollTop = before;
}

async function refresh() {
  const mine = ++refreshing;
  const answer = await fetch(location.href).catch(() => null);
  if (mine !== refreshing || !answer) return;
  if (!answer.ok) { say("lost", "The preview failed; its terminal says why"); return; }
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== refreshing) return;
  const focused = document.activeElement && document.activeElement.dataset.target;
  for (const id of ["list", "head", "findings"]) {
    const [here, fresh] = [document.getElementById(id), next.getElementById(id)];
    // A letter that cannot be read has no list; the one from before still leads somewhere.
    if (id === "list" && !fresh.querySelector("a") && next.querySelector("#head .error")) continue;
    here.replaceChildren(...fresh.childNodes);
    here.hidden = fresh.hidden;
  }
  if (focused) linkTo(focused)?.focus({ preventScroll: true });
  document.title = next.title;
  version = next.body.dataset.version;
  // While something is broken, the last good mail stays where it was, dimmed.
  const target = next.getElementById("paper").dataset.target;
  if (target) paper.dataset.target = target;
  show();
  say("live", "Live");
}

function linkTo(target) {
  return [...document.querySelectorAll("#list a")].find((link) => link.dataset.target === target);
}

function open(link) {
  if (!link || link.hasAttribute("aria-current")) return;
  history.pushState(null, "", link.href);
  turn();
}

async function turn() {
  paper.dataset.target = "";
  paper.replaceChildren();
  text.textContent = "";
  await refresh();
  stage.scrollTop = 0;
  document.querySelector("#list [aria-current]")?.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const links = [...document.querySelectorAll("#list a")];
  const at = links.findIndex((link) => link.hasAttribute("aria-current"));
  open(links[Math.min(links.length - 1, Math.max(0, at + by))]);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const act = {
    j: () => step(1),
    k: () => step(-1),
    1: () => choose({ view: "desktop" }),
    2: () => choose({ view: "phone" }),
    t: () => choose({ view: shown.view === "text" ? shown.width : "text" }),
    d: () => choose({ scheme: shown.scheme === "dark" ? "light" : "dark" }),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function say(state, words) {
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

document.addEventListener("click", (event) => {
  const button = event.target.closest(".choice button");
  if (button) choose({ ...button.dataset });
  const link = event.target.closest("#list a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link);
});
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", listen);
window.addEventListener("popstate", turn);
window.addEventListener("resize", () => paper.querySelectorAll("iframe").forEach(fit));
stage.focus({ preventScroll: true, focusVisible: false });
show();
listen();
