/** How the page talks to its server. */
import { createParser } from 'eventsource-parser';
import type { ErrorBody } from '../api/responses.ts';
import type { DayView } from '../api/savings.ts';
import type {
  ArchiveView,
  ConfigChange,
  ConfigEditAsked,
  ConfigView,
  Explanation,
  JobDetail,
  JobView,
  LibraryView,
  Needs,
  NotifyTest,
  StatusView,
  Understood,
  Which,
} from '../api/types.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { authorization } from './access.ts';
import type { Update, Row } from './model.ts';

export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** 0: the connection was lost; -1: the person stopped it. */
  readonly status: number;
  readonly hint: string | null;
  readonly messages: NonNullable<ErrorBody['error']['messages']>;

  constructor(status: number, { message, hint, messages = {} }: Partial<ErrorBody['error']> = {}) {
    super(message);
    this.status = status;
    this.hint = hint ?? null;
    this.messages = messages;
  }
}

interface Asking extends RequestInit {
  headers?: Record<string, string>;
}

export async function ask(path: string, init: Asking = {}): Promise<Response> {
  const response = await fetch(path, { ...init, headers: { ...authorization(), ...init.headers } });
  if (response.ok) return response;
  throw await errorIn(response.status, () => response.json());
}

/**
 * Parses what the server says about jobs, made safe to show. Names and reasons come from outside, and some characters reverse what
 * follows: `\u202egpj.mp4` would look like `4pm.jpg`. Only the id of a job goes back to the server, so nothing is lost.
 */
function parseShown<T>(json: string): T {
  return JSON.parse(json, (_key, value: unknown) =>
    typeof value === 'string' ? escapeForTerminal(value) : value,
  ) as T;
}

export async function errorIn(status: number, read: () => unknown): Promise<ApiError> {
  try {
    const { error } = (await read()) as ErrorBody;
    if (typeof error.message === 'string') return new ApiError(status, error);
  } catch {
    // Not one of ours: something between the page and its server answered.
  }
  return new ApiError(status, { message: `HTTP ${status}` });
}

export interface Query {
  /** None for all. */
  states: readonly string[];
  order: 'oldest' | 'updated' | 'queue' | 'saving';
  limit: number;
  offset?: number;
  words?: string;
  folder?: string;
  rule?: string;
}

export async function jobs(query: Query): Promise<{ rows: Row[]; total: number }> {
  const { states, order, limit, offset = 0, words, folder, rule } = query;
  const wanted = new URLSearchParams({ order, limit: String(limit), offset: String(offset), detail: '1' });
  if (states.length > 0) wanted.set('state', states.join(','));
  if (words) wanted.set('q', words);
  if (folder) wanted.set('folder', folder);
  if (rule) wanted.set('rule', rule);
  const response = await ask(`api/jobs?${wanted.toString()}`);
  return { rows: parseShown<Row[]>(await response.text()), total: Number(response.headers.get('X-Total-Count') ?? 0) };
}

export async function config(): Promise<ConfigView> {
  return (await (await ask('api/config')).json()) as ConfigView;
}

/** @param how `preview` only says what would change */
export async function changeConfig(
  edit: ConfigEditAsked,
  how: 'preview' | 'save',
  signal?: AbortSignal,
): Promise<ConfigChange> {
  const headers = { 'Content-Type': 'application/json' };
  const body = JSON.stringify(edit);
  const init = { method: 'POST', headers, body, ...(signal && { signal }) };
  return (await (await ask(how === 'save' ? 'api/config' : 'api/config/preview', init)).json()) as ConfigChange;
}

export async function which(
  about: { job: string } | { name: string; inbox: string; bytes: string },
  signal: AbortSignal,
): Promise<Which> {
  const query = new URLSearchParams(about);
  return parseShown<Which>(await (await ask(`api/which?${query.toString()}`, { signal })).text());
}

export async function testNotify(): Promise<NotifyTest> {
  return parseShown<NotifyTest>(await (await ask('api/notify/test', { method: 'POST' })).text());
}

export async function archive(): Promise<ArchiveView> {
  return parseShown<ArchiveView>(await (await ask('api/archive')).text());
}

/** `exact` goes back to the server; everything else is made safe to show. */
export type ShownLibrary = LibraryView & { exact: { library: string; folder: string } };

function librariesIn(json: string): ShownLibrary[] {
  const exact = JSON.parse(json) as LibraryView[];
  return parseShown<LibraryView[]>(json).map((view, n) => {
    const { library = '', plan } = exact[n] ?? {};
    return { ...view, exact: { library, folder: plan?.folder ?? library } };
  });
}

export async function libraries(): Promise<ShownLibrary[]> {
  return librariesIn(await (await ask('api/library')).text());
}

export type LibraryAct = 'plan' | 'plan/stop' | 'start' | 'stop' | 'verify';

export async function library(
  act: LibraryAct,
  about: { folder?: string; plan?: string } = {},
): Promise<ShownLibrary[]> {
  const query = new URLSearchParams(about);
  return librariesIn(await (await ask(`api/library/${act}?${query.toString()}`, { method: 'POST' })).text());
}

export async function needs(): Promise<Needs> {
  return parseShown<Needs>(await (await ask('api/needs')).text());
}

/** What words would do to the file of a job, or to one that comes into an inbox. */
export async function understood(
  words: string,
  about: { job: string } | { inbox: string },
  signal: AbortSignal,
): Promise<Understood> {
  const query = new URLSearchParams({ words, ...about });
  return parseShown<Understood>(await (await ask(`api/understood?${query.toString()}`, { signal })).text());
}

