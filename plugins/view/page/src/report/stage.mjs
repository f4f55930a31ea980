/** Where pictures are looked at: one frame for original, reconstruction, both under a line or their difference; or all. */

import { el } from '../dom.mjs';
import { makeViewer } from '../viewer.mjs';
import { canvasOf, difference, expected } from './pictures.mjs';
import { rated } from './tables.mjs';

const MODES = { original: 'Original', compare: 'Compare', decoded: 'Decoded', difference: 'Difference', expected: 'Expected', all: 'All' };

/** Differences, of 255 levels, that are drawn brightest. */
const TOPS = [4, 8, 16, 32, 64, 128, 255];

/**
 * @param {(text: string, bad?: boolean) => void} say
 * `show` what is seen, a point of a picture: `{picture, point, points, prefix}`; a prefix stands in the place of the decoded.
 * The picture is null where there is no original, the point where there is nothing but that.
 */
export function makeStage(say) {
  const viewer = makeViewer('Picture');
  viewer.frame.setAttribute('aria-describedby', 'toggles');
  const grid = el('div', { className: 'grid', hidden: true });
  const place = el('div', { className: 'place' }, viewer.frame, grid);
  /** @type {any} */
  let seen = null;
  let mode = 'compare';
  let turn = 0;
  /** @type {import('../viewer.mjs').Viewer[]} */
  let many = [];
  const live = () => (mode === 'all' ? many[0] : viewer);

  /** What can be turned to. @returns {string[]} */
  const possible = () => (!seen.point ? ['original'] : seen.picture ? Object.keys(MODES) : ['decoded', 'expected', 'all']).filter((one) => one !== 'expected' || (seen.point.fidelity && !seen.prefix));

  async function draw() {
    const [mine, { picture, point, points, prefix }] = [++turn, seen];
    const chosen = mode === 'all' ? points : point ? [point] : [];
    try {
      const original = picture && (await canvasOf(picture));
      const decoded = await Promise.all(chosen.map((/** @type {any} */ one) => canvasOf(one === point && prefix ? prefix : one.decoded)));
      const map = mode === 'expected' ? await canvasOf(point.fidelity) : null;
      if (mine !== turn) return;
      grid.hidden = mode !== 'all';
      if (mode === 'all') fill([...(original ? [['original', original]] : []), ...chosen.map((/** @type {any} */ one, /** @type {number} */ i) => [rated(one), decoded[i]])]);
      else if (mode === 'original') viewer.show(original, null, []);
      else if (mode === 'expected') viewer.show(expected(/** @type {HTMLCanvasElement} */ (map), TOPS[Number(top.value)]), null, []);
      else if (mode === 'decoded') viewer.show(decoded[0], null, []);
      else if (mode === 'compare') viewer.show(original, decoded[0], ['original', rated(point)]);
      else {
        const apart = difference(original, decoded[0], TOPS[Number(top.value)]);
        if (apart) viewer.show(apart, null, []);
        else say('The reconstruction has another size: there is no difference to show.', true);
      }
      viewer.frame.dataset.shown = mode;
      if (mine === 1) performance.mark('shown');
    } catch (error) {
      if (mine === turn) say(`${(picture ?? point.file).name}: ${/** @type {Error} */ (error).message}`, true);
    }
  }

  /** A frame each, which move together. @param {[string, HTMLCanvasElement][]} pictures */
  function fill(pictures) {
    if (many.length !== pictures.length) {
      let busy = false;
      many = pictures.map(() => makeViewer('Picture'));
      for (const one of many) {
        one.onlook = (to) => {
          if (busy) return;
          busy = true;
          for (const other of many) if (other !== one) other.look(to);
          busy = false;
        };
      }
      many[0].onzoom = (percent) => (zoomed.textContent = `${percent} %`);
      grid.replaceChildren(...many.map((one) => el('figure', {}, one.frame, el('figcaption'))));
    }
    pictures.forEach(([name, canvas], i) => {
      many[i].frame.nextSibling && (many[i].frame.nextSibling.textContent = name);
      many[i].frame.setAttribute('aria-label', `${name}. Plus and minus zoom, arrows move, 0 fits, 1 shows every pixel; all pictures move together.`);
      many[i].show(canvas, null, []);
    });
  }

  function turnTo(/** @type {string} */ next) {
    mode = next;
    for (const input of modes.querySelectorAll('input')) {
      input.checked = input.value === mode;
      input.disabled = !possible().includes(input.value);
      // Nobody has measured most embeddings: of these there is nothing to say.
      if (input.value === 'expected') input.parentElement.hidden = input.disabled;
    }
    divider.hidden = mode !== 'compare';
    legend.hidden = mode !== 'difference' && mode !== 'expected';
    toggles.hidden = mode === 'all' || possible().length < 3;
    draw();
  }

  const modes = el('fieldset', { className: 'modes' }, el('legend', { textContent: 'Picture' }), ...Object.entries(MODES).map(([value, word]) =>
    el('label', {}, el('input', { type: 'radio', name: 'mode', value, checked: value === mode, onchange: () => turnTo(value) }), el('span', { textContent: word }))));
  const divider = el('input', { type: 'range', min: '0', max: '100', value: '50', className: 'divider', 'aria-label': 'Line between original and reconstruction', oninput: () => viewer.split(Number(divider.value) / 100) });
  viewer.onsplit = (share) => {
    divider.value = String(100 * share);
    viewer.split(share);
  };
  const zoomed = el('button', { type: 'button', title: 'Every pixel as it is', onclick: () => live().actual() });
  viewer.onzoom = (percent) => (zoomed.textContent = `${percent} %`);
  const most = el('output', { textContent: '32 of 255' });
  const top = el('input', {
    type: 'range', min: '0', max: String(TOPS.length - 1), value: '3', 'aria-label': 'Brightest at a difference of',
    oninput() {
      most.textContent = `${TOPS[Number(top.value)]} of 255`;
      top.setAttribute('aria-valuetext', most.textContent);
      draw();
    },
  });
  const legend = el('div', { className: 'legend', hidden: true }, el('span', { textContent: 'equal' }), el('span', { className: 'ramp', role: 'img', 'aria-label': 'from black to yellow' }), most, top);
  viewer.frame.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== ' ') return;
    event.preventDefault();
    const next = mode === 'original' ? 'decoded' : 'original';
    if (possible().includes(next)) turnTo(next);
  });
  const toggles = el('p', { id: 'toggles', className: 'meaning quiet', textContent: 'On the picture the space bar changes between original and reconstruction.' });
  const controls = el(
    'div',
    { className: 'controls' },
    modes,
    el('div', { className: 'zoom', role: 'group', 'aria-label': 'Zoom' },
      el('button', { type: 'button', textContent: '−', 'aria-label': 'Zoom out', onclick: () => live().zoom(0.8) }),
      zoomed,
      el('button', { type: 'button', textContent: '+', 'aria-label': 'Zoom in', onclick: () => live().zoom(1.25) }),
      el('button', { type: 'button', textContent: 'Fit', onclick: () => live().fit() })),
    divider,
    legend,
    toggles,
  );
  return {
    element: el('div', { className: 'seen' }, place, controls),
    show(/** @type {any} */ next) {
      const name = [(next.picture ?? next.point.file).name, ...(next.point ? [rated(next.point)] : [])].join(', ');
      viewer.frame.setAttribute('aria-label', `${name}. Plus and minus zoom, arrows move, 0 fits, 1 shows every pixel.`);
      // Where a picture has its first point, both are looked at.
      const first = seen && !seen.point && next.point;
      seen = next;
      const wanted = first ? 'compare' : mode;
      turnTo(possible().includes(wanted) ? wanted : possible()[0]);
    },
  };
}
