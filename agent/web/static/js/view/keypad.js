import { h, icon } from '../dom.js';
import { t } from '../i18n.js';

const rows = Object.freeze(['1234567890', 'ABCDEFGHIJ', 'KLMNOPQRST', 'UVWXYZ<']);

/** Keys on the screen for kiosks that have none. They type into the field used last. */
export function keypad() {
  let target = null;
  const into = (change) => {
    const form = pad.closest('.entry');
    if (!target?.isConnected) target = form.querySelector('.entry-fields input, .entry-fields textarea');
    const limit = target.maxLength > 0 ? target.maxLength : Infinity;
    target.value = change(target.value).slice(0, limit);
    target.dispatchEvent(new Event('input', { bubbles: true }));
  };
  const pad = h('div', { class: 'keypad', role: 'group', 'aria-label': t('kiosk.keypad') },
    rows.map((row) => h('div', { class: 'keys', dir: 'ltr' }, [...row].map((key) => h('button', { type: 'button', translate: 'no', on: { click: () => into((text) => text + key) } }, key)),
      row === rows.at(-1) ? h('button', { type: 'button', class: 'wide', 'aria-label': t('kiosk.erase'), on: { click: () => into((text) => text.slice(0, -1)) } }, icon('erase')) : null)));
  document.addEventListener('focusin', function note(event) {
    if (!pad.isConnected) return target && document.removeEventListener('focusin', note);
    if (event.target.matches('.entry-fields input, .entry-fields textarea')) target = event.target;
  });
  return pad;
}
