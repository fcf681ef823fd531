// What a person has chosen for this screen: theme, sound, language. Nothing about a
// document is ever kept in the browser.

const read = (key, otherwise) => {
  try {
    return localStorage.getItem(`passport-agent.${key}`) ?? otherwise;
  } catch {
    return otherwise; // storage is switched off
  }
};

const write = (key, value) => {
  try {
    localStorage.setItem(`passport-agent.${key}`, value);
  } catch { /* storage is switched off: the choice lasts until the page is closed */ }
};

export const themes = Object.freeze(['auto', 'light', 'dark']);

export const theme = () => read('theme', 'auto');

export function useTheme(wanted) {
  write('theme', wanted);
  document.documentElement.dataset.theme = wanted;
}

export const soundOn = () => read('sound', 'on') === 'on';
export const setSound = (on) => write('sound', on ? 'on' : 'off');
export const savedLanguage = () => read('language', '');
export const saveLanguage = (code) => write('language', code);
