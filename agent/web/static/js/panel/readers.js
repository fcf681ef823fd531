import { h, icon } from '../dom.js';
import { t } from '../i18n.js';

const icons = Object.freeze({ empty: 'dot', document: 'passport', busy: 'clock', unresponsive: 'warning', unavailable: 'cross' });

/** The readers and what lies on them. */
export function readersPanel({ model }) {
  const list = model.readers.map(({ name, state, extendedLength }) => h('li', { class: `reader ${state}` }, icon(icons[state] ?? 'dot'),
    h('div', {}, h('p', { class: 'reader-name', translate: 'no' }, name),
      h('p', { class: 'hint' }, t(`reader.${state}`), extendedLength === true ? ` · ${t('reader.extended')}` : ''))));
  return h('section', { class: 'card panel' }, h('h2', {}, t('reader.title')),
    list.length > 0 ? h('ul', { class: 'plain-list' }, list) : h('p', { class: 'hint' }, t('reader.none')));
}
