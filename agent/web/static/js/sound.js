// Short tones, made on the spot. A browser lets them be heard after the first key or
// touch on the page.

import { soundOn } from './settings.js';

// Frequency in hertz, start and length in seconds. Good rises, bad falls, attention
// repeats: they differ for ears that do not tell pitches apart.
const tones = Object.freeze({
  begin: [[660, 0, 0.09]],
  good: [[523, 0, 0.12], [659, 0.12, 0.12], [784, 0.24, 0.22]],
  attention: [[587, 0, 0.14], [587, 0.22, 0.14]],
  bad: [[392, 0, 0.2], [262, 0.22, 0.36]],
});

let context = null;

/** Plays a tone by its name, unless sounds are switched off. */
export function play(name) {
  if (!name || !soundOn() || !navigator.userActivation?.hasBeenActive) return;
  context ??= new AudioContext();
  document.documentElement.dataset.lastSound = name;
  for (const [frequency, start, length] of tones[name]) {
    const at = context.currentTime + start;
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.12, at + 0.02);
    gain.gain.linearRampToValueAtTime(0, at + length);
    const tone = new OscillatorNode(context, { frequency, type: 'sine' });
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + length);
  }
}
