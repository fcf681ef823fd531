// A Veriff session as people have it: its id, a link of the desk (/#session=ID), or the
// link that the service gave for the person, whose token names the session.

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** The session id in a text, '' where there is none. */
export function sessionIn(text) {
  const plain = uuid.exec(text);
  if (plain) return plain[0].toLowerCase();
  const token = /\/v\/[\w-]+\.([\w-]+)\.[\w-]*/.exec(text);
  if (!token) return '';
  try {
    const claims = JSON.parse(atob(token[1].replaceAll('-', '+').replaceAll('_', '/')));
    return uuid.exec(String(claims.session_id ?? ''))?.[0].toLowerCase() ?? '';
  } catch {
    return ''; // no token after all
  }
}
