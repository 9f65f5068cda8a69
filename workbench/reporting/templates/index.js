(() => {
  "use strict";
  const shelves = Array.from(document.querySelectorAll("[data-words]"));
  const search = document.getElementById("search");
  const none = document.getElementById("none");
  const audience = document.getElementById("audience");
  const meant = (each) => !audience?.value || each.dataset.audience === audience.value;
  const sift = () => {
    const wanted = (search?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const shelf of shelves) {
      const words = shelf.dataset.words.toLowerCase();
      shelf.hidden = !meant(shelf) || !wanted.every((word) => words.includes(word));
      shown += shelf.hidden ? 0 : 1;
      const past = shelf.querySelector("details");
      // An earlier period may be what was looked for.
      if (past) past.open = wanted.length > 0;
    }
    none.hidden = shown > 0;
    for (const alert of document.querySelectorAll(".alerts li")) alert.hidden = !meant(alert);
  };
  search?.addEventListener("input", sift);
  audience?.addEventListener("change", () => {
    history.replaceState(null, "", `#audience=${encodeURIComponent(audience.value)}`);
    sift();
  });
  const read = () => {
    const asked = /^#audience=(.*)$/.exec(location.hash);
    if (!audience || !asked) return;
    try {
      audience.value = decodeURIComponent(asked[1]);
    } catch { /* a broken escape is nobody's name */ }
    if (audience.selectedIndex < 0) audience.value = "";
    sift();
  };
  addEventListener("hashchange", read);
  read();

  const source = document.getElementById("comparison");
  if (!source) return;
  const { locale, reports, wider, within, beyond } = JSON.parse(source.textContent);
  const [report, first, second] = ["report", "first", "second"].map((id) => document.getElementById(id));
  const body = document.querySelector("#compared tbody");
  const option = (text, value) => {
    const made = document.createElement("option");
    made.textContent = text;
    made.value = value;
    return made;
  };
  const number = (card, amount, signDisplay) => new Intl.NumberFormat(locale, {
    ...(card.rate ? { style: "percent" } : {}),
    signDisplay, minimumFractionDigits: card.digits, maximumFractionDigits: card.digits,
  }).format(amount).replace("-", "−");
  const reach = ({ value, interval }) => Math.max(interval[1] - value, value - interval[0]);
  // No finer than the noise: tens, thousands where its first two digits are.
  const rounded = (amount, noise) => {
    const step = 10 ** Math.max(0, Math.floor(Math.log10(noise)) - 1);
    return noise > 0 && step > 1 ? Math.round(amount / step) * step : amount;
  };
  const comparable = (card, other) => other && [card, other].every((each) => each.value !== null && each.interval);
  const row = (card, other, more) => {
    const cells = [card.label, `${card.text} ${card.margin}`, other ? `${other.text} ${other.margin}` : "–", "–"];
    if (comparable(card, other)) {
      const difference = other.value - card.value;
      // Of independent draws.
      const noise = more * Math.hypot(reach(card), reach(other));
      const clear = Math.abs(difference) > noise;
      cells[3] = `${number(card, rounded(difference, noise), "exceptZero")} ± ${number(card, rounded(noise, noise), "never")}: ${clear ? beyond : within}`;
    }
    const made = document.createElement("tr");
    cells.forEach((text, at) => {
      const cell = document.createElement(at ? "td" : "th");
      if (at) cell.className = "n";
      else cell.scope = "row";
      cell.textContent = text;
      made.append(cell);
    });
    return made;
  };
  const compare = () => {
    const { periods } = reports[report.value];
    const [one, two] = [periods[first.value], periods[second.value]];
    const pairs = one.cards.map((card) => [card, two.cards.find((c) => c.key === card.key)]);
    const judged = pairs.filter(([card, other]) => comparable(card, other)).length;
    // All of the table hold together.
    const more = wider[Math.max(0, judged - 1)];
    body.replaceChildren(...pairs.map(([card, other]) => row(card, other, more)));
    document.getElementById("first-head").textContent = one.period;
    document.getElementById("second-head").textContent = two.period;
  };
  const choose = () => {
    const { periods } = reports[report.value];
    for (const [select, at] of [[first, 1], [second, 0]]) {
      select.replaceChildren(...periods.map((each, index) => option(each.period, index)));
      select.value = at;
    }
    compare();
  };
  report.replaceChildren(...reports.map((each, index) => option(each.title, index)));
  report.addEventListener("change", choose);
  first.addEventListener("change", compare);
  second.addEventListener("change", compare);
  choose();
  document.querySelector(".compare").hidden = false;
})();