/** Another version of the file of a job, as the words say. */
export async function refine(id: string, words: string): Promise<Row> {
  const query = new URLSearchParams({ words });
  return parseShown<Row>(await (await ask(`api/jobs/${id}/refine?${query.toString()}`, { method: 'POST' })).text());
}

/** @param to `top`, `bottom`, or `before:` and an id */
export async function move(id: string, to: string): Promise<Row> {
  const query = new URLSearchParams({ to });
  return parseShown<Row>(await (await ask(`api/jobs/${id}/move?${query.toString()}`, { method: 'POST' })).text());
}

export async function setOrder(by: StatusView['queue']['order']): Promise<StatusView> {
  return (await (await ask(`api/order?by=${by}`, { method: 'POST' })).json()) as StatusView;
}

/** An address of the result, or of the original, that a player or a download can use: neither can send the token. */
export async function linkTo(id: string, of: 'result' | 'original' = 'result'): Promise<string> {
  return ((await (await ask(`api/jobs/${id}/link?of=${of}`, { method: 'POST' })).json()) as { path: string }).path;
}

export async function thumbnail(id: string, of: 'before' | 'after', signal: AbortSignal): Promise<Blob> {
  return (await ask(`api/jobs/${id}/thumbnail?of=${of}`, { signal })).blob();
}

/** What would be done to a file; `undefined` if the server is too busy with others. */
export async function explain(path: string, signal: AbortSignal): Promise<Explanation | undefined> {
  const query = new URLSearchParams({ path });
  try {
    return parseShown<Explanation>(await (await ask(`api/explain?${query.toString()}`, { signal })).text());
  } catch {
    return undefined;
  }
}

export async function job(id: string): Promise<JobDetail> {
  return parseShown<JobDetail>(await (await ask(`api/jobs/${id}`)).text());
}

export async function days(): Promise<DayView[]> {
  return (await (await ask('api/history/days')).json()) as DayView[];
}

export interface Inbox {
  inbox: string;
  free_bytes: number | null;
}

export async function inboxes(): Promise<Inbox[]> {
  return (await (await ask('api/inboxes')).json()) as Inbox[];
}

export interface PairingCode {
  code: string;
  until: number;
}

/** A code that lets one more device in. */
export async function pairingCode(): Promise<PairingCode> {
  return (await (await ask('api/pairing', { method: 'POST' })).json()) as PairingCode;
}

export type Act = 'retry' | 'cancel' | 'restore' | 'pause' | 'resume';

export async function act(action: Act, id: string): Promise<JobView> {
  const sent = await ask(`api/jobs/${id}/${action}`, { method: 'POST' });
  return parseShown<JobView>(await sent.text());
}

export async function turn(mode: 'pause' | 'resume'): Promise<StatusView> {
  return (await (await ask(`api/${mode}`, { method: 'POST' })).json()) as StatusView;
}

export async function picture(
  id: string,
  { which, moment }: { which: 'before' | 'after'; moment: number },
  signal: AbortSignal,
): Promise<Blob> {
  return (await ask(`api/jobs/${id}/picture/${which}?moment=${moment}`, { signal })).blob();
}

export interface Listening {
  onUpdates(updates: Update[]): void;
  /** Connected; `fresh` if everything has to be fetched again. */
  onOpen(fresh: boolean): void;
  onLost(): void;
  /** A token is needed, or was wrong. */
  onTokenNeeded(): void;
}

/** The server sends something at least every 15 seconds. */
const SILENCE_MS = 40_000;
const RETRY_MS = [500, 1000, 2000, 5000];

/** Listens until the signal aborts; reconnects by itself and continues after the last event seen. */
export async function listen(on: Listening, signal: AbortSignal): Promise<void> {
  const position: StreamPosition = { lastId: undefined };
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      await readStream(position, on, signal, () => {
        failures = -1;
      });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return on.onTokenNeeded();
    }
    if (signal.aborted) return;
    on.onLost();
    await pause(RETRY_MS[Math.min(Math.max(failures, 0), RETRY_MS.length - 1)] ?? 5000, signal);
  }
}

interface StreamPosition {
  lastId: string | undefined;
}

async function readStream(
  position: StreamPosition,
  on: Listening,
  signal: AbortSignal,
  onAnswer: () => void,
): Promise<void> {
  const own = new AbortController();
  const stop = () => own.abort();
  signal.addEventListener('abort', stop, { once: true });
  let timer = setTimeout(stop, SILENCE_MS);
  try {
    const resume: Record<string, string> = position.lastId === undefined ? {} : { 'Last-Event-ID': position.lastId };
    const response = await ask('api/events', { signal: own.signal, headers: resume, cache: 'no-store' });
    onAnswer();
    on.onOpen(position.lastId === undefined);
    let ready: Update[] = [];
    const parser = createParser({
      onEvent(event) {
        if (event.id !== undefined) position.lastId = event.id;
        ready.push(...updatesIn(event.event, event.data));
      },
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const chunk = await reader?.read();
      if (!chunk || chunk.done) return;
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE_MS);
      parser.feed(chunk.value);
      if (ready.length > 0) on.onUpdates(ready);
      ready = [];
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    own.abort();
  }
}

function updatesIn(name: string | undefined, data: string): Update[] {
  if (name === 'job') return [{ kind: 'job', job: parseShown(data) }];
  if (name === 'forgotten') return [{ kind: 'forgotten', id: (JSON.parse(data) as { id: string }).id }];
  if (name === 'status') return [{ kind: 'status', status: JSON.parse(data) as StatusView }];
  // What was received before no longer counts: another daemon, or too many events missed.
  if (name === 'reset') return [{ kind: 'status', status: JSON.parse(data) as StatusView }, { kind: 'everything' }];
  return [];
}

/** Waits, at most until the network is back. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}
