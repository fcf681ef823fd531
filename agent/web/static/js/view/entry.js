import { h, icon, button, drawing, setText } from '../dom.js';
import { t } from '../i18n.js';
import { judge } from '../entry.js';
import { clean, inLines } from '../mrz.js';
import { announce } from '../announce.js';
import { problemBox } from './problem.js';
import { problemOf } from '../states.js';
import { keypad } from './keypad.js';

const modes = Object.freeze(['mrz', 'fields', 'can']);
const markIcons = Object.freeze({ ok: 'check', wrong: 'cross', malformed: 'cross' });

/** The form for access data, at the desk and, with a keypad, at the kiosk. */
export function entryView(page) {
  const { entry, actions } = page;
  const kiosk = page.kiosk === true;
  const title = h('h1', { tabindex: '-1' });
  const lead = h('p', { class: 'lead' });
  const problem = h('div', {});
  const fields = h('div', { class: 'entry-fields' });
  const marks = h('ul', { class: 'marks', id: 'marks' });
  const count = h('p', { class: 'hint', id: 'count' });
  const readers = h('div', {});
  let said = '';

  const changed = () => {
    showMarks();
    actions.entryChanged(judge(entry).wrong);
  };

  // The reader of a screen hears the name of a wrong field once, not at every key.
  const showMarks = () => {
    const judged = judge(entry);
    marks.replaceChildren(...judged.marks.map(({ name, state }) => h('li', { class: `mark ${state}` },
      icon(markIcons[state]), h('span', {}, t(`field.${name}`)), h('span', { class: 'word' }, t(`mark.${state}`)))));
    setText(count, entry.mode === 'mrz' && entry.zone !== '' && !judged.complete ? t('entry.count', { count: judged.characters }) : '');
    for (const input of fields.querySelectorAll('[data-field]')) {
      const mark = judged.marks.find(({ name }) => name === input.dataset.field);
      input.setAttribute('aria-invalid', String(input.dataset.field === 'zone' ? judged.wrong !== '' : mark !== undefined && mark.state !== 'ok'));
    }
    const text = judged.wrong ? t('entry.wrong_field', { field: t(`field.${judged.wrong}`) }) : '';
    if (text && text !== said) announce('status', text);
    said = text;
  };

  const input = (name, label, attributes, value, take) => {
    const id = `entry-${name}`;
    const element = h('input', {
      id, name, 'data-field': name, autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', translate: 'no', 'aria-describedby': 'marks',
      dir: 'ltr', ...attributes, value,
      on: { input: (event) => { take(event.target.value); changed(); }, keydown: (event) => { if (event.key === 'Enter') start(); } },
    });
    return h('div', { class: 'field' }, h('label', { for: id }, label), element);
  };

  // A visitor of a kiosk knows no check digits: the chip tells whether the fields are right.
  const withDigit = (name, label, hint, value, take) => h('div', { class: kiosk ? 'field' : 'field-pair' },
    input(name, label, { maxlength: name === 'document_number' ? 22 : 6, placeholder: hint }, value, take),
    kiosk ? null : input(`${name}-digit`, t('entry.digit'), { maxlength: 1, inputmode: 'numeric', 'data-field': name, class: 'digit' }, entry.digits[name] ?? '', (text) => { entry.digits[name] = text.trim(); }));

  const forms = {
    mrz: () => {
      const area = h('textarea', {
        id: 'entry-zone', name: 'zone', 'data-field': 'zone', rows: kiosk ? 2 : 3, autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', translate: 'no', dir: 'ltr',
        'aria-describedby': 'zone-hint count marks',
        on: {
          input: () => {
            const lines = inLines(clean(area.value));
            // Pasted in one piece, it is set into lines, so that it can be compared with the page.
            if (lines.includes('\n') && !area.value.trim().includes('\n')) area.value = lines;
            entry.zone = area.value;
            changed();
          },
          keydown: (event) => { if (event.key === 'Enter' && judge(entry).complete) { event.preventDefault(); start(); } },
        },
      });
      area.value = entry.zone;
      return [h('div', { class: 'field' }, h('label', { for: 'entry-zone' }, t('entry.zone')), area, h('p', { class: 'hint', id: 'zone-hint' }, t('entry.zone_hint'))), count];
    },
    fields: () => [
      withDigit('document_number', t('field.document_number'), '', entry.number, (text) => { entry.number = text; }),
      withDigit('birth_date', t('field.birth_date'), t('entry.date_form'), entry.birth, (text) => { entry.birth = text; }),
      withDigit('expiry_date', t('field.expiry_date'), t('entry.date_form'), entry.expiry, (text) => { entry.expiry = text; }),
      kiosk ? null : h('p', { class: 'hint' }, t('entry.digit_hint')),
    ],
    can: () => [input('can', t('field.can'), { maxlength: 6, inputmode: 'numeric', class: 'can' }, entry.can, (text) => { entry.can = text; }), h('p', { class: 'hint' }, t('entry.can_hint'))],
  };

  const show = (mode) => fields.replaceChildren(...forms[mode]().filter(Boolean));

  const showMode = () => {
    const choices = modes.map((mode) => h('label', { class: 'choice' },
      h('input', { type: 'radio', name: 'entry-mode', value: mode, checked: entry.mode === mode, on: { change: () => { entry.mode = mode; show(mode); changed(); } } }),
      h('span', {}, t(`entry.mode.${mode}`))));
    modeBox.replaceChildren(h('legend', {}, t('entry.mode')), h('div', { class: 'choices' }, choices));
    show(entry.mode);
  };

  const start = () => {
    const judged = judge(entry);
    if (judged.access) return actions.start(judged.access);
    const wanted = fields.querySelector('[aria-invalid="true"]') ?? [...fields.querySelectorAll('input, textarea')].find((element) => element.value === '') ?? fields.querySelector('input, textarea');
    announce('alert', judged.wrong ? t('entry.wrong_field', { field: t(`field.${judged.wrong}`) }) : t('entry.incomplete'));
    wanted.focus();
  };

  const modeBox = h('fieldset', { class: 'plain' });
  showMode();
  showMarks();
  const node = h('section', { class: 'card entry' }, h('div', { class: 'entry-head' }, h('div', {}, title, lead), drawing('datapage')), problem, modeBox, fields, marks, readers,
    h('div', { class: 'row' },
      button(t(kiosk ? 'kiosk.read' : 'entry.start'), start, { class: 'primary big', 'data-action': 'start' }),
      kiosk ? button(t('kiosk.back'), () => actions.home(), { class: 'big', 'data-action': 'home' }) : null),
    kiosk ? keypad() : null);

  return {
    node,
    update(state, { model }) {
      const key = kiosk ? `kiosk.${state}` : state;
      setText(title, t(`stage.${key}.title`));
      setText(lead, t(`stage.${key}.text`));
      const shown = state === 'entry_refused' ? problemOf(model.job) : state === 'readers_unavailable' ? model.readersError : kiosk ? null : model.problem;
      problem.replaceChildren(...(shown && !kiosk ? [problemBox(shown)] : []));
      if (!kiosk) showReaders(readers, page);
      const area = fields.querySelector('textarea');
      if (area && area.value !== entry.zone) { area.value = entry.zone; showMarks(); }
      const chosen = node.querySelector(`input[name=entry-mode][value=${entry.mode}]`);
      if (!chosen.checked) { showMode(); showMarks(); }
    },
  };
}

// With more than one reader a person may say which; without a choice the first with a
// document is taken.
function showReaders(box, { model, ui }) {
  const names = model.readers.map(({ name }) => name);
  if (box.dataset.names === names.join('\n')) return;
  box.dataset.names = names.join('\n');
  if (names.length < 2) return box.replaceChildren();
  const select = h('select', { id: 'reader', 'data-action': 'reader', on: { change: (event) => { ui.reader = event.target.value; } } },
    h('option', { value: '' }, t('entry.any_reader')), names.map((name) => h('option', { value: name, translate: 'no', selected: name === ui.reader }, name)));
  box.replaceChildren(h('div', { class: 'field' }, h('label', { for: 'reader' }, t('entry.reader')), select));
}
