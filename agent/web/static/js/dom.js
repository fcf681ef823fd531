// Elements are built here and nowhere else. Text always enters as text: what a chip or a
// service says can never become markup.

/** Makes an element. `on` in attributes holds listeners; null children are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== false && value != null) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** A picture of the sprite; it says nothing to a screen reader, words stand beside it. */
export function icon(name) {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(namespace, 'use');
  use.setAttribute('href', `/static/img/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

const drawings = new Map();

/** A drawing that takes the colours of the page and moves by its style sheet. */
export function drawing(name) {
  const box = h('div', { class: 'drawing', 'aria-hidden': 'true' });
  if (!drawings.has(name)) drawings.set(name, fetch(`/static/img/${name}.svg`).then((answer) => answer.text()));
  drawings.get(name).then((text) => {
    const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');
    box.append(document.importNode(parsed.documentElement, true));
  }).catch(() => drawings.delete(name)); // the words beside it say the same
  return box;
}

/** Sets the text of an element where it differs, so that nothing is announced twice. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function button(label, listener, attributes = {}) {
  return h('button', { type: 'button', ...attributes, on: { click: listener } }, label);
}
