// A reader's filters, assumptions and drill-down: figures drawn anew from the tables in the page.
const none = word("none");
const form = document.getElementById("live-form"), said = document.getElementById("live-said");

// ---- a measure's figures, as workbench.figures.values writes them

const longer = (value) => (value.includes(null) ? null : Math.max(value[2] - value[0], value[0] - value[1], 0));
class Series {
  sign = "";
  constructor(about, figures) {
    Object.assign(this, about);
    const held = (x) => (x === null ? null : Math.min(Math.max(x, this.lo ?? -Infinity), this.hi ?? Infinity));
    const wider = this.c ? data.wider : 1;
    this.triples = figures.map(([v, low, high]) => {
      const middle = held(v);
      if (v === null || low === null || high === null) return [middle, held(low), held(high)];
      if (wider !== 1) [low, high] = [v - wider * (v - low), v + wider * (high - v)];
      return [middle, held(low + (middle - v)), held(high + (middle - v))];
    });
    const known = this.triples.map(longer).filter((each) => each > 0), smallest = Math.min(...known);
    this.digits = this.d;
    if (known.length) {
      this.digits = Math.min(this.d, 1 - floor10(smallest, 1));
      if (!this.whole) this.digits = Math.max(this.digits, -floor10(smallest));
    }
    if (this.rate) this.digits = Math.max(0, this.digits - 2);
    this.noisy = known.length > 0;
  }
  get places() { return this.rate ? this.digits + 2 : this.digits; }
  plain(x) { return x === null ? null : round(x, this.places) + 0; }
  write(x, short, beside) {
    if (x === null) return none;
    if (this.rate) return percent(x, this.digits);
    if (!short || (this.digits >= 0 && this.noisy)) return number(x, this.digits);
    return compact(x, this.digits, data.lang === "zh" && beside !== undefined ? leastBeside(beside) : undefined);
  }
  even(value) {
    const [v, low, high] = value, above = high - v, below = v - low;
    return !value.includes(null) && Math.abs(above - below) <= Math.max(10 ** -this.places, 0.1 * Math.max(above, below));
  }
  half(value) { return this.even(value) ? (value[2] - value[1]) / 2 : longer(value); }
  unknown([, low, high]) { return Boolean(this.c) && low !== null && low <= 0 && high >= 0 && low < high; }
  within([, low, high], sign = "") {
    const scale = this.rate ? 100 : 1, power = floor10(((high - low) / 10) * scale), step = 10 ** power;
    const ends = [Math.floor((low * scale) / step + 1e-6), Math.ceil((high * scale) / step - 1e-6)]
      .map((end) => (end > 0 ? "+" : "") + money(sign, number(end * step, -power)));
    const kind = this.c === "points" ? "points" : this.rate ? "percent" : "plain";
    return word(`between ${kind}`, { low: ends[0], high: ends[1] });
  }
  told(value, short, sign) {
    return this.unknown(value) ? [word("not known"), this.within(value, sign)]
      : [this.write(value[0], short), this.reach(value, short)];
  }
  reach(value, short) {
    const [v, low, high] = value;
    if (v === null || low === high) return ""; // no noise moves it, or none is known
    if (this.even(value)) return `± ${this.write(this.half(value), short, v)}`;
    const ends = [low, high].map((end) => this.write(end, short, v));
    return short && ends[0] === ends[1] ? this.reach(value) : word("range", { low: ends[0], high: ends[1] });
  }
  both(value, sign) {
    if (this.unknown(value)) return word("not known: between", { between: this.within(value, sign) });
    let margin = this.reach(value);
    const limit = longer(value) !== null && !this.even(value) &&
      [value[1], value[2]].some((end) => this.plain(end) === this.plain(value[0]));
    if (margin && limit) return margin;
    if (margin && !margin.startsWith("±")) margin = `(${margin})`;
    return [this.write(value[0]), margin].filter(Boolean).join(" ");
  }
}
const clause = (...parts) => parts.filter(Boolean).join(word("clause"));
const nbsp = (text) => text.replaceAll("± ", "±\u00a0");

// ---- figures under a state

