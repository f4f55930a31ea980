/** Where the project's vectors lie, and how they are read. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** @param {string} path: below the project's root */
export const bytesOf = (path) => new Uint8Array(readFileSync(ROOT + path));
/** @param {string} path */
export const jsonOf = (path) => JSON.parse(readFileSync(ROOT + path, "utf8"));

/** Names and contents of spec/vectors/FOLDER/*.json. @param {string} folder */
export const vectors = (folder) => readdirSync(`${ROOT}spec/vectors/${folder}`)
  .filter((name) => name.endsWith(".json")).sort()
  .map((name) => ({ name: name.slice(0, -5), ...jsonOf(`spec/vectors/${folder}/${name}`) }));

/** @param {string} text */
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
