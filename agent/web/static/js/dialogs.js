// Dialogs of the desk and of the kiosk, one at a time, above everything else.

import { h, icon, button, setText } from './dom.js';
import { countdown, t } from './i18n.js';

const urgent = Object.freeze(['expiring', 'time_out', 'help', 'pairing']);

export class Dialog {
  #element = null;
  #name = '';
  #update = null;

  get name() {
    return this.#name;
  }

  /** Opens a dialog, or brings an open one up to date; '' closes it. */
  show(name, page) {
    if (name !== this.#name) {
      this.close();
      if (name) this.#open(name, page);
    }
    this.#update?.(page);
  }

  close() {
    this.#name = '';
    this.#update = null;
    if (!this.#element) return;
    this.#element.close();
    this.#element.remove();
    this.#element = null;
  }

  #open(name, page) {
    const { nodes, update, escape } = builders[name](page);
    const heading = h('h2', { id: 'dialog-title', tabindex: '-1' }, t(`dialog.${name}.title`));
    this.#element = h('dialog', {
      class: `dialog ${name}`, role: urgent.includes(name) ? 'alertdialog' : 'dialog', 'aria-labelledby': 'dialog-title', 'aria-describedby': 'dialog-text',
      'data-region': 'dialog', 'data-state': name, on: { cancel: (event) => { event.preventDefault(); escape?.(); } },
    }, heading, ...nodes);
    this.#name = name;
    this.#update = update;
    document.body.append(this.#element);
    this.#element.showModal();
  }
}

const text = (name) => h('p', { id: 'dialog-text' }, t(`dialog.${name}.text`));

const builders = {
  // A foreign page asks to be let in. Typing the code shows that the person looks at that
  // page now, and not at one that asks behind its back.
  pairing: ({ actions, waiting }) => {
    const { id, origin, name } = waiting;
    const input = h('input', { id: 'pairing-code', translate: 'no', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', maxlength: 9, dir: 'ltr', 'aria-describedby': 'pairing-problem' });
    const problem = h('p', { id: 'pairing-problem', class: 'problem', role: 'alert', hidden: true });
    return {
      nodes: [
        text('pairing'),
        h('p', { class: 'origin', translate: 'no' }, h('strong', {}, origin), h('span', { class: 'hint' }, name)),
        h('div', { class: 'field' }, h('label', { for: 'pairing-code' }, t('dialog.pairing.code')), input), problem,
        h('div', { class: 'row' },
          button(t('dialog.pairing.confirm'), () => actions.answerPairing(id, true, input.value.trim().toUpperCase()), { class: 'primary', 'data-action': 'confirm' }),
          button(t('dialog.pairing.refuse'), () => actions.answerPairing(id, false), { 'data-action': 'refuse' })),
      ],
      update: ({ model }) => {
        problem.hidden = model.problem === null;
        setText(problem, model.problem ? t('dialog.pairing.wrong') : '');
      },
      escape: () => actions.answerPairing(id, false),
    };
  },

  shift: ({ model, actions }) => {
    const input = h('input', { id: 'operator', translate: 'no', autocomplete: 'off', maxlength: 64, value: model.me?.operator ?? '', on: { keydown: (event) => { if (event.key === 'Enter') actions.setShift(input.value.trim()); } } });
    return {
      nodes: [
        text('shift'), h('div', { class: 'field' }, h('label', { for: 'operator' }, t('dialog.shift.label')), input),
        h('div', { class: 'row' },
          button(t('dialog.shift.begin'), () => actions.setShift(input.value.trim()), { class: 'primary', 'data-action': 'begin-shift' }),
          model.me?.operator ? button(t('dialog.shift.end'), () => actions.setShift(''), { 'data-action': 'end-shift' }) : null,
          button(t('dialog.close'), () => actions.closeDialog(), { 'data-action': 'close' })),
      ],
      escape: () => actions.closeDialog(),
    };
  },

  expiring: ({ actions }) => {
    const left = h('p', { class: 'countdown', 'aria-hidden': 'true' });
    return {
      nodes: [text('expiring'), left, h('div', { class: 'row' },
        button(t('result.extend'), () => actions.extend(), { class: 'primary', 'data-action': 'keep', autofocus: true }),
        button(t('result.next'), () => actions.next(), { 'data-action': 'clear' }))],
      update: ({ model, now }) => setText(left, countdown(Date.parse(model.job?.expires) - now)),
      escape: () => actions.extend(),
    };
  },

  time_out: ({ actions }) => {
    const left = h('p', { class: 'countdown', 'aria-hidden': 'true' });
    return {
      nodes: [h('div', { class: 'pulse' }, icon('clock')), text('time_out'), left, h('div', { class: 'row' },
        button(t('dialog.time_out.more'), () => actions.stay(), { class: 'primary big', 'data-action': 'stay', autofocus: true }),
        button(t('dialog.time_out.end'), () => actions.home(), { class: 'big', 'data-action': 'end' }))],
      update: ({ timeLeft }) => setText(left, countdown(timeLeft)),
      escape: () => actions.stay(),
    };
  },

  help: ({ actions }) => ({
    nodes: [h('div', { class: 'pulse' }, icon('person')), text('help'), h('div', { class: 'row' }, button(t('dialog.close'), () => actions.closeHelp(), { class: 'primary big', 'data-action': 'close', autofocus: true }))],
    escape: () => actions.closeHelp(),
  }),
};
