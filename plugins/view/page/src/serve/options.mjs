/** Options of a plugin as controls: what its spec says of each. */

import { el } from '../dom.mjs';

/**
 * @param {string} of whose they are
 * @param {any[]} options of its spec
 * @returns {{element: HTMLElement | null, values(): Record<string, any>}} `values` are those that are not defaults
 */
export function optionControls(of, options) {
  const made = options.map((option) => ({ option, ...control(`${of}-${option.name}`, option) }));
  const element = options.length
    ? el('details', { className: 'options' }, el('summary', { textContent: `Options of ${of}` }), ...made.map(({ element }) => element))
    : null;
  return {
    element,
    values: () => Object.fromEntries(made.map(({ option, value }) => [option.name, value()]).filter(([, value], i) => value !== null && value !== options[i].default)),
  };
}

/** @param {string} id @param {any} option @returns {{element: HTMLElement, value(): any}} null: nothing is said */
function control(id, option) {
  const about = { id, 'aria-describedby': `${id}-help` };
  const help = el('small', { id: `${id}-help`, className: 'quiet', textContent: `${option.help}${bounds(option)}` });
  const label = el('label', { htmlFor: id, textContent: option.name.replaceAll('_', ' ') });
  if (option.type === 'bool') {
    const box = el('input', { ...about, type: 'checkbox', checked: option.default });
    return { element: el('div', { className: 'option' }, el('span', {}, box, label), help), value: () => box.checked };
  }
  if (option.choices.length) {
    const list = el('select', about, ...option.choices.map((/** @type {any} */ choice) => el('option', { textContent: String(choice), selected: choice === option.default })));
    return { element: el('div', { className: 'option' }, label, list, help), value: () => option.choices[list.selectedIndex] };
  }
  if (option.type === 'str') {
    const line = el('input', { ...about, type: 'text', value: option.default });
    return { element: el('div', { className: 'option' }, label, line, help), value: () => line.value };
  }
  const number = el('input', { ...about, type: 'number', value: String(option.default), min: option.minimum, max: option.maximum, step: option.type === 'int' ? '1' : 'any', required: true });
  return { element: el('div', { className: 'option' }, label, number, help), value: () => (Number.isNaN(number.valueAsNumber) ? null : number.valueAsNumber) };
}

/** @param {any} option */
function bounds({ type, choices, minimum, maximum }) {
  if (choices.length || type === 'str' || type === 'bool') return '';
  if (minimum !== null && maximum !== null) return ` (${minimum} to ${maximum})`;
  if (minimum !== null) return ` (${minimum} or more)`;
  return maximum !== null ? ` (at most ${maximum})` : '';
}
