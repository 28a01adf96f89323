import { createHmac } from 'node:crypto';

/** Where the address of a result points. */
export type ResultsAt =
  /** A host of its own, as the service's (default). */
  | 'files-host'
  /** The API itself, which wants the token there too. */
  | 'api'
  /** The same, as a path without a host. */
  | 'relative'
  /** The API, which sends on to the host of its own. */
  | 'redirected';

/** Where a new address is to be had once a signed one has expired. */
export type SignedAgainBy = 'poll' | 'download' | 'nobody';

const KEY = 'a key of the stand-in';

/** `path` with a time limit in it: `?Expires=EPOCH_SECONDS&Signature=...`, as object stores sign. */
export function signed(path: string, expiresAt: number): string {
  const expires = String(Math.floor(expiresAt / 1000));
  return `${path}?Expires=${expires}&Signature=${signatureOf(path, expires)}`;
}

/** What an object store answers to a signed address that is too old or was tampered with; `undefined` if it is good. */
export function refusedSignature(path: string, query: URLSearchParams, now: number): string | undefined {
  const expires = query.get('Expires') ?? '';
  if (query.get('Signature') !== signatureOf(path, expires)) return refusal('SignatureDoesNotMatch', 'bad signature');
  return Number(expires) * 1000 <= now ? refusal('AccessDenied', 'Request has expired') : undefined;
}

function signatureOf(path: string, expires: string): string {
  return createHmac('sha256', KEY).update(`${path} ${expires}`).digest('base64url');
}

function refusal(code: string, message: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}
