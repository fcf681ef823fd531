import { h, icon, button, drawing, setText } from '../dom.js';
import { t, percent, seconds } from '../i18n.js';

const steps = Object.freeze(['waiting', 'reading', 'proving', 'judging', 'uploading']);
const stepOf = Object.freeze({ unresponsive: 'waiting', remove_previous: 'waiting', removed: 'reading', checking: 'proving' });

/** A job under way: what to do with the document, and how far the bytes are. */
export function progressView(page) {
  const kiosk = page.kiosk === true;
  const title = h('h1', { tabindex: '-1' });
  const lead = h('p', { class: 'lead' });
  const bar = h('progress', { max: '100', 'aria-label': t('progress.bar') });
  const file = h('span', { class: 'file' });
  const share = h('span', { class: 'share' });
  const time = h('span', { translate: 'no' });
  const list = h('ol', { class: 'steps' });
  const picture = drawing('document');
  const shownSteps = kiosk ? ['waiting', 'reading', 'proving'] : steps;
  const node = h('section', { class: 'card progress' },
    h('div', { class: 'split' }, picture, h('div', {}, title, lead,
      h('div', { class: 'meter' }, bar, h('p', { class: 'figures' }, kiosk ? null : file, share, kiosk ? null : time)))),
    list,
    h('div', { class: 'row' }, button(t('progress.cancel'), () => page.actions.cancel(), { class: 'big', 'data-action': 'cancel' })));

  return {
    node,
    update(state, { model }) {
      const { job } = model;
      const key = kiosk ? `kiosk.${state}` : state;
      setText(title, t(`stage.${key}.title`));
      setText(lead, t(`stage.${key}.text`));
      const moving = (stepOf[state] ?? state) !== 'waiting';
      picture.dataset.pose = state;
      node.querySelector('.meter').hidden = !moving;
      const value = Math.round(job.percent ?? 0);
      if (state === 'reading' || state === 'removed' || job.percent > 0) bar.value = value;
      else bar.removeAttribute('value');
      setText(file, job.file ? t('progress.file', { file: job.file }) : '');
      setText(share, percent(value));
      setText(time, job.seconds ? seconds(job.seconds) : '');
      const at = shownSteps.indexOf(stepOf[state] ?? state);
      list.replaceChildren(...shownSteps.map((step, i) => h('li', { class: i < at ? 'past' : i === at ? 'now' : 'ahead', 'aria-current': i === at ? 'step' : null },
        i < at ? icon('check') : h('span', { class: 'dot', 'aria-hidden': 'true' }), h('span', {}, t(`step.${step}`)))));
    },
  };
}
