import { h, icon, button, setText } from '../dom.js';
import { countdown, day, t } from '../i18n.js';
import { checkTree } from './checks.js';
import { problemBox } from './problem.js';

const banners = Object.freeze({ successful: 'check', undetermined: 'question', failed: 'cross' });
const fields = Object.freeze(['name', 'documentNumber', 'nationality', 'issuingState', 'birthDate', 'sex', 'expiryDate']);

/** What came of a document: the verdict, the person, the checks, the upload. */
export function resultView(page) {
  const title = h('h1', { tabindex: '-1' });
  const lead = h('p', { class: 'lead' });
  const banner = h('div', { class: 'banner' });
  const person = h('div', { class: 'person' });
  const upload = h('section', { class: 'card upload' });
  const tree = h('section', { class: 'card' });
  const left = h('p', { class: 'hint timer' });
  const node = h('div', { class: 'result-view' },
    h('section', { class: 'card' }, banner, person,
      h('div', { class: 'row' },
        button(t('result.next'), () => page.actions.next(), { class: 'primary big', 'data-action': 'next' }),
        button(t('result.extend'), () => page.actions.extend(), { 'data-action': 'extend' }), left)),
    upload, tree);
  let shown = '';

  return {
    node,
    update(state, { model, now }) {
      const { job } = model;
      setText(left, job.expires ? t('result.left', { time: countdown(Date.parse(job.expires) - now) }) : '');
      const holder = model.holders.get(job.id);
      const portrait = model.portraits.get(job.id);
      const fingerprint = JSON.stringify([state, job.report, job.error, !!holder, portrait]);
      if (fingerprint === shown) return;
      shown = fingerprint;
      const words = wordsOf(state, job);
      setText(title, t(`${words}.title`));
      setText(lead, t(`${words}.text`));
      banner.className = `banner ${state}`;
      banner.replaceChildren(icon(banners[state]), h('div', {}, title, lead));
      person.replaceChildren(...(holder ? personOf(holder, portrait) : []));
      showUpload(upload, job, page);
      const { checks = [], warnings = [] } = job.report ?? {};
      tree.replaceChildren(h('h2', {}, t('checks.title')), checkTree(checks ?? []),
        ...((warnings ?? []).length > 0 ? [h('details', {}, h('summary', {}, t('checks.warnings')),
          h('ul', { class: 'warnings' }, warnings.map(({ text }) => h('li', { lang: 'en', dir: 'ltr', translate: 'no' }, text))))] : []));
    },
  };
}

/** The words of a result: a signature covers the data; that the chip is no copy, only the chip can prove. */
export function wordsOf(state, job) {
  const original = (job?.report?.checks ?? []).some(({ group, result }) => group === 'chip_authenticity' && result === 'successful');
  return state === 'successful' && !original ? 'result.signed' : `stage.${state}`;
}

function personOf(holder, portrait) {
  const values = {
    ...holder, name: [holder.secondaryIdentifier, holder.primaryIdentifier].filter(Boolean).join(' '),
    birthDate: day(holder.birthDate), expiryDate: day(holder.expiryDate), sex: t(`sex.${holder.sex || 'X'}`),
  };
  return [
    h('figure', {},
      portrait ? h('img', { src: portrait, alt: t('holder.portrait'), width: 180 }) : h('div', { class: 'no-portrait' }, icon('person'), h('span', {}, t('holder.no_portrait'))),
      holder.proved ? h('figcaption', { class: 'proved' }, icon('check'), t('holder.proved')) : h('figcaption', { class: 'not-proved' }, icon('warning'), t('holder.not_proved'))),
    h('dl', {}, fields.flatMap((name) => [h('dt', {}, t(`holder.${name}`)), h('dd', { translate: 'no' }, values[name] || '–')])),
  ];
}

const uploadIcons = Object.freeze({ none: 'dash', accepted: 'check', queued: 'clock', uncertain: 'question', refused: 'cross', failed: 'cross' });

function showUpload(box, job, { actions }) {
  const upload = job.report?.upload ?? { state: 'none' };
  const error = job.error ?? job.report?.error;
  box.dataset.region = 'upload';
  box.dataset.state = upload.state;
  box.replaceChildren(...[h('h2', {}, t('upload.title')),
    h('p', { class: `upload-state ${upload.state}` }, icon(uploadIcons[upload.state] ?? 'dash'), h('strong', {}, t(`upload.${upload.state}.title`)), ' ', t(`upload.${upload.state}.text`)),
    upload.sessionId ? h('p', { class: 'hint' }, t('upload.session'), ' ', h('code', { translate: 'no' }, upload.sessionId)) : null,
    error && error.code !== 'check_failed' ? problemBox(error) : null,
    upload.state === 'queued' ? button(t('queue.retry'), () => actions.retryQueue(), { 'data-action': 'retry' }) : null,
    upload.state === 'failed' ? button(t('notice.again'), () => actions.again(), { 'data-action': 'again' }) : null,
    upload.state === 'accepted' ? button(t('upload.submit'), (event) => actions.submit(upload.sessionId, event.target), { 'data-action': 'submit' }) : null,
  ].filter(Boolean));
}
