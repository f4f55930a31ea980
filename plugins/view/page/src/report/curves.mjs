/** Rate-distortion curves: one drawing a metric, colour by embedding, dashes by reconstructor. */

import { el, short } from '../dom.mjs';

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [480, 300, 52, 10, 10, 40];
const DASHES = ['none', '7 4', '2 3', '8 3 2 3', '12 4', '1 5'];
const SHADES = 8;

/** @param {string} tag @param {Record<string, any>} given @param {...(Node | string)} children */
function svg(tag, given, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [key, value] of Object.entries(given)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** MS-SSIM in decibels, in which it is told apart; the others as they are. @param {any} metric @param {number} value */
const quality = (metric, value) => (metric.name === 'ms_ssim' ? -10 * Math.log10(1 - value) : value);

/** @param {any} metric */
const unit = (metric) => (metric.name === 'ms_ssim' ? 'dB' : metric.unit);

/**
 * @param {any} metric @param {any[]} points with `bpp` and `values`; the means or those of one picture
 * @param {any} now one of them @returns {Node | null} null unless there are two points to draw
 */
export function chart(metric, points, now) {
  const dots = points
    .map((point) => ({ ...point, y: (point.values[metric.name] ?? null) === null ? NaN : quality(metric, Number(point.values[metric.name])), now: point === now }))
    .filter((dot) => Number.isFinite(dot.y));
  if (dots.length < 2) return null;
  const rates = dots.map((dot) => dot.bpp);
  const [low, high] = [Math.min(...rates) / 1.15, Math.max(...rates) * 1.15];
  const ys = ticks(Math.min(...dots.map((dot) => dot.y)), Math.max(...dots.map((dot) => dot.y)));
  const x = (/** @type {number} */ bpp) => LEFT + (Math.log(bpp / low) / Math.log(high / low)) * (WIDTH - LEFT - RIGHT);
  const y = (/** @type {number} */ value) => TOP + (1 - (value - ys[0]) / (ys[ys.length - 1] - ys[0])) * (HEIGHT - TOP - BOTTOM);
  const [embeddings, reconstructors] = names(points);
  /** @type {Map<string, any[]>} */
  const curves = new Map();
  for (const dot of [...dots].sort((a, b) => a.bpp - b.bpp)) {
    const key = JSON.stringify([dot.embedding, dot.reconstructor]);
    curves.set(key, [...(curves.get(key) ?? []), dot]);
  }
  const lines = [...curves.values()].flatMap((curve) => {
    const colour = shade(embeddings, curve[0].embedding);
    const path = curve.map((dot, i) => `${i ? 'L' : 'M'}${x(dot.bpp).toFixed(1)} ${y(dot.y).toFixed(1)}`).join('');
    return [
      svg('path', { class: 'curve', d: path, stroke: colour, 'stroke-dasharray': dash(reconstructors, curve[0].reconstructor) }),
      ...curve.map((dot) => svg('circle', { cx: x(dot.bpp).toFixed(1), cy: y(dot.y).toFixed(1), r: dot.now ? 6 : 4.5, fill: colour, class: dot.now ? 'now' : '' }, svg('title', {}, `${dot.embedding} + ${dot.reconstructor}: ${short(dot.bpp)} bits per pixel, ${dot.y.toFixed(metric.decimals)} ${unit(metric)}`))),
    ];
  });
  const bottom = HEIGHT - BOTTOM;
  const drawn = svg(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${metric.title} against bits per pixel, ${curves.size} curves; the table below has the numbers` },
    ...ys.flatMap((value) => [
      svg('line', { class: 'rule', x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
      svg('text', { x: LEFT - 8, y: y(value) + 4, 'text-anchor': 'end' }, short(value, 4)),
    ]),
    ...rateTicks(low, high).flatMap((rate) => [
      svg('line', { class: 'rule', x1: x(rate), x2: x(rate), y1: bottom, y2: bottom + 5 }),
      svg('text', { x: x(rate), y: bottom + 18, 'text-anchor': 'middle' }, short(rate)),
    ]),
    svg('text', { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 4, 'text-anchor': 'middle' }, 'bits per pixel of the whole file'),
    ...lines,
  );
  const of = unit(metric) ? ` [${unit(metric)}]` : '';
  return el('figure', { data: { metric: metric.name } }, el('figcaption', {}, `${metric.title}${of}`, el('span', { className: 'quiet', textContent: metric.rises ? ', higher is better' : ', lower is better' })), drawn);
}

/** What colours and dashes mean. @param {any[]} points */
export function key(points) {
  const [embeddings, reconstructors] = names(points);
  const sample = (/** @type {string} */ colour, /** @type {string} */ dashes) => svg('svg', { viewBox: '0 0 32 12', 'aria-hidden': 'true' }, svg('line', { x1: 0, x2: 32, y1: 6, y2: 6, stroke: colour, 'stroke-width': 3, 'stroke-dasharray': dashes }));
  return el(
    'ul',
    { className: 'keys', 'aria-label': 'Key' },
    ...embeddings.map((name) => el('li', {}, sample(shade(embeddings, name), 'none'), name)),
    ...(reconstructors.length > 1 ? reconstructors.map((name) => el('li', {}, sample('var(--quiet)', dash(reconstructors, name)), name)) : []),
  );
}

/** @param {any[]} points @returns {[string[], string[]]} */
const names = (points) => [[...new Set(points.map((point) => point.embedding))], [...new Set(points.map((point) => point.reconstructor))]];

/** @param {string[]} all @param {string} name */
const shade = (all, name) => `var(--c${all.indexOf(name) % SHADES})`;

/** @param {string[]} all @param {string} name */
const dash = (all, name) => DASHES[all.indexOf(name) % DASHES.length];

/** Round numbers from below the least to above the greatest. @param {number} low @param {number} high */
function ticks(low, high) {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((m) => m * power).find((step) => span / step <= 5) ?? span;
  const [first, last] = [Math.floor(low / step), Math.max(Math.ceil(high / step), Math.floor(low / step) + 1)];
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** @param {number} low @param {number} high */
function rateTicks(low, high) {
  const all = (/** @type {number[]} */ of) => [-4, -3, -2, -1, 0, 1, 2].flatMap((power) => of.map((m) => m * 10 ** power)).filter((rate) => rate >= low && rate <= high);
  const chosen = high / low > 8 ? all([1, 2, 5]) : all([1, 1.5, 2, 3, 4, 5, 7]);
  return chosen.length > 2 ? chosen : ticks(low, high).slice(1, -1);
}
