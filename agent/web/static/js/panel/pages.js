import { h, button } from '../dom.js';
import { t } from '../i18n.js';

/** Other web pages that may ask this agent for readings. */
export function pagesPanel({ model, actions }) {
  const paired = model.pairings.filter(({ state }) => state === 'confirmed');
  if (paired.length === 0) return null;
  return h('details', { class: 'card panel' }, h('summary', {}, t('pages.title')),
    h('ul', { class: 'plain-list' }, paired.map(({ id, origin, name }) => h('li', { class: 'paired' },
      h('div', {}, h('p', { translate: 'no' }, name || origin), h('p', { class: 'hint', translate: 'no' }, origin)),
      button(t('pages.revoke'), () => actions.revoke(id), { 'aria-label': t('pages.revoke_from', { origin }) })))));
}
