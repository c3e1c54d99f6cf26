"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const trials = data.trials.seed.map((seed, number) => {
    const of = (name) => data.trials[name][number];
    const scores = [...data.trials.scores.map((values) => values[number]), null];
    return { number, seed, scores, setting: of("setting"), variant: of("variant"), rate: of("rate"),
      outcome: of("outcome"), step: of("step") };
  });
  const byId = (id) => document.getElementById(id);
  const [plot, curves] = [byId("plot"), byId("curves")];
  const DIVERGED = ["nonfinite", "blown"];
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // Plotly interprets tags in labels, but a name from a config is plain text.
  const escapeTags = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const colorOf = (variant) => (variant.color === "#000000" && dark.matches ? "#FFFFFF" : variant.color);
  const percent = (score) => score.percent;
  const format = (score, value) =>
    value === null ? "none" : percent(score) ? `${(100 * value).toFixed(2)}%` : value.toPrecision(4);

  function option(select, value, text) {
    const one = document.createElement("option");
    one.value = value;
    one.textContent = text;
    select.append(one);
  }

  // The dash and the marker of a variant, as the figure has them.
  const DASHES = { solid: "", dash: "7 4", dot: "2 3", dashdot: "7 3 2 3" };
  const MARKERS = { circle: "M15 6a3 3 0 1 0 6 0a3 3 0 1 0-6 0", square: "M15 3h6v6h-6z", diamond: "M18 2l4 4l-4 4l-4-4z",
    "triangle-up": "M18 2l4 7h-8z", "triangle-down": "M18 10l4-7h-8z", cross: "M17 2h2v3h3v2h-3v3h-2v-3h-3v-2h3z" };
  function swatchOf(variant) {
    const make = (name, attributes) => {
      const one = document.createElementNS("http://www.w3.org/2000/svg", name);
      Object.entries(attributes).forEach(([key, value]) => one.setAttribute(key, value));
      return one;
    };
    const [swatch, color] = [make("svg", { class: "swatch", viewBox: "0 0 36 12", "aria-hidden": "true" }), colorOf(variant)];
    swatch.append(
      make("path", { d: "M0 6H36", stroke: color, "stroke-width": 2, "stroke-dasharray": DASHES[variant.dash] }),
      make("path", { d: MARKERS[variant.symbol] ?? "M18 1l2 4h4l-3 3l1 4l-4-2l-4 2l1-4l-3-3h4z", fill: color }));
    return swatch;
  }

  function fill() {
    data.scores.forEach((score, i) => option(byId("score"), i, score.label));
    data.settings.forEach((setting, i) => option(byId("setting"), i, setting || "all"));
    byId("setting").value = data.first_setting;
    byId("setting-label").hidden = data.settings.length < 2;
    trials.forEach((trial, i) => data.curves[i] && option(byId("trial"), i, nameOf(trial)));
    data.variants.forEach((variant, i) => {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
      box.dataset.variant = i;
      label.append(box, swatchOf(variant), variant.label);
      byId("shown").append(label);
    });
  }

  const nameOf = (trial) =>
    `${data.variants[trial.variant].label}, rate ${data.rate_texts[trial.rate]}, seed ${trial.seed}` +
    (data.settings[trial.setting] ? `, ${data.settings[trial.setting]}` : "");

  const isShown = (i) => byId("shown").querySelectorAll("input")[i].checked;

  const axis = (title, more) => ({
    title: { text: title, font: { size: 13 } }, gridcolor: css("--line"), zerolinecolor: css("--line"),
    linecolor: css("--quiet"), automargin: true, ...more,
  });

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const layout = (more) => ({
    paper_bgcolor: css("--back"), plot_bgcolor: css("--back"), font: { color: css("--text"), size: 12 },
    margin: { l: 50, r: 10, t: coarse.matches ? 10 : 32, b: 45 }, showlegend: false, hovermode: "closest", ...more,
  });

  // Above the points, and on a phone not at all: there fingers zoom.
  const coarse = matchMedia("(pointer: coarse), (max-width: 40rem)");
  const options = () => ({ responsive: true, displaylogo: false, displayModeBar: !coarse.matches,
    modeBarButtonsToRemove: ["select2d", "lasso2d"] });
  const powers = { type: "log", dtick: 1, exponentformat: "power", showexponent: "all" };

  // The last score is the share of seeds that train, which diverged trials have, too.
  const isShare = (score) => score === data.scores.length - 1;

  function tracesOf(variant, i, setting, score) {
    const cells = data.cells.filter((cell) => cell.setting === setting && cell.variant === i);
    const x = cells.map((cell) => data.rates[cell.rate]);
    const of = (which) => cells.map((cell) => cell.scores[score][which]);
    const ended = (values) => values.map((value, k) => (cells[k].diverged < cells[k].n || isShare(score) ? value : null));
    const [mean, low, high] = [ended(of(0)), of(1), of(2)];
    const banded = cells.map((_, k) => k).filter((k) => mean[k] !== null && low[k] !== null && high[k] !== null);
    const back = [...banded].reverse();
    const style = { color: colorOf(variant), dash: variant.dash };
    const own = trials.filter((trial) =>
      trial.setting === setting && trial.variant === i && trial.scores[score] !== null);
    const first = (cell) => own.find((trial) => trial.rate === cell.rate)?.number;
    return [
      { x: [...banded, ...back].map((k) => x[k]), y: [...banded.map((k) => high[k]), ...back.map((k) => low[k])], fill: "toself", mode: "lines",
        line: { width: 0 }, fillcolor: colorOf(variant) + "26", hoverinfo: "skip" },
      { x, y: mean, mode: "lines+markers", line: style, customdata: cells.map((cell) => first(cell)),
        marker: { symbol: variant.symbol, size: cells.map((cell) => (cell.diverged < cell.n ? 8 : 0)) },
        text: cells.map((cell, k) => `${escapeTags(variant.label)}, rate ${data.rate_texts[cell.rate]}<br>mean ${format(data.scores[score], mean[k])} ` +
          `(${format(data.scores[score], low[k])} to ${format(data.scores[score], high[k])})<br>` +
          `${cell.ok} of ${cell.n} ok`),
        hovertemplate: "%{text}<extra></extra>" },
      { x: own.map((trial) => data.rates[trial.rate]), y: own.map((trial) => trial.scores[score]),
        mode: "markers", customdata: own.map((trial) => trial.number),
        marker: { color: colorOf(variant), opacity: 0.8, line: { color: colorOf(variant), width: 2 },
          size: own.map((trial) => (DIVERGED.includes(trial.outcome) ? 11 : 6)),
          symbol: own.map((trial) => (DIVERGED.includes(trial.outcome) ? "x-thin" : "circle-open")) },
        text: own.map((trial) => `${escapeTags(nameOf(trial))}<br>${format(data.scores[score], trial.scores[score])}, ` +
          `${trial.outcome}` + (trial.step === null ? "" : ` at step ${trial.step}`)),
        hovertemplate: "%{text}<extra></extra>" },
    ];
  }

  function draw() {
    const score = Number(byId("score").value);
    const setting = Number(byId("setting").value);
    const traces = data.variants.flatMap((variant, i) => (isShown(i) ? tracesOf(variant, i, setting, score) : []));
    const logarithmic = byId("log-score").checked;
    const y = logarithmic ? { ...powers } : { type: "linear" };
    const ends = data.closer[setting];
    const close = ends && byId("closer").checked && percent(data.scores[score]) && !isShare(score);
    byId("closer-label").hidden = !ends;
    if (percent(data.scores[score]) && !logarithmic) {
      y.range = close ? ends : [-0.03, 1.03];
      y.tickformat = close ? ".1%" : ".0%";
    }
    Plotly.react(plot, traces, layout({
      xaxis: axis("learning rate", byId("log-rate").checked ? powers : { type: "linear" }),
      yaxis: axis(data.scores[score].label, y),
    }), options());
  }

  // A cross where a trial diverged: at the end of its curve.
  function crossOf(trial, curve, score, on) {
    const last = curve[score].findLastIndex((value) => value !== null);
    return { x: [curve.epoch[last] ?? 0], y: [curve[score][last] ?? null], mode: "markers", hoverinfo: "skip", yaxis: on,
      xaxis: on.replace("y", "x"), marker: { symbol: "x-thin", size: 11, line: { width: 2, color: colorOf(data.variants[trial.variant]) } } };
  }

  function tell(trial) {
    byId("curves-title").textContent = `Learning curves of ${nameOf(trial)}: ${trial.outcome}`;
    byId("story").textContent = data.stories[trial.number];
  }

  function drawCurves() {
    const chosen = trials[Number(byId("trial").value)];
    if (!chosen) return;
    const same = trials.filter((trial) =>
      data.curves[trial.number] && trial.rate === chosen.rate && trial.seed === chosen.seed &&
      trial.setting === chosen.setting);
    const traces = same.flatMap((trial) => {
      const curve = data.curves[trial.number];
      const main = trial.variant === chosen.variant;
      // As in the figure above, the dash is that of the variant.
      const line = { color: colorOf(data.variants[trial.variant]), width: main ? 2.5 : 1, dash: data.variants[trial.variant].dash };
      const name = escapeTags(data.variants[trial.variant].label);
      const of = (y, what, on, opacity) => ({ x: curve.epoch, y, mode: "lines", line, opacity, yaxis: on,
        hovertemplate: `${name}, ${what}<br>epoch %{x}: %{y}<extra></extra>`, xaxis: on.replace("y", "x") });
      return [
        of(curve.validation_score, `validation ${data.score}`, "y", 1),
        of(curve.train_score, `train ${data.score}`, "y", 0.45),
        of(curve.validation_loss, "validation loss", "y2", 1),
        of(curve.train_loss, "train loss", "y2", 0.45),
        ...(trial.step === null ? [] : [crossOf(trial, curve, "validation_score", "y"), crossOf(trial, curve, "validation_loss", "y2")]),
      ];
    });
    Plotly.react(curves, traces, layout({
      grid: { rows: 1, columns: 2, pattern: "independent", xgap: 0.18 },
      xaxis: axis("epoch"), xaxis2: axis("epoch"),
      yaxis: axis(`${data.score} (faint: train)`, { tickformat: ".0%", range: [-0.03, 1.03] }),
      yaxis2: axis("loss (faint: train)", powers),
    }), options());
    tell(chosen);
  }

  function sortable(table) {
    table.querySelectorAll("th").forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const falls = head.getAttribute("aria-sort") === "ascending";
        table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", falls ? "descending" : "ascending");
        const body = table.tBodies[0];
        const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
        const number = (row) => (key(row) === "" || key(row) === "inf" ? Infinity : Number(key(row)));
        const order = (a, b) => {
          const [x, y] = [number(a), number(b)];
          if (isNaN(x) || isNaN(y)) return key(a).localeCompare(key(b));
          return x === y ? 0 : x < y ? -1 : 1;
        };
        body.append(...[...body.rows].sort((a, b) => (falls ? order(b, a) : order(a, b))));
      });
    });
  }

  // Plotly is in the page, compressed by gzip and encoded as base64.
  async function load() {
    const bytes = Uint8Array.from(atob(byId("plotly").textContent), (letter) => letter.charCodeAt(0));
    const script = document.createElement("script");
    script.textContent = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    document.head.append(script);
  }

  function begin() {
    draw();
    drawCurves();
    byId("score").addEventListener("change", () => {
      byId("log-score").checked = !percent(data.scores[Number(byId("score").value)]);
      draw();
    });
    ["setting", "log-rate", "log-score", "closer", "shown"].forEach((id) => byId(id).addEventListener("change", draw));
    byId("trial").addEventListener("change", drawCurves);
    plot.on("plotly_click", (event) => {
      const number = event.points[0].customdata;
      if (number === undefined) return;
      if (data.curves[number]) {
        byId("trial").value = number;
        drawCurves();
      } else {
        tell(trials[number]);
        byId("curves-title").textContent = `${nameOf(trials[number])}: this page does not have its curves; history.csv does`;
      }
    });
    [dark, coarse].forEach((media) => media.addEventListener("change", () => {
      draw();
      drawCurves();
    }));
  }

  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("form").forEach((form) => form.addEventListener("submit", (event) => event.preventDefault()));
  fill();
  if (data.curves[data.first]) byId("trial").value = data.first;
  load().then(begin, () => {
    plot.textContent = "This browser cannot decompress the figure. The tables and figures below show the same numbers.";
  });
})();