const moves = (name, state) => size(state.filters) ||
  depends(name).some((each) => each in state.assumed);
// A measure of a release under a state; refused where it cannot be known, or not finely enough.
const series = (figure, about, state) => {
  const name = figure.r[about.r], found = sheetOf(name, state);
  const make = (each) => new Series(each, columns(name, each.n, state));
  const made = make(about);
  if (about.s) made.s = found.forms.has(about.s.n) ? make(about.s) : null;
  const lowered = about.b && found.lowered, told = figure.items ?? figure.parts;
  if (made.triples.length !== figure.rows[about.r] || (lowered && !told)) stay("no table");
  if (lowered) made.b = lowered;
  return made;
};
// Whether what is shown is known, and any of it more than its margin.
const require = (figure, state, shown) => {
  let nearest, best = -1;
  for (const [made, rows] of shown) {
    const name = figure.r[made.r], whole = sheetOf(name, state, true).forms.get(made.n);
    for (const row of rows) {
      if (whole[row] === null && !made.nil?.includes(row)) stay("hidden");
      const value = made.triples[row], margin = longer(value) ?? 0, each = Math.abs(value[0]) / (margin || 1);
      if (made.c) continue;
      nearest ??= "";
      if (value[0] === null) continue;
      if (!(margin >= Math.abs(value[0]))) best = Infinity;
      else if (each > best) [best, nearest] = [each, made.both(value)];
    }
  }
  if (size(state.filters) && nearest !== undefined && best < Infinity) stay("too fine", nearest);
};
const beyond = (made, row) => {
  const share = made.s?.triples[row];
  return share && share[0] !== null && share[1] > 0 ? word(made.above, { share: made.s.both(share) }) : "";
};
const every = (made) => made.triples.map((_, row) => row);

const cell = (td, [text, margin], below = "") => {
  td.replaceChildren(text, ...(margin ? [" ", small(margin)] : []), ...(below ? [small(below, "below")] : []));
};
const make = (tag, textContent, className = "") => Object.assign(document.createElement(tag), { textContent, className });
const small = (text, name) => make("small", text, name);

