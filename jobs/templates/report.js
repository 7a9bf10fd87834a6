"use strict";
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const ink = "#1b2530", soft = "#5a6672", line = "#dde2e7", accent = "#0f5f8c";
  const font = getComputedStyle(document.body).fontFamily;
  const say = (key) => data.words[key][root.dataset.show === "zh" ? 0 : 1];
  const text = { color: soft, fontFamily: font, fontSize: 11 };
  const pattern = (size, drawn) => ({
    image: "data:image/svg+xml," + encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}">${drawn}</svg>`),
    repeat: "repeat", imageWidth: size, imageHeight: size,
  });
  const stripes = pattern(6, `<path fill="#fff" d="M0 0h6v6H0z"/><path stroke="${accent}" stroke-width="1.6" d="M-1 7 7 -1M-1 1 1 -1M5 7 7 5"/>`);
  const dots = pattern(5, '<path fill="#4b8db3" d="M0 0h5v5H0z"/><circle cx="2.5" cy="2.5" r="1" fill="#fff"/>');
  const causes = {
    gap_inflated: { color: stripes, borderColor: accent, borderWidth: 1 },
    gap_supply: { color: accent },
    gap_province: { color: dots },
    gap_cap: { color: "#9dc0d4" },
    gap_quota: { color: "#7d8994" },
    gap_limit: { color: "#b9c2cb" },
    gap_other: { color: "#eceff2", borderColor: "#8a96a3", borderWidth: 0.5 },
  };
  const base = () => ({
    animation: false, textStyle: { fontFamily: font },
    tooltip: { trigger: "axis", axisPointer: { type: "line", lineStyle: { color: soft } }, textStyle: { fontSize: 12, color: ink, fontFamily: font }, confine: true },
    legend: { left: 0, top: 0, itemWidth: 14, itemHeight: 9, itemGap: 12, textStyle: { ...text, color: ink } },
  });
  const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 }));
  const percent = (value) => (value === null || value === undefined ? "–" : value.toFixed(1) + "%");
  const values = { type: "value", axisLabel: { ...text, hideOverlap: true }, splitLine: { lineStyle: { color: line } } };
  const names = (list) => ({
    type: "category", inverse: true, data: list, axisTick: { show: false }, axisLine: { lineStyle: { color: "#b9c2cb" } },
    axisLabel: { ...text, color: ink, width: 82, overflow: "truncate", interval: 0 },
  });

  function trend() {
    const t = data.trend, targeted = t.fulfilment_rate_target.some((value) => value !== null);
    const drawn = (key, name, style, symbol) => ({
      name, type: "line", data: t[key], connectNulls: false, symbol, symbolSize: 5, showSymbol: false,
      lineStyle: { width: 2, ...style }, itemStyle: { color: style.color },
      endLabel: { show: true, formatter: (at) => percent(at.value), color: style.color, fontSize: 11, fontFamily: font },
    });
    const series = [
      drawn("demand_fulfilment_rate", say("demand_fulfilment_rate"), { color: accent }, "circle"),
      drawn("fulfilment_rate", say("fulfilment_rate"), { color: ink, type: [5, 3] }, "emptyRect"),
    ];
    if (targeted) series.push({ ...drawn("fulfilment_rate_target", say("target_line"), { color: "#8a96a3", width: 1, type: [1, 3] }, "none"), step: "middle" });
    if (t.marked.length) {
      series[0].markArea = {
        silent: true, itemStyle: { color: "rgba(15,95,140,.07)" }, label: { ...text, position: "insideTop", formatter: say("report_month") },
        data: [[{ xAxis: t.marked[0] }, { xAxis: t.marked[t.marked.length - 1] }]],
      };
    }
    return {
      ...base(), series, grid: { left: 44, right: 56, top: 34, bottom: 26 },
      tooltip: { ...base().tooltip, valueFormatter: percent },
      xAxis: { type: "category", data: t.weeks, boundaryGap: false, axisLabel: { ...text, hideOverlap: true }, axisTick: { show: false }, axisLine: { lineStyle: { color: "#b9c2cb" } } },
      yAxis: { ...values, min: (range) => Math.max(0, Math.floor(range.min / 10) * 10), max: (range) => Math.min(100, Math.ceil(range.max / 10) * 10), axisLabel: { ...text, formatter: "{value}%" } },
    };
  }

  function stacked(why) {
    const used = Object.keys(causes).filter((key) => why.parts[key].some((value) => value > 0));
    const series = used.map((key) => ({ name: say(key), type: "bar", stack: "gap", data: why.parts[key], barWidth: 13, itemStyle: causes[key] }));
    if (series.length) {
      series.push({ name: "", type: "bar", stack: "gap", data: why.gap.map(() => 0), tooltip: { show: false },
        label: { show: true, position: "right", formatter: (at) => number(why.gap[at.dataIndex]), color: ink, fontSize: 11, fontFamily: font } });
    }
    return {
      ...base(), series, grid: { left: 92, right: 46, top: 8, bottom: 22 }, legend: { show: false },
      tooltip: { ...base().tooltip, axisPointer: { type: "shadow" }, valueFormatter: number },
      xAxis: { ...values, splitNumber: 4 }, yAxis: names(why.names),
    };
  }

  function short() {
    const s = data.short;
    return {
      ...base(), grid: { left: 92, right: 20, top: 30, bottom: 22 },
      tooltip: { ...base().tooltip, axisPointer: { type: "shadow" }, valueFormatter: number },
      xAxis: values, yAxis: names(s.names),
      series: [
        { name: say("requested"), type: "bar", data: s.requested, barWidth: 16, itemStyle: { color: "#dfe4e9" } },
        { name: say("demand"), type: "bar", data: s.demand, barWidth: 8, barGap: "-75%", z: 3, itemStyle: { color: accent } },
        { name: say("available"), type: "scatter", data: s.available, symbol: "rect", symbolSize: [3, 20], z: 4, itemStyle: { color: ink } },
      ],
    };
  }

  const drawings = { "chart-trend": trend, "chart-why-brand": () => stacked(data.why.brand), "chart-why-district": () => stacked(data.why.district), "chart-short": short };
  const charts = {};
  function draw() {
    for (const [id, option] of Object.entries(drawings)) {
      const place = document.getElementById(id);
      if (!place) continue;
      charts[id] = charts[id] || echarts.init(place, null, { renderer: "svg" });
      charts[id].setOption(option(), true);
      scale(charts[id]);
    }
  }
  function fit() {
    for (const chart of Object.values(charts)) {
      chart.resize();
      scale(chart);
    }
  }
  function scale(chart) { // so that a printed page, narrower than the screen, shows the whole drawing
    const svg = chart.getDom().querySelector("svg");
    if (svg) svg.setAttribute("viewBox", `0 0 ${chart.getWidth()} ${chart.getHeight()}`);
  }

  function show(language) {
    root.dataset.show = language;
    root.lang = language === "zh" ? "zh-CN" : "en";
    for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language));
    draw();
  }

  function worth(cell) {
    const said = cell.textContent.replace(/[,%▲▼＝\s]/g, "").replace("−", "-");
    return said === "–" ? NaN : said === "" ? 0 : Number(said);
  }
  function sort(button) {
    const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0], at = head.cellIndex;
    const number = head.classList.contains("num");
    const down = head.getAttribute("aria-sort") === "descending" ? false : head.getAttribute("aria-sort") === "ascending" ? true : number;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const compare = (a, b) => {
      if (!number) return a.cells[at].textContent.localeCompare(b.cells[at].textContent, "zh") * (down ? -1 : 1);
      const x = worth(a.cells[at]), y = worth(b.cells[at]);
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)); // undefined last, either way
      return (x - y) * (down ? -1 : 1);
    };
    body.append(...[...body.rows].sort(compare));
  }

  for (const button of document.querySelectorAll("[data-language]")) button.addEventListener("click", () => show(button.dataset.language));
  for (const button of document.querySelectorAll("th button.sort")) button.addEventListener("click", () => sort(button));
  document.getElementById("print").addEventListener("click", () => window.print());
  window.addEventListener("resize", fit);
  draw();
})();
