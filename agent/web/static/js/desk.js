// The desk view: everything that an agent at a desk sees and does.

import { Agent } from './agent.js';
import { announce } from './announce.js';
import { Dialog } from './dialogs.js';
import { button, h, icon } from './dom.js';
import { newEntry, judge } from './entry.js';
import { deskHeader } from './header.js';
import { day, number, preferredLanguage, t, useLanguage } from './i18n.js';
import { clean, inLines, looksLikeZone } from './mrz.js';
import { pagesPanel } from './panel/pages.js';
import { PicturesPanel } from './panel/pictures.js';
import { queuePanel } from './panel/queue.js';
import { readersPanel } from './panel/readers.js';
import { sessionPanel } from './panel/session.js';
import { Region } from './region.js';
import { watchScanner } from './scanner.js';
import { sessionIn } from './sessionid.js';
import { saveLanguage, savedLanguage, theme, useTheme } from './settings.js';
import { play } from './sound.js';
import { deskStage, problemOf, states } from './states.js';
import { entryView } from './view/entry.js';
import { noticeView } from './view/notice.js';
import { announceProblem } from './view/problem.js';
import { progressView } from './view/progress.js';
import { resultView, wordsOf } from './view/result.js';

// How long before the end of its time a person is told that the data will go, in ms.
const warning = 30_000;

const agent = new Agent(() => render());
const { model } = agent;
const ui = { dialog: '', reader: '', sessionMode: 'none', session: '', sessionText: '', lastAccess: null, spoken: '' };
const entry = newEntry();
const dialog = new Dialog();

const page = {
  agent, model, ui, entry, now: Date.now(), waiting: null,
  session: () => model.job?.session || (ui.sessionMode === 'given' ? ui.session : ''),
  actions: {
    changed: () => render(),
    entryChanged: (wrong) => { model.wrongField = wrong; render(); },
    start,
    again: () => (ui.lastAccess ? start(ui.lastAccess) : page.actions.next()),
    cancel: () => agent.cancel(),
    extend: () => agent.extend(),
    next: async () => { forgetEntry(); await agent.next(); document.querySelector('#entry-zone')?.focus(); },
    retryQueue: () => agent.retryQueue(),
    answerPairing: (id, confirm, code) => agent.answerPairing(id, confirm, code),
    revoke: (id) => agent.revoke(id),
    openShift: () => { ui.dialog = 'shift'; render(); },
    closeDialog: () => { ui.dialog = ''; render(); },
    setShift: async (operator) => { ui.dialog = ''; await agent.setShift(operator); },
    submit: async (session, pressed) => {
      pressed.disabled = true;
      try {
        await agent.submit(session);
        announce('status', t('upload.submitted'));
        pressed.replaceChildren(icon('check'), t('upload.submitted'));
      } catch (problem) {
        model.problem = problem;
        pressed.disabled = false;
        announceProblem('alert', problem);
      }
    },
    setLanguage: async (code) => { saveLanguage(code); if (await useLanguage(code)) redraw(); },
    redraw,
  },
};

const header = h('div', {});
const jobs = h('nav', { class: 'jobs' });
const stageBox = h('div', { 'data-region': 'stage' });
const stage = new Region(stageBox);
const aside = h('aside', {});
const footer = h('footer', {});
const pictures = new PicturesPanel(page);
let session = null;
const boxes = { readers: h('div', {}), queue: h('div', {}), pages: h('div', {}) };
const views = { entry: entryView, progress: progressView, result: resultView, notice: noticeView };
const drawn = new Map();

function layout() {
  session = sessionPanel(page);
  aside.setAttribute('aria-label', t('aside'));
  jobs.setAttribute('aria-label', t('jobs.title'));
  aside.replaceChildren(boxes.readers, session.node, pictures.node, boxes.queue, boxes.pages);
  drawn.clear();
}

function redraw() {
  const focused = document.activeElement?.dataset.action;
  layout();
  stage.forget();
  dialog.close();
  render();
  if (focused) document.querySelector(`[data-action="${focused}"]`)?.focus();
}

// Draws a part anew only where what it shows has changed: focus stays where it is.
function draw(box, fingerprint, build) {
  const key = JSON.stringify(fingerprint);
  if (drawn.get(box) === key) return;
  drawn.set(box, key);
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.action : '';
  const built = build();
  box.replaceChildren(...[built].flat().filter(Boolean));
  if (focused) box.querySelector(`[data-action="${focused}"]`)?.focus();
}

function render() {
  page.now = Date.now();
  if (model.job?.expires && Date.parse(model.job.expires) <= page.now) {
    forgetEntry();
    return agent.expire(model.job.id);
  }
  page.waiting = model.pairings.find(({ state }) => state === 'waiting') ?? null;
  const state = deskStage(model);
  const { view, speaks, sound } = states.desk.stage[state];
  stage.show(state, view + (view === 'entry' ? '' : model.job?.id ?? '') + (view === 'notice' ? state : ''), () => views[view](page, state), page);
  draw(header, [model.link, model.me], () => deskHeader(page));
  draw(jobs, [model.jobs.size, model.job?.id, [...model.jobs.values()].map(({ id, state: s, reader }) => [id, s, reader]), model.readers.length], jobStrip);
  aside.hidden = model.link !== 'open';
  if (model.link === 'open') {
    draw(boxes.readers, [model.readers], () => readersPanel(page));
    draw(boxes.queue, [model.queue, Math.floor(page.now / 60_000)], () => queuePanel(page));
    draw(boxes.pages, [model.pairings], () => pagesPanel(page));
    session.update();
    pictures.update();
  }
  draw(footer, [model.link, model.trust, model.version], footing);
  dialog.show(wantedDialog(), page);
  speak(state, speaks, sound);
}

