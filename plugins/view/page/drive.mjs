/**
 * Drives the page in Chromium for tests in any language: a command a line on standard input, as JSON; an answer a line.
 *
 *     {"do": "goto", "url": U}          {"do": "evaluate", "script": JS}       {"do": "press", "keys": ["Tab", "Space"]}
 *     {"do": "wait", "script": JS}      {"do": "size", "width": W, "height": H, "scheme": "dark", "touch": false}
 *     {"do": "drop", "name": N, "base64": B}      {"do": "shot", "path": P}    {"do": "requests"}: since the last goto
 *     {"do": "metrics"}: seconds of processor time of the browser's processes
 *
 * `script` is the body of an async function. An answer is {"ok": value} or {"error": text}. CHROMIUM names the browser.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { launch } from 'puppeteer-core';

const profile = await mkdtemp(join(tmpdir(), 'page-'));
const browser = await launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  userDataDir: profile,
  protocolTimeout: 60_000,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    ...(process.env.CHROMIUM_ARGS?.split(' ') ?? []),
  ],
});
const page = await browser.newPage();
/** @type {string[]} */
let requests = [];
/** @type {string[]} */
let complaints = [];
const note = (/** @type {any} */ { request }) => requests.push(request.url);
const client = await page.createCDPSession();
await client.send('Network.enable');
client.on('Network.requestWillBeSent', note);
page.on('workercreated', async (worker) => {
  worker.client.on('Network.requestWillBeSent', note);
  await worker.client.send('Network.enable').catch(() => {});
});
page.on('pageerror', (error) => complaints.push(String(error)));
page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));

const tasks = {
  async goto({ url }) {
    [requests, complaints] = [[], []];
    await page.goto(url);
  },
  evaluate: ({ script }) => page.evaluate(`(async () => { ${script} })()`),
  async wait({ script }) {
    await page.waitForFunction(`(() => { ${script} })()`, { timeout: 50_000, polling: 50 });
  },
  async press({ keys }) {
    for (const key of keys) {
      const parts = key.split('+').length > 1 && key !== '+' ? key.split('+') : [key];
      const last = parts.pop();
      for (const held of parts) await page.keyboard.down(held);
      await page.keyboard.press(last);
      for (const held of parts) await page.keyboard.up(held);
    }
  },
  async size({ width, height, scheme = 'light', touch = false }) {
    await page.setViewport({ width, height, hasTouch: touch, isMobile: touch, deviceScaleFactor: touch ? 2 : 1 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  },
  async drop({ name, base64 }) {
    await page.evaluate(
      (name, base64) => {
        const carried = new DataTransfer();
        carried.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
        for (const type of ['dragenter', 'dragover', 'drop']) {
          window.dispatchEvent(new DragEvent(type, { dataTransfer: carried, bubbles: true, cancelable: true }));
        }
      },
      name,
      base64,
    );
  },
  async shot({ path, full = false }) {
    await page.screenshot({ path, fullPage: full });
  },
  requests: async () => requests,
  complaints: async () => complaints,
  async metrics() {
    const session = await browser.target().createCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    await session.detach();
    return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  },
};

try {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: task, ...given } = JSON.parse(line);
    let answer;
    try {
      answer = { ok: (await tasks[task](given)) ?? null };
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
