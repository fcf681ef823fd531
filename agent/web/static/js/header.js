import { h, icon, button } from './dom.js';
import { language, languages, t } from './i18n.js';
import { setSound, soundOn, theme, themes, useTheme } from './settings.js';

/** Choices for this screen: language, theme, sound. */
export function choices({ actions }) {
  const sound = h('button', { type: 'button', class: 'quiet', 'aria-pressed': String(soundOn()), 'data-action': 'sound', on: { click: () => { setSound(!soundOn()); actions.redraw(); } } },
    icon(soundOn() ? 'sound' : 'mute'), h('span', {}, t('settings.sound')));
  return h('div', { class: 'settings' }, sound,
    select('theme', t('settings.theme'), themes.map((name) => [name, t(`theme.${name}`)]), theme(), (name) => useTheme(name)),
    select('language', t('settings.language'), languages.map((code) => [code, t(`language.${code}`)]), language(), (code) => actions.setLanguage(code)));
}

function select(id, label, options, chosen, choose) {
  return h('label', { class: 'select' }, h('span', { class: 'visually-hidden' }, label),
    h('select', { id, 'data-action': id, on: { change: (event) => choose(event.target.value) } },
      options.map(([value, words]) => h('option', { value, selected: value === chosen, lang: id === 'language' ? value : null }, words))));
}

export function deskHeader(page) {
  const { model, actions } = page;
  return h('header', {}, h('p', { class: 'brand', translate: 'no' }, icon('passport'), 'passport-agent'),
    model.link === 'open' ? button(model.me?.operator ? t('shift.running', { operator: model.me.operator }) : t('shift.begin'), () => actions.openShift(), { class: 'quiet', 'data-action': 'shift' }) : null,
    choices(page));
}
