(() => {
  "use strict";
  const said = JSON.parse(document.getElementById("said").textContent);
  const all = (root, what) => [...root.querySelectorAll(what)];
  const words = (node) => (node?.textContent ?? "").replace(/\s+/g, " ").trim();

  // "−1,234.5" and "12.3%" are numbers; "4 to 7" and "not known" are words.
  const number = (text) => {
    const found = /^([+−]?)(\d[\d,]*(?:\.\d+)?)( ?%)?$/.exec(text);
    if (!found) return null;
    const size = Number(found[2].replaceAll(",", "")) * (found[1] === "−" ? -1 : 1);
    return found[3] ? { value: Number((size / 100).toPrecision(12)), share: true } : { value: size };
  };
  const read = (cell) => {
    const bare = cell.cloneNode(true);
    for (const each of all(bare, "small")) each.remove();
    const [text, margin, below] = [bare, cell.querySelector("small:not(.below)"), cell.querySelector(".below")].map(words);
    if (!cell.classList.contains("n")) return [below ? `${text} (${below})` : text, ""];
    return [text === "–" ? "" : number(text) ?? text, number(margin.replace(/^± ?/, "")) ?? margin];
  };
  // As it stands on the page now, its margins in columns of their own.
  const rows = (table) => {
    const cells = (row) => [...row.cells].filter((cell) => !cell.hidden);
    const body = page.rows(table.tBodies[0]).filter((row) => !row.hidden).map((row) => cells(row).map(read));
    const wide = (at) => body.some((row) => row[at]?.[1] !== "" && row[at]?.[1] !== undefined);
    const heads = cells(table.tHead.rows[0]).map((cell) => read(cell)[0]);
    const spread = (row, second) => row.flatMap((cell, at) => (wide(at) ? [cell, second(at)] : [cell]));
    return [
      spread(heads, (at) => `${heads[at]} ${said.margin}`),
      ...body.map((row) => spread(row.map((pair) => pair[0]), (at) => row[at][1])),
    ];
  };
  const about = (card, table) => {
    const notes = all(card, ".live-not, .note, .notes li").map((note) => [said.note, words(note)]);
    const bounds = all(table, "thead .below").map((each) => [words(each.parentNode).replace(words(each), "").trim(), words(each)]);
    const filter = words(document.querySelector("[data-filter]"));
    return [
      [said.report, words(document.querySelector("h1"))],
      [said.edition, words(document.querySelector(".eyebrow"))],
      [said.figure, words(table.caption)],
      ...(filter ? [[said.filter, filter]] : []),
      [said.releases, card.querySelector(".get").dataset.releases],
      ...bounds,
      ...notes,
      ...all(document, ".about .columns > :first-child p").map((text) => [said["how to read"], words(text)]),
      ...all(document, ".about dt").map((name) => [words(name), words(name.nextElementSibling)]),
    ];
  };

  // A text that a spreadsheet would take for a formula is marked as a text.
  const field = (cell) => {
    if (cell?.value !== undefined) return String(cell.value);
    const text = /^\s*[=+\-@＝＋－＠]/.test(cell) ? `'${cell}` : cell;
    return `"${text.replaceAll('"', '""')}"`;
  };
  const csv = (card, table) => new Blob(["\ufeff", ...rows(table).map((row) => `${row.map(field).join(",")}\r\n`)]);

  const crc = (bytes) => ~bytes.reduce((sum, byte) => {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 && 0xedb88320);
    return sum;
  }, -1) >>> 0;
  const fields = (...pairs) => {
    const view = new DataView(new ArrayBuffer(pairs.reduce((sum, [size]) => sum + size, 0)));
    let at = 0;
    for (const [size, value] of pairs) {
      if (size === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      at += size;
    }
    return new Uint8Array(view.buffer);
  };
  const zip = (files) => {
    const [encoder, parts, index] = [new TextEncoder(), [], []];
    const length = (blocks) => blocks.reduce((sum, block) => sum + block.length, 0);
    for (const [path, text] of files) {
      const [name, content] = [encoder.encode(path), encoder.encode(text)];
      const facts = [[2, 20], [2, 2048], [2, 0], [2, 0], [2, 33], [4, crc(content)], [4, content.length], [4, content.length], [2, name.length], [2, 0]];
      index.push(fields([4, 0x02014b50], [2, 20], ...facts, [2, 0], [2, 0], [2, 0], [4, 0], [4, length(parts)]), name);
      parts.push(fields([4, 0x04034b50], ...facts), name, content);
    }
    const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, length(index)], [4, length(parts)], [2, 0]);
    return new Blob([...parts, ...index, end]);
  };
  const OPEN = "application/vnd.openxmlformats-officedocument.spreadsheetml";
  const SCHEMA = "http://schemas.openxmlformats.org";
  const xml = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`).replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "");
  const one = (cell) => (cell?.value !== undefined ? `<c${cell.share ? ' s="1"' : ""}><v>${cell.value}</v></c>` : `<c t="inlineStr"><is><t xml:space="preserve">${xml(cell)}</t></is></c>`);
  const sheet = (lines) => `<worksheet xmlns="${SCHEMA}/spreadsheetml/2006/main"><sheetData>${lines.map((line) => `<row>${line.map(one).join("")}</row>`).join("")}</sheetData></worksheet>`;
  const xlsx = (card, shown) => {
    const sheets = [[said.figures, rows(shown)], [said["what this is"], about(card, shown)]];
    const part = (name, kind) => `<Override PartName="/xl/${name}.xml" ContentType="${OPEN}.${kind}+xml"/>`;
    const link = (id, kind, target) => `<Relationship Id="r${id}" Type="${SCHEMA}/officeDocument/2006/relationships/${kind}" Target="${target}"/>`;
    const links = (body) => `<Relationships xmlns="${SCHEMA}/package/2006/relationships">${body}</Relationships>`;
    const numbers = sheets.map((_, at) => at + 1);
    return zip([
      ["[Content_Types].xml", `<Types xmlns="${SCHEMA}/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>${part("workbook", "sheet.main")}${part("styles", "styles")}${numbers.map((n) => part(`sheet${n}`, "worksheet")).join("")}</Types>`],
      ["_rels/.rels", links(link(1, "officeDocument", "xl/workbook.xml"))],
      ["xl/workbook.xml", `<workbook xmlns="${SCHEMA}/spreadsheetml/2006/main" xmlns:r="${SCHEMA}/officeDocument/2006/relationships"><sheets>${sheets.map(([name], at) => `<sheet name="${xml(name)}" sheetId="${at + 1}" r:id="r${at + 1}"/>`).join("")}</sheets></workbook>`],
      ["xl/_rels/workbook.xml.rels", links(numbers.map((n) => link(n, "worksheet", `sheet${n}.xml`)).join("") + link(9, "styles", "styles.xml"))],
      ["xl/styles.xml", `<styleSheet xmlns="${SCHEMA}/spreadsheetml/2006/main"><fonts><font/></fonts><fills><fill><patternFill/></fill></fills><borders><border/></borders><cellStyleXfs><xf/></cellStyleXfs><cellXfs><xf/><xf numFmtId="10" applyNumberFormat="1"/></cellXfs><cellStyles><cellStyle name="Normal" xfId="0"/></cellStyles></styleSheet>`],
      ...sheets.map(([, lines], at) => [`xl/sheet${at + 1}.xml`, sheet(lines)]),
    ].map(([path, text]) => [path, `<?xml version="1.0" encoding="UTF-8"?>\n${text}`]));
  };

  const save = (content, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content);
    link.download = name.replace(/[\\/:*?"<>|\s]+/g, " ");
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  for (const place of all(document, ".get")) {
    const card = place.parentElement;
    const shown = card.querySelector("table");
    for (const [kind, make] of Object.entries({ csv, xlsx })) {
      const button = document.createElement("button");
      button.textContent = said[kind];
      button.setAttribute("aria-label", `${said[kind]}: ${words(shown.caption)}`);
      button.onclick = () => save(make(card, shown), `${document.title} · ${words(shown.caption)}.${kind}`);
      place.append(button);
    }
  }
})();
