/**
 * A picture in a frame: zoom, pan, and two pictures side by side under one divider.
 *
 * `scale` is device pixels per pixel of the picture, so that 1 shows each pixel as it is. (`x`, `y`) is the point of the
 * picture in the middle of the frame. Keys: + - 0 1 and arrows; the mouse: drag, double click, wheel with Ctrl; two fingers.
 */

import { el } from './dom.mjs';

const STEP = 1.25;
const LARGEST = 16;

/** @typedef {{frame: HTMLElement, show(first: any, second: any | null, names: string[]): void, split(share: number): void,
 *   zoom(factor: number): void, fit(): void, actual(): void, onzoom: (percent: number) => void,
 *   onsplit: (share: number) => void, look(to: Look): void, onlook: (to: Look) => void}} Viewer
 * @typedef {{scale: number, x: number, y: number, fitting: boolean}} Look what is seen of a picture */

/** @param {string} name of the picture, for those who hear it @returns {Viewer} */
export function makeViewer(name) {
  const stage = el('div', { className: 'stage' });
  const handle = el('div', { className: 'handle', hidden: true, 'aria-hidden': 'true' });
  const labels = [el('span', { className: 'label first' }), el('span', { className: 'label second' })];
  const frame = el(
    'div',
    { className: 'frame', tabIndex: 0, role: 'group', 'aria-label': `${name}. Plus and minus zoom, arrows move, 0 fits, 1 shows every pixel.` },
    stage,
    handle,
    ...labels,
  );

  let [width, height] = [1, 1];
  let scale = 1;
  let [x, y] = [0, 0];
  let fitting = true;
  let share = 0.5;
  /** @type {any} */
  let above = null;

  const ratio = () => devicePixelRatio || 1;

  /** The scale at which the whole picture is seen: never above 1, but for pictures as small as an icon. */
  function whole() {
    const fits = Math.min((frame.clientWidth * ratio()) / width, (frame.clientHeight * ratio()) / height);
    return fits <= 1 ? fits : Math.max(1, Math.min(Math.floor(fits), Math.floor((320 * ratio()) / Math.max(width, height))));
  }

  function place() {
    if (!frame.clientWidth) return;
    if (fitting) [scale, x, y] = [whole(), width / 2, height / 2];
    const css = scale / ratio();
    // No further than that the picture's edge meets the frame's, or that a small picture stands in the middle.
    const bounded = (/** @type {number} */ at, /** @type {number} */ length, /** @type {number} */ room) => {
      const half = room / css / 2;
      return length <= 2 * half ? length / 2 : Math.min(Math.max(at, half), length - half);
    };
    x = bounded(x, width, frame.clientWidth);
    y = bounded(y, height, frame.clientHeight);
    const left = frame.clientWidth / 2 - x * css;
    const top = frame.clientHeight / 2 - y * css;
    stage.style.transform = `translate(${left}px, ${top}px) scale(${css})`;
    stage.classList.toggle('pixels', scale >= 2);
    frame.classList.toggle('movable', width * css > frame.clientWidth + 1 || height * css > frame.clientHeight + 1);
    if (above) {
      const at = share * frame.clientWidth;
      const inside = Math.min(1, Math.max(0, (at - left) / (width * css)));
      above.style.clipPath = `inset(0 0 0 ${100 * inside}%)`;
      handle.style.transform = `translateX(${at}px)`;
    }
    made.onzoom(Math.round(100 * scale));
    made.onlook({ scale, x, y, fitting });
  }

  /** Zoom so that what is under a point of the frame, in CSS pixels from its middle, stays there. */
  function zoomTo(/** @type {number} */ next, dx = 0, dy = 0) {
    next = Math.min(LARGEST, Math.max(Math.min(whole(), 1), next));
    x += dx * ratio() * (1 / scale - 1 / next);
    y += dy * ratio() * (1 / scale - 1 / next);
    scale = next;
    fitting = Math.abs(scale / whole() - 1) < 0.01;
    place();
  }

  function move(/** @type {number} */ dx, /** @type {number} */ dy) {
    x -= (dx * ratio()) / scale;
    y -= (dy * ratio()) / scale;
    place();
  }

  /** @type {Viewer} */
  const made = {
    frame,
    show(first, second, names) {
      [width, height] = [first.width, first.height];
      above = second;
      first.style.clipPath = '';
      frame.style.setProperty('--ratio', `${width / height}`);
      stage.style.width = `${width}px`;
      stage.style.height = `${height}px`;
      stage.replaceChildren(first, ...(second ? [second] : []));
      handle.hidden = !second;
      labels.forEach((label, i) => {
        label.hidden = !second;
        label.textContent = names[i] ?? '';
      });
      place();
    },
    split(next) {
      share = next;
      place();
    },
    zoom: (factor) => zoomTo(scale * factor),
    fit() {
      fitting = true;
      place();
    },
    actual: () => zoomTo(1),
    onzoom: () => {},
    onsplit: () => {},
    look(to) {
      ({ scale, x, y, fitting } = to);
      place();
    },
    onlook: () => {},
  };

  const keys = {
    '+': () => made.zoom(STEP),
    '=': () => made.zoom(STEP),
    '-': () => made.zoom(1 / STEP),
    0: made.fit,
    1: made.actual,
    ArrowLeft: () => move(48, 0),
    ArrowRight: () => move(-48, 0),
    ArrowUp: () => move(0, 48),
    ArrowDown: () => move(0, -48),
  };
  frame.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    if (event.key.startsWith('Arrow') && !frame.classList.contains('movable')) return;
    keys[/** @type {'0'} */ (event.key)]();
    event.preventDefault();
  });

  const fromMiddle = (/** @type {{clientX: number, clientY: number}} */ at) => {
    const box = frame.getBoundingClientRect();
    return [at.clientX - box.left - box.width / 2, at.clientY - box.top - box.height / 2];
  };
  frame.addEventListener('wheel', (/** @type {WheelEvent} */ event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const [dx, dy] = fromMiddle(event);
    zoomTo(scale * Math.exp(-event.deltaY / 200), dx, dy);
  }, { passive: false });
  frame.addEventListener('dblclick', (/** @type {MouseEvent} */ event) => {
    const [dx, dy] = fromMiddle(event);
    if (fitting) zoomTo(whole() < 1 ? 1 : 2 * scale, dx, dy);
    else made.fit();
  });

  /** @type {Map<number, PointerEvent>} */
  const down = new Map();
  let splitting = false;
  frame.addEventListener('pointerdown', (/** @type {PointerEvent} */ event) => {
    const at = event.clientX - frame.getBoundingClientRect().left;
    splitting = Boolean(above) && !down.size && Math.abs(at - share * frame.clientWidth) < 24;
    if (!splitting && !frame.classList.contains('movable') && event.pointerType === 'mouse') return;
    down.set(event.pointerId, event);
    if (splitting || event.pointerType === 'mouse') frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener('pointermove', (/** @type {PointerEvent} */ event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const others = [...down].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
    if (splitting) {
      const box = frame.getBoundingClientRect();
      made.onsplit(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
    } else if (others.length) {
      const gap = (/** @type {PointerEvent} */ a) => Math.hypot(a.clientX - others[0].clientX, a.clientY - others[0].clientY);
      const [dx, dy] = fromMiddle(others[0]);
      zoomTo((scale * gap(event)) / Math.max(1, gap(before)), dx, dy);
    } else move(event.clientX - before.clientX, event.clientY - before.clientY);
    down.set(event.pointerId, event);
  });
  for (const end of ['pointerup', 'pointercancel']) {
    frame.addEventListener(end, (/** @type {any} */ event) => {
      down.delete(event.pointerId);
      splitting = false;
    });
  }
  new ResizeObserver(place).observe(frame);
  return made;
}
