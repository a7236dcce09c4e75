// Draws the plots over time from the JSON in the page. Everything else of the
// page is there without it.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const DAY = 86400;
  const STEPS = [60, 300, 900, 1800, 3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY];
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const WEEKDAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
  const MONDAY = 4 * DAY; // 5 January 1970, from which steps of weeks count

  // Times are told in the scenario's zone, wherever the page is read.
  const ahead = (t) => data.zones.reduce((found, [from, by]) => (t >= from ? by : found), data.zones[0][1]);
  const local = (t) => new Date((t + ahead(t)) * 1000);
  const two = (n) => String(n).padStart(2, "0");
  const hour = (d) => two(d.getUTCHours()) + ":" + two(d.getUTCMinutes());
  const day = (d) => d.getUTCDate() + " " + MONTHS[d.getUTCMonth()];
  const full = (t) => { const d = local(t); return WEEKDAYS[d.getUTCDay()] + " " + day(d) + " " + hour(d); };

  function ticks(min, max, width) {
    const step = STEPS.find((s) => ((max - min) / s) * 64 <= width) || STEPS[STEPS.length - 1];
    const anchor = step > DAY ? MONDAY : 0;
    const out = [];
    let wall = Math.ceil((min + ahead(min) - anchor) / step) * step + anchor;
    for (; ; wall += step) {
      let t = wall - ahead(wall - ahead(min));
      if (t > max || out.length > 100) return out;
      if (t >= min && (out.length === 0 || t > out[out.length - 1])) out.push(t);
    }
  }
  function tickText(all) {
    const daily = all.length > 1 && all[1] - all[0] >= DAY - 3600;
    return all.map((t, i) => {
      const d = local(t);
      if (daily) return day(d) + (i === 0 ? "\n" + d.getUTCFullYear() : "");
      return hour(d) + (hour(d) === "00:00" || i === 0 && !all.slice(1, 3).some((x) => hour(local(x)) === "00:00") ? "\n" + WEEKDAYS[d.getUTCDay()] + " " + day(d) : "");
    });
  }
  function number(x) {
    if (Math.abs(x) >= 99.95) return Math.round(x).toLocaleString("en-US");
    return String(Math.round(x * 10) / 10);
  }
  function span(s) {
    const sign = s < 0 ? "-" : "";
    s = Math.abs(s);
    if (s < 59.95) return sign + Math.round(s * 10) / 10 + "s";
    if (s < 3599.5) { s = Math.round(s); return sign + Math.floor(s / 60) + "m" + (s % 60 ? two(s % 60) + "s" : ""); }
    const m = Math.round(s / 60);
    if (m < 48 * 60) return sign + Math.floor(m / 60) + "h" + (m % 60 ? two(m % 60) + "m" : "");
    const h = Math.round(s / 3600);
    return sign + Math.floor(h / 24) + "d" + (h % 24 ? two(h % 24) + "h" : "");
  }
  const TIMES = [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 30 * DAY];

  let plots = [];
  function drawAll(width) {
    for (const p of plots) p.destroy();
    plots = data.times.length > 1 ? data.plots.map((p) => draw(p, width)) : [];
  }

  function draw(p, width) {
    const box = document.getElementById("plot-" + p.id);
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue(name).trim();
    const text = p.unit === "s" ? span : number;
    const series = [{ value: (u, t) => (t == null ? "–" : full(t)) }];
    const rows = [data.times];
    const bands = [];
    p.lines.forEach((l, i) => {
      const stroke = colour("--c" + (i % 7));
      const dash = [[], [8, 4], [2, 3]][p.lines.length === 2 ? i : Math.floor(i / 7) % 3];
      const at = rows.length;
      rows.push(l.mean, l.low, l.high);
      series.push({
        label: l.name, stroke, width: 2, dash, show: l.show, points: { show: false },
        value: (u, x, s, n) => {
          if (n == null || x == null) return "–";
          const low = l.low[n], high = l.high[n];
          return text(x) + (low == null || high == null ? "" : " (" + text(low) + " to " + text(high) + ")");
        },
      });
      for (let k = 0; k < 2; k++) series.push({ label: "", show: l.show, width: 0, class: "band", points: { show: false } });
      bands.push({ series: [at + 2, at + 1], fill: stroke + "33" });
    });
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { stroke: colour("--rule"), width: 1 }, font: "12px system-ui, sans-serif" };
    let paired = false;
    const plot = new uPlot({
      width: width || box.clientWidth, height: 260, padding: [null, 40, null, null], series, bands,
      scales: {
        x: { time: false },
        y: { range: (u, min, max) => {
          if (min == null || max == null) return [0, 1];
          if (min >= 0) return [0, max > 0 ? max * 1.05 : 1];
          const room = (max - min) * 0.05;
          return [min - room, Math.max(0, max + room)];
        } },
      },
      axes: [
        { ...axis, splits: (u, i, min, max) => ticks(min, max, u.bbox.width / devicePixelRatio), values: (u, all) => tickText(all), size: 44 },
        { ...axis, values: (u, all) => all.map(text), size: (u, all) => 26 + 7 * Math.max(3, ...(all || []).map((s) => s.length)), ...(p.unit === "s" ? { incrs: TIMES } : {}) },
      ],
      cursor: { drag: { x: true, y: false }, points: { size: 7 }, focus: { prox: -1 } },
      hooks: {
        drawClear: [(u) => {
          u.ctx.fillStyle = colour("--c2") + "22";
          for (const [from, to] of data.shades || []) {
            const at = (t) => Math.min(Math.max(u.valToPos(t, "x", true), u.bbox.left), u.bbox.left + u.bbox.width);
            u.ctx.fillRect(at(from), u.bbox.top, at(to) - at(from), u.bbox.height);
          }
        }],
        // A line's band comes and goes with it.
        setSeries: [(u, i, o) => {
          if (paired || i == null || o.show == null || i % 3 !== 1) return;
          paired = true;
          u.setSeries(i + 1, { show: o.show });
          u.setSeries(i + 2, { show: o.show });
          paired = false;
          press(u);
        }],
      },
    }, rows, box);
    plot.root.querySelectorAll(".u-series").forEach((row, i) => {
      const label = row.querySelector("th");
      if (i === 0) { label.querySelector(".u-label").textContent = "time"; return; }
      if (i % 3 !== 1) { row.hidden = true; row.style.display = "none"; return; }
      label.tabIndex = 0;
      label.setAttribute("role", "button");
      label.addEventListener("keydown", (e) => {
        if (e.key === "Enter" || e.key === " ") { e.preventDefault(); label.click(); }
      });
    });
    press(plot);
    return plot;
  }
  function press(u) {
    u.root.querySelectorAll(".u-series").forEach((row, i) => {
      if (i % 3 === 1) row.querySelector("th").setAttribute("aria-pressed", String(u.series[i].show));
    });
  }

  drawAll();
  let wide = document.querySelector("main").clientWidth;
  addEventListener("resize", () => {
    const now = document.querySelector("main").clientWidth;
    if (now === wide) return;
    wide = now;
    for (const [i, p] of plots.entries()) p.setSize({ width: document.getElementById("plot-" + data.plots[i].id).clientWidth, height: 260 });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
  // The page prints light: what was drawn dark is drawn again.
  matchMedia("print").addEventListener("change", (e) => drawAll(e.matches ? 660 : 0));
})();
