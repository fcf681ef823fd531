import { h, icon, button } from '../dom.js';
import { ago, number, t } from '../i18n.js';
import { problemBox } from '../view/problem.js';

export const queueState = ({ queue }) => queue?.paused ? 'paused' : (queue?.items?.length ?? 0) > 0 ? 'waiting' : 'empty';

/** What waits to be uploaded, and one button to try now. */
export function queuePanel({ model, actions, now }) {
  const state = queueState(model);
  const items = model.queue?.items ?? [];
  const oldest = items.map(({ created }) => created).sort()[0];
  return h('section', { class: 'card panel', 'data-region': 'queue', 'data-state': state },
    h('h2', {}, t('queue.title')),
    state === 'empty' ? h('p', { class: 'hint' }, t('queue.empty')) : h('p', { class: 'queue-count' }, icon('clock'), h('strong', {}, number(items.length)), ' ', t('queue.waiting')),
    oldest ? h('p', { class: 'hint' }, t('queue.oldest', { ago: ago(oldest, now) })) : null,
    state === 'paused' ? problemBox(model.queue.paused) : null,
    state === 'empty' ? null : button(t('queue.retry'), () => actions.retryQueue(), { 'data-action': 'retry' }));
}
