/** How the page talks to its server. The token, if needed, is kept for this tab and sent only as a header. */
import { createParser } from 'eventsource-parser';
import type { ErrorBody } from '../api/responses.ts';
import type { DayView } from '../api/savings.ts';
import type { JobDetail, JobView, StatusView } from '../api/types.ts';
import { escapeForTerminal } from '../core/escape.ts';
import type { Update, Row } from './model.ts';

const TOKEN = 'shrinkbox-token';

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

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

function headers(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

interface Asking extends RequestInit {
  headers?: Record<string, string>;
}

async function ask(path: string, init: Asking = {}): Promise<Response> {
  const response = await fetch(path, { ...init, headers: { ...headers(), ...init.headers } });
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

async function errorIn(status: number, read: () => unknown): Promise<ApiError> {
  try {
    const { error } = (await read()) as ErrorBody;
    if (typeof error.message === 'string') return new ApiError(status, error);
  } catch {
    // Not one of ours: something between the page and its server answered.
  }
  return new ApiError(status, { message: `HTTP ${status}` });
}

export interface Query {
  states: readonly string[];
  order: 'oldest' | 'updated';
  limit: number;
  offset?: number;
  words?: string;
  detail?: boolean;
}

export async function jobs(query: Query): Promise<{ rows: Row[]; total: number }> {
  const wanted = new URLSearchParams({
    state: query.states.join(','),
    order: query.order,
    limit: String(query.limit),
    offset: String(query.offset ?? 0),
  });
  if (query.words) wanted.set('q', query.words);
  if (query.detail) wanted.set('detail', '1');
  const response = await ask(`api/jobs?${wanted.toString()}`);
  return { rows: parseShown<Row[]>(await response.text()), total: Number(response.headers.get('X-Total-Count') ?? 0) };
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

export async function act(action: 'retry' | 'cancel' | 'restore', id: string): Promise<JobView> {
  return parseShown<JobView>(await (await ask(`api/jobs/${id}/${action}`, { method: 'POST' })).text());
}

export async function turn(mode: 'pause' | 'resume'): Promise<StatusView> {
  return (await (await ask(`api/${mode}`, { method: 'POST' })).json()) as StatusView;
}

export async function picture(id: string, which: 'before' | 'after', signal: AbortSignal): Promise<Blob> {
  return (await ask(`api/jobs/${id}/picture/${which}`, { signal })).blob();
}

export interface RunningUpload {
  done: Promise<{ name: string }>;
  cancel(): void;
}

/** `fetch` does not report how much of a body was sent, hence XMLHttpRequest. */
export function upload(
  file: File,
  { inbox, words, onProgress }: { inbox: string; words: string; onProgress(fraction: number): void },
): RunningUpload {
  const request = new XMLHttpRequest();
  const query = new URLSearchParams({ inbox, name: file.name });
  if (words) query.set('words', words);
  const done = new Promise<{ name: string }>((resolve, reject) => {
    request.upload.onprogress = event => onProgress(event.total > 0 ? event.loaded / event.total : 0);
    request.onload = () => {
      if (request.status === 200) return resolve(JSON.parse(request.responseText) as { name: string });
      void errorIn(request.status, () => JSON.parse(request.responseText)).then(reject);
    };
    request.onerror = () => reject(new ApiError(0));
    request.onabort = () => reject(new ApiError(-1));
  });
  request.open('POST', `api/drop?${query.toString()}`);
  request.setRequestHeader('Content-Type', 'application/octet-stream');
  for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
  request.send(file);
  return { done, cancel: () => request.abort() };
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
function pause(ms: number, signal: AbortSignal): Promise<void> {
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
