// What pages do beside htmx: find rows, show some alone, and ask when Enter is pressed.
"use strict";
(function () {
  function filter() {
    document.querySelectorAll("[data-none]").forEach(function (none) {
      const rows = document.querySelectorAll(none.dataset.none);
      const find = document.querySelector("[data-find]"), only = document.querySelector("[data-only]");
      const text = find ? find.value.trim().toLowerCase() : "";
      let seen = 0;
      rows.forEach(function (row) {
        const marked = !only || !only.checked || row.hasAttribute("data-" + only.dataset.mark);
        row.hidden = !marked || !row.dataset.text.includes(text);
        seen += row.hidden ? 0 : 1;
      });
      none.hidden = seen > 0;
    });
  }
  document.addEventListener("input", function (event) {
    if (event.target.matches("[data-find], [data-only]")) filter();
  });
  document.addEventListener("click", function (event) {
    const empties = event.target.closest("[data-empty]");
    if (empties) document.querySelector(empties.dataset.empty).replaceChildren();
  });
  // Enter in a need asks for its answer and goes on to the next need; it does not send the order.
  document.addEventListener("keydown", function (event) {
    if (!event.target.matches(".need input")) return;
    const step = { Enter: 1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const needs = Array.from(document.querySelectorAll(".need input")).filter((one) => one.offsetParent !== null);
    const next = needs[needs.indexOf(event.target) + step];
    if (next) { next.focus(); next.select(); } else event.target.blur();
  });
  // What is refused comes back as any other answer does: the browser would write it to the console as an error of the page.
  document.addEventListener("htmx:configRequest", function (event) { event.detail.headers["X-Refusals"] = "quiet"; });
  document.addEventListener("htmx:beforeRequest", function () { document.getElementById("notice").replaceChildren(); });
  document.addEventListener("htmx:afterSwap", function (event) {
    if (event.target.id === "main") { window.scrollTo(0, 0); event.target.focus(); }
  });
  document.addEventListener("htmx:sendError", function () {
    const words = document.documentElement.lang.startsWith("zh") ? "无法连接服务，请稍后重试。" : "The service does not answer; try again in a moment.";
    const said = document.createElement("div");
    said.className = "problem";
    said.textContent = words;
    document.getElementById("notice").replaceChildren(said);
  });
})();
