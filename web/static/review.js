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
  const order = new Intl.Collator(document.documentElement.lang).compare;
  const UNDO = "trueorder.undo." + page.dataset.me;
  let closed = "", table = null, asking = 0;

  // ---- what the service says
  async function ask(path, body) {
    const sent = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json", ...csrf }, body: JSON.stringify(body) };
    let answer;
    try { answer = await fetch(path, sent); } catch (error) { throw new Error(words.said.silent, { cause: error }); }
    if (answer.status === 401) { location.href = "/login?next=/review"; }
    const found = await answer.json();
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
      const row = { retailer_id: own[0], shop: own[1], district: own[2], brand_id: ware[0], brand: ware[1], day: names.day[day[at]][0], bound: names.bound[bound[at]][0], reason: names.reason[reason[at]][0], version: 0, decision: "open", override: null, final: null, basis: "", pending: false, batch_id: null, decided_by: "" };
      for (const name in plain) row[name] = plain[name][at];
      row.key = row.retailer_id + " " + row.brand_id + " " + row.day;
      row.text = (row.shop + "\n" + row.retailer_id + "\n" + row.brand + "\n" + row.brand_id).toLowerCase();
      row.frozen = row.day <= found.closed;
      rows[at] = row;
    }
    const { at, ...decided } = found.decided;
    at.forEach((row, n) => { for (const name in decided) rows[row][name] = decided[name][n]; });
    return rows;
  }
  async function load() {
    const mine = (asking += 1), { search, ...of } = choice();
    page.setAttribute("aria-busy", "true");
    try {
      const found = await ask("/review/rows?" + query(of));
      if (mine !== asking) return;
      closed = found.closed;
      byId("night").textContent = said("night", found);
      await (table ? table.replaceData(lines(found)) : draw(lines(found)));
      find();
      history.replaceState(null, "", location.pathname + (query(choice()) && "?" + query(choice())));
    } catch (error) { tell(error.message, true); }
    if (mine === asking) page.removeAttribute("aria-busy");
  }
  async function renew(row) {
    const of = { retailer: row.retailer_id, brand: row.brand_id, day: row.day };
    const found = lines(await ask("/review/rows?" + query(of)));
    if (found.length) await table.updateData(found);
    table.getRow(row.key).reformat();
    sum();
  }
  function find() {
    const text = (choice().search || "").toLowerCase();
    if (text) table.setFilter((row) => row.text.includes(text)); else table.clearFilter();
    sum();
  }
  function sum() {
    const shown = table.getData("active"), state = choice().state || "open";
    const cartons = shown.reduce((total, row) => total + row.suggested, 0);
    byId("sum").textContent = said("lines", { lines: count(shown.length), total: count(table.getDataCount()), cartons: count(cartons) });
    byId("accept").disabled = state !== "open" || !shown.some((row) => row.decision === "open" && !row.frozen);
    byId("undo").disabled = !acts().length;
  }

  // ---- how a line looks
  function element(tag, kind, text) {
    const made = document.createElement(tag);
    made.className = kind;
    made.textContent = text;
    return made;
  }
  const parts = (...found) => { const made = document.createElement("span"); made.append(...found.filter(Boolean)); return made; };
  const named = (cell) => { const row = cell.getData(); return parts(row.shop + " ", element("small", "", row.retailer_id)); };
  const dash = (cell) => { const value = cell.getValue(); return value === null ? "–" : count(value); };
  function binds(cell) {
    const row = cell.getData(), cut = row.reason.includes("+");
    if (row.most === null) return "–";
    return element("span", cut ? "cut" : "", said("leaves", { bound: words.bounds[row.bound] || row.bound, most: count(row.most) }));
  }
  function why(cell) {
    const row = cell.getData();
    const tags = words.said.marks.map((mark, at) => (mark && row.marks & (8 >> at) ? element("span", at ? "tag" : "tag flagged", mark) : null));
    const told = row.reason.split("+").reverse().map((code) => words.reasons[code] || code).join(" · ");
    return parts(...tags, told);
  }
  function decision(cell) {
    const row = cell.getData(), states = words.states;
    const told = row.pending ? states.pending : row.basis === "other" ? states.other : states[row.decision];
    if (row.frozen) return parts(element("span", "tag", states.frozen), row.decision === "open" ? null : told);
    if (row.decision === "open") return element("button", "link", words.said.accept);
    const done = element("span", row.pending ? "waits" : "holds", (row.pending ? "… " : "✓ ") + told);
    done.title = row.decided_by;
    return done;
  }
  const numbers = { sorter: "number", hozAlign: "right", headerHozAlign: "right", sorterParams: { alignEmptyValues: "bottom" } };
  const texts = { sorter: (one, other) => order(one, other) };
  function columns() {
    const title = words.columns;
    return [
      { title: title.shop, field: "shop", width: 196, formatter: named, ...texts },
      { title: title.star, field: "star_level", width: 48, ...numbers },
      { title: title.brand, field: "brand", width: 96, tooltip: (_, cell) => cell.getData().brand_id, ...texts },
      { title: title.day, field: "day", width: 58, formatter: (cell) => cell.getValue().slice(5), sorter: "string" },
      { title: title.requested, field: "requested", width: 60, formatter: dash, ...numbers },
      { title: title.suggested, field: "suggested", width: 82, formatter: dash, cssClass: "strong", ...numbers },
      { title: title.range, field: "p90", width: 72, formatter: (cell) => cell.getData().p10 + "–" + cell.getValue(), ...numbers },
      { title: title.bound, field: "bound", width: 112, formatter: binds, ...texts },
      { title: title.stock, field: "stock", width: 54, formatter: dash, ...numbers },
      { title: title.override, field: "override", width: 68, formatter: (cell) => (cell.getValue() === null ? "" : count(cell.getValue())), cssClass: "override", editor: "number", editorParams: { selectContents: true, min: 0, step: 1, elementAttributes: { inputmode: "numeric", "aria-label": title.override } }, editable: (cell) => !cell.getData().frozen, validator: ["integer", "min:0", "max:1000000"], ...numbers },
      { title: title.final, field: "final", width: 54, formatter: dash, cssClass: "strong", ...numbers },
      { title: title.reason, field: "reason", minWidth: 150, widthGrow: 1, formatter: why, tooltip: (_, cell) => cell.getElement().textContent, ...texts },
      { title: title.decision, field: "decision", width: 96, formatter: decision, ...texts },
      { title: "ⓘ", field: "key", width: 32, formatter: () => "ⓘ", headerTooltip: title.info, headerSort: false, hozAlign: "center", cssClass: "info" },
    ];
  }
  function draw(data) {
    return new Promise((ready) => {
      table = new Tabulator("#grid", {
        data, index: "key", columns: columns(), layout: "fitColumns", height: "100%", rowHeight: 30, placeholder: words.said.none, selectableRange: 1, selectableRangeClearCells: false, editTriggerEvent: "dblclick", headerSortElement: "", columnDefaults: { headerSortTristate: true, headerWordWrap: true, resizable: false }, rowFormatter: (row) => row.getElement().classList.toggle("frozen", row.getData().frozen),
      });
      table.on("cellEdited", edited);
      table.on("cellClick", clicked);
      table.on("tableBuilt", ready);
      // The grid's rows stand in its holder, which the library gives no role.
      table.on("tableBuilt", () => { const holder = document.querySelector("#grid .tabulator-tableholder"); holder.setAttribute("role", "rowgroup"); holder.firstElementChild.setAttribute("role", "presentation"); });
    });
  }

  // ---- deciding
  const acts = () => JSON.parse(sessionStorage.getItem(UNDO) || "[]");
  const remember = (batches) => sessionStorage.setItem(UNDO, JSON.stringify(batches.slice(-50)));
  const big = (row, quantity) => Math.abs(quantity - row.suggested) > Number(page.dataset.cartons) && Math.abs(quantity - row.suggested) > Number(page.dataset.share) * row.suggested;
  async function answered(dialog) {
    await new Promise(requestAnimationFrame); // else the Enter that saved a quantity would go on into the dialog
    return new Promise((answer) => {
      dialog.returnValue = "";
      dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
      dialog.showModal();
    });
  }
  async function reason(row, quantity) {
    const dialog = byId("why");
    dialog.querySelector("[data-change]").textContent = said("change", { shop: row.shop, brand: row.brand, suggested: row.suggested, quantity });
    byId("code").value = byId("note").value = "";
    return (await answered(dialog)) ? { code: byId("code").value, why: byId("note").value } : null;
  }
  function decided(act) {
    remember([...acts(), act.batch_id]);
    tell(said("done", { lines: count(act.lines) }) + (act.pending ? " " + said("waiting", { pending: count(act.pending) }) : ""));
  }
  async function decide(row, way, quantity) {
    const of = { retailer: row.retailer_id, brand: row.brand_id, day: row.day, empty: true };
    const body = { decision: way, of, version: row.version, ...(way === "adjusted" ? { quantity } : {}) };
    const wanted = { accepted: row.suggested, rejected: 0, adjusted: quantity }[way];
    try {
      const told = big(row, wanted) ? await reason(row, wanted) : {};
      if (told) decided(await ask("/api/v1/suggestions/decisions", { ...body, ...told }));
    } catch (error) { tell(error.message, true); }
    await renew(row).catch((error) => tell(error.message, true));
    page.querySelector(".tabulator-tableholder").focus();
  }
  function edited(cell) {
    const row = cell.getData(), quantity = cell.getValue();
    const before = cell.getOldValue();
    if (quantity === null || quantity === "" || quantity === undefined) { cell.restoreOldValue(); return; }
    if (before === quantity) return;
    if (row.most !== null && quantity > row.most) {
      tell(said("above", { quantity, most: row.most, bound: words.bounds[row.bound] || row.bound }), true);
      cell.restoreOldValue();
      return;
    }
    decide(row, quantity === row.suggested ? "accepted" : "adjusted", quantity);
  }
  function clicked(event, cell) {
    const row = cell.getData();
    if (cell.getField() === "key") Story.open(row);
    else if (event.target.matches("button.link")) decide(row, "accepted");
  }
  async function acceptShown() {
    const of = { ...asked(choice()), state: "open" };
    try {
      const would = await ask("/api/v1/suggestions/preview", of), dialog = byId("sure");
      dialog.querySelector("[data-touch]").textContent = would.lines ? said("touch", { lines: count(would.lines), cartons: count(would.cartons) }) : words.said.nothing;
      dialog.querySelector("[data-frozen]").textContent = would.frozen ? said("frozen_left", { frozen: count(would.frozen) }) : "";
      dialog.querySelector("button.main").disabled = !would.lines;
      if (!(await answered(dialog))) return;
      decided(await ask("/api/v1/suggestions/decisions", { decision: "accepted", of }));
      await load();
    } catch (error) { tell(error.message, true); }
  }
  async function undo() {
    const batch = acts().at(-1);
    if (batch === undefined) return;
    try {
      const act = await ask("/api/v1/suggestions/decisions/" + batch + "/undoing", { why: words.said.undo_why, spare_frozen: true });
      tell(said("undone", { lines: count(act.lines) }));
    } catch (error) {
      tell(error.message, true);
      if (![404, 409].includes(error.status)) return;
    }
    remember(acts().filter((one) => one !== batch));
    await load();
  }
  async function approve(row) {
    try { const act = await ask("/api/v1/suggestions/decisions/" + row.batch_id + "/approval", {}); tell(said("done", { lines: count(act.lines) })); await load(); } catch (error) { tell(error.message, true); }
  }

  // ---- keys
  function current() {
    const range = table && table.getRanges()[0], cells = range && range.getCells();
    return cells && cells[0] && cells[0][0];
  }
  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !table || event.target.matches("input, select, button, a")) return;
    const cell = current(), isDigit = /^[0-9]$/.test(event.key);
    if (!cell || !(event.key === "Enter" || event.key === "F2" || isDigit)) return;
    event.stopPropagation();
    const row = cell.getData(), field = cell.getField();
    if (!isDigit) event.preventDefault();
    if (event.key === "Enter" && ["reason", "key", "bound"].includes(field)) Story.open(row);
    else if (event.key === "Enter" && field === "decision") { if (row.decision === "open" && !row.frozen) decide(row, "accepted"); }
    else if (!row.frozen) cell.getRow().getCell("override").edit();
    else event.preventDefault();
  }
  page.addEventListener("keydown", pressed, true);
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    undo();
  });
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", (event) => { if (event.target.name === "search") { if (table) find(); } else load(); });
  byId("accept").addEventListener("click", acceptShown);
  byId("undo").addEventListener("click", undo);
  window.Story.at(page, words, { decide: (row, way) => decide(row, way), approve, row: (key) => table.getRow(key).getData(), columns: (names, show) => names.forEach((name) => table[show ? "showColumn" : "hideColumn"](name)) });
  load();
})();
