import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { info, read } from "../src/index.js";
import { ROOT } from "./vectors.js";

const COMMAND = fileURLToPath(new URL("../bin/gcodec-formats.js", import.meta.url));
const file = `${ROOT}spec/vectors/gcx/extensions.gcx`;

/** @param {string[]} words */
const run = (...words) => spawnSync(process.execPath, [COMMAND, ...words], { encoding: "utf8" });

test("info as JSON and as text", () => {
  const json = run("info", "--json", file), bytes = new Uint8Array(readFileSync(file));
  assert.equal(json.status, 0);
  assert.deepEqual(JSON.parse(json.stdout), info(read(bytes), bytes.length));
  assert.equal(JSON.parse(json.stdout).extensions.seed, "18446744073709551615");
  const text = run("info", file);
  assert.match(text.stdout, /^embedding +webp$/m);
  assert.match(text.stdout, /^ +122 +2 {2}checksum$/m);
});

test("one line and a status of its own for each way to fail", () => {
  const bad = `${ROOT}spec/vectors/gcx/bad-checksum.gcx`;
  for (const [status, words] of /** @type {[number, string[]][]} */ ([
    [2, []], [2, ["info"]], [2, ["decode", file]], [2, ["info", file, file]], [2, ["info", "--jsn", file]],
    [7, ["info", "no such file"]], [7, ["info", tmpdir()]], [20, ["info", bad]], [20, ["info", "--json", bad]],
  ])) {
    const done = run(...words);
    assert.equal(done.status, status, words.join(" "));
    assert.match(done.stderr, /^gcodec-formats: [^\n]+\n$/);
    assert.equal(done.stdout, "");
  }
  assert.match(run("info", bad).stderr, /checksum-mismatch/);
});

test("what a page loads imports nothing but its own files", () => {
  for (const name of readdirSync(`${ROOT}formats/js/src`).filter((file) => file.endsWith(".js"))) {
    const text = readFileSync(`${ROOT}formats/js/src/${name}`, "utf8");
    for (const [, from] of text.matchAll(/^(?:import|export) .*from "(.*)";$/gm)) assert.match(from, /^\.\/[a-z-]+(\/[a-z]+)?\.js$/, name);
    assert.doesNotMatch(text, /\b(process|Buffer|require)\b\s*[.(]/, name);
  }
});
