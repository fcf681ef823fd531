// The kiosk view: one big step at a time, for a person who has never seen it. It shows
// nothing that stands in the document, and never what a check has found: a member of
// staff is told that at the desk.

import { Agent } from './agent.js';
import { announce } from './announce.js';
import { Dialog } from './dialogs.js';
import { button, h, icon } from './dom.js';
import { judge, newEntry } from './entry.js';
import { choices } from './header.js';
import { preferredLanguage, t, useLanguage } from './i18n.js';
import { inLines } from './mrz.js';
import { Region } from './region.js';
import { watchScanner } from './scanner.js';
import { sessionIn } from './sessionid.js';
import { saveLanguage, savedLanguage, theme, useTheme } from './settings.js';
import { play } from './sound.js';
import { kioskStage, states } from './states.js';
import { entryView } from './view/entry.js';
import { noticeView } from './view/notice.js';
import { progressView } from './view/progress.js';

// After so long without a touch or a key a person is asked whether they are still there,
// and has so long to say so, in ms. WCAG 2.2, 2.2.1 asks for 20 seconds and ten times.
const idle = 60_000;
const answer = 30_000;

const agent = new Agent(() => render());
const { model } = agent;
model.begun = false;
// Nobody types 88 characters at a kiosk where three fields do.
const empty = () => ({ ...newEntry(), mode: 'fields' });
const entry = empty();
const dialog = new Dialog();
let touched = Date.now();
let help = false;
let spoken = '';
let warned = false;
let session = '';
let lastAccess = null;

const page = {
  kiosk: true, agent, model, entry, ui: {}, now: 0, timeLeft: 0,
  actions: {
    begin: () => { model.begun = true; stay(); },
    home,
    start,
    again: () => (lastAccess ? start(lastAccess) : again()),
    cancel: home,
    stay,
    entryChanged: (wrong) => { model.wrongField = wrong; render(); },
    closeHelp: () => { help = false; stay(); },
    setLanguage: async (code) => { saveLanguage(code); if (await useLanguage(code)) redraw(); },
    redraw,
  },
};

const header = h('header', {});
const stageBox = h('div', { 'data-region': 'stage' });
const stage = new Region(stageBox);
const views = { entry: entryView, progress: progressView, notice: noticeView };

function redraw() {
  const focused = document.activeElement?.dataset.action;
  header.replaceChildren(button([icon('help'), t('kiosk.help')], () => { help = true; render(); }, { class: 'help-button big', 'data-action': 'help' }), choices(page));
  stage.forget();
  dialog.close();
  render();
  if (focused) document.querySelector(`[data-action="${focused}"]`)?.focus();
}

function render() {
  page.now = Date.now();
  const state = kioskStage(model);
  const { view, speaks, sound } = states.kiosk.stage[state];
  stage.show(state, view === 'entry' ? view : view === 'notice' ? state : `${view}${model.job.id}`, () => views[view](page, state), page);
  watchTime(state);
  dialog.show(warned ? 'time_out' : help ? 'help' : '', page);
  const key = `${state} ${model.job?.id ?? ''}`;
  if (key === spoken) return;
  spoken = key;
  play(sound);
  if (speaks) announce(speaks, `${t(`stage.kiosk.${state}.title`)}. ${t(`stage.kiosk.${state}.text`)}`);
}

// The warning reaches more than one sense: words, a tone, a pulse on the screen, and
// the motor of a hand-held device.
function watchTime(state) {
  const quiet = ['welcome', 'connecting', 'out_of_service'].includes(state) && !help;
  const working = ['reading', 'checking'].includes(state);
  if (quiet || working) touched = page.now;
  const passed = page.now - touched;
  page.timeLeft = idle + answer - passed;
  if (page.timeLeft <= 0) return void home();
  if (passed >= idle && !warned) {
    warned = true;
    play(states.kiosk.dialog.time_out.sound);
    navigator.vibrate?.([200, 100, 200]);
  }
  if (passed < idle) warned = false;
}

function stay() {
  touched = Date.now();
  warned = false;
  render();
}

// Back to the beginning: nothing of this visitor is left for the next.
async function home() {
  touched = Date.now();
  warned = false;
  help = false;
  lastAccess = null;
  if (session !== 'create') session = '';
  model.begun = false;
  model.wrongField = '';
  Object.assign(entry, empty());
  stage.forget();
  const { job } = model;
  if (job && !['done', 'failed', 'cancelled'].includes(job.state)) await agent.cancel();
  await agent.next();
}

async function again() {
  await agent.next();
  model.begun = true;
  render();
}

async function start(access) {
  const before = model.job?.id;
  try {
    await agent.start(access, session ? { session } : {});
    lastAccess = access;
    model.begun = true;
    if (before && before !== model.job?.id) await agent.forget(before);
  } catch (problem) {
    model.problem = problem;
    announce('alert', `${t('stage.kiosk.try_again.title')}. ${t('stage.kiosk.try_again.text')}`);
    render();
  }
}

async function takeZone(judged) {
  stay();
  if (!['welcome', 'entry', 'entry_wrong', 'entry_refused'].includes(kioskStage(model))) return;
  Object.assign(entry, { mode: 'mrz', zone: inLines(judged.zone) });
  const { access, wrong } = judge(entry);
  Object.assign(model, { begun: true, wrongField: wrong });
  render();
  if (access) await start(access);
}

// A call for help is heard until somebody comes.
const callAgain = 5_000;

// What this page can keep a visitor from. Keys that belong to the browser or the system
// (a new window, the task switcher) never reach a page: docs/kiosk.md says who stops those.
// Zooming leads nowhere and helps people who see badly: it stays.
const stopped = Object.freeze(['contextmenu', 'dragstart', 'drop', 'dragover', 'selectstart', 'auxclick']);
const browserKeys = Object.freeze(['p', 's', 'o', 'f', 'g', 'h', 'j', 'd', 'u']);

function holdInside() {
  for (const name of stopped) window.addEventListener(name, (event) => { if (!event.target.matches?.('input, textarea') || name !== 'selectstart') event.preventDefault(); });
  window.addEventListener('keydown', (event) => {
    if (/^F\d+$/.test(event.key) || event.key === 'BrowserBack' || ((event.ctrlKey || event.metaKey) && browserKeys.includes(event.key.toLowerCase())) || (event.altKey && event.key.startsWith('Arrow'))) event.preventDefault();
  }, true);
  history.pushState(null, '', location.pathname);
  window.addEventListener('popstate', () => history.pushState(null, '', location.pathname));
}

// The address that the kiosk is started with says which session a visit is for.
function takeHash() {
  const values = new URLSearchParams(location.hash.slice(1));
  if (location.hash) history.replaceState(null, '', location.pathname);
  const wanted = values.get('session') ?? '';
  session = wanted === 'create' ? wanted : sessionIn(wanted) || session;
  return values.get('open');
}

useTheme(theme());
await useLanguage(savedLanguage() || preferredLanguage());
const code = takeHash();
document.getElementById('page').replaceChildren(header, h('main', {}, stageBox));
redraw();
watchScanner({ onZone: takeZone, onText: () => announce('alert', t('scanner.unknown')) });
for (const name of ['pointerdown', 'keydown']) window.addEventListener(name, () => { if (!warned) touched = Date.now(); }, true);
window.addEventListener('hashchange', () => { const link = takeHash(); if (link) agent.connect(link); });
holdInside();
await agent.connect(code);
setInterval(render, 500);
setInterval(() => { if (help) play(states.kiosk.dialog.help.sound); }, callAgain);
