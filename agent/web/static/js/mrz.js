// Machine-readable zones while they are typed (Doc 9303-3, 4.9; layouts of Doc 9303-4 to
// 9303-6). It only says early which field is wrong; the agent checks again.

const weights = [7, 3, 1];
const lengths = Object.freeze({ 90: 'TD1', 72: 'TD2', 88: 'TD3' });
// The second line of a passport holds all that opens the chip; some scanners send no more.
const secondLine = 44;

/** The check digit of a field as a character, '' where the field has foreign characters. */
export function checkDigit(field) {
  let sum = 0;
  for (let i = 0; i < field.length; i++) {
    const value = valueOf(field[i]);
    if (value < 0) return '';
    sum += value * weights[i % 3];
  }
  return String(sum % 10);
}

function valueOf(character) {
  if (character === '<') return 0;
  if (/^[0-9]$/.test(character)) return Number(character);
  return /^[A-Z]$/.test(character) ? character.charCodeAt(0) - 55 : -1;
}

const trimmed = (field) => field.replace(/<+$/, '');

// A filler stands for 0 where the field is empty (Doc 9303-4, 4.2.2.2).
const fits = (field, digit) => digit === '<' ? trimmed(field) === '' : digit !== '' && checkDigit(field) === digit;

/** Upper case, without anything that no zone has between its characters. */
export const clean = (text) => text.toUpperCase().replace(/[\s\u00ab\u2039]/g, (c) => (c === '\u00ab' ? '<<' : c === '\u2039' ? '<' : ''));

/** Whether a text could be a zone, by its characters and its length. */
export function looksLikeZone(text) {
  const zone = clean(text);
  return /^[A-Z0-9<]+$/.test(zone) && (zone.length in lengths || (zone.length === secondLine && zone.includes('<')));
}

/**
 * Judges a zone. `fields` names every field with a check digit and says whether it fits;
 * `key` says whether those that open the chip do. `access` is what the agent is given.
 */
export function judgeZone(text) {
  const zone = repair(clean(text));
  const format = lengths[zone.length] ?? (zone.length === secondLine ? 'TD3' : '');
  if (!format || !/^[A-Z0-9<]+$/.test(zone)) return { zone, complete: false, format: '', fields: [], key: false, access: null };
  const parts = zone.length === secondLine ? ofTD3(zone) : format === 'TD1' ? ofTD1(zone) : format === 'TD2' ? ofTD2(zone.slice(36)) : ofTD3(zone.slice(44));
  const fields = parts.digits.map(([name, field, digit]) => ({ name, ok: fits(field, digit) }));
  const key = fields.filter(({ name }) => keyFields.includes(name)).every(({ ok }) => ok);
  const access = zone.length === secondLine
    ? { documentNumber: parts.number, birthDate: parts.birth, expiryDate: parts.expiry }
    : { mrz: zone };
  return { zone, complete: true, format, fields, key, access };
}

const keyFields = Object.freeze(['document_number', 'birth_date', 'expiry_date']);

function ofTD3(line) {
  return {
    number: trimmed(line.slice(0, 9)), birth: line.slice(13, 19), expiry: line.slice(21, 27),
    digits: [
      ['document_number', line.slice(0, 9), line[9]],
      ['birth_date', line.slice(13, 19), line[19]],
      ['expiry_date', line.slice(21, 27), line[27]],
      ['optional_data', line.slice(28, 42), line[42]],
      ['composite', line.slice(0, 10) + line.slice(13, 20) + line.slice(21, 43), line[43]],
    ],
  };
}

function ofTD2(line) {
  return {
    digits: [
      ['document_number', ...longNumber(line.slice(0, 9), line[9], line.slice(28, 35))],
      ['birth_date', line.slice(13, 19), line[19]],
      ['expiry_date', line.slice(21, 27), line[27]],
      ['composite', line.slice(0, 10) + line.slice(13, 20) + line.slice(21, 35), line[35]],
    ],
  };
}

function ofTD1(zone) {
  const [first, second] = [zone.slice(0, 30), zone.slice(30, 60)];
  return {
    digits: [
      ['document_number', ...longNumber(first.slice(5, 14), first[14], first.slice(15, 30))],
      ['birth_date', second.slice(0, 6), second[6]],
      ['expiry_date', second.slice(8, 14), second[14]],
      ['composite', first.slice(5, 30) + second.slice(0, 7) + second.slice(8, 15) + second.slice(18, 29), second[29]],
    ],
  };
}

// A number of more than nine characters goes on in the optional data, where its check
// digit stands last (Doc 9303-5, 4.2.2).
function longNumber(field, digit, optional) {
  const rest = optional.split('<')[0];
  return digit === '<' && rest !== '' ? [field + rest.slice(0, -1), rest.slice(-1)] : [field, digit];
}

// Places that hold digits alone: dates and the check digits behind them.
const digitPlaces = Object.freeze({
  90: [[14, 15], [30, 37], [38, 45], [59, 60]],
  72: [[36 + 9, 36 + 10], [36 + 13, 36 + 20], [36 + 21, 36 + 28], [71, 72]],
  88: [[44 + 9, 44 + 10], [44 + 13, 44 + 20], [44 + 21, 44 + 28], [44 + 42, 88]],
  44: [[9, 10], [13, 20], [21, 28], [42, 44]],
});
const meant = Object.freeze({ O: '0', Q: '0', D: '0', I: '1', L: '1', Z: '2', S: '5', B: '8', G: '6' });

/** Turns letters into the digits they were read for, where only digits can stand. */
export function repair(zone) {
  const characters = [...zone];
  for (const [from, to] of digitPlaces[zone.length] ?? []) {
    for (let i = from; i < to; i++) characters[i] = meant[characters[i]] ?? characters[i];
  }
  return characters.join('');
}

/**
 * Judges three fields, each with the check digit that is printed behind it, where it was
 * entered. A field is 'missing', 'malformed', 'wrong' or 'ok'; `key` says that all can go
 * to the chip.
 */
export function judgeFields({ number, birth, expiry, digits }) {
  const values = { document_number: clean(number), birth_date: clean(birth), expiry_date: clean(expiry) };
  const fields = Object.entries(values).map(([name, value]) => ({ name, state: stateOf(name, value, digits[name] ?? '') }));
  return {
    fields,
    key: fields.every(({ state }) => state === 'ok'),
    access: { documentNumber: values.document_number, birthDate: values.birth_date, expiryDate: values.expiry_date },
  };
}

function stateOf(name, value, digit) {
  if (value === '') return 'missing';
  if (name === 'document_number' ? !/^[A-Z0-9<]{1,22}$/.test(value) : !isDate(value)) return 'malformed';
  const covered = name === 'document_number' ? value.padEnd(9, '<') : value;
  return digit === '' || checkDigit(covered) === digit ? 'ok' : 'wrong';
}

// Parts of a date that nobody knows are printed as fillers (Doc 9303-3, 4.8).
function isDate(value) {
  const parts = /^(\d\d|<<)(\d\d|<<)(\d\d|<<)$/.exec(value);
  return parts !== null && (parts[2] === '<<' || (parts[2] >= '01' && parts[2] <= '12')) && (parts[3] === '<<' || (parts[3] >= '01' && parts[3] <= '31'));
}

/** A card access number is printed as six digits. */
export const isCAN = (text) => /^\d{6}$/.test(text.trim());

/** A complete zone in the lines in which it is printed; anything else as it is. */
export function inLines(zone) {
  const width = { 90: 30, 72: 36, 88: 44 }[zone.length];
  return width ? zone.match(new RegExp(`.{${width}}`, 'g')).join('\n') : zone;
}
