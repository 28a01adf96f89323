/** Sends a file in parts, and goes on after the connection was lost, for as long as the page is open. */
import type { UploadProgress } from '../api/types.ts';
import { authorization } from './access.ts';
import { ApiError, ask, errorIn, pause } from './api.ts';

/** Bytes of a part: what a proxy that collects a whole request may lose with a cut. */
const PART = 16 * 2 ** 20;
const RETRY_MS = [500, 1000, 2000, 5000];
/** Times that a file is begun again, because the server has forgotten it. */
const BEGINNINGS = 3;

export interface SendOptions {
  inbox: string;
  words: string;
  signal: AbortSignal;
  onProgress(fraction: number): void;
  /** The connection is lost, or there again. */
  onWaiting(isWaiting: boolean): void;
  /** The server has forgotten the file: the machine was restarted, or it waited for too long. */
  onBegunAgain(): void;
}

type Sent = NonNullable<UploadProgress['file']>;

/** @throws ApiError; its status is -1 once the signal aborts, and then nothing of the file stays */
export async function send(file: File, options: SendOptions): Promise<Sent> {
  const { signal, onWaiting } = options;
  let now: UploadProgress | undefined;
  let beginnings = 0;
  try {
    for (let failures = 0; ; ) {
      try {
        if (failures > 0 && now) now = await progressOf(now.id, signal);
        now ??= await begin(file, options);
        if (failures > 0) onWaiting(false);
        failures = 0;
        if (now.file) return now.file;
        now = await sendPart(file, now, options);
      } catch (error) {
        if (signal.aborted) throw new ApiError(-1);
        if (now && isForgotten(error) && beginnings++ < BEGINNINGS) {
          now = undefined;
          onWaiting(false);
          options.onBegunAgain();
          continue;
        }
        if (!isPassing(error)) throw error;
        onWaiting(true);
        await pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)] ?? 0, signal);
      }
    }
  } catch (error) {
    if (now) void fetch(`api/uploads/${now.id}`, { method: 'DELETE', headers: authorization() }).catch(() => {});
    throw error;
  }
}

function isForgotten(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** What may go away by itself: the network, a proxy without its server, too many at once, a part that was already there. */
const PASSING: ReadonlySet<number> = new Set([0, 408, 409, 502, 503, 504]);

function isPassing(error: unknown): boolean {
  return error instanceof ApiError ? PASSING.has(error.status) : error instanceof TypeError;
}

async function begin(file: File, { inbox, words, signal }: SendOptions): Promise<UploadProgress> {
  const query = new URLSearchParams({ inbox, name: file.name, bytes: String(file.size) });
  if (words) query.set('words', words);
  const answer = await ask(`api/uploads?${query.toString()}`, { method: 'POST', signal });
  return (await answer.json()) as UploadProgress;
}

async function progressOf(id: string, signal: AbortSignal): Promise<UploadProgress> {
  return (await (await ask(`api/uploads/${id}`, { signal })).json()) as UploadProgress;
}

/** `fetch` does not report how much of a body was sent, hence XMLHttpRequest. */
function sendPart(file: File, { id, offset }: UploadProgress, options: SendOptions): Promise<UploadProgress> {
  const { signal, onProgress } = options;
  const request = new XMLHttpRequest();
  const stop = () => request.abort();
  return new Promise<UploadProgress>((resolve, reject) => {
    request.upload.onprogress = event => onProgress(file.size > 0 ? (offset + event.loaded) / file.size : 0);
    request.onload = () => {
      if (request.status === 200) return resolve(JSON.parse(request.responseText) as UploadProgress);
      void errorIn(request.status, () => JSON.parse(request.responseText)).then(reject);
    };
    request.onerror = () => reject(new ApiError(0));
    request.onabort = () => reject(new ApiError(-1));
    signal.addEventListener('abort', stop, { once: true });
    request.open('PATCH', `api/uploads/${id}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.setRequestHeader('Upload-Offset', String(offset));
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.send(file.slice(offset, offset + PART));
  }).finally(() => signal.removeEventListener('abort', stop));
}
