// The review: a grid of suggestions, found and sorted here, chosen and decided on by the service.
"use strict";
(function () {
  const page = document.getElementById("review"), filters = document.getElementById("filters");
  const words = {};
  for (const name of ["columns", "bounds", "reasons", "states", "said"]) words[name] = JSON.parse(page.dataset[name]);
  const csrf = JSON.parse(document.body.getAttribute("hx-headers"));
  const said = (name, values) => words.said[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const count = (value) => value.toLocaleString("en");
  const byId = (id) => document.getElementById(id);
  const drafts = window.ReviewDrafts(page.dataset.me);
  let table = null, asking = 0, weeks = null;

  // ---- what the service says
  async function ask(path, body) {
    const sent = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json", ...csrf }, body: JSON.stringify(body) };
    let answer;
    try { answer = await fetch(path, sent); } catch (error) { throw new Error(words.said.silent, { cause: error }); }
    if (answer.status === 401) { location.href = "/login?next=/review"; }
    const found = await answer.json().catch(() => ({ detail: words.said.silent }));
    if (!answer.ok) throw Object.assign(new Error(found.detail), { status: answer.status });
    return found;
  }
  function tell(text, wrong) {
    const told = document.createElement("div");
    told.className = wrong ? "problem" : "good";
    told.textContent = text;
    byId("notice").replaceChildren(told);
    if (!wrong) setTimeout(() => told.remove(), 8000);
  }
  const choice = () => Object.fromEntries(Array.from(new FormData(filters)).map(([name, value]) => [name, String(value).trim()]).filter(([, value]) => value));
  const query = (of) => new URLSearchParams(of).toString();
  function asked(of) {
    const typed = { ...of };
    for (const name of ["star", "change"]) if (name in typed) typed[name] = Number(typed[name]);
    if (typed.flagged) typed.flagged = true;
    return typed;
  }

  // ---- the lines
  function lines(found) {
    const { shop, brand, day, bound, reason, ...plain } = found.columns, names = found.names, rows = new Array(shop.length);
    for (let at = 0; at < rows.length; at += 1) {
      const own = names.shop[shop[at]], ware = names.brand[brand[at]];
      const row = { retailer_id: own[0], shop: own[1], district: own[2], brand_id: ware[0], brand: ware[1], day: names.day[day[at]][0], bound: names.bound[bound[at]][0], reason: names.reason[reason[at]][0], version: 0, decision: "open", override: null, final: null, basis: "", pending: false, batch_id: null, decided_by: "", shape: "", peak: 0, last: null, year: null };
      for (const name in plain) row[name] = plain[name][at];
      row.key = row.retailer_id + " " + row.brand_id + " " + row.day;
      row.text = (row.shop + "\n" + row.retailer_id + "\n" + row.brand + "\n" + row.brand_id).toLowerCase();
      row.frozen = row.day <= found.closed;
      rows[at] = row;
    }
    cells.known(names.shop.map(([, name]) => name), names.brand.map(([, name]) => name), names.bound.flat(), names.reason.flat());
    const { at, ...decided } = found.decided;
    at.forEach((row, n) => { for (const name in decided) rows[row][name] = decided[name][n]; });
    return weeks ? dressed(rows) : rows;
  }
  // The last weeks by shop and brand; read once, since they stay as they are while one looks.
  function unpacked(found) {
    const wide = found.weeks.length * 3, by = new Map();
    found.shop.forEach((shop, at) => by.set(found.names.shop[shop] + " " + found.names.brand[found.brand[at]], { shape: found.shape.slice(at * wide, (at + 1) * wide), peak: found.peak[at], last: found.last[at], year: found.year[at] }));
    return by;
  }
  function dressed(rows) {
    for (const row of rows) {
      const own = weeks.get(row.retailer_id + " " + row.brand_id);
      if (!own) continue;
      Object.assign(row, { shape: own.shape, peak: own.peak, last: own.last === null ? null : row.suggested - own.last, year: own.year === null ? null : row.suggested - own.year });
    }
    return rows;
  }
  async function loadWeeks() {
    const { retailer } = choice();
    weeks = unpacked(await ask("/review/weeks?" + query(retailer ? { retailer } : {})));
    if (!table) return;
    dressed(table.getRows().map((row) => row.getData()));
    for (const row of table.getRows("visible")) row.reformat();
    page.dataset.weeks = "here";
  }
  async function load() {
    const mine = (asking += 1), { search, ...of } = choice();
    page.setAttribute("aria-busy", "true");
    try {
      const found = await ask("/review/rows?" + query(of));
      if (mine !== asking) return;
      byId("night").textContent = said("night", found);
      await (table ? table.replaceData(lines(found)) : draw(lines(found)));
      find();
    } catch (error) { tell(error.message, true); }
    if (mine === asking) page.removeAttribute("aria-busy");
  }
  async function renew(row) {
    const of = { retailer: row.retailer_id, brand: row.brand_id, day: row.day, empty: true };
    const found = lines(await ask("/review/rows?" + query(of)));
    if (found.length && table.getRow(row.key)) await table.updateData(found);
    reformat(row.key);
  }
  function reformat(key) {
    const row = table.getRow(key);
    if (row) row.reformat();
    table.modules.selectRange.layoutRanges(); // at once: the frame of the cell one is in is not to vanish
    sum();
  }
  function find() {
    const text = (choice().search || "").toLowerCase();
    if (text) table.setFilter((row) => row.text.includes(text)); else if (table.getFilters().length) table.clearFilter();
    history.replaceState(null, "", location.pathname + (query(choice()) && "?" + query(choice())));
    sum();
  }
  function sum() {
    const shown = table.getRows("active").map((row) => row.getData()), state = choice().state || "open", open = drafts.count();
    const cartons = shown.reduce((total, row) => total + row.suggested, 0);
    byId("sum").textContent = said("lines", { lines: count(shown.length), total: count(table.getDataCount()), cartons: count(cartons) });
    byId("unsaved").textContent = open ? said("unsaved", { lines: count(open) }) : "";
    byId("accept").disabled = state !== "open" || !shown.some((row) => row.decision === "open" && !row.frozen);
    byId("undo").disabled = !edits.acts().length;
  }

  // ---- the table
  const focus = () => page.querySelector(".tabulator-tableholder").focus();
  const grid = {
    load, renew, reformat, focus,
    step: (way) => { table.modules.selectRange.navigate(false, false, way); table.modules.selectRange.layoutRanges(); },
    place: (key) => { const row = table.getRow(key); return row && row.getElement().isConnected ? row.getCell("override").getElement().getBoundingClientRect() : null; },
  };
  const edits = window.ReviewEdits({ page, words, said, count, ask, tell, byId, drafts, grid });
  const cells = window.ReviewCells({ words, said, count, drafts });
  function draw(data) {
    return new Promise((ready) => {
      table = new Tabulator("#grid", {
        data, index: "key", columns: cells.columns(edits.editor), layout: "fitColumns", height: "100%", rowHeight: 40, renderVerticalBuffer: 200, placeholder: words.said.none, selectableRange: 1, selectableRangeClearCells: false, editTriggerEvent: "dblclick", headerSortElement: "", columnDefaults: { headerSortTristate: true, headerWordWrap: true, resizable: false }, rowFormatter: (row) => row.getElement().classList.toggle("frozen", row.getData().frozen),
      });
      table.on("cellClick", clicked);
      table.on("tableBuilt", ready);
      // The grid's rows stand in its holder, which the library gives no role.
      table.on("tableBuilt", () => { const holder = document.querySelector("#grid .tabulator-tableholder"); holder.setAttribute("role", "rowgroup"); holder.firstElementChild.setAttribute("role", "presentation"); });
    });
  }
  function clicked(event, cell) {
    const row = cell.getData();
    if (cell.getField() === "key") Story.open(row);
    else if (event.target.matches("button.link")) edits.decide(row, "accepted");
  }

  // ---- keys
  function current() {
    const range = table && table.getRanges()[0], found = range && range.getCells();
    return found && found[0] && found[0][0];
  }
  const TELLS = ["reason", "key", "bound", "weeks", "last", "year", "cap", "quota_left", "stock"];
  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !table || event.target.matches("input, select, textarea, button, a, summary")) return;
    const cell = current(), isDigit = /^[0-9]$/.test(event.key);
    if (!cell || !(isDigit || ["Enter", "F2", " ", "Escape"].includes(event.key))) return;
    const row = cell.getData(), field = cell.getField();
    if (event.key === "Escape") {
      if (drafts.of(row.key)) { drafts.drop(row.key); reformat(row.key); event.stopPropagation(); }
      return;
    }
    event.stopPropagation();
    event.preventDefault();
    if (event.key === " " || (event.key === "Enter" && TELLS.includes(field))) Story.open(row);
    else if (event.key === "Enter" && field === "decision") { if (row.decision === "open" && !row.frozen) edits.decide(row, "accepted"); }
    else if (!row.frozen) edits.edit(cell.getRow(), isDigit ? event.key : undefined);
    else tell(words.said.is_frozen, true);
  }
  page.addEventListener("keydown", pressed, true);
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") { event.preventDefault(); edits.undo().then(focus); }
    else if (event.key === "?") { event.preventDefault(); byId("help").showModal(); }
  });
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", (event) => { if (event.target.name === "search") { if (table) find(); } else load(); });
  byId("accept").addEventListener("click", () => edits.acceptShown(asked(choice())));
  byId("undo").addEventListener("click", edits.undo);
  byId("keys").addEventListener("click", () => byId("help").showModal());
  window.Story.at(page, { decide: edits.decide, approve: edits.approve, row: (key) => table.getRow(key).getData(), columns: (names, show) => names.forEach((name) => table[show ? "showColumn" : "hideColumn"](name)) });
  load().then(loadWeeks).then(window.Charts.fetch).catch((error) => tell(error.message, true));
})();
