// The list of visits by keyboard: arrows go from one retailer to the next, Enter opens its note, Ctrl-Enter writes it down.
"use strict";
(function () {
  const calls = () => Array.from(document.querySelectorAll("[data-call]"));
  function step(from, by) {
    const every = calls(), at = every.indexOf(from);
    const next = every[at < 0 ? 0 : Math.min(Math.max(at + by, 0), every.length - 1)];
    if (next) next.focus();
  }
  function open(call) {
    const details = call.querySelector("details");
    if (!details) return;
    details.open = true;
    details.querySelector("textarea").focus();
  }
  document.addEventListener("keydown", function (event) {
    const field = event.target.closest("input, select, textarea, button, a, summary"), call = event.target.closest("[data-call]");
    if (event.target.matches("textarea") && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.target.form.requestSubmit();
    } else if (event.key === "Escape" && field && call) {
      call.querySelector("details").open = false;
      call.focus();
    } else if (!field && (event.key === "ArrowDown" || event.key === "ArrowUp") && calls().length) {
      event.preventDefault();
      step(call, event.key === "ArrowDown" ? 1 : -1);
    } else if (!field && call && event.key === "Enter") {
      event.preventDefault();
      open(call);
    }
  });
  document.addEventListener("htmx:afterSettle", function (event) {
    if (event.detail.elt.matches(".call.done")) event.detail.elt.focus();
  });
})();
