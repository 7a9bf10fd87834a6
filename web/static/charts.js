// Draws what stands in data-chart, on a canvas: markup that a chart builds would carry styles, which the policy of content forbids.
"use strict";
window.Charts = (function () {
  const source = document.currentScript.dataset.echarts; // where a page fetches the library only once a chart is to be drawn
  const css = getComputedStyle(document.documentElement);
  const colour = (name) => css.getPropertyValue("--" + name).trim();
  const ink = colour("ink"), soft = colour("soft"), line = colour("line"), edge = colour("edge"), accent = colour("accent");
  const fontFamily = getComputedStyle(document.body).fontFamily;
  const text = { color: soft, fontFamily: fontFamily, fontSize: 11 };
  const looks = {
    main: { color: accent, width: 2 }, dash: { color: ink, width: 1.5, type: [5, 3] }, dot: { color: edge, width: 1.5, type: [1, 3] },
    thin: { color: edge, width: 1.5 }, ahead: { color: accent, width: 2, type: [2, 3] },
  };
  const written = (unit) => (value) => (value === null || value === undefined || Number.isNaN(value) ? "–" : value.toLocaleString("en", { maximumFractionDigits: 1 }) + (unit === "%" ? "%" : ""));

  // A point that no line leads to would not be seen.
  const none = (value) => value === null || value === undefined;
  const alone = (data, at) => !none(data[at]) && none(data[at - 1]) && none(data[at + 1]);

  function drawn(series, unit) {
    const look = looks[series.look] || looks.main;
    return {
      name: series.name, type: "line", data: series.data, connectNulls: false, showSymbol: series.data.some((_, at) => alone(series.data, at)),
      symbol: "circle", symbolSize: (_, at) => (alone(series.data, at.dataIndex) ? 5 : 0), lineStyle: look, itemStyle: { color: look.color }, z: 3,
      endLabel: { show: unit === "%" && series.look !== "dot", formatter: (at) => written(unit)(at.value), color: look.color, fontSize: 11, fontFamily: fontFamily },
    };
  }
  // The interval between two rows of numbers: an invisible line at the lower one, and what is above it, filled.
  function band(series) {
    const hidden = { type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, silent: true, tooltip: { show: false }, z: 1 };
    const width = series.low.map((low, at) => (low === null ? null : series.high[at] - low));
    return [
      { ...hidden, name: "", data: series.low },
      { ...hidden, name: series.name, data: width, areaStyle: { color: accent, opacity: 0.16 }, itemStyle: { color: accent, opacity: 0.3 } },
    ];
  }

  function option(chart) {
    chart.series = chart.series.filter((series) => series.data.some((value) => value !== null));
    const lines = chart.series.map((series) => drawn(series, chart.unit));
    const intervals = chart.band ? band(chart.band) : [];
    if (chart.marked && lines.length) {
      lines[0].markLine = { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: edge, type: "solid", width: 1 }, data: [{ xAxis: chart.marked }] };
    }
    return {
      animation: false, textStyle: { fontFamily: fontFamily }, series: intervals.concat(lines),
      grid: { left: 48, right: chart.unit === "%" ? 54 : 16, top: 34, bottom: 26 },
      legend: { left: 0, top: 0, itemWidth: 18, itemHeight: 9, itemGap: 14, textStyle: { ...text, color: ink }, data: intervals.slice(1).concat(lines).map((one) => one.name) },
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true, axisPointer: { type: "line", lineStyle: { color: soft } }, textStyle: { fontSize: 12, color: ink, fontFamily: fontFamily },
        formatter: (all) => [all[0].axisValue].concat(chart.series.map((one) => one.name + "  " + written(chart.unit)(one.data[all[0].dataIndex])), between(chart, all[0].dataIndex)).join("\n"),
      },
      xAxis: { type: "category", data: chart.labels, boundaryGap: chart.labels.length < 3, axisLabel: { ...text, hideOverlap: true }, axisTick: { show: false }, axisLine: { lineStyle: { color: edge } } },
      yAxis: { type: "value", splitNumber: 4, min: chart.unit === "%" ? (range) => Math.max(0, Math.floor(range.min / 10) * 10) : 0, max: chart.unit === "%" ? (range) => Math.min(100, Math.ceil(range.max / 10) * 10) : null, axisLabel: { ...text, hideOverlap: true, formatter: chart.unit === "%" ? "{value}%" : undefined }, splitLine: { lineStyle: { color: line } } },
    };
  }
  function between(chart, at) {
    if (!chart.band || chart.band.low[at] === null) return [];
    return [chart.band.name + "  " + written(chart.unit)(chart.band.low[at]) + " – " + written(chart.unit)(chart.band.high[at])];
  }

  let coming = null;
  function fetch() {
    if (window.echarts || !source) return Promise.resolve();
    coming = coming || new Promise((ready, failed) => {
      const script = document.createElement("script");
      script.src = source;
      script.addEventListener("load", ready);
      script.addEventListener("error", failed);
      document.head.append(script);
    });
    return coming;
  }
  let charts = [];
  async function draw(root) {
    const places = Array.from(root.querySelectorAll("[data-chart]"));
    if (places.length) await fetch();
    charts = charts.filter((chart) => chart.getDom().isConnected || chart.dispose());
    for (const place of places.filter((one) => one.isConnected)) {
      const chart = echarts.init(place, null, { renderer: "canvas" });
      chart.setOption(option(JSON.parse(place.dataset.chart)));
      charts.push(chart);
    }
  }
  draw(document);
  document.addEventListener("htmx:afterSwap", (event) => draw(event.target));
  window.addEventListener("resize", () => charts.forEach((chart) => chart.resize()));
  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  return { fetch };
})();
