// A scanner that types: a burst of keys far faster than fingers, anywhere on the page.
//
// Such a scanner sends the keys of the layout that it was set up for; the browser names
// them by the layout of the system. Where the two differ, '<' arrives as another key and
// letters change places. KeyboardEvent.code is the place of the key, whatever the layout:
// the burst is read by every layout in question, and the check digits say which is right.

import { clean, judgeZone, looksLikeZone } from './mrz.js';

// Milliseconds between two keys of a burst, by the clock of the keys, and how many keys
// make one.
const withinBurst = 50;
const enough = 8;
// Milliseconds without a key after which a burst is over: soon where it can be a zone,
// late where more may be on its way through a machine that is busy.
const soon = 150;
const late = 800;

const silent = Object.freeze(['Shift', 'CapsLock', 'AltGraph', 'NumLock']);

/**
 * Listens until the returned function is called. Keys of a burst reach no field and no
 * button. `onZone` is given the judgement of a zone, `onText` any other text that was
 * scanned, null where it cannot be told what it was.
 */
export function watchScanner({ onZone, onText }) {
  let burst = null;
  let timer = 0;

  const finish = () => {
    const { keys, taken } = burst ?? {};
    burst = null;
    if (!taken) return;
    const zone = bestZone(keys);
    if (zone) onZone(zone);
    else onText(textOf(keys));
  };

  const onKey = (event) => {
    if (silent.includes(event.key)) {
      if (burst?.taken) event.preventDefault();
      return;
    }
    // A burst is of characters; Enter and Tab stand between lines once it is known as one.
    const shortcut = event.metaKey || (event.ctrlKey && !event.getModifierState('AltGraph'));
    if (event.repeat || shortcut || event.isComposing || (event.key.length > 1 && !burst?.taken)) {
      burst = null;
      return;
    }
    if (!burst || event.timeStamp - burst.last > withinBurst) burst = { keys: [], taken: false, before: contentOf(document.activeElement) };
    burst.last = event.timeStamp;
    burst.keys.push({ key: event.key, code: event.code, shift: event.shiftKey });
    if (burst.keys.length >= enough) {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!burst.taken) takeBack(burst.before);
      burst.taken = true;
      clearTimeout(timer);
      timer = setTimeout(finish, bestZone(burst.keys) ? soon : late);
    }
  };

  window.addEventListener('keydown', onKey, true);
  return () => { clearTimeout(timer); window.removeEventListener('keydown', onKey, true); };
}

// What stood in a field before the first keys of the burst were put into it.
function contentOf(element) {
  return element && 'value' in element && element.tagName !== 'BUTTON' ? { element, value: element.value } : null;
}

function takeBack(before) {
  if (!before || before.element.value === before.value) return;
  before.element.value = before.value;
  before.element.dispatchEvent(new Event('input', { bubbles: true }));
}

/** What the keys of a burst say by one layout after the other; null where none is a zone. */
export function bestZone(keys) {
  const readings = [keys.map((k) => (k.key.length === 1 ? k.key : '')), ...Object.values(layouts).map((layout) => keys.map((k) => layout(k)))];
  const zones = readings.map((characters) => clean(characters.join(''))).filter(looksLikeZone).map(judgeZone);
  const score = (zone) => zone.fields.filter(({ ok }) => ok).length / zone.fields.length;
  return zones.reduce((best, zone) => (best === null || score(zone) > score(best) ? zone : best), null);
}

const textOf = (keys) => keys.map(({ key }) => (key.length === 1 ? key : key === 'Enter' ? '\n' : '')).join('').trim();

// By the place of the key: what a scanner set up for that layout meant.
const layouts = Object.freeze({
  qwerty: (k) => placed(k, { '<': k.shift && k.code === 'Comma' }),
  qwertz: (k) => placed(k, { '<': k.code === 'IntlBackslash', Z: k.code === 'KeyY', Y: k.code === 'KeyZ' }),
  azerty: (k) => placed(k, {
    '<': k.code === 'IntlBackslash', A: k.code === 'KeyQ', Q: k.code === 'KeyA', Z: k.code === 'KeyW', W: k.code === 'KeyZ', M: k.code === 'Semicolon',
  }),
});

function placed({ code }, special) {
  const found = Object.entries(special).find(([, here]) => here);
  if (found) return found[0];
  return /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(code)?.[1] ?? '';
}
