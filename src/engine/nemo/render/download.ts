import type { Readable } from 'node:stream';
import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { ownFile } from '../../../platform/files/files.ts';
import { say } from '../../../messages/say.ts';
import { endsEarly } from '../../../media/mp4-boxes.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';
import { type Http, type HttpAnswer, networkError, readText } from '../../../platform/http.ts';
import type { Logger } from '../../../platform/log.ts';
import type { AddressPolicy } from '../http/address-policy.ts';
import type { Client } from '../account/client.ts';
import { retryAfterMs } from '../http/errors.ts';
import { PATIENCE_MS } from '../http/rate-limit.ts';
import { parseJson } from '../http/json.ts';
import { PartialFile } from './partial-file.ts';
import { renderStatus } from './render.ts';

export interface DownloadRequest {
  url: string;
  /** Identifies the content, whatever the address: a partial file of something else is not continued. */
  what: string;
  /** Where the complete file goes; until then it is `<path>.part`. */
  path: string;
  /** Through the address policy. */
  http: Http;
  policy: AddressPolicy;
  /** Only requests to this origin carry the token and use the rate limiter, through `openOwn`. */
  apiOrigin: string;
  openOwn(request: Parameters<Client['openFile']>[0]): Promise<HttpAnswer>;
  /** A file larger than this is not fetched. */
  upTo?: number | undefined;
  /** A larger file cannot be the result. */
  atMost: number;
  /** Size according to the service, for answers that name none: good enough to skip a file that is too large. */
  expectedBytes?: number | undefined;
  clock: Clock;
  signal: AbortSignal;
  silenceMs: number;
  log: Logger;
  onProgress(bytes: number, total: number | undefined): void;
}

export type Downloaded =
  | { kind: 'file'; bytes: number }
  /** Known to be larger than `upTo`; nothing was fetched. */
  | { kind: 'too-large'; bytes: number }
  /** The address no longer works (or never did); another one may. */
  | { kind: 'refused'; status: number; host: string }
  /** Not the file, but an answer that names its address. */
  | { kind: 'elsewhere'; url: string };

const DOING = say('nemo.doing-download');

type Fetched = Downloaded | { kind: 'absurd' };

const MAX_REDIRECTS = 5;
/** Attempts in a row without new bytes. */
const MAX_FAILURES = 4;
/** Less than this in two minutes means that the connection only looks alive. */
const MIN_BYTES = 16 * 1024;
const MIN_PROGRESS_WINDOW_MS = 120_000;
const PROGRESS_EVERY_MS = 250;

/**
 * Fetches a result into `path`: durable, and complete as far as its length and first bytes show. A cut download continues where it
 * stopped, also after a restart if the server's validators allow it.
 * @throws ShrinkError `unreachable`, `bad-answer`, and the file errors (`no-space`, ...).
 */
export async function download(request: DownloadRequest): Promise<Downloaded> {
  // Without the query, because signatures change.
  const partial = await PartialFile.open(
    `${request.path}.part`,
    `${request.what} ${request.url.replace(/[?#].*$/s, '')}`,
  );
  try {
    const outcome = await fetchAll(request, partial);
    if (outcome.kind === 'absurd') throw endless(request);
    if (outcome.kind === 'file') await partial.publish(request.path, request.log);
    return outcome;
  } finally {
    await partial.close();
  }
}

async function fetchAll(request: DownloadRequest, partial: PartialFile): Promise<Fetched> {
  const { clock, signal } = request;
  for (let failures = 0; ; ) {
    const before = partial.bytes;
    try {
      const outcome = await fetchOnce(request, partial);
      if (outcome.kind !== 'file') return outcome;
      const wrong = await whatIsWrong(partial);
      if (wrong === undefined) return outcome;
      await partial.restart();
      throw badResult(wrong);
    } catch (error) {
      signal.throwIfAborted();
      if (!isShrinkError(error, 'unreachable', 'bad-answer', 'rate-limited')) throw error;
      failures = partial.bytes > before ? 1 : failures + 1;
      // A long pause is not waited for here: the job waits in the queue.
      if (failures >= MAX_FAILURES || (error.retryAfterMs ?? 0) > PATIENCE_MS) throw error;
      request.log.debug({ code: error.code, bytes: partial.bytes }, 'the download was cut; continuing');
      await sleep(clock, error.retryAfterMs ?? 1000 * 2 ** failures, signal);
    }
  }
}

