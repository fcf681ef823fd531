import { h, icon } from '../dom.js';
import { announce } from '../announce.js';
import { has, t } from '../i18n.js';

/**
 * An error with code, cause and next step. Codes that the page has words for are told in
 * the person's language; any other as the agent tells it, marked as English.
 */
export function problemBox(problem) {
  const { code } = problem;
  const known = has(`error.${code}.cause`);
  const english = known ? {} : { lang: 'en', dir: 'ltr', translate: 'no' };
  const cause = known ? t(`error.${code}.cause`) : problem.detail || problem.message || problem.title || t('error.unexpected.cause');
  const step = known ? t(`error.${code}.step`) : problem.advice || t('error.unexpected.step');
  return h('div', { class: 'problem' },
    h('p', { class: 'cause', ...english }, icon('warning'), cause),
    h('p', english, h('strong', { lang: document.documentElement.lang, dir: 'auto' }, t('problem.next')), ' ', step),
    known && problem.detail ? h('details', {}, h('summary', {}, t('problem.detail')), h('p', { lang: 'en', dir: 'ltr', translate: 'no' }, problem.detail)) : null,
    h('p', { class: 'hint' }, t('problem.code'), ' ', h('code', { translate: 'no' }, code)));
}

/** Reads an error out: cause and next step. */
export function announceProblem(manner, { code, title, message, advice }) {
  if (has(`error.${code}.cause`)) announce(manner, `${t(`error.${code}.cause`)} ${t(`error.${code}.step`)}`);
  else announce(manner, `${title || message || ''} ${advice || ''}`, true);
}
