// Numbers as Python writes them, noise and its margins, and operations on released tables: the same
// functions as workbench.privacy and workbench.figures have, by the same names. Tests compare them.
const data = JSON.parse(document.getElementById("live").textContent);
const words = data.words;
const word = (key, names = {}) => words[key].replace(/\{(\w+)\}/g, (_, name) => names[name]);
const size = (content) => Object.keys(content).length;
// Floor of the logarithm, of a number rounded to so many digits after its first.
const floor10 = (x, digits) => Number(x.toExponential(digits).split("e")[1]);

// ---- numbers

// Half to even, of the exact binary value, as Python rounds.
const round = (x, d) => {
  const a = Math.abs(x), sign = x < 0 ? -1 : 1;
  if (d < 0) {
    const p = 10 ** -d, r = a % p, low = a - r;
    return sign * (r > p / 2 || (r === p / 2 && (low / p) % 2 === 1) ? low + p : low);
  }
  if (d > 20 || a >= 1e15) return x;
  const twice = a * 2 ** (d + 1);
  if (Number.isInteger(twice) && twice % 2 === 1) {
    const up = Math.ceil(a * 10 ** d);
    return sign * Number(((up % 2 ? up - 1 : up) / 10 ** d).toFixed(d));
  }
  return sign * Number(a.toFixed(d));
};
const commas = (text) => text.replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));
const minus = (text) => text.replace(/-/g, "−");
const number = (x, d) => minus(commas((round(x, d) || 0).toFixed(Math.max(0, d))));
const percent = (x, d) => `${number(round(x, d + 2) === 0 ? 0 : x * 100, d)}%`;
const [from, least, steps] = data.short;
const leastBeside = (x) => (Math.abs(x) >= from ? least : from);
const compact = (x, d, beyond = from) => {
  const value = round(x, d), size = Math.abs(value);
  if (size < beyond || size === 0) return number(value, d);
  const power = Math.floor(Math.log10(size) + 1e-9), by = data.lang === "zh" ? 4 : 3;
  const places = d < 0 ? Math.max(2, Math.floor(power / by) * by + d - 1) : 2;
  if (places > 3) return number(value, d);
  for (const [unit, magnitude, suffix] of steps) {
    if (size >= magnitude) return minus(String(round(value / unit, places)) + suffix);
  }
  return number(value, d);
};
const money = (sign, text) => (text.startsWith("−") ? `−${sign}${text.slice(1)}` : sign + text);
// A number by a format of Python's: "", ",", ",.0f", "d", "+.1%".
const formatted = (x, form, shown) => {
  const places = Number(/\.(\d)/.exec(form)?.[1] ?? (/[f%]$/.test(form) ? 6 : 0)), share = form.endsWith("%");
  const text = /[df%]$/.test(form) ? round(share ? x * 100 : x, places).toFixed(places) : String(shown);
  return (form[0] === "+" && x >= 0 ? "+" : "") + (form.includes(",") ? commas(text) : text) + (share ? "%" : "");
};

// ---- margins

// How many standard deviations leave so much on one side: Newton's steps on Simpson's rule.
const inverse = (p) => {
  if (p > 0.5) return -inverse(1 - p);
  const bell = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  let z = 1;
  for (let turn = 0; turn < 60; turn += 1) {
    const h = z / 256;
    let sum = bell(0) - bell(z);
    for (let i = 1; i <= 128; i += 1) sum += 4 * bell((2 * i - 1) * h) + 2 * bell(2 * i * h);
    const step = (0.5 - (sum * h) / 3 - p) / bell(z);
    z += Math.max(-1, Math.min(1, step));
    if (Math.abs(step) < 1e-14) break;
  }
  return z;
};
const levels = {};
const quantile = (figures = 1) => {
  const miss = -Math.expm1(Math.log(0.95) / Math.max(1, figures));
  return levels[figures] ??= { z: inverse(miss / 2), miss };
};