async function fetchOnce(request: DownloadRequest, partial: PartialFile): Promise<Fetched> {
  const answer = await follow(request, partial.rangeHeaders());
  const { status, headers } = answer;
  if (status === 416) return rangeRefused(answer, partial);
  if (status !== 200 && status !== 206) return refusedBy(request, answer);
  if (/\bjson\b/i.test(headers['content-type'] ?? '')) return elsewhere(request, answer);
  if (/text\/html/i.test(headers['content-type'] ?? '')) {
    answer.body.destroy();
    throw badResult(say('nemo.web-page-instead'));
  }
  await partial.begin(status, headers).catch((error: unknown) => {
    // Left open, it would hold its connection for as long as the other side likes.
    answer.body.destroy();
    throw error;
  });
  const total = partial.total ?? request.expectedBytes;
  if (request.upTo !== undefined && total !== undefined && total > request.upTo) {
    answer.body.destroy();
    return { kind: 'too-large', bytes: total };
  }
  if (total !== undefined && total > request.atMost) {
    answer.body.destroy();
    return { kind: 'absurd' };
  }
  const isWhole = await receive(request, answer, partial);
  if (isWhole) return { kind: 'file', bytes: partial.bytes };
  const { bytes } = partial;
  await partial.restart();
  return bytes > request.atMost ? { kind: 'absurd' } : { kind: 'too-large', bytes };
}

function endless({ atMost }: DownloadRequest): ShrinkError {
  return new ShrinkError('bad-answer', say('nemo.result-absurd', { bytes: atMost }), {
    doing: DOING,
    hint: say('nemo.result-absurd-hint'),
  });
}

function badResult(problem: Sentence): ShrinkError {
  return new ShrinkError('bad-answer', problem, { doing: DOING, hint: say('nemo.render-kept-hint') });
}

/** An answer, and the host it came from after all redirects. */
type FinalAnswer = HttpAnswer & { host: string };

/** Redirects are followed here, so that each address is checked and the token goes only to the API. */
async function follow(request: DownloadRequest, range: Record<string, string>): Promise<FinalAnswer> {
  let { url } = request;
  for (let n = 0; n <= MAX_REDIRECTS; n += 1) {
    request.policy.check(url);
    // Uncompressed: a range of compressed content cannot be continued.
    const headers = { accept: '*/*', 'accept-encoding': 'identity', ...range };
    const { signal, silenceMs } = request;
    const isOwn = new URL(url).origin === request.apiOrigin;
    const answer = isOwn
      ? await request.openOwn({ url, headers, signal, silenceMs })
      : await request.http.request({ method: 'GET', url, headers, signal, silenceMs });
    const { location } = answer.headers;
    if (answer.status < 300 || answer.status >= 400 || answer.status === 304 || location === undefined)
      return { ...answer, host: new URL(url).host };
    answer.body.destroy();
    if (!URL.canParse(location, url)) throw badResult(say('nemo.redirected-nowhere'));
    url = new URL(location, url).href;
  }
  throw badResult(say('nemo.redirected-in-circles'));
}

async function rangeRefused(answer: HttpAnswer, partial: PartialFile): Promise<Downloaded> {
  answer.body.destroy();
  const total = /\/(\d+)$/.exec(answer.headers['content-range'] ?? '')?.[1];
  if (partial.bytes > 0 && (Number(total) === partial.bytes || partial.bytes === partial.total))
    return { kind: 'file', bytes: partial.bytes };
  await partial.restart();
  throw new ShrinkError('unreachable', say('nemo.download-restarts'));
}

