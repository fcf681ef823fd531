import { h, icon, button } from '../dom.js';
import { t } from '../i18n.js';
import { Problem } from '../api.js';
import { announce } from '../announce.js';
import { problemBox } from '../view/problem.js';

// Contexts of the service: the data page and the face of the person.
const contexts = Object.freeze(['document-front', 'face']);
// The longer side of a picture from the webcam, in pixels: the service advises no more.
const longest = 1920;

/** Pictures for a session, from a file or from the webcam. */
export class PicturesPanel {
  #page;
  #node = h('section', { class: 'card panel', 'data-region': 'pictures' });
  #sent = new Map();
  #camera = null;
  #problem = null;
  #refused = false;
  #shown = '';

  constructor(page) {
    this.#page = page;
    this.node = this.#node;
  }

  /** Forgets every picture and lets go of the camera. */
  clear() {
    this.#stop();
    for (const { url } of this.#sent.values()) URL.revokeObjectURL(url);
    this.#sent.clear();
    this.#problem = null;
    this.#refused = false;
    this.#shown = '';
  }

  update() {
    const state = this.#state();
    const fingerprint = JSON.stringify([state, document.documentElement.lang, this.#page.session(), [...this.#sent], this.#problem?.code]);
    if (fingerprint === this.#shown) return;
    this.#shown = fingerprint;
    const focused = this.#node.contains(document.activeElement) ? document.activeElement.dataset.focus : '';
    this.#node.dataset.state = state;
    this.#node.replaceChildren(h('h2', {}, t('pictures.title')), ...this.#content(state));
    if (focused) (this.#node.querySelector(`[data-focus="${focused}"]`) ?? this.#node.querySelector('button'))?.focus();
  }

  #state() {
    if (!this.#page.session()) return 'no_session';
    if (this.#camera) return 'camera';
    if (this.#refused) return 'camera_refused';
    if (this.#problem) return 'refused';
    const states = [...this.#sent.values()].map(({ state }) => state);
    return states.includes('queued') ? 'queued' : states.includes('accepted') ? 'sent' : 'ready';
  }

  #content(state) {
    if (state === 'no_session') return [h('p', { class: 'hint' }, t('pictures.no_session'))];
    if (state === 'camera') return this.#viewfinder();
    return [
      state === 'camera_refused' ? h('p', { class: 'problem' }, icon('warning'), t('pictures.camera_refused')) : null,
      this.#problem ? problemBox(this.#problem) : null,
      ...contexts.map((context) => this.#slot(context)),
    ].filter(Boolean);
  }

  #slot(context) {
    const picture = this.#sent.get(context);
    const input = h('input', {
      type: 'file', accept: 'image/jpeg,image/png,image/webp,image/heic', id: `file-${context}`, class: 'file', 'data-focus': `file-${context}`,
      on: { change: (event) => event.target.files[0] && this.#send(context, event.target.files[0]) },
    });
    return h('div', { class: 'slot' },
      picture ? h('img', { src: picture.url, alt: t('pictures.preview', { name: t(`pictures.${context}`) }) }) : h('div', { class: 'empty-slot' }, icon(context === 'face' ? 'person' : 'passport')),
      h('div', {}, h('p', {}, h('strong', {}, t(`pictures.${context}`))),
        picture ? h('p', { class: `picture-state ${picture.state}` }, icon(picture.state === 'accepted' ? 'check' : 'clock'), t(`pictures.state.${picture.state}`)) : null,
        h('div', { class: 'row tight' }, h('label', { class: 'as-button', for: `file-${context}` }, t('pictures.file')), input,
          button(t('pictures.camera'), () => this.#start(context), { 'data-action': `camera-${context}`, 'data-focus': `camera-${context}`, 'aria-label': `${t('pictures.camera')} – ${t(`pictures.${context}`)}` }))));
  }

  #viewfinder() {
    const video = h('video', { autoplay: true, playsinline: true, muted: true, 'aria-label': t('pictures.viewfinder') });
    video.muted = true;
    video.srcObject = this.#camera.stream;
    return [video, h('div', { class: 'row tight' },
      button(t('pictures.take'), () => this.#take(video), { class: 'primary', 'data-action': 'take', 'data-focus': 'take' }),
      button(t('pictures.stop'), () => { this.#stop(); this.update(); }, { 'data-action': 'stop', 'data-focus': 'stop' }))];
  }

  async #start(context) {
    this.#refused = false;
    this.#problem = null;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: longest } } });
      this.#camera = { context, stream };
    } catch {
      this.#refused = true; // no camera, or the person or the machine says no
      announce('alert', t('pictures.camera_refused'));
    }
    this.update();
  }

  async #take(video) {
    const { context } = this.#camera;
    const scale = Math.min(1, longest / Math.max(video.videoWidth, video.videoHeight));
    const canvas = h('canvas', { width: Math.round(video.videoWidth * scale), height: Math.round(video.videoHeight * scale) });
    canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', 0.92); });
    this.#stop();
    await this.#send(context, blob);
  }

  async #send(context, file) {
    const { agent } = this.#page;
    this.#problem = null;
    const old = this.#sent.get(context);
    if (old) URL.revokeObjectURL(old.url);
    this.#sent.set(context, { url: URL.createObjectURL(file), state: 'sending' });
    this.update();
    try {
      const { state } = await agent.sendPicture(this.#page.session(), context, file);
      if (this.#sent.has(context)) this.#sent.get(context).state = state;
      announce('status', `${t(`pictures.${context}`)}: ${t(`pictures.state.${state}`)}`);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.#sent.delete(context);
      this.#problem = problem;
      announce('alert', t('pictures.refused'));
    }
    this.update();
  }

  #stop() {
    for (const track of this.#camera?.stream.getTracks() ?? []) track.stop();
    this.#camera = null;
  }
}
