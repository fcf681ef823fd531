import { h, icon, button, drawing } from '../dom.js';
import { t } from '../i18n.js';
import { problemOf } from '../states.js';
import { problemBox } from './problem.js';

const icons = Object.freeze({
  connecting: 'clock', locked: 'lock', lost: 'plug', error: 'warning', cancelled: 'dash', cleared: 'shield',
  out_of_service: 'plug', done: 'check', see_staff: 'person', try_again: 'warning',
});

/** A state with one thing to say and at most two things to do. */
export function noticeView(page, state) {
  const key = page.kiosk ? `kiosk.${state}` : state;
  const { model } = page;
  const problem = page.kiosk ? null : state === 'error' ? problemOf(model.job) : state === 'locked' || state === 'cancelled' ? model.problem : null;
  return {
    node: h('section', { class: `card notice ${state}` },
      state === 'welcome' ? drawing('document') : h('div', { class: 'notice-icon' }, icon(icons[state])),
      h('h1', { tabindex: '-1' }, t(`stage.${key}.title`)),
      h('p', { class: 'lead' }, t(`stage.${key}.text`)),
      problem ? problemBox(problem) : null,
      h('div', { class: 'row' }, ...buttons(page, state))),
  };
}

function buttons({ actions }, state) {
  const primary = (key, action, name) => button(t(key), action, { class: 'primary big', 'data-action': name });
  switch (state) {
    case 'error':
    case 'cancelled': return [primary('notice.again', () => actions.again(), 'again'), button(t('result.next'), () => actions.next(), { class: 'big', 'data-action': 'next' })];
    case 'cleared': return [primary('result.next', () => actions.next(), 'next')];
    case 'welcome': return [primary('kiosk.begin', () => actions.begin(), 'begin')];
    case 'done':
    case 'see_staff': return [primary('kiosk.finish', () => actions.home(), 'home')];
    case 'try_again': return [primary('notice.again', () => actions.again(), 'again'), button(t('kiosk.finish'), () => actions.home(), { class: 'big', 'data-action': 'home' })];
    default: return [];
  }
}
