// A part of the page that shows one view at a time. A view is built once and then brought
// up to date, so that focus and what is half typed stay where they are.

export class Region {
  #element;
  #key = null;
  #view = null;

  constructor(element) {
    this.#element = element;
  }

  /** Shows a state; `build` makes a new view where `key` is another than before. */
  show(state, key, build, ...context) {
    const focused = this.#element.contains(document.activeElement);
    const fresh = key !== this.#key;
    if (fresh) {
      this.#view = build(...context);
      this.#element.replaceChildren(this.#view.node);
      this.#key = key;
    }
    this.#view.update?.(state, ...context);
    this.#element.dataset.state = state;
    // A keyboard that stood in what is gone goes on at the heading of what came.
    if (fresh && focused) this.#element.querySelector('h1, h2')?.focus();
  }

  /** Makes the next show build anew: the words have changed. */
  forget() {
    this.#key = null;
  }
}
