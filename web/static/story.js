// Beside the review: what one suggestion was made of. Its chart is drawn by charts.js.
"use strict";
window.Story = (function () {
  const side = document.getElementById("story");
  const TOLD_THERE = ["weeks", "last", "year", "bound", "cap", "quota_left", "stock"];
  let page, acts, key = null;

  function ready() {
    const row = acts.row(key), buttons = side.querySelector("[data-acts]");
    if (!buttons) return;
    buttons.hidden = row.frozen;
    buttons.querySelector("[data-act=accepted]").hidden = row.decision === "accepted";
    buttons.querySelector("[data-act=rejected]").hidden = row.decision === "rejected";
    buttons.querySelector("[data-act=approve]").hidden = !row.pending || row.decided_by === page.dataset.me;
  }
  function show(isOpen) {
    if (side.hidden !== isOpen) return;
    side.hidden = !isOpen;
    acts.columns(TOLD_THERE, !isOpen);
  }
  function fill(row) {
    const path = "/review/" + encodeURIComponent(row.retailer_id) + "/" + encodeURIComponent(row.brand_id);
    return htmx.ajax("GET", path, { target: "#story", swap: "innerHTML" });
  }
  function open(row) {
    key = row.key;
    show(true);
    fill(row);
  }
  function close() {
    show(false);
    side.replaceChildren();
    page.querySelector(".tabulator-tableholder").focus();
  }
  function at(where, does) {
    page = where; acts = does;
    side.addEventListener("htmx:afterSwap", ready);
    side.addEventListener("click", async function (event) {
      const act = event.target.dataset.act;
      if (event.target.closest("[data-close]")) close();
      else if (act) {
        const row = acts.row(key);
        await (act === "approve" ? acts.approve(row) : acts.decide(row, act));
        if (!side.hidden) fill(row);
      }
    });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && !side.hidden && !event.target.matches("input, select") && !document.querySelector("dialog[open]")) close();
    });
  }
  return { at, open, close };
})();
