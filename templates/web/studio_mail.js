"use strict";

// The mail in its frames, and the findings beside the places that they concern.

const WIDTHS = { phone: [360], tablet: [768], desktop: [0], both: [360, 0] };
const NAMES = { 360: "Phone", 768: "Tablet", 0: "Desktop" };
const [NARROWEST, WIDEST, GAP] = [640, 1000, 32]; // of a desktop's reading pane; between two frames

function showMail() {
  const mine = ++painting;
  const widths = WIDTHS[shown.width] || WIDTHS.desktop;
  const { view, colours, images } = shown;
  const source = address("frame", ".html", { view, colours, images, version });
  if (String(all(".device").map((one) => one.dataset.width)) !== String(widths)) {
    mail.replaceChildren(...widths.map(device));
  }
  all(".device").forEach((one) => load(one, source, () => mine === painting));
}

function device(width) {
  const figure = byId("device").content.firstElementChild.cloneNode(true);
  figure.dataset.width = width;
  return figure;
}

// The new mail loads unseen above the old one, so that nothing flashes and the stage keeps its scroll position.
function load(figure, source, isWanted) {
  const glass = figure.querySelector(".glass");
  const current = glass.querySelector("iframe:not(.coming)");
  all(".coming", glass).forEach((frame) => frame.remove());
  if (current && current.getAttribute("src") === source) { fit(); return; }
  const next = Object.assign(document.createElement("iframe"), { className: "coming", src: source });
  next.title = `The mail on a ${NAMES[figure.dataset.width].toLowerCase()}`;
  next.setAttribute("sandbox", document.body.dataset.sandbox);
  next.style.width = `${widthOf(figure)}px`;
  next.addEventListener("load", () => {
    if (!isWanted()) return;
    // No document of ours: it broke between the page and the frame, and the next change tells.
    if (!next.contentDocument) { next.remove(); return; }
    glass.dataset.colours = shown.colours;
    next.classList.remove("coming");
    // Moving it would load it again.
    for (const child of [...glass.children]) if (child !== next) child.remove();
    fit();
    next.contentDocument.addEventListener("keydown", onKey);
  }, { once: true });
  glass.append(next);
}

function room() {
  const style = getComputedStyle(stage);
  return stage.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
}

function widthOf(figure) {
  const others = all(".device").filter((one) => one !== figure);
  const taken = others.reduce((sum, one) => sum + Number(one.dataset.width) + GAP, 0);
  return Number(figure.dataset.width) || Math.min(WIDEST, Math.max(NARROWEST, Math.floor(room() - taken)));
}

// A frame keeps the real width of its device; one that has no room is shown smaller.
function fit() {
  const before = stage.scrollTop;
  const figures = all(".device");
  const gaps = GAP * (figures.length - 1);
  const total = figures.reduce((sum, one) => sum + widthOf(one), 0);
  const scale = Math.min(1, (room() - gaps) / total);
  for (const figure of figures) {
    const [width, glass] = [widthOf(figure), figure.querySelector(".glass")];
    const smaller = scale < 1 ? ` at ${Math.round(scale * 100)} %` : "";
    figure.querySelector("figcaption").textContent = `${NAMES[figure.dataset.width]} · ${width} px${smaller}`;
    const frame = glass.querySelector("iframe:not(.coming)");
    const page = frame?.contentDocument?.documentElement;
    if (!page) continue;
    Object.assign(frame.style, { width: `${width}px`, height: "0", transform: `scale(${scale})` });
    const height = Math.max(page.scrollHeight, 200);
    frame.style.height = `${height}px`;
    Object.assign(glass.style, { width: `${width * scale}px`, height: `${height * scale}px` });
    pin(figure, frame.contentDocument, scale);
  }
  stage.style.setProperty("--wide", `${total * Math.max(0, scale) + gaps}px`);
  stage.scrollTop = before;
}

// Findings beside the place that they concern

const findings = () => all("#findings .found > li");
const folded = (text) => text.replace(/\s+/g, " ").trim();

function anchor(page, about) {
  const file = about.split("/").pop();
  const named = all("a[href], img", page).find((one) => (
    one.getAttribute("href") === about || one.alt === about || (file && one.getAttribute("src")?.endsWith(file))
  ));
  if (named) return named;
  const wanted = folded(about);
  const holds = (one) => folded(one.textContent).includes(wanted) && one.getClientRects().length;
  let found = holds(page.body) ? page.body : null;
  for (let next = found; next; next = [...next.children].find(holds)) found = next;
  return found === page.body ? null : found;
}

function pin(figure, page, scale) {
  const [pins, top] = [figure.querySelector(".pins"), figure.querySelector(".glass").offsetTop];
  pins.replaceChildren();
  let lowest = -Infinity;
  const placed = findings().filter((one) => one.dataset.part === "mail")
    .map((one) => [one, anchor(page, one.dataset.about)?.getBoundingClientRect()])
    .filter(([, box]) => box).sort(([, one], [, other]) => one.top - other.top);
  for (const [finding, box] of placed) {
    const button = pinFor(finding);
    lowest = Math.max(lowest + 24, top + box.top * scale);
    button.style.top = `${lowest}px`;
    pins.append(button);
    if (Number(finding.dataset.number) !== chosen) continue;
    const mark = Object.assign(document.createElement("div"), { className: `mark ${finding.classList[0]}` });
    for (const side of ["left", "top", "width", "height"]) {
      mark.style[side] = `${box[side] * scale + (side === "top" ? top : 0)}px`;
    }
    pins.prepend(mark);
  }
}

function pinFor({ className, dataset: { number }, firstElementChild }) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: number });
  button.className = `pin ${className}`;
  button.dataset.number = number;
  button.setAttribute("aria-label", `Finding ${folded(firstElementChild.textContent)}`);
  return button;
}

function pinHead() {
  all("[data-part] > .pin").forEach((one) => one.remove());
  for (const finding of findings().filter((one) => one.dataset.part)) {
    document.querySelector(`:is(#head, .size) [data-part="${finding.dataset.part}"]`)?.append(pinFor(finding));
  }
}

function select(number, scrolled) {
  chosen = number;
  findings().forEach((one) => one.classList.toggle("chosen", Number(one.dataset.number) === number));
  pinHead();
  if (scrolled === "mail" && !byId("findings").offsetWidth) drawer("findings"); else fit();
  if (scrolled !== "list") document.querySelector("#findings .chosen")?.scrollIntoView({ block: "nearest" });
  if (scrolled !== "mail") document.querySelector(`#stage .pin[data-number="${number}"]`)?.scrollIntoView({ block: "center" });
}
