// Builds workbench/reporting/assets/live.min.js, the script of pages that answer back, from
// tables.js (numbers, noise, operations) and page.js (figures and controls), in one scope.
//
//   cd tools/live-script && npm ci --ignore-scripts && npm run build
//
// The result is committed, so that nobody needs node to render a report. live.json says from
// which sources it was built; tests/reporting/test_assets.py compares.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { minify } from "terser";

// Names of the script's own, which stand in no page's data, sentence or document.
const OWN = /^(unknown|told|both|reach|even|plain|rungs|among|memo|kept|lines|write|drawing|called|within|half|element|shown|changed|nearest|noise|shared|forms|miss|figure_|places|body|list|note|label|triples|root|digits|way|now|before|lowered|adds|plan)$/;
const here = dirname(fileURLToPath(import.meta.url));
const code = ["tables.js", "page.js"].map((name) => readFileSync(join(here, name), "utf8")).join("\n");
const made = await minify(`{${code}}`, {
  ecma: 2022,
  module: true,
  compress: { passes: 4, unsafe: true, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, hoist_funs: true, reduce_funcs: false, arrows: false },
  mangle: { properties: { regex: OWN, builtins: true } },
  format: { ecma: 2022 },
});
const assets = join(here, "..", "..", "workbench", "reporting", "assets");
const from = createHash("sha256").update(code).digest("hex");
writeFileSync(join(assets, "live.min.js"), `${made.code}\n`);
writeFileSync(join(assets, "live.json"), `${JSON.stringify({ from })}\n`);