const ticks = (made, low, high) => {
  if (!(high > low)) high = low + (Math.abs(low) || 1);
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((nice) => power * nice).find((each) => each >= rough * 0.999);
  let digits = 0;
  while (Math.abs(round(step, digits) / step - 1) > 1e-9) digits += 1;
  const at = [];
  for (let i = Math.floor(low / step + 1e-9); i <= Math.ceil(high / step - 1e-9); i += 1) at.push(round(i * step, digits));
  const least = leastBeside(Math.max(...at.map(Math.abs)));
  const text = (x) => (made.rate ? percent(x, Math.max(0, digits - 2)) : compact(x, digits, least));
  return { tickmode: "array", tickvals: at, ticktext: at.map(text), range: [at[0], at.at(-1)] };
};
const plots = {
  bar: (figure, made, drawn, at) => {
    const lying = drawn.data[0].orientation === "h";
    drawn.data.forEach((trace, color) => {
      const points = at[color].map((row) => (row < 0 ? null : made.triples[row]));
      trace[lying ? "x" : "y"] = points.map((p) => p && made.plain(p[0]));
      whisker(trace[lying ? "error_x" : "error_y"], made, points);
      trace.customdata = points.map((p) => (p ? made.both(p) : ""));
    });
    const [low, high] = extent(made, at);
    Object.assign(drawn.layout[lying ? "xaxis" : "yaxis"], ticks(made, Math.min(low, 0), Math.max(high, 0)));
  },
  line: (figure, made, drawn, at) => {
    const lines = drawn.data.filter((trace) => trace.mode === "lines+markers");
    const bands = drawn.data.filter((trace) => trace.fill);
    drawn.data = lines.flatMap((trace, color) => {
      const points = at[color].map((row) => (row < 0 ? null : made.triples[row]));
      trace.y = points.map((p) => p && made.plain(p[0]));
      trace.customdata = points.map((p) => (p ? made.both(p) : ""));
      if (trace.error_y) whisker(trace.error_y, made, points);
      const style = bands.find((band) => band.legendgroup === String(color));
      if (!style) return [trace];
      const runs = [[]];
      points.forEach((p, i) => {
        if (!p || p.includes(null)) runs.push([]);
        else runs.at(-1).push([trace.x[i], made.plain(p[1]), made.plain(p[2])]);
      });
      return [...runs.filter((run) => run.length).map((run) => {
        const back = run.toReversed();
        return { ...style, x: [...run, ...back].map((p) => p[0]), y: [...run.map((p) => p[2]), ...back.map((p) => p[1])] };
      }), trace];
    });
    const [low, high] = extent(made, at);
    Object.assign(drawn.layout.yaxis, ticks(made, low <= 0.4 * high ? 0 : low, high));
  },
  heatmap: (figure, made, drawn, at) => {
    const [trace] = drawn.data, roomy = at.length <= 9;
    const each = (told) => at[0].map((_, i) => at.map((column) => (column[i] < 0 ? told(null) : told(made.triples[column[i]]))));
    trace.z = each((p) => p && made.plain(p[0]));
    trace.text = each((p) => (p ? made.told(p, true).slice(0, roomy ? 2 : 1).filter(Boolean).join("<br>") : ""));
    trace.customdata = each((p) => (p ? made.both(p) : ""));
    const found = made.triples.map((p) => p[0]).filter((x) => x !== null);
    const low = Math.min(...found), high = Math.max(...found);
    trace.zmin = made.plain(low);
    trace.zmax = made.plain(high > low ? high : low + 1);
  },
};
const whisker = (bars, made, points) => {
  bars.array = points.map((p) => (p && !p.includes(null) ? made.plain(p[2] - p[0]) : null));
  bars.arrayminus = points.map((p) => (p && !p.includes(null) ? made.plain(p[0] - p[1]) : null));
};
const extent = (made, at) => {
  const found = at.flat().filter((row) => row >= 0 && made.triples[row][0] !== null)
    .flatMap((row) => made.triples[row]).filter((x) => x !== null);
  return found.length ? [Math.min(...found), Math.max(...found)] : [0, 1];
};
// What a bound cuts off, and whom: of many groups those that stand out are told.
const cuts = (figure, made) => {
  if (!made.b || !made.s) return made.b ?? "";
  const times = quantile(made.s.triples.length).z / quantile().z;
  const known = made.s.triples.map(([v, low, high], row) => [row, [v, v - times * (v - low), v + times * (high - v)]])
    .filter(([row, wide]) => !made.s.triples[row].includes(null) && wide[1] > 0).sort((a, b) => b[1][0] - a[1][0]);
  if (!known.length) return made.b;
  const told = known.slice(0, 3).map(([row, wide]) => `${figure.names[row]} ${made.s.both(wide)}`);
  if (known.length > 3) told.push(word("more groups", { count: number(known.length - 3, 0) }));
  return word("beyond by group", { bound: made.b, groups: told.join(word("comma")) });
};
const chart = (figure, here, state) => {
  const made = series(figure, figure.s, state), drawn = structuredClone(here.drawing);
  require(figure, state, [[made, every(made)]]);
  plots[figure.k](figure, made, drawn, figure.at);
  const cut = cuts(figure, made), known = every(made).filter((row) => made.triples[row][0] !== null);
  const told = known.length ? (made.noisy ? figure.margins : "") : word("no values");
  here.note.textContent = clause(figure.t, cut) + (told ? ` · ${told}` : "");
  const best = (sign) => known.reduce((a, b) => (sign * made.triples[b][0] > sign * made.triples[a][0] ? b : a), known[0]);
  const [low, high] = [best(-1), best(1)];
  let alt = known.length ? word("extent", { low: made.both(made.triples[low]), low_at: figure.names[low],
    high: made.both(made.triples[high]), high_at: figure.names[high] }) : word("no values");
  alt = word("alt", { kind: figure.kind, title: here.called, extent: alt });
  if (cut && known.length) alt += ` ${word("sentence", { text: cut[0].toUpperCase() + cut.slice(1) })}`;
  here.element.setAttribute("aria-label", alt);
  figure.at[0].forEach((_, i) => figure.at.forEach((column, color) => {
    const td = here.lines[i].cells[color + 1];
    if (column[i] < 0) cell(td, [none]);
    else cell(td, made.told(made.triples[column[i]]));
  }));
  return drawn;
};
const table = (figure, here, state) => {
  const columns = figure.cols.map((about) => series(figure, about, state));
  require(figure, state, columns.map((made) => [made, every(made)]));
  const untold = (made) => made.c === "gain" && every(made).every((row) => made.triples[row][0] === null || made.unknown(made.triples[row]));
  if (columns.some(untold) || figure.untold.length) stay("own way");
  figure.order.forEach((row, i) => {
    const { cells } = here.lines[i], [at, ...advice] = figure.advice ?? [], [, low, high] = columns[0]?.triples[row] ?? [];
    columns.forEach((made, at) => cell(cells[figure.cells[at]], made.told(made.triples[row]), beyond(made, row)));
    if (advice[0]) cells[at].textContent = advice[low > 0 ? 1 : high < 0 ? 2 : 0];
  });
};
const noise = (figure, at, name, row, state) => tangent(sheetOf(figure.r[at], state).forms.get(name)[row]);
const sides = (value) => (value.includes(null) ? [0, 0] : [Math.max(0, value[0] - value[1]), Math.max(0, value[2] - value[0])]);
// What a key figure is compared with, as workbench.figures.changes has it.
const changed = (figure, item, state) => {
  if (!item.prev) return null;
  const [at, row] = item.prev, { n } = item.s;
  return tried(() => {
    const now = columns(figure.r[item.s.r], n, state)[item.rows.at(-1)], before = columns(figure.r[at], n, state)[row];
    if ([...now, ...before].includes(null)) return null;
    const [a, b] = [noise(figure, item.s.r, n, item.rows.at(-1), state), noise(figure, at, n, row, state)];
    const [va, vb] = [a, b].map((each) => (each ? variance(each) : 0));
    const found = { now, before, noise: null, shared: 0 };
    if (va && vb) Object.assign(found, { noise: weighted([[1, a], [-1, b]]), shared: covariance(a, b) / Math.sqrt(va * vb) });
    return found;
  }, () => null);
};
const judged = (made, change, then) => {
  const { now, before, shared } = change, gap = now[0] - before[0], wider = data.wider;
  const [[a, b], [c, d]] = [sides(now), sides(before)], facing = [[a, d], [b, c]];
  const reach = facing.map(([x, y]) => wider * Math.sqrt(Math.max(0, x * x + y * y - 2 * shared * x * y)));
  let [low, high] = [gap - reach[0], gap + reach[1]], size = gap;
  const clear = low > 0 || high < 0;
  const ends = facing.map(([x, y], side) => fieller(now[0], before[0], x * x, y * y, shared * x * y, wider)[side + 1]);
  const part = !made.rate && !ends.includes(null);
  if (part) [size, low, high] = [gap / before[0], ends[0] - 1, ends[1] - 1];
  const half = (high - low) / 2;
  const digits = half > 0 ? Math.min(6, 1 - floor10(half * 100, 1)) : 1;
  const told = (x) => (part ? percent(x, Math.max(1, digits))
    : made.rate ? word("points", { size: number(x * 100, Math.max(made.digits, digits)) }) : made.write(x, true));
  const signed = (x) => (x > 0 ? "+" : "") + told(x);
  const even = Math.abs(low + high - 2 * size) <= 0.2 * half && clear === Math.abs(size) > half;
  let margin = `± ${told(half)}`;
  if (!even) margin = word("range", { low: signed(low), high: signed(high) });
  else if (!clear) margin = `${signed(size)} ${margin}`;
  const way = clear ? (gap > 0 ? "up" : "down") : "same";
  const noisy = [...sides(now), ...sides(before)].some((side) => side > 0);
  return { way, text: word(way, { period: then, change: told(Math.abs(size)) }), margin: noisy ? word("change margin", { margin }) : "" };
};
const like = (one, other) => {
  if (!one.noise || !other.noise) return `${[one.now, one.before]}` === `${[other.now, other.before]}` ? 1 : 0;
  const both = variance(one.noise) * variance(other.noise);
  return both ? Math.abs(covariance(one.noise, other.noise)) / Math.sqrt(both) : 0;
};
const spark = (svg, points) => {
  const known = points.flatMap((x, i) => (x === null ? [] : [[i, x]])), ys = known.map((p) => p[1]);
  svg?.toggleAttribute("hidden", known.length < 2);
  if (!svg || known.length < 2) return;
  const low = Math.min(...ys), reach = Math.max(...ys) - low || 1;
  const places = known.map(([i, x]) => [(i * 100) / Math.max(1, points.length - 1), 25 - ((x - low) / reach) * 22].map((each) => round(each, 1).toFixed(1)));
  const [path, dot] = svg.children, [x, y] = places.at(-1);
  path.setAttribute("d", `M${places.map((p) => p.join(" ")).join("L")}`);
  dot.setAttribute("d", `M${x} ${y}h0`);
};
const card = (figure, item, li, state, told) => {
  if (item.aimed && !size(state.filters)) stay("own way");
  const made = series(figure, item.s, state), row = item.rows.at(-1), value = made.triples[row];
  require(figure, state, [[made, [row]]]);
  const [text, margin] = made.told(value, true, made.sign), unknown = made.unknown(value), bound = clause(made.b, beyond(made, row));
  const $ = (name) => li.querySelector(name);
  $(".figure").textContent = value[0] !== null && !unknown ? money(made.sign, text) : text;
  $(".margin").replaceChildren(nbsp(margin), ...(bound ? [small(nbsp(bound))] : []));
  const change = unknown ? null : changed(figure, item, state);
  const now = change && judged(made, change, item.then), way = now ? now.way : unknown ? "same" : "";
  if (now && way !== "same") {
    const first = told.find((each) => each && each.way !== "same" && like(change, each.change) >= 0.5);
    if (first) now.margin = word("one draw", { margin: now.margin, other: first.label });
  }
  let line = $(".change:not(.target)");
  $(".target")?.remove(); // it is one of everybody
  if (!line && way) $(".margin").after(line = make("p"));
  if (line) {
    line.className = `change ${way}`;
    line.hidden = !way;
    line.replaceChildren(make("b", { up: "▲", down: "▼", same: "≈" }[way]), ` ${now ? now.text : word("no difference")}`, ...(now?.margin ? [" ", small(nbsp(now.margin))] : []));
  }
  spark($(".spark"), item.rows.length > 1 ? item.rows.map((each) => made.plain(made.triples[each][0])) : []);
  if (now) told.push({ way, change, label: $(".label span:last-child").textContent });
};
const refiltered = (state, filters) => ({ ...state, filters, memo: memoOf(state, filters) });
// What cannot be filtered is still drawn by what is assumed; returns why it does not follow.
const attempt = (names, state, draw) => {
  let reason = "";
  for (const each of [state, refiltered(state, {})]) {
    if (names.some((name) => moves(name, each)) && tried(() => draw(each) ?? true, (problem) => {
      reason ||= word(`live ${problem.why}`, { figure: problem.nearest || none });
    })) break;
  }
  return reason;
};
const cards = (figure, here, state) => {
  const told = [];
  return figure.items.map((item, i) => attempt([figure.r[item.s.r]], state, (each) => card(figure, item, here.list.children[i], each, told)));
};
const sentence = (figure, here, state) => {
  const shown = [];
  let text = "";
  for (const [literal, about, margin, form_, follows] of figure.parts) {
    if (!about) { text += literal; continue; }
    const made = series(figure, about, state), value = made.triples[0], sign_ = form_ ? "" : made.sign;
    shown.push([made, [0]]);
    const number = (x) => {
      if (form_) {
        const found = formatted(x, form_, made.plain(x));
        if (x === 0 || /[1-9]/.test(found)) return found.replaceAll("-", "−");
      }
      return made.write(x, data.lang === "zh", value[0]);
    };
    const cut = clause(made.b, beyond(made, 0));
    if (!margin) {
      let told = word("not known");
      if (made.unknown(value)) {
        if (!follows) told = made.both(value, sign_);
      } else if (value[0] !== null) {
        told = money(sign_, number(value[0]));
        if (!follows && made.least) told = word("at least figure", { figure: told });
        else if (!follows && cut) told += ` ${word("change margin", { margin: cut })}`;
      }
      text += literal + told;
      continue;
    }
    let sign = value[0] !== null, told = sign ? none : word("too little");
    if (!value.includes(null)) {
      if (made.unknown(value)) [told, sign] = [made.within(value, sign_), false];
      else {
        sign = made.even(value);
        const reach = sign ? number(made.half(value)) : word("range", { low: number(value[1]), high: number(value[2]) });
        told = clause(reach, cut);
      }
    }
    text += (sign ? literal : literal.trimEnd().replace(/±$/, "")) + told;
  }
  require(figure, state, shown);
  here.text.textContent = nbsp(text);
};

