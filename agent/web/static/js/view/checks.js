import { h, icon } from '../dom.js';
import { has, t } from '../i18n.js';

const groups = Object.freeze(['access', 'chip_authenticity', 'passive_authentication', 'data_integrity', 'document', 'conformity']);
const icons = Object.freeze({ successful: 'check', failed: 'cross', undetermined: 'question', not_supported: 'dash' });
const order = Object.freeze(['failed', 'undetermined', 'successful', 'not_supported']);

/** The checks as a tree: a branch for each group, open where something is not successful. */
export function checkTree(checks) {
  const names = [...new Set([...groups, ...checks.map(({ group }) => group)])];
  return h('div', { class: 'checks' }, names.map((group) => {
    const members = checks.filter((check) => check.group === group);
    if (members.length === 0) return null;
    const result = order.find((r) => members.some((check) => check.result === r)) ?? 'not_supported';
    return h('details', { open: result === 'failed' || result === 'undetermined' },
      h('summary', {}, verdictMark(result), named(`group.${group}`, group)),
      h('ul', {}, members.map(leaf)));
  }));
}

function leaf({ name, result, reason, advice }) {
  return h('li', {}, h('p', { class: 'check' }, verdictMark(result), named(`check.${name}`, name)),
    reason ? h('p', { class: 'reason', lang: 'en', dir: 'ltr', translate: 'no' }, reason) : null,
    advice ? h('p', { class: 'advice', lang: 'en', dir: 'ltr', translate: 'no' }, advice) : null);
}

/** A result in picture, word and colour. */
export function verdictMark(result) {
  return h('span', { class: `result ${result}` }, icon(icons[result] ?? 'dash'), h('span', {}, t(`result.${result}`)));
}

const named = (key, name) => has(key) ? h('span', { class: 'name' }, t(key)) : h('span', { class: 'name', translate: 'no' }, name.replaceAll('_', ' '));
