// Beside the review: what one suggestion was made of, with a chart of its weeks.
"use strict";
window.Story = (function () {
  const side = document.getElementById("story");
  const TOLD_THERE = ["day", "p90", "bound", "stock"];
  let page, words, acts, key = null, chart = null;

  function colours() {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue("--" + name).trim();
  }
  function drawn() {
    if (window.echarts) return Promise.resolve();
    return new Promise((ready, failed) => {
      const script = document.createElement("script");
      script.src = page.dataset.echarts;
      script.addEventListener("load", ready);
      script.addEventListener("error", failed);
      document.head.append(script);
    });
  }
  function line(name, data, colour, more) {
    return { name, type: "line", data, showSymbol: false, lineStyle: { width: 2, color: colour, ...(more || {}).line }, itemStyle: { color: colour }, connectNulls: false, ...(more || {}).series };
  }
  function option(weeks) {
    const of = colours(), said = words.said, wide = weeks.p90.map((high, at) => (high === null ? null : high - weeks.p10[at]));
    const band = { stack: "interval", lineStyle: { opacity: 0 }, silent: true };
    const font = getComputedStyle(document.body).fontFamily, dots = { showSymbol: true, symbol: "circle", symbolSize: 3 };
    const faint = { fontSize: 11, color: of("faint") };
    return {
      animation: false,
      textStyle: { fontFamily: font },
      grid: { left: 34, right: 8, top: 46, bottom: 24 },
      legend: { top: 0, left: 0, itemWidth: 14, itemHeight: 8, itemGap: 12, textStyle: { fontSize: 11, color: of("soft") }, data: [said.requested, said.allocated, said.demand, { name: said.interval, icon: "rect" }] },
      tooltip: { trigger: "axis", renderMode: "richText", confine: true, padding: 8, borderColor: of("line"), textStyle: { fontSize: 12, lineHeight: 17, color: of("ink"), fontFamily: font }, formatter: (found) => tip(weeks, found[0].dataIndex) },
      xAxis: { type: "category", data: weeks.week, axisLabel: { ...faint, formatter: (week) => week.slice(2, 7) }, axisTick: { show: false }, axisLine: { lineStyle: { color: of("line") } } },
      yAxis: { type: "value", axisLabel: faint, splitLine: { lineStyle: { color: of("line") } }, splitNumber: 4, minInterval: 1 },
      series: [
        { ...line("low", weeks.p10, of("tint"), { series: band }) },
        { ...line(said.interval, wide, of("accent"), { series: { ...band, areaStyle: { color: of("accent"), opacity: 0.16 } } }), itemStyle: { color: of("accent"), opacity: 0.3 } },
        line(said.requested, weeks.requested, of("edge"), { line: { type: "dashed", width: 1.5 }, series: dots }),
        line(said.allocated, weeks.allocated, of("ink"), { line: { width: 1.5 }, series: dots }),
        line(said.demand, weeks.demand, of("accent")),
      ],
    };
  }
  function tip(weeks, at) {
    const said = words.said, show = (value) => (value === null ? "–" : String(value));
    return [weeks.week[at], said.requested + " " + show(weeks.requested[at]), said.allocated + " " + show(weeks.allocated[at]), said.demand + " " + show(weeks.demand[at]) + " (" + show(weeks.p10[at]) + "–" + show(weeks.p90[at]) + ")"].join("\n");
  }
  async function draw() {
    const place = side.querySelector(".chart");
    if (!place) return;
    await drawn();
    if (!place.isConnected) return;
    if (chart) chart.dispose();
    chart = window.echarts.init(place, null, { renderer: "canvas" });
    chart.setOption(option(JSON.parse(place.dataset.weeks)));
  }
  function ready() {
    const row = acts.row(key), may = !row.frozen, buttons = side.querySelector("[data-acts]");
    if (buttons) {
      buttons.hidden = !may;
      buttons.querySelector("[data-act=accepted]").hidden = row.decision === "accepted";
      buttons.querySelector("[data-act=rejected]").hidden = row.decision === "rejected";
      buttons.querySelector("[data-act=approve]").hidden = !row.pending || row.decided_by === page.dataset.me;
    }
    draw();
  }
  function show(isOpen) {
    if (side.hidden !== isOpen) return;
    side.hidden = !isOpen;
    acts.columns(TOLD_THERE, !isOpen);
  }
  function open(row) {
    key = row.key;
    show(true);
    const path = "/review/" + encodeURIComponent(row.retailer_id) + "/" + encodeURIComponent(row.brand_id);
    htmx.ajax("GET", path, { target: "#story", swap: "innerHTML" });
  }
  function close() {
    show(false);
    side.replaceChildren();
    page.querySelector(".tabulator-tableholder").focus();
  }
  function at(where, said, does) {
    page = where; words = said; acts = does;
    side.addEventListener("htmx:afterSwap", ready);
    side.addEventListener("click", async function (event) {
      const act = event.target.dataset.act;
      if (event.target.closest("[data-close]")) close();
      else if (act === "approve") await acts.approve(acts.row(key));
      else if (act) { await acts.decide(acts.row(key), act); ready(); }
    });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && !side.hidden && !event.target.matches("input, select") && !document.querySelector("dialog[open]")) close();
    });
  }
  return { at, open, close };
})();
