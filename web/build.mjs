/**
 * Builds web/dist from web/src and node_modules with esbuild; stable names, Django's manifest storage hashes them.
 *
 *   node build.mjs           one build
 *   node build.mjs --watch   rebuild on every change (no minification)
 */
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";
import * as esbuild from "esbuild";
import { keepRules } from "./build/keep_rules.mjs";
import { pngOfMark } from "./build/png_of_mark.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const from = (...parts) => join(here, ...parts);
const dist = from("dist");
const watch = process.argv.includes("--watch");

/** Class families the desk face keeps of Tabler; everything else of its 630 kB stays out. */
const TABLER = [
  "badge",
  "card",
  "col",
  "container",
  "datagrid",
  "form",
  "input",
  "list",
  "nav",
  "progress",
  "row",
  "table",
  "visually",
  "d",
  "flex",
  "align",
  "justify",
  "gap",
  "m",
  "mt",
  "mb",
  "ms",
  "me",
  "mx",
  "my",
  "p",
  "pt",
  "pb",
  "ps",
  "pe",
  "px",
  "py",
  "w",
  "h",
  "text",
  "fw",
  "fs",
  "g",
  "gx",
  "gy",
  "order",
  "position",
  "overflow",
  "sticky",
  "active",
  "disabled",
  "show",
];
/** Families the phone face keeps of WeUI. */
const WEUI = [
  "weui-btn",
  "weui-cell",
  "weui-cells",
  "weui-check",
  "weui-switch",
  "weui-form",
  "weui-input",
  "weui-textarea",
  "weui-select",
  "weui-label",
  "weui-agree",
  "weui-loadmore",
  "weui-progress",
  "weui-slider",
  "weui-uploader",
  "weui-actionsheet",
  "weui-mask",
  "weui-half",
  "weui-dialog",
  "weui-primary",
  "weui-loading",
  "weui-badge",
  "weui-search",
  "weui-flex",
  "weui-media",
  "weui-panel",
  "weui-vcode",
  "weui-hidden",
  "weui-active",
];

/** Virtual style sheets: a framework's CSS, only the families we use. */
const kept = {
  name: "kept",
  setup(build) {
    const sheets = {
      "tabler-kept.css": ["@tabler/core/dist/css/tabler.css", TABLER, "word"],
      "weui-kept.css": ["weui/dist/style/weui.css", WEUI, "pair"],
    };
    build.onResolve({ filter: /-kept\.css$/ }, (args) => ({ path: args.path, namespace: "kept" }));
    build.onLoad({ filter: /.*/, namespace: "kept" }, async (args) => {
      const [path, families, by] = sheets[args.path];
      const css = await readFile(from("node_modules", path), "utf8");
      return {
        contents: keepRules(css, new Set(families), by),
        loader: "css",
        resolveDir: from("node_modules"),
      };
    });
  },
};

/** One SVG sprite of the listed Tabler icons and our own shapes; used by templates/components/icon.html. */
async function sprite() {
  const names = JSON.parse(await readFile(from("src/icons.json"), "utf8"));
  const symbols = await Promise.all(
    names.map(async (name) => {
      const svg = await readFile(from("node_modules/@tabler/icons/icons/outline", `${name}.svg`), "utf8");
      const body = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
      return `<symbol id="${name}" viewBox="0 0 24 24">${body.replace(/\s+/g, " ").trim()}</symbol>`;
    }),
  );
  const shapes = await readFile(from("src/shapes.svg"), "utf8");
  await writeFile(join(dist, "icons.svg"), shapes.replace("</svg>", `${symbols.join("\n")}\n</svg>\n`));
}

async function brand() {
  for (const name of ["mark.svg", "favicon.svg", "app-icon.svg", "manifest.webmanifest"]) {
    await copyFile(from("src/brand", name), join(dist, name));
  }
  for (const size of [192, 512]) {
    await writeFile(join(dist, `app-icon-${size}.png`), pngOfMark(size, deflateSync));
  }
}

const shared = {
  absWorkingDir: here,
  bundle: true,
  outdir: dist,
  minify: !watch,
  target: ["es2022", "chrome100", "safari15.4", "firefox100"],
  legalComments: "linked",
  logLevel: "warning",
  plugins: [kept],
  loader: { ".svg": "dataurl" },
};
const bundles = [
  {
    ...shared,
    format: "esm",
    entryPoints: {
      phone: "src/phone.ts",
      desk: "src/desk.ts",
      map: "src/map.ts",
      chart: "src/chart.ts",
      verify: "src/verify.ts",
      "map-worker": "node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs",
    },
  },
  // A service worker is a classic script: no module syntax may be left in it.
  { ...shared, format: "iife", entryPoints: { sw: "src/sw.ts" } },
  {
    ...shared,
    entryPoints: {
      phone: "src/styles/phone.css",
      desk: "src/styles/desk.css",
      map: "node_modules/maplibre-gl/dist/maplibre-gl.css",
    },
  },
];

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await Promise.all([sprite(), brand()]);
if (watch) {
  for (const options of bundles) {
    const context = await esbuild.context(options);
    await context.watch();
  }
} else {
  await Promise.all(bundles.map((options) => esbuild.build(options)));
}