const NOTHING = [null, null, null];
const affine = (v, t = new Map()) => ({ v, t });
const isAffine = (form) => form?.t;
const isRatio = (form) => form?.top;
const isLadder = (form) => form?.rungs;
const isNumber = (form) => form?.t?.size === 0;
const variance = (form) => {
  let sum = 0;
  for (const weight of form.t.values()) sum += weight * weight;
  return sum;
};
const weighted = (pairs) => {
  let v = 0;
  const t = new Map();
  for (const [weight, form] of pairs) {
    v += weight * form.v;
    for (const [draw, each] of form.t) t.set(draw, (t.get(draw) ?? 0) + weight * each);
  }
  return { v, t };
};
const covariance = (one, other) => {
  if (other.t.size < one.t.size) [one, other] = [other, one];
  let sum = 0;
  for (const [draw, weight] of one.t) sum += weight * (other.t.get(draw) ?? 0);
  return sum;
};
const fieller = (top, bottom, varTop, varBottom, shared, z) => {
  const a = bottom * bottom - z * z * varBottom;
  if (bottom <= 0 || a <= 0) return NOTHING;
  const b = top * bottom - z * z * shared, c = top * top - z * z * varTop;
  const root = Math.sqrt(Math.max(0, b * b - a * c));
  return [top / bottom, (b - root) / a, (b + root) / a];
};
const interval = (form, level) => {
  if (form === null) return NOTHING;
  if (form.fixed) return form.fixed;
  if (isLadder(form)) return ofLadder(form, level);
  if (isAffine(form)) {
    const half = level.z * Math.sqrt(variance(form));
    return [form.v, form.v - half, form.v + half];
  }
  const { top, bottom, offset } = form;
  const ends = fieller(top.v, bottom.v, variance(top), variance(bottom), covariance(top, bottom), level.z);
  return ends[0] === null ? NOTHING : ends.map((each) => offset + each);
};
const rungOf = (form) => {
  const straight = form.rungs.map(tangent), whole = straight.at(-1);
  for (let i = 0; i < straight.length; i += 1) {
    if (whole === null || straight[i] === null) break;
    const above = weighted([[1, whole], [-1, straight[i]]]);
    if ((form.under ? above.v : Math.abs(above.v)) <= Math.sqrt(variance(above))) return i;
  }
  return straight.length - 1;
};
const ofLadder = (form, level) => {
  const told = form.rungs[rungOf(form)], whole = form.rungs.at(-1);
  const value = interval(told, level)[0];
  const side = (part) => (form.under ? { z: inverse(level.miss * part) } : level);
  const low = interval(form.under ? told : whole, side(0.2))[1], high = interval(whole, side(0.8))[2];
  if (value === null || low === null || high === null) return NOTHING;
  return [value, Math.min(low, value), Math.max(high, value)];
};
const eachRung = (compute, forms, under) => {
  const ladders = forms.map((form) => (isLadder(form) ? form.rungs : [form]));
  const longest = ladders.reduce((a, b) => (b.length > a.length ? b : a));
  const rungs = longest.map((_, i) => compute(ladders.map((each) => each[i] ?? each.at(-1))));
  return rungs.every((each) => isAffine(each) || isRatio(each)) ? { rungs, under } : null;
};
const under = (...forms) => forms.every((form) => !isLadder(form) || form.under);
const ladders = (...forms) => forms.some(isLadder);
const tangent = (form) => {
  if (form === null || isAffine(form)) return form;
  if (isLadder(form)) return tangent(form.rungs.at(-1));
  if (form.fixed) stay("no table");
  if (interval(form, quantile())[0] === null) return null;
  const ratio = form.top.v / form.bottom.v, bottom = form.bottom.v;
  return affine(form.offset + ratio, weighted([[1 / bottom, form.top], [-ratio / bottom, form.bottom]]).t);
};
const added = (forms) => {
  if (forms.some((form) => form === null)) return null;
  if (ladders(...forms)) return eachRung(added, forms, under(...forms));
  if (forms.length && forms.every(isRatio) && new Set(forms.map((form) => form.offset)).size === 1) {
    const side = (name) => weighted(forms.map((form) => [1, form[name]]));
    return { top: side("top"), bottom: side("bottom"), offset: forms[0].offset };
  }
  return weighted(forms.map(tangent).filter((form) => form !== null).map((form) => [1, form]));
};
const plus = (one, other, sign = 1) => {
  if (ladders(one, other)) {
    const below = under(one, other) && (sign > 0 || !isLadder(other));
    return eachRung(([a, b]) => plus(a, b, sign), [one, other], below);
  }
  if (isRatio(one) && isNumber(other)) return { ...one, offset: one.offset + sign * other.v };
  if (isRatio(other) && isNumber(one)) {
    return { top: weighted([[sign, other.top]]), bottom: other.bottom, offset: one.v + sign * other.offset };
  }
  const a = tangent(one), b = tangent(other);
  return a === null || b === null ? null : weighted([[1, a], [sign, b]]);
};
const times = (one, other) => {
  if (ladders(one, other)) {
    const factors = [one, other].filter(isAffine);
    const below = under(one, other) && factors.length === 1 && factors[0].v >= 0;
    return eachRung(([a, b]) => times(a, b), [one, other], below);
  }
  for (const [form, factor] of [[one, other], [other, one]]) {
    if (isNumber(factor)) {
      if (isRatio(form)) {
        return { top: weighted([[factor.v, form.top]]), bottom: form.bottom, offset: factor.v * form.offset };
      }
      const a = tangent(form);
      return a === null ? null : weighted([[factor.v, a]]);
    }
  }
  const a = tangent(one), b = tangent(other);
  return a === null || b === null ? null : affine(a.v * b.v, weighted([[b.v, a], [a.v, b]]).t);
};
const divided = (one, other) => {
  if (ladders(one, other) && !isNumber(other)) {
    return eachRung(([a, b]) => divided(a, b), [one, other], under(one) && !isLadder(other));
  }
  if (isNumber(other)) return other.v === 0 ? null : times(one, affine(1 / other.v));
  const a = tangent(one), b = tangent(other);
  return a === null || b === null ? null : { top: a, bottom: b, offset: 0 };
};

