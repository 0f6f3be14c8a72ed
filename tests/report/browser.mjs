// Looks at the report's pages in a real browser, by command:
//   cargo test --test report && npm --prefix target/browser install playwright-core axe-core && node tests/report/browser.mjs
// Needs Chromium (CHROMIUM names it; default /usr/bin/chromium). Fails on console messages, requests, accessibility
// faults (axe-core: contrast included), overflow, alerts that the keyboard does not open and alerts that print closed; leaves
// screenshots beside the pages, and in `story.png` there the part that the README shows.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import path from "node:path";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(path.join(root, "target/browser/"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const pages = path.join(process.env.CARGO_TARGET_TMPDIR ?? path.join(root, "target/tmp"), "report");
const sizes = { desktop: { width: 1280, height: 900 }, laptop: { width: 1000, height: 700 }, phone: { width: 390, height: 844 } };
let faults = 0;
const fault = (where, what) => { faults += 1; console.error(`FAULT ${where}: ${what}`); };

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const file of readdirSync(pages).filter((name) => name.endsWith(".html"))) {
  for (const [size, viewport] of Object.entries(sizes)) {
    for (const colorScheme of ["light", "dark"]) {
      const where = `${file} ${size} ${colorScheme}`;
      const context = await browser.newContext({ viewport, colorScheme, bypassCSP: false });
      const page = await context.newPage();
      page.on("console", (message) => fault(where, `console: ${message.text()}`));
      page.on("pageerror", (error) => fault(where, `error: ${error}`));
      page.on("request", (request) => request.url().startsWith("file:") || fault(where, `request: ${request.url()}`));
      page.on("dialog", (dialog) => { fault(where, "a dialog opened"); dialog.dismiss(); });
      const began = Date.now();
      await page.goto(pathToFileURL(path.join(pages, file)).href);
      const loaded = Date.now() - began;
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) fault(where, `${wide} pixels wider than the window`);
      const alerts = await page.locator("details.alert").count();
      await whole(page, where);
      await keyboard(page, where, alerts);
      if (alerts < 1000) await accessible(page, where);
      if (where === "story.html desktop light") await shown(page);
      await page.screenshot({ path: path.join(pages, `${file.replace(".html", "")}-${size}-${colorScheme}.png`) });
      if (alerts > 0 && alerts < 1000) await printed(page, where);
      console.log(`${where}: ${alerts} alerts, loaded in ${loaded} ms`);
      await context.close();
    }
  }
}
await browser.close();
console.log(faults === 0 ? "no faults" : `${faults} faults`);
process.exitCode = faults === 0 ? 0 : 1;

// An alert is reached by Tab and opened and closed by Enter.
async function keyboard(page, where, alerts) {
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement?.className);
  if (first !== "skip") fault(where, `Tab reaches ${first} before the link past the top`);
  if (alerts === 0) return;
  const summary = page.locator("details.alert > summary").first();
  const isOpen = () => summary.evaluate((one) => one.parentElement.open);
  await summary.focus();
  const before = await isOpen();
  await page.keyboard.press("Enter");
  if ((await isOpen()) === before) fault(where, "Enter does not open or close an alert");
  await page.keyboard.press("Enter");
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
}

// No head of a table is broken inside a word.
async function whole(page, where) {
  const broken = await page.evaluate(() => [...document.querySelectorAll("thead:not(.unseen) th")].flatMap((head) => {
    const text = head.firstChild, range = document.createRange();
    return [...text.data.matchAll(/\S+/g)].filter((word) => {
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      return range.getClientRects().length > 1;
    }).map((word) => word[0]);
  }));
  if (broken.length > 0) fault(where, `heads of tables broken inside words: ${[...new Set(broken)]}`);
}

async function accessible(page, where) {
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) fault(where, `${wide} pixels wider than the window with everything open`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document));
  for (const { id, help, nodes } of violations) fault(where, `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  await page.reload();
}

// On paper nothing can be opened and nothing scrolls.
async function printed(page, where) {
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 690, height: 1000 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) fault(where, `${wide} pixels wider than the paper`);
  await whole(page, `${where} on paper`);
  const closed = await page.evaluate(() => [...document.querySelectorAll("details.alert")]
    .filter((one) => !one.querySelector("dl.facts")?.checkVisibility({ contentVisibilityAuto: false })).length);
  if (closed > 0) fault(where, `${closed} alerts print closed`);
  if ((await page.pdf({ preferCSSPageSize: true })).length === 0) fault(where, "prints nothing");
  await page.emulateMedia({ media: null });
}

async function shown(page) {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 1100, height: 760 });
  const summary = page.locator("details.alert > summary").first();
  if (!(await summary.evaluate((one) => one.parentElement.open))) await summary.click();
  await page.evaluate(() => document.querySelector("details.alert").parentElement.scrollIntoView());
  await page.screenshot({ path: path.join(pages, "story.png") });
  await page.setViewportSize(before);
  await page.reload();
}
