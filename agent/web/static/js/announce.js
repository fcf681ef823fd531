// What a screen reader says. The two regions stand in the page from the start; text that
// is put into them is read out.

/**
 * Announces a text: 'status' waits its turn, 'alert' interrupts. What the agent says in
 * its own words is marked as English, so that it is read out as such.
 */
export function announce(manner, text, english = false) {
  const region = document.getElementById(manner);
  region.textContent = '';
  region.lang = english ? 'en' : document.documentElement.lang;
  region.translate = !english;
  // Emptied first, in a turn of its own: the same text twice is said twice.
  setTimeout(() => { region.textContent = text; }, 50);
}
