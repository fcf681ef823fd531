// What a person has entered to open the chip with, and what its check digits say.

import { isCAN, judgeFields, judgeZone, clean } from './mrz.js';

export const newEntry = () => ({ mode: 'mrz', zone: '', number: '', birth: '', expiry: '', digits: {}, can: '' });

/**
 * Judges an entry. `marks` tells field by field how it stands, `wrong` names the first
 * one that is wrong, `access` is what the agent is given once all of it is there.
 */
export function judge(entry) {
  if (entry.mode === 'can') {
    const ok = isCAN(entry.can);
    return { marks: entry.can === '' ? [] : [{ name: 'can', state: ok ? 'ok' : 'malformed' }], wrong: '', access: ok ? { can: entry.can.trim() } : null };
  }
  if (entry.mode === 'fields') {
    const judged = judgeFields(entry);
    const wrong = judged.fields.find(({ state }) => state === 'wrong')?.name ?? '';
    return { marks: judged.fields.filter(({ state }) => state !== 'missing'), wrong, access: judged.key ? judged.access : null };
  }
  const judged = judgeZone(entry.zone);
  const marks = judged.fields.map(({ name, ok }) => ({ name, state: ok ? 'ok' : 'wrong' }));
  return {
    marks, wrong: marks.find(({ state }) => state === 'wrong')?.name ?? '', access: judged.complete && judged.key ? judged.access : null,
    characters: clean(entry.zone).length, complete: judged.complete, zone: judged.zone,
  };
}