// ---- tables

// Why a figure stays as it is, in words that the page has; of what is too fine, what comes nearest.
const stay = (why, nearest) => {
  throw { why, nearest };
};
// That no table answers, and for which other period one would.
const missing = (name, filters) => {
  const late = data.late[name]?.find(([by]) => Object.keys(filters).every((each) => by.includes(each)));
  stay(late ? "other period" : "no table", late?.[1]);
};
const tried = (task, stays) => {
  try {
    return task();
  } catch (problem) {
    if (problem.why) return stays(problem);
    throw problem;
  }
};
const text = JSON.stringify;
const leaves = {};
const leaf = (name) => {
  const from = data.leaves[name];
  return leaves[name] ??= {
    by: from.by,
    keys: from.keys.map((key) => key.map((place, at) => from.by[at][2][place])),
    m: new Map(from.m.map(([measure, plan, adds]) => [measure, { plan, adds, forms: [] }])),
    when: from.when,
    among: 1,
    kept: 1,
  };
};
const paid = (name, measure, place) => {
  const { plan, forms } = leaf(name).m.get(measure), { rows, parts, fixed } = data.leaves[name];
  const made = () => {
    const [at, row] = rows[place];
    if (at < 0) return null;
    if (plan === null) return fixed[measure][place] && { fixed: fixed[measure][place] };
    const { step, noisy, drawn } = parts[at];
    const line = (coefficients) => {
      const sum = affine(0);
      for (const [name_, weight] of Object.entries(coefficients)) {
        sum.v += weight * (noisy[name_][row] / step);
        if (weight) sum.t.set(`${drawn[name_][0]}:${row}:${name_}`, weight * drawn[name_][1]);
      }
      return sum;
    };
    if (plan.linear) return line(plan.linear);
    if (plan.ladder) {
      const tops = plan.ladder.map(line);
      const rungs = plan.bottom ? tops.map((top) => ({ top, bottom: line(plan.bottom), offset: 0 })) : tops;
      return { rungs, under: plan.under };
    }
    return { top: line(plan.top), bottom: line(plan.bottom), offset: plan.offset ?? 0 };
  };
  return forms[place] ??= made();
};
const noisiness = (form) => {
  if (form === null || form.fixed) return 0;
  if (isLadder(form)) return noisiness(form.rungs.at(-1));
  if (isRatio(form)) return variance(form.top) / (form.bottom.v * form.bottom.v || 1);
  return variance(form);
};
// Of which rows of another table each key is added up under a filter, and over which columns; null
// where it is not by what is filtered.
const added_ = (mine, keys, [other, , places, month], filters) => {
  const theirs = leaf(other);
  const picked = Object.entries(month ? { ...filters, [month]: mine.when } : filters)
    .map(([name, value]) => [theirs.by.findIndex((each) => each[0] === name), value]);
  if (picked.some(([column]) => column < 0)) return null;
  const rows = [...theirs.keys.keys()].filter((row) => picked.every(([column, value]) => theirs.keys[row][column] === value));
  const groups = Map.groupBy(rows, (row) => text(places.map((column) => (column < 0 ? theirs.when : theirs.keys[row][column]))));
  const extra = without(theirs.by, [...places, ...picked.map(([column]) => column)]);
  return [keys.map((key) => groups.get(text(key))), extra];
};
const filtered = (name, state) => {
  const mine = leaf(name), { filters } = state, names = [...mine.m.keys()], forms = new Map();
  if (!size(filters)) {
    for (const each of names) forms.set(each, mine.keys.map((_, row) => paid(name, each, row)));
    return { ...mine, forms };
  }
  const own = mine.by.flatMap((each, at) => (each[0] in filters ? [[at, filters[each[0]]]] : []));
  const keys = mine.keys.filter((key) => own.every(([at, value]) => key[at] === value));
  const tables = data.leaves[name].from.map((each) => [each, added_(mine, keys, each, filters)]).filter((each) => each[1]);
  let lowered;
  for (const measure of names) {
    let best;
    for (const [[other, alike, , , less], [rows, extra]] of tables) {
      const { adds } = leaf(other).m.get(measure) ?? {}, lower = alike.includes(measure) ? "" : less[measure];
      const apart = (each) => adds < 0 && each[3] && each[1] !== "month" && each[1] !== "date";
      if ((lower && (lowered || lower)) !== lower || lower === undefined || (adds < 1 && !extra.every(apart))) continue;
      const found = rows.map((each) => {
        const parts = (each ?? []).map((row) => paid(other, measure, row));
        return parts.length > 1 ? added(parts) : parts[0] ?? null;
      });
      // a lower bound answers only where no table has the same
      const unknown = found.filter((form) => form === null).length + (lower ? 1e9 : 0);
      const noise = found.reduce((sum, form) => sum + noisiness(form), 0);
      if (!best || unknown < best.unknown || (unknown === best.unknown && noise < best.noise * (1 - 1e-9))) {
        best = { unknown, noise, found, lower };
      }
    }
    if (best) {
      forms.set(measure, best.found);
      lowered ||= best.lower;
    }
  }
  if (!forms.size) missing(name, filters);
  return { ...mine, keys, forms, lowered };
};

