// Lists as files: a link takes along what its form asks for now; an import can be taken back on the review too.
"use strict";
(function () {
  function renewed(event) {
    const link = event.target.closest && event.target.closest("a[data-form]");
    if (!link) return;
    const asked = Array.from(new FormData(document.getElementById(link.dataset.form))).map(([name, value]) => [name, String(value).trim()]);
    const query = new URLSearchParams(asked.filter(([, value]) => value)).toString();
    link.href = link.pathname + (query && "?" + query);
  }
  for (const kind of ["pointerdown", "keydown", "click"]) document.addEventListener(kind, renewed, true);
  document.addEventListener("htmx:afterSwap", function () {
    const act = document.querySelector("[data-batch]");
    if (!act) return;
    const key = "trueorder.undo." + act.dataset.me, batch = Number(act.dataset.batch);
    const acts = JSON.parse(sessionStorage.getItem(key) || "[]");
    if (!acts.includes(batch)) sessionStorage.setItem(key, JSON.stringify([...acts, batch].slice(-50)));
  });
})();
