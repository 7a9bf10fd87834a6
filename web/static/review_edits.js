// Deciding on lines of the review: what is typed, kept until it is saved; the reason where one is needed; by filter; and taking back.
"use strict";
window.ReviewEdits = function ({ page, words, said, count, ask, tell, byId, drafts, grid }) {
  const UNDO = "trueorder.undo." + page.dataset.me, DECISIONS = "/api/v1/suggestions/decisions";
  const acts = () => JSON.parse(sessionStorage.getItem(UNDO) || "[]");
  const remember = (batches) => sessionStorage.setItem(UNDO, JSON.stringify(batches.slice(-50)));
  const big = (row, quantity) => Math.abs(quantity - row.suggested) > Number(page.dataset.cartons) && Math.abs(quantity - row.suggested) > Number(page.dataset.share) * row.suggested;
  let typed = null;

  // ---- typing a quantity
  function editor(cell, rendered, _, cancel) {
    const input = document.createElement("input"), row = cell.getData(), draft = drafts.of(row.key), begun = typed;
    const stands = row.override === null ? row.suggested : row.override;
    let over = false;
    typed = null;
    Object.assign(input, { value: begun === null ? (draft ? draft.text : stands) : begun, inputMode: "numeric", maxLength: 7, autocomplete: "off" });
    input.setAttribute("aria-label", words.columns.override);
    const leave = (step, isKept) => {
      if (over) return;
      over = true;
      const text = input.value.trim();
      cancel();
      if (step) grid.step(step);
      if (isKept && text !== "" && (draft || text !== String(stands) || row.decision === "open")) entered(row, text);
    };
    rendered(() => { input.focus({ preventScroll: true }); if (begun === null) input.select(); });
    input.addEventListener("blur", () => leave(null, input.value !== String(stands)));
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      const step = { Enter: "down", ArrowDown: "down", ArrowUp: "up", Tab: event.shiftKey ? "left" : "right" }[event.key];
      if (!step && event.key !== "Escape") return;
      event.preventDefault();
      leave(step, step && (event.key === "Enter" || input.value !== String(stands)));
      grid.focus();
    });
    return input;
  }
  function edit(row, first) {
    typed = first === undefined ? null : first;
    row.getCell("override").edit();
  }
  function entered(row, text) {
    const quantity = Number(text);
    const wrong = !/^\d{1,6}$/.test(text) ? said("whole", { text })
      : row.most !== null && quantity > row.most ? said("above", { quantity, most: row.most, bound: words.bounds[row.bound] || row.bound }) : "";
    drafts.keep(row.key, { ...drafts.of(row.key), text, error: wrong });
    grid.reformat(row.key);
    if (wrong) tell(wrong, true); else decide(row, quantity === row.suggested ? "accepted" : "adjusted", quantity);
  }

  // ---- the reason
  async function answered(dialog) {
    await new Promise(requestAnimationFrame); // else the Enter that saved a quantity would go on into the dialog
    return new Promise((answer) => {
      dialog.returnValue = "";
      dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
      dialog.showModal();
    });
  }
  function beside(dialog, key) {
    const place = grid.place(key);
    if (!place) { dialog.style.margin = ""; return; }
    const wide = 470, high = 470;
    Object.assign(dialog.style, { margin: "0", left: Math.max(8, place.left - wide) + "px", top: Math.max(8, Math.min(place.top, innerHeight - high)) + "px" });
  }
  async function reason(row, quantity) {
    const dialog = byId("why"), draft = drafts.of(row.key) || {};
    dialog.querySelector("[data-change]").textContent = said("change", { shop: row.shop, brand: row.brand, suggested: row.suggested, quantity });
    byId("code").value = draft.code || "";
    byId("note").value = draft.why || "";
    byId("note").required = byId("code").value === "other";
    beside(dialog, row.key);
    return (await answered(dialog)) ? { code: byId("code").value, why: byId("note").value } : null;
  }
  byId("code").addEventListener("change", () => { byId("note").required = byId("code").value === "other"; });
  byId("code").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !byId("code").value) return;
    event.preventDefault();
    if (byId("code").value === "other" && !byId("note").value.trim()) byId("note").focus();
    else byId("why").querySelector("button.main").click();
  });

  // ---- saving
  function decided(act) {
    remember([...acts(), act.batch_id]);
    tell(said("done", { lines: count(act.lines) }) + (act.pending ? " " + said("waiting", { pending: count(act.pending) }) : ""));
  }
  async function save(row, way, quantity, told) {
    if (told === null) return drafts.drop(row.key);
    const of = { retailer: row.retailer_id, brand: row.brand_id, day: row.day, empty: true };
    const body = { decision: way, of, version: row.version, ...(way === "adjusted" ? { quantity } : {}), ...told };
    if (drafts.of(row.key)) drafts.keep(row.key, { ...drafts.of(row.key), ...told });
    decided(await ask(DECISIONS, body));
    drafts.drop(row.key);
  }
  function failed(row, error) {
    const draft = drafts.of(row.key);
    if (draft) drafts.keep(row.key, { ...draft, error: error.message });
    tell(draft ? said("not_saved", { text: draft.text, shop: row.shop, brand: row.brand, why: error.message }) : error.message, true);
  }
  let asking = Promise.resolve({}), saving = Promise.resolve(); // reasons are asked for one by one and at once; lines are saved one by one
  function decide(row, way, quantity) {
    const wanted = { accepted: row.suggested, rejected: 0, adjusted: quantity }[way];
    const told = big(row, wanted) ? (asking = asking.then(() => reason(row, wanted))) : Promise.resolve({});
    saving = saving.then(async () => {
      try { await save(row, way, quantity, await told); } catch (error) { failed(row, error); }
      await grid.renew(row).catch(() => grid.reformat(row.key));
      if (document.activeElement === document.body) grid.focus();
    });
    return saving;
  }
  let accepting = false; // a second press while the first is being counted is none
  async function acceptShown(choice) {
    const of = { ...choice, state: "open" };
    if (accepting) return;
    accepting = true;
    try {
      const would = await ask("/api/v1/suggestions/preview", of), dialog = byId("sure");
      dialog.querySelector("[data-touch]").textContent = would.lines ? said("touch", { lines: count(would.lines), cartons: count(would.cartons) }) : words.said.nothing;
      dialog.querySelector("[data-frozen]").textContent = would.frozen ? said("frozen_left", { frozen: count(would.frozen) }) : "";
      dialog.querySelector("button.main").disabled = !would.lines;
      if (!(await answered(dialog))) return;
      decided(await ask(DECISIONS, { decision: "accepted", of }));
      await grid.load();
    } catch (error) { tell(error.message, true); } finally { accepting = false; }
    grid.focus();
  }
  async function undo() {
    const batch = acts().at(-1);
    if (batch === undefined) return;
    try {
      const act = await ask(`${DECISIONS}/${batch}/undoing`, { why: words.said.undo_why, spare_frozen: true });
      tell(said("undone", { lines: count(act.lines) }));
    } catch (error) {
      tell(error.message, true);
      if (![404, 409].includes(error.status)) return;
    }
    remember(acts().filter((one) => one !== batch));
    await grid.load();
  }
  async function approve(row) {
    try { const act = await ask(`${DECISIONS}/${row.batch_id}/approval`, {}); tell(said("done", { lines: count(act.lines) })); await grid.load(); } catch (error) { tell(error.message, true); }
  }
  return { editor, edit, decide, acceptShown, undo, approve, acts };
};

// What was typed and is not saved yet, by line; it outlives a failing save, a new choice of lines, a new log-in and a page that is loaded again.
window.ReviewDrafts = function (me) {
  const PLACE = "trueorder.typed." + me;
  const kept = new Map(JSON.parse(sessionStorage.getItem(PLACE) || "[]").map(([key, draft]) => [key, draft]));
  const write = () => sessionStorage.setItem(PLACE, JSON.stringify([...kept]));
  return {
    of: (key) => kept.get(key), count: () => kept.size,
    keep: (key, draft) => { kept.set(key, draft); write(); },
    drop: (key) => { kept.delete(key); write(); },
  };
};