// ---- places on the page

const places = data.figures.flatMap((figure, at) => {
  const root = document.querySelector(`[data-live="${at}"]`);
  if (!root) return [];
  const element = root.querySelector(".chart"), body = root.querySelector("tbody");
  return {
    figure_: figure, root, element, body, lines: body ? page.rows(body) : [],
    list: root.querySelector(".kpis"),
    note: root.querySelector(".note span:last-child"),
    text: root.matches(".answer") ? root : root.querySelector(".sentence"),
    drawing: element && JSON.parse(element.nextElementSibling.textContent),
    called: figure.title || body?.closest("table").caption.textContent,
    label: element?.getAttribute("aria-label"),
  };
});
const keep = (here) => {
  here.kept ??= [...here.lines, here.list, here.text, here.note].filter(Boolean).map((each) => [each, each.cloneNode(true)]);
};
const back = (here) => {
  for (const [now, kept] of here.kept) {
    const focused = now.contains(document.activeElement);
    now.replaceChildren(...kept.cloneNode(true).childNodes);
    if (focused) now.querySelector("button")?.focus();
  }
  here.element?.setAttribute("aria-label", here.label);
};
const notes = new Map();
const says = (where_, why) => {
  notes.get(where_)?.remove();
  if (!why) return;
  notes.set(where_, make("p", word("live not", { why }), "live-not"));
  where_[where_.matches(".answer") ? "after" : "append"](notes.get(where_));
};
// The rows of a figure that hold a value of a column it shows.
const pick = (figure, here, own, drawn) => {
  const column = (name) => figure.by.findIndex((each) => each[0] === name);
  if (figure.k === "table") {
    const wanted = own.map(([name, value]) => [column(name), value]);
    const moved = here.lines.filter((row, i) => row.hidden !== wanted.some(([at, value]) => figure.keys[i][at] !== value));
    for (const row of moved) row.hidden = !row.hidden;
    if (moved[0]) page.cut(here.body);
    return;
  }
  const left = figure.by.map(([name, values]) =>
    values.map((value) => own.every(([each, wanted]) => each !== name || value === wanted)));
  here.lines.forEach((row, i) => {
    row.hidden = !left[0][i];
    [...row.cells].slice(1).forEach((td, color) => { td.hidden = left[1] ? !left[1][color] : false; });
  });
  if (left[1]) [...here.body.closest("table").tHead.rows[0].cells].slice(1).forEach((th, i) => { th.hidden = !left[1][i]; });
  if (!drawn) return;
  const only = (list, keep) => list.filter((_, i) => keep[i]);
  const axis = (each, keep) => {
    for (const key of ["categoryarray", "tickvals", "ticktext"]) each[key] = only(each[key], keep);
  };
  const { data: traces, layout } = drawn;
  if (figure.k === "heatmap") {
    const [trace] = traces;
    for (const key of ["z", "text", "customdata"]) trace[key] = only(trace[key], left[0]).map((row) => only(row, left[1]));
    trace.y = only(trace.y, left[0]);
    trace.x = only(trace.x, left[1]);
    axis(layout.yaxis, left[0]);
    axis(layout.xaxis, left[1]);
    if (layout.meta?.long) layout.meta.long = only(layout.meta.long, left[1]);
    return;
  }
  const lying = traces[0]?.orientation === "h", labels = layout[lying ? "yaxis" : "xaxis"];
  const kept = new Set(only(labels.tickvals, left[0]));
  drawn.data = traces.filter((trace) => !left[1] || left[1][Number(trace.legendgroup)]);
  for (const trace of drawn.data) {
    const keep = trace[lying ? "y" : "x"].map((each) => kept.has(each));
    for (const key of ["x", "y", "customdata"]) if (trace[key]) trace[key] = only(trace[key], keep);
    for (const bars of [trace.error_x, trace.error_y]) {
      if (bars) [bars.array, bars.arrayminus] = [only(bars.array, keep), only(bars.arrayminus, keep)];
    }
  }
  axis(labels, left[0]);
  if (layout.meta?.long) layout.meta.long = only(layout.meta.long, left[0]);
};
const update = (here, state) => {
  const figure = here.figure_;
  const shows = ([name]) => figure.by?.some((each) => each[0] === name), all = Object.entries(state.filters);
  const own = all.filter(shows), filters = Object.fromEntries(all.filter((each) => !shows(each)));
  const deep = refiltered(state, filters);
  const moving = figure.r.some((name) => moves(name, deep));
  if (here.changed) back(here);
  if (moving) keep(here);
  here.changed = moving;
  let drawn = null, reason = "", each = [];
  if (own.some(([name, value]) => !figure.by.find((column) => column[0] === name)[1].includes(value))) reason = word("live no table");
  else if (here.list && figure.items) each = cards(figure, here, deep);
  else {
    reason = attempt(figure.r, deep, (now) => {
      if (!figure.k || figure.aimed) stay("own way");
      if (here.element) drawn = chart(figure, here, now);
      else (figure.k === "table" ? table : sentence)(figure, here, now);
    });
  }
  if (figure.by) {
    if (own.length && !reason) drawn ??= here.drawing && structuredClone(here.drawing);
    pick(figure, here, reason ? [] : own, drawn);
  }
  if (new Set(each).size === 1) [reason, each] = [each[0], []]; // said once of all cards
  [...here.list?.children ?? []].forEach((li, i) => says(li, each[i]));
  says(here.root, reason);
  const wanted = drawn ?? here.drawing;
  if (here.element && here.shown !== wanted && (drawn || here.shown)) {
    here.shown = wanted;
    later(() => here.shown === wanted && page.redraw(here.element, wanted));
  }
};
let memos = {};
const memoOf = (state, filters) => {
  if (size(memos) > 40) memos = {};
  return memos[text([filters, state.assumed])] ??= {};
};
// Charts follow one by one once the next frame is seen, so that a slider does not wait for them.
const queue = [];
const later = (task) => {
  if (queue.push(task) === 1) requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(next)));
};
const next = async () => {
  while (queue.length) {
    await queue[0]();
    queue.shift();
    await new Promise((done) => { setTimeout(done); });
  }
  document.documentElement.dataset.answers = "still";
};

