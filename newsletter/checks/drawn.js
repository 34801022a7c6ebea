// Measures a mail as Chromium draws it. Nothing is judged here: drawn.py says what is too little.
(() => {
  const dot = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const colours = new Map();

  function rgba(written) {
    if (!colours.has(written)) {
      dot.clearRect(0, 0, 1, 1);
      dot.fillStyle = written;
      dot.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = dot.getImageData(0, 0, 1, 1).data;
      colours.set(written, [red / 255, green / 255, blue / 255, alpha / 255]);
    }
    return colours.get(written);
  }

  function over(top, bottom) {
    const alpha = top[3] + bottom[3] * (1 - top[3]);
    if (!alpha) return [0, 0, 0, 0];
    const mix = (n) => (top[n] * top[3] + bottom[n] * bottom[3] * (1 - top[3])) / alpha;
    return [mix(0), mix(1), mix(2), alpha];
  }

  function isDrawn(element) {
    return element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  }

  function said(text) {
    return text.replace(/[\s\u200b-\u200f\u034f\u00a0]+/g, " ").trim();
  }

  // The colour of the letters, that of what lies under them, and whether a picture may lie between.
  function look(element) {
    const style = getComputedStyle(element);
    let back = [0, 0, 0, 0], opacity = 1, isOverPicture = false;
    for (let node = element; node; node = node.parentElement) {
      const own = getComputedStyle(node);
      opacity *= Number(own.opacity);
      if (back[3] > 0.99) continue;
      if (own.backgroundImage !== "none") isOverPicture = true;
      back = over(back, rgba(own.backgroundColor));
    }
    back = over(back, rgba("Canvas"));
    const fore = [...rgba(style.color)];
    fore[3] *= opacity;
    return {
      fore: over(fore, back).slice(0, 3),
      back: back.slice(0, 3),
      size: parseFloat(style.fontSize),
      bold: Number(style.fontWeight) >= 700,
      picture: isOverPicture,
    };
  }

  // "Canvas" on a canvas knows nothing of the page's colour scheme; an element does.
  function ground() {
    const probe = document.documentElement.appendChild(document.createElement("i"));
    probe.style.backgroundColor = "Canvas";
    const colour = getComputedStyle(probe).backgroundColor;
    probe.remove();
    colours.set("Canvas", rgba(colour));
  }

  // One text of each pair of colours and size, with the boxes that its lines fill.
  function texts() {
    ground();
    const found = new Map();
    const add = (text, element, boxes, isAlt) => {
      const seen = look(element);
      const key = JSON.stringify([seen, isAlt]);
      if (!found.has(key)) found.set(key, { text: text.slice(0, 200), ...seen, alt: isAlt, boxes });
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (walker.nextNode()) {
      const node = walker.currentNode, text = said(node.data), parent = node.parentElement;
      if (!text || !isDrawn(parent)) continue;
      range.selectNodeContents(node);
      const boxes = [...range.getClientRects()].filter((box) => box.width > 1 && box.height > 1);
      if (boxes.length) add(text, parent, boxes.slice(0, 4).map(onPage), false);
    }
    for (const image of document.images) {
      const isBroken = image.complete && !image.naturalWidth;
      if (isBroken && said(image.alt) && isDrawn(image)) {
        add(said(image.alt), image, [onPage(image.getBoundingClientRect())], true);
      }
    }
    return [...found.values()];
  }

  function onPage(box) {
    return [box.left + scrollX, box.top + scrollY, box.width, box.height];
  }

  // How wide the page is where it is wider than the screen, and the smallest part that is so by itself.
  function excess() {
    const width = document.scrollingElement.scrollWidth;
    if (!isTooWide()) return null;
    let culprit = document.body;
    for (let inner = culprit; inner; inner = tooWideAlone(inner)) culprit = inner;
    const about = said(culprit.innerText || "") || culprit.alt || culprit.src || "";
    return { width, tag: culprit.localName, about: about.slice(0, 200) };
  }

  function isTooWide() {
    return document.scrollingElement.scrollWidth > document.documentElement.clientWidth;
  }

  function tooWideAlone(parent) {
    const children = [...parent.children], written = children.map((one) => one.getAttribute("style"));
    children.forEach((one) => one.style.setProperty("display", "none", "important"));
    const found = children.find((one, at) => {
      one.style.removeProperty("display");
      if (written[at] !== null) one.setAttribute("style", written[at]);
      const isAlone = isTooWide();
      one.style.setProperty("display", "none", "important");
      return isAlone;
    });
    children.forEach((one, at) => {
      if (written[at] === null) one.removeAttribute("style");
      else one.setAttribute("style", written[at]);
    });
    return found;
  }

  // Links that do not stand in a sentence, with their size and the room around them.
  function targets() {
    const all = [...document.querySelectorAll("a[href], button, input, select, summary")].filter(isDrawn);
    const boxes = all.map((node) => [node, ...node.querySelectorAll("img")].map((one) => one.getBoundingClientRect()))
      .map((rects) => {
        const left = Math.min(...rects.map((one) => one.left)), top = Math.min(...rects.map((one) => one.top));
        return {
          left, top,
          width: Math.max(...rects.map((one) => one.right)) - left,
          height: Math.max(...rects.map((one) => one.bottom)) - top,
        };
      });
    return all.flatMap((node, index) => {
      const box = boxes[index];
      if (!box.width || !box.height || isInSentence(node)) return [];
      return [{
        text: (said(node.innerText || "") || node.querySelector("img")?.alt || "").slice(0, 200),
        width: box.width, height: box.height,
        room: Math.min(Infinity, ...boxes.filter((_, other) => other !== index).map((one) => gap(box, one))),
      }];
    });
  }

  // From the middle of one target to the nearest edge of another.
  function gap(box, other) {
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    const across = Math.max(other.left - x, 0, x - other.left - other.width);
    const down = Math.max(other.top - y, 0, y - other.top - other.height);
    return Math.hypot(across, down);
  }

  // Whether words that are no link stand in the same run of text.
  function isInSentence(node) {
    const isInline = (one) => one.nodeType !== 1 ||
      (one.localName !== "br" && getComputedStyle(one).display.startsWith("inline"));
    if (!isInline(node)) return false;
    let top = node;
    while (top.parentElement && isInline(top.parentElement)) top = top.parentElement;
    const run = [top];
    for (let one = top.previousSibling; one && isInline(one); one = one.previousSibling) run.push(one);
    for (let one = top.nextSibling; one && isInline(one); one = one.nextSibling) run.push(one);
    return run.some((one) => /\p{L}{2}/u.test(wordsOutsideLinks(one)));
  }

  function wordsOutsideLinks(node) {
    if (node.nodeType === 3) return node.data;
    if (node.nodeType !== 1 || node.localName === "a") return "";
    return [...node.childNodes].map(wordsOutsideLinks).join("");
  }

  // As a client without pictures shows it.
  function dropPictures() {
    for (const image of document.images) {
      image.removeAttribute("srcset");
      image.src = "data:,";
    }
    for (const node of document.querySelectorAll("*")) {
      if (getComputedStyle(node).backgroundImage.includes("url(")) node.style.backgroundImage = "none";
    }
    return Promise.all([...document.images].map((one) => one.complete || new Promise((done) => {
      one.onload = one.onerror = done;
    })));
  }

  // As a client that knows no colour schemes takes it: what the mail says of them is gone.
  function dropSchemes() {
    document.querySelectorAll('meta[name*="color-scheme"]').forEach((one) => one.remove());
    for (const sheet of document.styleSheets) {
      for (let at = sheet.cssRules.length - 1; at >= 0; at--) {
        const rule = sheet.cssRules[at];
        if (rule.conditionText?.includes("prefers-color-scheme")) sheet.deleteRule(at);
        else rule.style?.removeProperty("color-scheme");
      }
    }
    document.querySelectorAll("[style*=color-scheme]").forEach((one) => one.style.removeProperty("color-scheme"));
  }

  // The commonest colour in the boxes of each text, and the one that stands out most from it.
  async function pixels(picture, wanted) {
    const bytes = Uint8Array.from(atob(picture), (one) => one.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const sheet = canvas.getContext("2d", { willReadFrequently: true });
    sheet.drawImage(bitmap, 0, 0);
    return wanted.map((boxes) => {
      const counts = new Map();
      for (const [left, top, width, height] of boxes) {
        const data = sheet.getImageData(Math.floor(left), Math.floor(top), Math.ceil(width), Math.ceil(height)).data;
        for (let at = 0; at < data.length; at += 4) {
          const key = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
          counts.set(key, (counts.get(key) || 0) + 1);
        }
      }
      const common = [...counts.entries()].sort((one, other) => other[1] - one[1]);
      const [back] = common[0];
      const fore = common.reduce((best, [key]) => contrast(key, back) > contrast(best, back) ? key : best, back);
      return { fore: channels(fore), back: channels(back) };
    });
  }

  function channels(key) {
    return [(key >> 16) / 255, ((key >> 8) & 255) / 255, (key & 255) / 255];
  }

  function luminance(key) {
    const [red, green, blue] = channels(key).map((one) =>
      one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function contrast(one, other) {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  }

  // Of each picture: how much of it is transparent, how light the rest is, and how much of its edge is light.
  async function cutouts(pictures, least) {
    const found = [];
    for (const [name, type, coded] of pictures) {
      const bytes = Uint8Array.from(atob(coded), (one) => one.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type })).catch(() => null);
      if (bitmap) found.push({ name, ...cutout(bitmap, least) });
    }
    return found;
  }

  function cutout(bitmap, least) {
    // No mail shows more pixels than these, and an outline is to be seen in those that it shows.
    const scale = Math.min(1, 1200 / Math.max(bitmap.width, bitmap.height));
    const width = Math.ceil(bitmap.width * scale), height = Math.ceil(bitmap.height * scale);
    const sheet = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    sheet.drawImage(bitmap, 0, 0, width, height);
    const data = sheet.getImageData(0, 0, width, height).data;
    const isSeen = (x, y) => x < 0 || y < 0 || x >= width || y >= height || data[(y * width + x) * 4 + 3] > 127;
    let seen = 0, light = 0, edge = 0, edgeLight = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (!isSeen(x, y)) continue;
        const at = (y * width + x) * 4;
        const own = luminance((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
        seen++;
        light += own;
        if (isSeen(x - 1, y) && isSeen(x + 1, y) && isSeen(x, y - 1) && isSeen(x, y + 1)) continue;
        edge++;
        if (own >= least) edgeLight++;
      }
    }
    return { clear: 1 - seen / (width * height), luminance: seen ? light / seen : 1, outline: edge ? edgeLight / edge : 0 };
  }

  window.drawn = { texts, excess, targets, dropPictures, dropSchemes, pixels, cutouts };
})();
