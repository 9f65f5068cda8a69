// What other scripts of the page may ask of this one.
const page = {};
(() => {
  "use strict";
  const charts = Array.from(document.querySelectorAll(".chart"), (element) => ({
    element,
    figure: JSON.parse(element.nextElementSibling.textContent),
  }));

  // Labels that do not fit: every n-th month, or words set aslant.
  const fit = ({ element, figure }) => {
    const axis = figure.layout.xaxis;
    // Flows have no axes.
    if (!axis) return {};
    const long = figure.layout.meta?.long;
    const room = (element.clientWidth - 72) / axis.tickvals.length;
    const size = (texts) => Math.max(...texts.flatMap((t) => t.split("<br>")).map((line) =>
      Array.from(line.replace(/&#?\w+;/g, "x")).reduce((sum, c) => sum + (c.charCodeAt(0) > 0x2e80 ? 12.5 : 6.8), 6)));
    // Amounts under bars that lie.
    if (axis.type !== "category") {
      const step = Math.ceil(size(axis.ticktext) / room);
      const shown = (_, at) => at % step === 0;
      return { "xaxis.tickvals": axis.tickvals.filter(shown), "xaxis.ticktext": axis.ticktext.filter(shown) };
    }
    if (!long) {
      return { "xaxis.tickangle": size(axis.ticktext) > room ? -38 : 0 };
    }
    const texts = size(axis.ticktext) <= room ? axis.ticktext : long;
    const step = Math.max(1, Math.ceil(size(texts) / room));
    const last = axis.tickvals.length - 1;
    const shown = (_, at) => (last - at) % step === 0;
    return {
      "xaxis.tickvals": axis.tickvals.filter(shown),
      "xaxis.ticktext": texts.filter(shown),
    };
  };

  // Figures in the cells of a heat map: with margin, alone, small; in the narrowest it is scrolled.
  const cells = async ({ element, figure }) => {
    const [trace] = figure.data;
    if (trace?.type !== "heatmap") return;
    const beside = () => element.clientWidth - element._fullLayout.xaxis._length;
    const room = (element.parentElement.clientWidth - beside()) / trace.x.length - 3;
    const length = (line) => Array.from(line).reduce((sum, c) => sum + (c === "%" ? 0.95 : 0.62), 0);
    const width = (rows) => Math.max(0, ...rows.flat().flatMap((t) => t.split("<br>")).map(length));
    const alone = trace.text.map((row) => row.map((text) => text.split("<br>")[0]));
    const size = trace.textfont.size;
    const small = [alone, Math.min(size, 10)];
    const fits = ([rows, height]) => width(rows) * height <= room;
    const [text, font] = [[trace.text, size], [alone, size], small].find(fits) ?? small;
    const needed = Math.ceil(trace.x.length * (width(text) * font + 3) + beside());
    const wide = needed > element.parentElement.clientWidth;
    element.style.minWidth = wide ? `${needed}px` : "";
    if (wide) element.parentElement.tabIndex = 0;
    await Plotly.Plots.resize(element);
    await Plotly.restyle(element, { text: [text], "textfont.size": font });
  };

  const set = async (chart) => {
    const layout = structuredClone(chart.figure.layout);
    for (const [key, value] of Object.entries(fit(chart))) layout.xaxis[key.slice(6)] = value;
    await Plotly.react(chart.element, structuredClone(chart.figure.data), layout,
      { displayModeBar: false, responsive: true, showTips: false, doubleClick: false });
    await cells(chart);
    frame(chart.element);
  };
  page.redraw = (element, figure) => {
    const chart = charts.find((each) => each.element === element);
    chart.figure = figure;
    return document.documentElement.classList.contains("drawn") ? set(chart) : null;
  };
  const draw = async () => {
    for (const chart of charts) await set(chart);
    let waiting = 0;
    addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        for (const chart of charts) {
          if (chart.element.clientWidth) {
            await Plotly.relayout(chart.element, fit(chart));
            await cells(chart);
          }
          frame(chart.element);
        }
      }, 120);
    });
    document.documentElement.classList.add("drawn");
  };

  // A viewBox lets a sheet of paper shrink a chart instead of clipping it.
  const frame = (element) => {
    for (const svg of element.querySelectorAll(".main-svg")) {
      svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    }
  };

  // A browser lays out thousands of rows for seconds: of a long table the first stand on the page,
  // and all of them once they are asked for, or printed.
  const long = new Map();
  page.rows = (body) => long.get(body)?.rows ?? Array.from(body.rows);
  page.cut = (body, all) => {
    if (!long.has(body)) return;
    const { rows, note, first } = long.get(body), left = rows.filter((row) => !row.hidden);
    const shown = left.slice(0, all ? left.length : first);
    const focused = document.activeElement;
    body.replaceChildren(...shown);
    // A row that is taken out and put back keeps its focus.
    focused.focus();
    note.hidden = shown.length === left.length;
  };
  for (const note of document.querySelectorAll(".first-rows")) {
    const place = note.previousElementSibling, body = place.querySelector("tbody");
    const held = { rows: page.rows(body), note, first: note.dataset.first };
    long.set(body, held);
    page.cut(body);
    note.querySelector("button").onclick = () => {
      held.first = Infinity;
      page.cut(body);
      place.focus();
    };
  }

  const tables = Array.from(document.querySelectorAll("details"));
  const closed = new Set();
  onbeforeprint = () => {
    for (const each of long.keys()) page.cut(each, true);
    for (const each of tables) if (!each.open) { closed.add(each); each.open = true; }
  };
  onafterprint = () => {
    for (const each of long.keys()) page.cut(each);
    for (const each of closed) each.open = false;
    closed.clear();
  };

  const unpack = async () => {
    const packed = document.getElementById("plotly-packed");
    if (!packed) return;
    const text = packed.textContent, bytes = [];
    const digit = (at) => text.charCodeAt(at) - 35 - (text[at] > "<");
    for (let at = 1, bits = 0, held = 0; at < text.length; at += 2) {
      bits = (bits << 13) | (digit(at) * 91 + digit(at + 1));
      for (held += 13; held >= 8;) bytes.push((bits >> (held -= 8)) & 255);
    }
    bytes.length -= text[0];
    const stream = new Blob([Uint8Array.from(bytes)]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    // Runs at once: the policy names its hash.
    document.head.append(script);
  };

  const start = () => {
    if (!charts.length) return;
    unpack().then(draw).catch((problem) => {
      // The tables say the same.
      document.documentElement.classList.add("failed");
      for (const each of tables) each.open = true;
      console.error(problem);
    }).finally(page.drawn);
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