// ---- state: in the address, so that what is seen can be linked and printed

const button = form.querySelector("button"), inputs = [...form.elements].filter((each) => each.name);
const about = (name) => data.assumed.find((each) => each.n === name);
const chosen = () => inputs.map((each) => [each.name.slice(2), each.value, each.name[0] === "f"])
  .filter(([name, value, filters]) => (filters ? value : Number(value) !== about(name).at));
const stateOf = () => {
  const filters = {}, assumed = {};
  for (const [name, value, filter] of chosen()) {
    if (filter) filters[name] = value;
    else assumed[name] = Number(value);
  }
  return { filters, assumed };
};
const amount = (each, x) => {
  const named = each.v?.find(([, value]) => value === x);
  const [before, after] = each.u ?? ["", ""];
  return named ? named[0] : money(before, number(x, each.d)) + after;
};
const told = (state, missing) => {
  const list = (pairs) => pairs.map(([name, value]) => word("live is", { name, value })).join(word("comma"));
  const filters = Object.entries(state.filters).map(([name, value]) => {
    const found = data.filters.find((each) => each.n === name);
    return [found.t, found.l[found.v.indexOf(value)]];
  });
  const assumed = Object.entries(state.assumed).map(([name, x]) => [about(name).t, amount(about(name), x)]);
  return [
    filters.length ? word("live shown", { filters: list(filters) }) : "",
    assumed.length ? word("live assumed", { assumed: list(assumed) }) : "",
    missing.length ? word("live unknown", { what: missing.slice(0, 9).join(word("comma")) }) : "",
  ].filter(Boolean).join(" ");
};
const amounts = (state) => {
  for (const output of form.querySelectorAll("output")) {
    const each = about(output.dataset.of);
    output.textContent = amount(each, state.assumed[each.n] ?? each.at);
  }
};
let seen = "";
const show = (missing = []) => {
  seen = pairs();
  const state = stateOf();
  document.documentElement.dataset.answers = "moving";
  amounts(state);
  said.textContent = told(state, missing);
  button.hidden = !said.textContent;
  for (const here of places) update(here, state);
  later(() => {});
};
const pairs = () => chosen().map((each) => `~${each.slice(0, 2).map(encodeURIComponent).join("=").replaceAll("~", "%7E")}`).join("");
const change = () => {
  try {
    history.replaceState(null, "", `#${pairs()}`);
  } catch { /* a preview in a frame has no address of its own */ }
  show();
};
const read = () => {
  if (location.hash && !location.hash.startsWith("#~")) return;
  const missing = [];
  form.reset();
  for (const pair of location.hash.slice(2).split("~").filter(Boolean)) {
    let [name, value] = pair.split("=");
    try {
      [name, value] = [decodeURIComponent(name), decodeURIComponent(value ?? "")];
    } catch { /* a broken escape: shown as it stands */ }
    const input = inputs.find((each) => each.name.slice(2) === name) ?? {}, had = input.value;
    input.value = value;
    if (!input.name || !value || (input.options ? input.selectedIndex < 0 : Number(input.value) !== Number(value))) {
      missing.push(pair.slice(0, 80));
      input.value = had;
    }
  }
  if (said.textContent || location.hash) show(missing);
};
amounts(stateOf());
form.hidden = false;
form.oninput = change;
form.onchange = () => seen === pairs() || change(); // a script may fire nothing else
button.onclick = () => setTimeout(() => { // once everything is as it was
  change();
  inputs[0].focus(); // a button that hides keeps no focus
});
onhashchange = read;
// A bar or a cell that is clicked is filtered by; so is a row by its button, which a keyboard reaches.
const selectOf = (name) => form.elements[`f:${name}`];
const choose = (name, value) => {
  const select = selectOf(name);
  if (!select) return;
  select.value = select.value === value ? "" : value;
  change();
};
page.drawn = () => {
  for (const here of places) {
    const { k, by = [], keys, head = 0 } = here.figure_;
    if (by[0] && selectOf(by[0][0])) {
      here.body.onclick = ({ target }) => {
        const at = here.lines.indexOf(target.closest("tr"));
        choose(by[0][0], keys ? keys[at][0] : by[0][1][at]);
      };
      for (const row of here.lines) {
        const button = make("button");
        button.append(...row.cells[head].childNodes);
        row.cells[head].append(button);
      }
    }
    here.element?.on?.("plotly_click", ({ points: [point] }) => by.forEach(([name, values], at) => {
      if (at && k !== "heatmap") return;
      const axis = (k === "heatmap" ? at === 1 : point.data.orientation !== "h") ? "x" : "y";
      choose(name, values[here.drawing.layout[`${axis}axis`].tickvals.indexOf(point[axis])]);
    }));
  }
  // What a first input needs is done once before it comes, and undone unseen.
  for (const filter of [data.filters.slice(0, 1), []]) {
    const filters = Object.fromEntries(filter.map((each) => [each.n, each.v[0]]));
    for (const here of places) {
      update(here, { filters, assumed: {} });
      here.shown = null;
    }
    form.getClientRects(); // lays the page out
  }
  read();
};
if (!document.querySelector(".chart")) page.drawn();
