// Begins in every page that the test opens: what the policy refused, what is still asked of the service, and what was drawn on charts.
"use strict";
window.__seen = { refused: [], pending: 0, drawn: {} };
document.addEventListener("securitypolicyviolation", (event) => __seen.refused.push(event.violatedDirective + " " + event.blockedURI));
{
  const send = XMLHttpRequest.prototype.send, ask = window.fetch, draw = CanvasRenderingContext2D.prototype.fillText;
  XMLHttpRequest.prototype.send = function (...given) {
    __seen.pending += 1;
    this.addEventListener("loadend", () => { __seen.pending -= 1; });
    return send.apply(this, given);
  };
  window.fetch = (...given) => { __seen.pending += 1; return ask(...given).finally(() => { __seen.pending -= 1; }); };
  CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
    const seen = (__seen.drawn[this.font] ||= new Set());
    for (const letter of String(text)) seen.add(letter);
    return draw.call(this, text, ...place);
  };
  __seen.draw = draw;
}
// A letter that no font has is drawn like every other such letter: like one that never will be a letter.
__seen.missing = () => {
  const paper = Object.assign(document.createElement("canvas"), { width: 40, height: 40 }).getContext("2d", { willReadFrequently: true });
  const ink = (letter) => {
    paper.clearRect(0, 0, 40, 40);
    __seen.draw.call(paper, letter, 4, 30);
    return paper.getImageData(0, 0, 40, 40).data;
  };
  const same = (one, other) => { for (let n = 3; n < one.length; n += 4) if (one[n] !== other[n]) return false; return true; };
  const said = new Set(document.body.innerText);
  const every = Object.entries(__seen.drawn).map(([font, letters]) => [font, letters]);
  every.push(["20px " + getComputedStyle(document.body).fontFamily, said]);
  const found = [];
  for (const [font, letters] of every) {
    paper.font = font;
    const box = ink("\u{10FFFE}");
    for (const letter of letters) if (letter.trim() && same(ink(letter), box)) found.push(letter + " " + font);
  }
  return found;
};
// What a reader reads: texts with the words that name things, but for codes and for texts that say which language they are in.
__seen.texts = () => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const text = node.data.trim(), around = node.parentElement;
    if (text && !around.closest("code, pre, script, style, .codes, .who, [lang]:not(html)")) found.push(text);
  }
  for (const one of document.querySelectorAll("[title], [placeholder], [aria-label], [alt]")) {
    if (one.closest("[lang]:not(html)") || one.matches(".switch")) continue;
    for (const name of ["title", "placeholder", "aria-label", "alt"]) if (one.getAttribute(name)) found.push(one.getAttribute(name).trim());
  }
  return found;
};
__seen.quiet = async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (let n = 0; n < 300; n += 1) {
    await frame();
    if (__seen.pending === 0 && document.readyState === "complete" && !document.querySelector(".htmx-request")) break;
  }
  await frame(); await frame();
};
__seen.faults = async () => {
  const found = await axe.run(document, { resultTypes: ["violations"], elementRef: false });
  return found.violations.filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => one.id + ": " + one.nodes.slice(0, 3).map((node) => node.target.join(" ") + " " + (node.any[0]?.message || "")).join(" | "));
};
