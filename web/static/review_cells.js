// How a line of the review looks, cell by cell. What is drawn of the last weeks comes packed, a character for a week, and is drawn where it is seen.
"use strict";
window.ReviewCells = function ({ words, said, count, drafts }) {
  // Texts in the order of their language: each is compared once when somebody first sorts, and not again for every two lines.
  const order = new Intl.Collator(document.documentElement.lang).compare, texts = new Set(), places = new Map();
  const known = (...found) => found.flat().forEach((text) => texts.add(text));
  function place(text) {
    if (!places.has(text)) {
      texts.add(text);
      [...texts].sort(order).forEach((one, at) => places.set(one, at));
    }
    return places.get(text);
  }
  const SVG = "http://www.w3.org/2000/svg", LOWEST = 40, STEPS = 51, NONE = 32, WIDTH = 84, HIGH = 28;

  function element(tag, kind, text) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  const tip = (told) => (_, cell) => { const text = told(cell); return text && element("span", "", text); }; // the library takes a text for markup
  const parts = (...found) => { const made = element("span"); made.append(...found.filter(Boolean)); return made; };
  const two = (above, below, kind) => parts(element("span", kind || "", above), element("small", "", below));
  const dash = (cell) => { const value = cell.getValue(); return value === null || value === undefined ? "–" : count(value); };
  const named = (cell) => { const row = cell.getData(); return two(row.shop, row.retailer_id + " · " + row.day.slice(5)); };
  const ware = (cell) => two(cell.getValue(), cell.getData().brand_id);
  const suggested = (cell) => { const row = cell.getData(); return two(count(row.suggested), row.p10 + "–" + row.p90, "strong"); };
  function signed(cell) {
    const value = cell.getValue();
    return value === null || value === undefined ? "–" : value > 0 ? "+" + count(value) : value < 0 ? "−" + count(-value) : "0";
  }
  function binds(cell) {
    const row = cell.getData(), cut = row.reason.includes("+");
    if (row.most === null) return "–";
    return two(words.bounds[row.bound] || row.bound, said("leaves", { most: count(row.most) }), cut ? "cut" : "");
  }
  function why(cell) {
    const row = cell.getData();
    const tags = words.said.marks.map((mark, at) => (mark && row.marks & (8 >> at) ? element("span", at ? "tag" : "tag flagged", mark) : null));
    const told = row.reason.split("+").reverse().map((code) => words.reasons[code] || code).join(" · ");
    return row.marks & 13 ? parts(...tags.flatMap((tag) => (tag ? [tag, " "] : [])), element("span", "below", told)) : told;
  }
  function override(cell) {
    const draft = drafts.of(cell.getData().key), value = cell.getValue();
    if (!draft) return value === null ? "" : count(value);
    const made = element("span", "unsaved", draft.text + (draft.error ? " !" : " …"));
    made.title = draft.error;
    return made;
  }
  function decision(cell) {
    const row = cell.getData(), states = words.states, draft = drafts.of(row.key);
    if (draft && draft.error) { const made = element("span", "wrong", states.unsaved); made.title = draft.error; return made; }
    const told = row.pending ? states.pending : row.basis === "other" ? states.other : states[row.decision];
    if (row.frozen) return parts(element("span", "tag", states.frozen), row.decision === "open" ? null : told);
    if (row.decision === "open") return element("button", "link", words.said.accept);
    const done = element("span", row.pending ? "waits" : "holds", (row.pending ? "… " : "✓ ") + told);
    done.title = row.decided_by;
    return done;
  }

  // ---- the last weeks: bars for what was given, a dashed line for what was asked, a line for true demand
  function heights(shape, from, weeks) {
    const found = [];
    for (let at = 0; at < weeks; at += 1) {
      const code = shape.charCodeAt(from + at);
      found.push(code === NONE ? null : ((code - LOWEST) / STEPS) * (HIGH - 3));
    }
    return found;
  }
  function shaped(kind, d) {
    const made = document.createElementNS(SVG, "path");
    made.setAttribute("class", kind);
    made.setAttribute("d", d);
    return made;
  }
  function path(values, step) {
    let open = false;
    return values.map((value, at) => {
      if (value === null) { open = false; return ""; }
      const point = (at * step + step / 2).toFixed(1) + " " + (HIGH - 1 - value).toFixed(1);
      const alone = !open && (at + 1 === values.length || values[at + 1] === null);
      const drawn = (open ? "L" : "M") + point + (alone ? "h.1" : "");
      open = true;
      return drawn;
    }).join("");
  }
  function weeks(cell) {
    const row = cell.getData();
    if (!row.shape || !row.peak) return "–";
    const n = row.shape.length / 3, step = WIDTH / n, made = document.createElementNS(SVG, "svg");
    const [asked, given, wanted] = [0, n, 2 * n].map((from) => heights(row.shape, from, n));
    const bars = given.map((value, at) => (value === null ? "" : `M${(at * step + step / 2).toFixed(1)} ${HIGH}V${(HIGH - 1 - value).toFixed(1)}`)).join("");
    made.setAttribute("viewBox", `0 0 ${WIDTH} ${HIGH}`);
    made.setAttribute("class", "weeks");
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", said("weeks", { weeks: n, peak: count(row.peak) }));
    made.append(shaped("given", bars), shaped("asked", path(asked, step)), shaped("wanted", path(wanted, step)));
    return made;
  }

  const numbers = { sorter: "number", hozAlign: "right", headerHozAlign: "right", sorterParams: { alignEmptyValues: "bottom" } };
  const byName = { sorter: (one, other) => place(one) - place(other) };
  function columns(editor) {
    const title = words.columns, drawn = (cell) => (cell.getData().peak ? said("weeks", { weeks: cell.getData().shape.length / 3, peak: count(cell.getData().peak) }) : "");
    return [
      { title: title.shop, field: "shop", width: 142, formatter: named, tooltip: tip((cell) => cell.getValue()), ...byName },
      { title: title.star, field: "star_level", width: 46, ...numbers },
      { title: title.brand, field: "brand", width: 94, formatter: ware, ...byName },
      { title: title.requested, field: "requested", width: 54, formatter: dash, ...numbers },
      { title: title.suggested, field: "suggested", width: 76, formatter: suggested, headerTooltip: title.range, ...numbers },
      { title: title.weeks, field: "weeks", width: 98, formatter: weeks, headerSort: false, headerTooltip: title.legend, tooltip: tip(drawn), cssClass: "drawn" },
      { title: title.last, field: "last", width: 58, formatter: signed, headerTooltip: title.last_told, ...numbers },
      { title: title.year, field: "year", width: 58, formatter: signed, headerTooltip: title.year_told, ...numbers },
      { title: title.bound, field: "bound", width: 98, formatter: binds, ...byName },
      { title: title.cap, field: "cap", width: 50, formatter: dash, ...numbers },
      { title: title.quota, field: "quota_left", width: 66, formatter: dash, ...numbers },
      { title: title.stock, field: "stock", width: 54, formatter: dash, ...numbers },
      { title: title.override, field: "override", width: 68, formatter: override, cssClass: "override", editor, editable: (cell) => !cell.getData().frozen, ...numbers },
      { title: title.final, field: "final", width: 50, formatter: dash, cssClass: "strong", ...numbers },
      { title: title.reason, field: "reason", minWidth: 140, widthGrow: 1, formatter: why, tooltip: tip((cell) => cell.getElement().textContent), cssClass: "words", ...byName },
      { title: title.decision, field: "decision", width: 90, formatter: decision, cssClass: "words", ...byName },
      { title: "ⓘ", field: "key", width: 32, formatter: () => "ⓘ", headerTooltip: title.info, headerSort: false, hozAlign: "center", cssClass: "info" },
    ];
  }
  return { columns, known };
};
