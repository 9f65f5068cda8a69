// Builds workbench/reporting/assets/live.min.js, the script of pages that answer back, from
// tables.js (numbers, noise, operations) and page.js (figures and controls).
//
//   cd tools/live-script && npm ci --ignore-scripts && npm run build
//
// The result is committed, so that nobody needs node to render a report. It says from which
// sources it was built; tests/reporting/test_assets.py compares.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { minify } from "terser";

// Names of the script's own, which stand in no page's data, sentence or document.
const OWN = /^(floor10|leastBeside|formatted|quantile|fieller|covariance|weighted|variance|tangent|sheetOf|depends|percent|compact|digits|places|unknown|told|both|reach|even|plain|rungs|among|memo|kept|here|element|shown|changed|noise|shared|forms|miss|commas|minus|money|round|number|figure_)$/;
const here = dirname(fileURLToPath(import.meta.url));
const code = ["tables.js", "page.js"].map((name) => readFileSync(join(here, name), "utf8")).join("\n");
const made = await minify(`(() => {${code}})();`, {
  ecma: 2022,
  compress: { passes: 4, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, hoist_funs: true },
  mangle: { properties: { regex: OWN } },
  format: { ecma: 2022 },
});
const from = createHash("sha256").update(code).digest("hex");
writeFileSync(
  join(here, "..", "..", "workbench", "reporting", "assets", "live.min.js"),
  `/* from ${from} */\n${made.code}\n`,
);
