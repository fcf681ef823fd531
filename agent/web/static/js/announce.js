// What a screen reader says. The two regions stand in the page from the start; text that
// is put into them is read out.

/** Announces a text: 'status' waits its turn, 'alert' interrupts. */
export function announce(manner, text) {
  const region = document.getElementById(manner);
  region.textContent = '';
  // Emptied first, in a turn of its own: the same text twice is said twice.
  setTimeout(() => { region.textContent = text; }, 50);
}