// ---- operations

const grouped = (keys) => {
  const known = [...keys.keys()].filter((row) => keys[row]);
  return [...Map.groupBy(known, (row) => text(keys[row])).values()].map((rows) => ({ key: keys[rows[0]], rows }));
};
const axisOf = (sheet, name) => {
  const at = sheet.by.findIndex((each) => each[0] === name);
  if (at < 0) stay("no table");
  return at;
};
const formsOf = (sheet, name) => {
  if (!sheet.forms.has(name)) stay("no table");
  return sheet.forms.get(name);
};
const without = (items, axes) => items.filter((_, at) => !axes.includes(at));
const gathered = (sheet, by, groups) => {
  const forms = new Map();
  for (const [name, column] of sheet.forms) {
    if (column.some((form) => form?.fixed) && groups.some((each) => each.rows.length > 1)) continue;
    forms.set(name, groups.map(({ rows }) => added(rows.map((row) => column[row]))));
  }
  return { ...sheet, by, keys: groups.map((each) => each.key), forms };
};
const over = (sheet, columns) => {
  const axes = columns.map((each) => axisOf(sheet, each));
  return gathered(sheet, without(sheet.by, axes), grouped(sheet.keys.map((key) => without(key, axes))));
};
const where = (sheet, values) => {
  for (const [name, wanted] of Object.entries(values)) {
    const axis = axisOf(sheet, name), listed = Array.isArray(wanted) ? wanted : [wanted];
    const rows = sheet.keys.flatMap((key, row) => (listed.includes(key[axis]) ? [row] : []));
    let by = sheet.by, keys = rows.map((row) => sheet.keys[row]);
    if (Array.isArray(wanted)) {
      const [column, kind, all, apart] = by[axis];
      by = by.with(axis, [column, kind, all.filter((each) => listed.includes(each)), apart]);
    } else [by, keys] = [without(by, [axis]), keys.map((key) => without(key, [axis]))];
    const forms = new Map([...sheet.forms].map(([each, column]) => [each, rows.map((row) => column[row])]));
    sheet = { ...sheet, by, keys, forms };
  }
  return sheet;
};
const figure = (written, sheet, known) => {
  const { op, options = {} } = written;
  const args = (written.args ?? []).map((each) => figure(each, sheet, known));
  if (written.other) {
    const there = known[written.other], places = there.by.map((each) => axisOf(sheet, each[0]));
    const inner = figure(written.args ? written.args[0] : { op, options }, there, known);
    const at = new Map(there.keys.map((key, row) => [text(key), inner[row]]));
    args.push(sheet.keys.map((key) => at.get(text(places.map((place) => key[place]))) ?? null));
  }
  const pairs = (compute) => args[0].map((form, row) => compute(form, args[1][row]));
  switch (op) {
    case "column": return args.length ? args[0] : formsOf(sheet, options.measure);
    case "number": return sheet.keys.map(() => affine(options.value));
    case "add": return pairs((a, b) => plus(a, b, options.sign));
    case "multiply": return pairs(times);
    case "ratio": return pairs(divided);
    case "difference":
      if (args.length < 2) args.push(shifted(sheet, args[0], options.by, options.shift ?? 1));
      return pairs((a, b) => (options.relative ? plus(divided(a, b), affine(-1)) : plus(a, b, -1)));
    default: {
      if (args.length < 2) {
        const axes = (options.across ?? sheet.by.map((each) => each[0])).map((each) => axisOf(sheet, each));
        const totals = Array(sheet.keys.length);
        for (const { rows } of grouped(sheet.keys.map((key) => without(key, axes)))) {
          const sum = added(rows.map((row) => args[0][row]));
          for (const row of rows) totals[row] = sum;
        }
        args.push(totals);
      }
      return pairs(divided);
    }
  }
};
const shifted = (sheet, forms, by, shift) => {
  const axis = axisOf(sheet, by), values = sheet.by[axis][2];
  const at = new Map(sheet.keys.map((key, row) => [text(key), forms[row]]));
  return sheet.keys.map((key) => {
    const before = values[values.indexOf(key[axis]) - shift];
    return (before === undefined ? null : at.get(text(key.with(axis, before)))) ?? null;
  });
};
const operations = {
  derive: ([sheet, ...others], asked, names, ids) => {
    const known = Object.fromEntries([...others, sheet].map((each) => [each.id, each]));
    if (asked.over.length) sheet = over(sheet, asked.over);
    const forms = new Map(names.flatMap((each, at) => tried(() =>
      [[each, asked.figures.length ? figure(asked.figures[at], sheet, known) : formsOf(sheet, each)]], () => [])));
    if (!forms.size) stay("no table");
    return where({ ...sheet, forms }, asked.where);
  },
  regroup: ([sheet], { columns, into, groups }) => {
    const axes = columns.map((each) => axisOf(sheet, each)), labels = groups.map(([each]) => each);
    const called = new Map(groups.flatMap(([label, cells]) => cells.map((cell) => [text(cell), label])));
    const by = [...without(sheet.by, axes), [into, "category", labels, false]];
    const made = grouped(sheet.keys.map((key) => {
      const label = called.get(text(axes.map((axis) => key[axis])));
      return label === undefined ? null : [...without(key, axes), label];
    }));
    const place = ({ key }) => by.reduce((sum, each, at) => sum * each[2].length + each[2].indexOf(key[at]), 0);
    return gathered(sheet, by, made.sort((one, other) => place(one) - place(other)));
  },
  describe: ([sheet], { column, into, words: told }) => {
    const axis = axisOf(sheet, column) + 1;
    const said = sheet.keys.map((key) => told[String(key[axis - 1])] ?? "–");
    return {
      ...sheet,
      by: sheet.by.toSpliced(axis, 0, [into, "category", [...new Set(said)], false]),
      keys: sheet.keys.map((key, row) => key.toSpliced(axis, 0, said[row])),
    };
  },
  rename: ([sheet], { labels }, names) => ({
    ...sheet,
    by: sheet.by.map(([name, ...rest]) => [labels[name] ?? name, ...rest]),
    forms: new Map([...sheet.forms].map(([name, column]) =>
      [names.includes(name) ? name : `${labels[name.slice(0, -5)]}_rate`, column])),
  }),
  suppress: ([sheet], { min_customers: few, deviations, widened }) => {
    const counts = formsOf(sheet, "customers").map(tangent);
    const small = counts.map((each) =>
      each === null || each.v < Math.max(few, deviations * Math.sqrt(variance(each))));
    const forms = new Map([...sheet.forms].map(([name, column]) =>
      [name, column.map((form, row) => (small[row] ? null : form))]));
    const left = small.filter((each) => !each).length, all = counts.filter((each) => each !== null).length;
    const kept = widened && left > 0 && left < all ? (sheet.kept * left) / all : sheet.kept;
    return { ...sheet, forms, kept };
  },
  cutoffs: ([sheet], { measure, outcome, gain, loss }) => {
    const band = sheet.by.findIndex((each) => each[1] === "band"), way = axisOf(sheet, outcome);
    const cells = new Map();
    sheet.keys.forEach((key, row) => {
      const line = tangent(formsOf(sheet, measure)[row]);
      if (line === null) return;
      const chance = `drawn ${[...line.t.keys()].sort().join(" ")}`;
      const t = new Map(line.t).set(chance, Math.sqrt(Math.max(line.v, 0)));
      cells.set(text([key[band], key[way]]), { v: line.v, t });
    });
    const bands = sheet.by[band][2];
    const side = (bad) => bands.map((each) => cells.get(text([each, bad])) ?? null);
    const [good, bad] = [side(false), side(true)];
    const made = { kept_share: [], bad_rate: [], profit: [] };
    if ([...good, ...bad].includes(null)) stay("no table");
    const sum = (forms) => weighted(forms.map((form) => [1, form]));
    const everyone = sum(good.flatMap((form, at) => [form, bad[at]]));
    bands.forEach((_, at) => {
      const goods = sum(good.slice(at)), bads = sum(bad.slice(at)), approved = sum([goods, bads]);
      made.kept_share.push(at ? divided(approved, everyone) : affine(1));
      made.bad_rate.push(divided(bads, approved));
      made.profit.push(weighted([[gain, goods], [-loss, bads]]));
    });
    made.more = made.profit.map((each) => plus(each, made.profit[0], -1));
    const labels = bands.map((each, at) => (at ? `from ${each.replace("≥ ", "").split(" to ")[0]}` : "everybody"));
    return { by: [["cutoff", "band", labels, false]], keys: labels.map((each) => [each]),
      forms: new Map(Object.entries(made)), among: 1, kept: 1 };
  },
  // Decisions that wait: a figure of each, whose margins hold for all of them at once.
  waiting: (sheets, { measures }) => ({
    by: [], keys: sheets.map((_, row) => [row]), among: sheets.length, kept: 1,
    forms: new Map([["expected", sheets.map((each, at) => formsOf(each, measures[at])[0])]]),
  }),
};
const put = (content, [first, ...rest], value) => {
  if (first === undefined) return value;
  if (Array.isArray(content)) return content.with(first, put(content[first], rest, value));
  return { ...content, [first]: put(content[first], rest, value) };
};
// A release's sheet under a state; `whole` leaves small groups in.
const sheetOf = (name, state, whole = false) => {
  const at = `${name} ${whole}`;
  const made = state.memo[at] ??= tried(() => sheet(name, state, whole), (problem) => problem);
  if (made.why) throw made;
  return made;
};
const sheet = (name, state, whole) => {
  if (data.leaves[name]) return { ...filtered(name, state), id: name };
  if (!data.nodes[name]) missing(name, state.filters);
  const [op, given, parents, names, used] = data.nodes[name];
  if (!op || used.some((each) => each in state.filters)) stay("own way");
  const sheets = parents.map((each) => sheetOf(each, state, whole));
  const lowered = sheets.map((each) => each.lowered).find(Boolean);
  if (lowered && sheets[1]) stay("no table"); // what counts less is not compared with what counts more
  if (op === "consistent" || (whole && op === "suppress")) return { ...sheets[0], id: name };
  const asked = (given.assumed ?? []).reduce((content, each) =>
    (each.name in state.assumed ? put(content, each.at, state.assumed[each.name]) : content), given);
  return { ...operations[op](sheets, asked, names), id: name, lowered };
};
const depends = (name) => {
  const [, given, parents] = data.nodes[name] ?? [0, {}, []];
  return [...(given.assumed ?? []).map((each) => each.name), ...parents.flatMap(depends)];
};
// Figures and their ends, as they are stored: to twelve digits.
const columns = (release, name, state) => {
  const found = sheetOf(release, state), given = data.nodes[release]?.[1];
  const noisy = [...found.forms.values()].filter((column) => !column.some((form) => form?.fixed)).length;
  const chosen = found.among / found.kept;
  const figures = given?.simultaneous ? Math.max(1, noisy * Math.max(found.keys.length, found.among)) : chosen;
  const level = quantile(figures);
  return formsOf(found, name).map((form) =>
    interval(form, level).map((each) => (each === null ? null : Number(each.toPrecision(12)) + 0)));
};
