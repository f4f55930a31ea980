#!/usr/bin/env node
/** `gcodec-formats info FILE [--json] [--partial]`: exit status 0, 2 (usage), 7 (no such file), 20 (not a sound file). */
import { readFileSync } from "node:fs";

import { FormatError, info, read } from "../src/index.js";

const USAGE = "usage: gcodec-formats info FILE [--json] [--partial]";

/** @param {number} status @param {string} line */
function leave(status, line) {
  process.stderr.write(`gcodec-formats: ${line}\n`);
  process.exitCode = status;
}

/** A value on one line, nothing in it that a terminal obeys. @param {unknown} value */
const printed = (value) => (typeof value === "string" ? value : JSON.stringify(value))
  .replace(/[^\x20-\x7e\xa0-\ud7ff\ue000-\uffff]/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);

/** @param {ReturnType<typeof info>} facts */
function text({ layout, extensions, ...facts }) {
  const rows = Object.entries({ ...facts, extensions: Object.keys(extensions).length ? extensions : "none" });
  const lines = rows.map(([name, value]) => `${name.replace("_", " ").padEnd(15)} ${printed(value)}`);
  const table = layout.map((row) => `${String(row.offset).padStart(8)}  ${String(row.bytes).padStart(8)}  ${row.part}`);
  return [...lines, "", "  offset     bytes  part", ...table].join("\n");
}

/** @param {string[]} words */
function main(words) {
  const options = words.filter((word) => word.startsWith("-")), [command, path, ...more] = words.filter((w) => !w.startsWith("-"));
  if (options.some((o) => o === "--help" || o === "-h")) return void process.stdout.write(`${USAGE}\n`);
  if (command !== "info" || path === undefined || more.length || options.some((o) => o !== "--json" && o !== "--partial"))
    return leave(2, USAGE);
  let bytes;
  try {
    bytes = new Uint8Array(readFileSync(path));
  } catch (error) {
    return leave(7, `${path} cannot be read: ${/** @type {NodeJS.ErrnoException} */ (error).code}`);
  }
  try {
    const facts = info(read(bytes, { partial: options.includes("--partial") }), bytes.length);
    process.stdout.write(`${options.includes("--json") ? JSON.stringify(facts, null, 2) : text(facts)}\n`);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    leave(20, `${error.code}: ${error.message}`);
  }
}

main(process.argv.slice(2));