function refusedBy(request: DownloadRequest, answer: FinalAnswer): Downloaded {
  answer.body.destroy();
  const { status, headers, host } = answer;
  if (status !== 429 && status !== 408 && status < 500) return { kind: 'refused', status, host };
  const waitMs = retryAfterMs(headers, request.clock.now());
  throw new ShrinkError(status === 429 ? 'rate-limited' : 'unreachable', say('nemo.download-refused', { status }), {
    doing: DOING,
    hint: say('nemo.retried-hint'),
    retryAfterMs: waitMs,
  });
}

async function elsewhere(request: DownloadRequest, answer: FinalAnswer): Promise<Downloaded> {
  const status = renderStatus(parseJson(await readText(answer, request.url, 1_000_000, request.signal)) ?? null);
  const url = status.kind === 'completed' ? status.url : undefined;
  return url === undefined ? { kind: 'refused', status: answer.status, host: answer.host } : { kind: 'elsewhere', url };
}

/** False if more came than is wanted; answers without a length do not announce it. */
async function receive(request: DownloadRequest, answer: HttpAnswer, partial: PartialFile): Promise<boolean> {
  const { clock } = request;
  const most = Math.min(request.upTo ?? request.atMost, request.atMost);
  let since = clock.now();
  let bytesThen = partial.bytes;
  let reportedAt = since;
  const take = (chunk: Buffer): Promise<void> | undefined => {
    const behind = partial.append(chunk);
    const now = clock.now();
    if (now - reportedAt >= PROGRESS_EVERY_MS) {
      request.onProgress(partial.bytes, partial.total);
      reportedAt = now;
    }
    if (now - since >= MIN_PROGRESS_WINDOW_MS) {
      if (partial.bytes - bytesThen < MIN_BYTES) throw new ShrinkError('unreachable', say('nemo.download-stalled'));
      since = now;
      bytesThen = partial.bytes;
    }
    return behind;
  };
  try {
    const isWhole = await readAll(answer.body, take, () => partial.bytes > most);
    request.onProgress(partial.bytes, partial.total);
    return isWhole;
  } catch (error) {
    throw networkError(error, request.url, request.signal);
  } finally {
    answer.body.destroy();
    await partial.flush();
  }
}

/** Passes on every chunk as it comes: a promise for each would take most of a download's time. */
function readAll(
  body: Readable,
  take: (chunk: Buffer) => Promise<void> | undefined,
  isEnough: () => boolean,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // Cut while the file was being prepared: no further event will come.
    if (body.destroyed) return reject(body.errored ?? new Error('the connection ended before the file did'));
    body.on('data', (chunk: Buffer) => {
      try {
        const behind = take(chunk);
        if (isEnough()) return resolve(false);
        if (!behind) return;
        body.pause();
        behind.then(() => body.resume(), reject);
      } catch (error) {
        reject(error);
      }
    });
    body.on('end', () => resolve(true));
    body.on('error', reject);
    body.on('close', () => reject(new Error('the connection ended before the file did')));
  });
}

const PICTURES = [/^\x89PNG/, /^\xff\xd8\xff/, /^GIF8/, /^RIFF.{4}WEBP/s];
const SOUNDS = [/^ID3/, /^RIFF.{4}WAVE/s, /^\xff[\xe0-\xff]/];

function notAFilm(start: Buffer): Sentence {
  const signature = start.toString('latin1', 0, 12);
  if (PICTURES.some(one => one.test(signature))) return say('nemo.result-still');
  return SOUNDS.some(one => one.test(signature)) ? say('nemo.result-sound-only') : say('nemo.result-no-video');
}

/** `undefined` if nothing is wrong. Whether it plays is for verify to find out. */
async function whatIsWrong(partial: PartialFile): Promise<Sentence | undefined> {
  const { bytes, total } = partial;
  if (total !== undefined && bytes !== total) return say('nemo.result-incomplete', { bytes, total });
  const start = await partial.start();
  const isMp4 = start.toString('latin1', 4, 8) === 'ftyp';
  const isMatroska = start.readUInt32BE(0) === 0x1a45dfa3;
  if (!isMp4 && !isMatroska) return notAFilm(start);
  // A server that lost the rest claims that this was all of it.
  return isMp4 && (await endsEarly(ownFile(partial.path))) ? say('nemo.result-truncated') : undefined;
}
