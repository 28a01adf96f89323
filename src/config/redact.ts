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

/** Long runs of mixed letters and digits without spaces or folders are keys and tokens more often than anything else. */
function looksSecret(text: string): boolean {
  return /^(?:bearer\s+)?[\w.~+=-]{20,}$/i.test(text) && /\d/.test(text) && /[a-z]/i.test(text);
}

/** A sentence of somebody else's that may quote the file: words that look like secrets are blotted out. */
export function withoutSecrets(text: string): string {
  return text.replace(/[\w.~+=-]{20,}/g, word => (looksSecret(word) ? '[hidden]' : word));
}

/** A URL without what is secret in it: webhook services put their keys into the path, the query or the user part. */
export function maskUrl(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)(?:[^/?#@\s]*@)?([^/?#\s]*)([/?#]\S+)?/gi, (_, scheme, host, rest) =>
    rest === undefined ? `${scheme}${host}` : `${scheme}${host}/...`,
  );
}
