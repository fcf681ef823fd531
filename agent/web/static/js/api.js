// The local API: requests with the page's cookie, and event streams. The header is the
// proof that the page itself asks: no form and no foreign page can set it unasked.

/** An answer that is an error: what internal/fault says, as problem details. */
export class Problem extends Error {
  constructor({ status = 0, code = 'unexpected', title = '', detail = '', advice = '' }) {
    super(code);
    Object.assign(this, { status, code, title, detail, advice });
  }
}

/** Sends a request; returns the JSON of the answer, null where there is none. */
export async function request(method, path, body, headers = {}) {
  const options = { method, headers: { 'X-Passport-Agent': '1', ...headers }, credentials: 'same-origin', cache: 'no-store' };
  if (body instanceof FormData) {
    options.body = body;
  } else if (method !== 'GET') {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body ?? {});
  }
  const answer = await send(path, options);
  const text = await answer.text();
  return text === '' ? null : JSON.parse(text);
}

/** Fetches a picture. */
export async function picture(path) {
  const answer = await send(path, { headers: { 'X-Passport-Agent': '1' }, credentials: 'same-origin', cache: 'no-store' });
  return answer.blob();
}

async function send(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Problem({ code: 'agent_unreachable' });
  }
  if (!answer.ok) throw new Problem(await problemIn(answer));
  return answer;
}

async function problemIn(answer) {
  try {
    return { ...await answer.json(), status: answer.status };
  } catch {
    return { status: answer.status };
  }
}

/** Listens to an event stream until the returned function is called. */
export function listen(path, names, { event, open, error }) {
  const source = new EventSource(path);
  const hand = (message) => event(message.type, JSON.parse(message.data));
  for (const name of ['message', ...names]) source.addEventListener(name, hand);
  source.addEventListener('open', () => open?.());
  source.addEventListener('error', () => error?.(source.readyState === EventSource.CLOSED));
  return () => source.close();
}
