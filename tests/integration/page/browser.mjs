// Opens pages in a real browser, and prints what is wrong with them, a line each that begins with the page and its look:
//
//   browser.mjs FOLDER PAGE.html...      FOLDER takes the pictures
//
// CHROMIUM is the browser, and COMPONENTS the folder of `playwright-core` and `axe-core`.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(resolve(process.env.COMPONENTS, 'x.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const [folder, ...pages] = process.argv.slice(2);
const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  narrow: { colorScheme: 'light', viewport: { width: 375, height: 800 } },
  tiny: { colorScheme: 'dark', viewport: { width: 320, height: 600 } },
};

const say = (...words) => console.log(words.join(' '));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] });
for (const path of pages) {
  const name = basename(path, '.html');
  for (const [look, options] of Object.entries(LOOKS)) {
    await inspect(path, `${name}-${look}`, options);
  }
  await print(path, name);
  await withoutScript(path, name);
}
await browser.close();

// A page that is open, and what the browser tells of it.
async function opened(path, what, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const url = pathToFileURL(resolve(path)).href;
  page.on('console', (message) => say(what, 'console:', message.text()));
  page.on('pageerror', (error) => say(what, 'error:', error.message));
  page.on('dialog', (dialog) => { say(what, 'dialog:', dialog.message()); dialog.dismiss(); });
  page.on('request', (request) => request.url() !== url && say(what, 'request:', request.url()));
  await page.goto(url, { waitUntil: 'load' });
  return page;
}

async function inspect(path, what, options) {
  const page = await opened(path, what, options);
  await picture(page, what);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (overflow > 0) say(what, `is ${overflow} px wider than the screen`);
  const foreign = await page.$$eval('img, iframe, object, embed, video, audio, picture, base, link, a:not([href^="#"], [href^="http"])', (list) => list.map((element) => element.outerHTML));
  for (const element of foreign) say(what, 'foreign:', element);
  for (const details of await page.$$('details')) await details.evaluate((element) => { element.open = true; });
  await accessible(page, what);
  if (await page.$('#filters')) await filters(page, what);
  await page.context().close();
}

// The beginning of a page: all of a long one takes a browser a minute.
async function picture(page, what) {
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  const { width } = page.viewportSize();
  await page.setViewportSize({ width, height: Math.min(height, 5000) });
  await page.screenshot({ path: `${folder}/${what}.png` });
}

// axe is put in by the debugger, which no policy of the page holds back.
async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  for (const { id, impact, nodes } of violations) {
    say(what, `axe: ${id} (${impact}):`, nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(' | ').replace(/\s+/g, ' '));
  }
}

// Uses each filter by the keyboard alone, and compares what is shown with what the findings say of themselves.
async function filters(page, what) {
  const all = await page.$$eval('article', (list) => list.map((finding) => ({ ...finding.dataset })));
  const expect = async (step, fits) => {
    const shown = await page.$$eval('article', (list) => list.map((finding) => finding.checkVisibility()));
    const wanted = all.map(fits);
    if (String(shown) !== String(wanted)) say(what, step, `shows ${shown} and not ${wanted}`);
    const told = await page.textContent('#filters output');
    const count = wanted.filter(Boolean).length;
    if (told !== `${count} of ${all.length} shown`) say(what, step, `tells: ${told}`);
  };
  const focused = () => page.evaluate(() => document.activeElement.name || document.activeElement.textContent);
  const tab = async (name) => {
    await page.keyboard.press('Tab');
    if ((await focused()) !== name) say(what, `the focus is on ${await focused()} and not on ${name}`);
  };
  if (!(await page.isVisible('#filters'))) return say(what, 'the filters are not shown');
  await expect('at first', () => true);

  await page.keyboard.press('Tab');
  if ((await focused()) !== 'Skip to the content') say(what, `the focus begins on ${await focused()}`);
  await page.focus('#filters input');
  const outline = await page.$eval('#filters input', (input) => getComputedStyle(input).outlineStyle);
  await page.keyboard.press('Space');
  const first = all[0].severity;
  await expect(`without ${first}`, (finding) => finding.severity !== first);
  await page.keyboard.press('Space');
  await expect(`with ${first}`, () => true);
  if (outline === 'none') say(what, 'the focus is not seen');

  const severities = new Set(all.map((finding) => finding.severity)).size;
  for (let n = 1; n < severities; n += 1) await tab('severity');
  for (const name of ['category', 'file']) {
    await tab(name);
    await page.keyboard.press('ArrowDown');
    const value = await page.$eval(`[name=${name}]`, (select) => select.value);
    await expect(`${name} ${value}`, (finding) => finding[name] === value);
    await page.keyboard.press('ArrowUp');
    await expect(`any ${name}`, () => true);
  }
  await page.selectOption('[name=file]', all.at(-1).file);
  await page.keyboard.press('Enter');
  await page.evaluate(() => { location.hash = 'finding-1'; });
  await page.waitForFunction(() => document.querySelector('article').checkVisibility(), null, { timeout: 2000 })
    .catch(() => say(what, 'a link to a finding does not show it'));
  await page.selectOption('[name=file]', all.at(-1).file);
  await page.focus('#filters button');
  await page.keyboard.press('Enter');
  await expect('all again', () => true);
}

async function print(path, name) {
  const page = await opened(path, `${name}-print`, { colorScheme: 'light', viewport: { width: 794, height: 1123 } });
  await page.emulateMedia({ media: 'print' });
  await picture(page, `${name}-print`);
  const hidden = await page.$$eval('details > :not(summary)', (list) => list.filter((part) => !part.checkVisibility({ contentVisibilityAuto: true })).length);
  if (hidden > 0) say(`${name}-print`, `${hidden} folded parts are not printed`);
  await page.context().close();
}

async function withoutScript(path, name) {
  const page = await opened(path, `${name}-plain`, { javaScriptEnabled: false });
  const counts = [await page.locator('article').count(), await page.locator('article:visible').count()];
  if (counts[0] !== counts[1]) say(`${name}-plain`, `without a script ${counts[1]} of ${counts[0]} findings are shown`);
  if (await page.locator('#filters:visible').count()) say(`${name}-plain`, 'filters that do nothing are shown');
  await page.context().close();
}
