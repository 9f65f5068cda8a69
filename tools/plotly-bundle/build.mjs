// Builds workbench/reporting/assets/plotly.min.js.gz from npm's plotly.js, with exactly the trace
// types workbench.figures draws. A chart of another type is refused by the exporter: plotly.js
// draws a type it does not know as a scatter without a word.
//
//   cd tools/plotly-bundle && npm ci --ignore-scripts && npm run build
//
// The result is committed with its licence, so that nobody needs node to render a report. Its
// version must be the one plotly.py carries; tests/reporting/test_assets.py compares the two.

import { gzipAsync } from "@gfx/zopfli";
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const TRACES = ["bar", "heatmap", "sankey", "scatter"];

const here = dirname(fileURLToPath(import.meta.url));
const assets = join(here, "..", "..", "workbench", "reporting", "assets");
const require = createRequire(import.meta.url);
const manifest = require("plotly.js/package.json");

const entry = [
  'const Plotly = require("plotly.js/lib/core");',
  // scatter is part of the core
  `Plotly.register([${TRACES.filter((t) => t !== "scatter")
    .map((t) => `require("plotly.js/lib/${t}")`)
    .join(", ")}]);`,
  "module.exports = Plotly;",
].join("\n");

const result = await build({
  stdin: { contents: entry, resolveDir: here, sourcefile: "workbench-plotly.js" },
  bundle: true,
  format: "iife",
  globalName: "Plotly",
  // a flow from one date to another has no circles, so what lays circles out is left out
  alias: { "@plotly/d3-sankey-circular": join(here, "no-circles.mjs") },
  minify: true,
  legalComments: "none", // the licence of every part stands in plotly.LICENSE.txt
  target: "es2020",
  // as plotly.js's own esbuild-config.js
  define: { global: "window", "define.amd": "false", "process.env.NODE_DEBUG": "false" },
  loader: { ".css": "empty" }, // a style sheet of map traces, which are not in the bundle
  metafile: true,
  write: false,
});

const [output] = Object.values(result.metafile.outputs);
const parts = [...new Set(Object.entries(output.inputs)
  .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  .map(([path]) => path)
  .filter((path) => !path.endsWith(".css"))
  .map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1])
  .filter(Boolean))].sort();

if (process.env.SIZES) {
  for (const [path, { bytesInOutput }] of Object.entries(output.inputs).sort((a, b) => b[1].bytesInOutput - a[1].bytesInOutput).slice(0, 60)) console.log(bytesInOutput, path);
}

const licences = parts.map((name) => {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  let text = "";
  for (const file of ["LICENSE", "LICENSE.md", "LICENSE.txt", "license", "LICENCE", "license.md"]) {
    try { text = readFileSync(join(folder, file), "utf8").trim(); break; } catch { /* next */ }
  }
  return `${name} ${version} (${license})\n${"-".repeat(60)}\n${text || "(no licence file in the package)"}\n`;
});

const text = `/* plotly.js ${manifest.version} (MIT), traces: ${TRACES.join(", ")}; see plotly.LICENSE.txt */\n`
  + result.outputFiles[0].text.trimEnd() + "\n";
// compressed once for everyone, so that a standalone page is the same bytes everywhere
writeFileSync(join(assets, "plotly.min.js.gz"), await gzipAsync(Buffer.from(text), { numiterations: 15 }));
writeFileSync(join(assets, "plotly.LICENSE.txt"), licences.join("\n"));
writeFileSync(join(assets, "plotly.json"), JSON.stringify({
  version: manifest.version,
  traces: TRACES,
  sha256: createHash("sha256").update(text).digest("hex"),
}, null, 2) + "\n");
console.log(`plotly.js ${manifest.version}: ${TRACES.join(", ")}: ${text.length} bytes; parts: ${parts.join(", ")}`);
