/** Elements, numbers and words, in one way everywhere. */

/**
 * An element. Keys of `given` are properties, or attributes where they hold a dash or the element has no such property;
 * keys that begin with `on` are listeners; null and undefined leave a thing out.
 * @param {string} tag
 * @param {Record<string, any>} [given]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function el(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (key === 'data') Object.assign(made.dataset, value);
    else if (key in made && !key.includes('-')) /** @type {any} */ (made)[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const whole = new Intl.NumberFormat('en');

/** @param {number} n "1,234" */
export const count = (n) => whole.format(n);

/** @param {number} n @param {string} what @param {string} [many] "1 byte", "2 bytes" */
export const plural = (n, what, many = `${what}s`) => `${count(n)} ${n === 1 ? what : many}`;

/** @param {number} n with so many significant digits, and no zeros at the end */
export const short = (n, digits = 3) => String(Number(n.toPrecision(digits)));

/** @param {number} n */
export function size(n) {
  if (n < 10_000) return plural(n, 'byte');
  return n < 1e6 ? `${short(n / 1e3)} kB` : `${short(n / 1e6)} MB`;
}

/** @param {number} share 0..1 */
export function percent(share) {
  if (share > 0 && share < 0.001) return '< 0.1 %';
  return `${(100 * share).toFixed(1)} %`;
}