function wantedDialog() {
  if (model.link !== 'open') return '';
  const { job } = model;
  if (job?.expires && ['done', 'failed'].includes(job.state) && Date.parse(job.expires) - page.now <= warning) return 'expiring';
  return page.waiting ? 'pairing' : ui.dialog;
}

// Once for each state of each job, and for each part of the way that is a good one to hear.
function speak(state, speaks, sound) {
  const part = state === 'reading' ? Math.floor((model.job.percent ?? 0) / 25) * 25 : 0;
  const key = `${state} ${model.job?.id ?? ''} ${part}`;
  if (key === ui.spoken) return;
  const first = !ui.spoken.startsWith(`${state} ${model.job?.id ?? ''}`);
  ui.spoken = key;
  if (first) play(sound);
  if (!speaks) return;
  const problem = state === 'error' || state === 'entry_refused' ? problemOf(model.job) : null;
  if (!first) announce('status', t('progress.spoken', { percent: number(part) }));
  else if (problem) announceProblem(speaks, problem);
  else {
    const words = wordsOf(state, model.job);
    announce(speaks, `${t(`${words}.title`)}. ${t(`${words}.text`)}`);
  }
}

function jobStrip() {
  if (model.jobs.size === 0 || (model.jobs.size === 1 && model.readers.length < 2)) return null;
  return [
    ...[...model.jobs.values()].map((job) => h('button', { type: 'button', class: 'tab', 'data-action': `job-${job.id}`, 'aria-current': job.id === model.job?.id ? 'true' : null, on: { click: () => agent.show(job.id) } },
      h('span', { translate: 'no' }, job.reader || '…'), h('span', { class: 'hint' }, t(`job.${job.state}`)))),
    button(t('jobs.new'), () => { forgetEntry(); agent.show(''); }, { class: 'tab', 'data-action': 'new', 'aria-current': model.job ? null : 'true' }),
  ];
}

function footing() {
  if (model.link !== 'open') return null;
  const { trust } = model;
  return [
    trust && trust.signers > 0
      ? h('p', {}, icon('shield'), trust.date
        ? t('trust.there', { date: day(trust.date), signers: number(trust.signers) })
        : t('trust.undated', { signers: number(trust.signers) }))
      : h('p', { class: 'warn' }, icon('warning'), t('trust.none')),
    h('p', { class: 'hint', translate: 'no' }, model.version),
  ];
}

async function start(access) {
  const options = {};
  if (ui.reader && model.readers.some(({ name }) => name === ui.reader)) options.reader = ui.reader;
  if (ui.sessionMode === 'create') options.session = 'create';
  if (ui.sessionMode === 'given') {
    if (!ui.session) {
      announce('alert', t('session.invalid'));
      return document.querySelector('#session')?.focus();
    }
    options.session = ui.session;
  }
  const before = model.job?.id;
  try {
    await agent.start(access, options);
    ui.lastAccess = access;
    if (before && before !== model.job?.id) await agent.forget(before);
  } catch (problem) {
    model.problem = problem;
    announceProblem('alert', problem);
    render();
  }
}

function forgetEntry() {
  Object.assign(entry, newEntry(), { mode: entry.mode });
  Object.assign(ui, { lastAccess: null, session: '', sessionText: '' });
  model.wrongField = '';
  model.problem = null;
  pictures.clear();
  stage.forget();
}

async function takeZone(judged) {
  if (model.job && !['done', 'failed', 'cancelled'].includes(model.job.state)) return announce('alert', t('scanner.busy'));
  const refused = model.job && deskStage(model) === 'entry_refused';
  if (model.job && !refused) await page.actions.next();
  Object.assign(entry, { mode: 'mrz', zone: inLines(judged.zone) });
  const { access, wrong } = judge(entry);
  model.wrongField = wrong;
  render();
  if (access) await start(access);
  else announce('alert', t('entry.wrong_field', { field: t(`field.${wrong}`) }));
}

function takeText(text) {
  const id = sessionIn(text);
  if (!id) return announce('alert', t('scanner.unknown'));
  Object.assign(ui, { sessionMode: 'given', session: id, sessionText: id });
  announce('status', t('session.found', { id }));
  render();
}

function takeHash() {
  const values = new URLSearchParams(location.hash.slice(1));
  // A one-time code and a session id are used up here: neither stays in the address.
  if (location.hash) history.replaceState(null, '', location.pathname);
  if (values.get('session')) takeText(values.get('session'));
  return values.get('open');
}

document.addEventListener('paste', (event) => {
  if (event.target.closest?.('input, textarea')) return;
  const text = event.clipboardData.getData('text');
  if (looksLikeZone(text)) takeZone({ zone: clean(text) });
  else takeText(text);
});

useTheme(theme());
await useLanguage(savedLanguage() || preferredLanguage());
document.getElementById('page').replaceChildren(header, h('div', { class: 'columns' }, h('main', {}, jobs, stageBox), aside), footer);
layout();
render();
watchScanner({ onZone: takeZone, onText: takeText });
// A new one-time link, opened in a page that is there already.
window.addEventListener('hashchange', () => { const code = takeHash(); if (code) agent.connect(code); });
await agent.connect(takeHash());
setInterval(render, 500);
