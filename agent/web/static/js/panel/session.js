import { h } from '../dom.js';
import { t } from '../i18n.js';
import { sessionIn } from '../sessionid.js';

const choices = Object.freeze(['none', 'given', 'create']);

export const sessionState = ({ sessionMode, session, sessionText }) =>
  sessionMode !== 'given' ? sessionMode : session || sessionText === '' ? 'given' : 'invalid';

/** Where the next reading goes: nowhere, to a session by id or link, or to a new one. */
export function sessionPanel(page) {
  const { ui, actions } = page;
  const field = h('div', { class: 'field' }, h('label', { for: 'session' }, t('session.id')),
    h('input', {
      id: 'session', translate: 'no', autocomplete: 'off', spellcheck: 'false', dir: 'ltr', 'aria-describedby': 'session-hint', value: ui.sessionText,
      on: { input: (event) => { ui.sessionText = event.target.value.trim(); ui.session = sessionIn(ui.sessionText); actions.changed(); } },
    }),
    h('p', { class: 'hint', id: 'session-hint' }));
  const radios = choices.map((mode) => h('label', { class: 'choice block' },
    h('input', { type: 'radio', name: 'session-mode', value: mode, checked: ui.sessionMode === mode, on: { change: () => { ui.sessionMode = mode; actions.changed(); } } }),
    h('span', {}, t(`session.mode.${mode}`))));
  const node = h('section', { class: 'card panel', 'data-region': 'session' },
    h('fieldset', { class: 'plain' }, h('legend', {}, h('h2', {}, t('session.title'))), radios), field);
  return {
    node,
    update() {
      const state = sessionState(ui);
      node.dataset.state = state;
      field.hidden = ui.sessionMode !== 'given';
      const input = field.querySelector('input');
      if (document.activeElement !== input && input.value !== ui.sessionText) input.value = ui.sessionText;
      node.querySelector(`input[value=${ui.sessionMode}]`).checked = true;
      input.setAttribute('aria-invalid', String(state === 'invalid'));
      field.querySelector('.hint').textContent = t(state === 'invalid' ? 'session.invalid' : ui.session && ui.session !== ui.sessionText ? 'session.found' : 'session.hint', { id: ui.session });
    },
  };
}
