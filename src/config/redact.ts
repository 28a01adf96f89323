const MAX_SHOWN = 60;

/**
 * A value from the config as an error message may show it: short, one line, and without anything that looks like a secret.
 */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value !== 'string') return String(value as number | boolean | bigint);
  if (looksSecret(value)) return '"[hidden]"';
  const line = maskUrl(value).replace(/\s+/g, ' ');
  return JSON.stringify(line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}...` : line);
}

/** A long run of letters and digits without spaces or slashes is most likely a key or token. */
function looksSecret(text: string): boolean {
  return /^(?:bearer\s+)?[\w.~+=-]{20,}$/i.test(text) && /\d/.test(text) && /[a-z]/i.test(text);
}

/** For a library's message that may quote the file: hides words that look like secrets. */
export function withoutSecrets(text: string): string {
  return text.replace(/[\w.~+=-]{20,}/g, word => (looksSecret(word) ? '[hidden]' : word));
}

/** Hides what may be secret in URLs: webhook services put keys into the path, the query or the user part. */
export function maskUrl(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)(?:[^/?#@\s]*@)?([^/?#\s]*)([/?#]\S+)?/gi, (_, scheme, host, rest) =>
    rest === undefined ? `${scheme}${host}` : `${scheme}${host}/...`,
  );
}
