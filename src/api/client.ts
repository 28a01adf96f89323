/** Sends requests to a running daemon over its control socket, from another process. */
import { type EventSourceMessage, createParser } from 'eventsource-parser';
import { type Dispatcher, Pool } from 'undici';
import { type ErrorCode, ShrinkError } from '../core/errors.ts';
import type { QueueOrder, StateName } from '../core/job.ts';
import type { Message, Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { fileError } from '../platform/files/file-error.ts';
import type { PairingCode } from './pairing.ts';
import type { ErrorBody } from './responses.ts';
import { controlSocket, locateSocket, type SocketPath } from './socket.ts';
import type {
  ActionResult,
  ArchiveView,
  ControlEvent,
  Explanation,
  JobDetail,
  JobView,
  LibraryView,
  StatusView,
} from './types.ts';

/** Every call throws ShrinkError `unavailable` if the daemon ends meanwhile. */
export interface ControlClient {
  status(): Promise<StatusView>;
  /** Newest first, unless `order` says otherwise. */
  jobs(options?: JobFilter): Promise<JobView[]>;
  job(id: string): Promise<JobDetail | undefined>;
  archive(): Promise<ArchiveView>;
  /** `path` is absolute. */
  explain(path: string): Promise<Explanation>;
  act(action: JobAction, id: string): Promise<ActionResult>;
  /** Requests another version of a finished job, made according to the words. */
  refine(id: string, words: string): Promise<ActionResult>;
  turn(mode: 'pause' | 'resume' | 'drain'): Promise<StatusView>;
  /** `to` is `top`, `bottom` or `before:ID`. */
  move(id: string, to: string): Promise<ActionResult>;
  setOrder(order: QueueOrder): Promise<StatusView>;
  /** A code that lets one more device in. @throws ShrinkError `unavailable` if the page has no token */
  pair(): Promise<PairingCode>;
  /** Everything that happens from now on, beginning with the status. Ends when the signal aborts or the daemon ends. */
  events(signal: AbortSignal): AsyncIterable<ControlEvent>;
  libraries(): Promise<LibraryView[]>;
  library(act: LibraryAct, folder: string): Promise<LibraryView[]>;
  close(): Promise<void>;
}

export type LibraryAct = 'plan' | 'plan/stop' | 'start' | 'stop' | 'verify' | 'settle';

export interface JobFilter {
  state?: StateName;
  order?: 'newest' | 'oldest' | 'queue';
  limit?: number;
}

export type JobAction = 'retry' | 'cancel' | 'forget' | 'restore' | 'pause' | 'resume';

/** A daemon that takes longer than this to answer hangs. Not shorter, because `explain` probes a file. */
const ANSWER_MS = 30_000;

/**
 * A client for the daemon that owns `stateDir`, or `undefined` if none is running (a leftover socket counts as none).
 * @throws ShrinkError denied if the daemon belongs to another user.
 */
export async function connectControl(
  stateDir: string,
  { answerMs = ANSWER_MS } = {},
): Promise<ControlClient | undefined> {
  const socket = await locateSocket(controlSocket(stateDir));
  if (!socket) return undefined;
  const http = new Pool('http://localhost', {
    socketPath: socket.path,
    // One for requests, one for an event stream.
    connections: 2,
    // A connection of its own for each request: one kept alive may be closed by the daemon just when it is used again, and a request
    // that may have been carried out is not sent twice.
    pipelining: 0,
    headersTimeout: answerMs,
    bodyTimeout: answerMs,
    connect: { timeout: 5_000 },
  });
  const client = new SocketClient(http, controlSocket(stateDir), socket);
  try {
    await client.status();
    return client;
  } catch (error) {
    await client.close();
    if (error instanceof ShrinkError && error.code === 'gone') return undefined;
    throw error;
  }
}

class SocketClient implements ControlClient {
  readonly #http: Pool;
  /** Where it belongs, for messages. */
  readonly #path: string;
  readonly #socket: SocketPath;

  constructor(http: Pool, path: string, socket: SocketPath) {
    this.#http = http;
    this.#path = path;
    this.#socket = socket;
  }

  status(): Promise<StatusView> {
    return this.#call<StatusView>('GET', '/api/status');
  }

  jobs(options: JobFilter = {}): Promise<JobView[]> {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(options)) if (value !== undefined) query.set(key, String(value));
    return this.#call<JobView[]>('GET', `/api/jobs${query.size > 0 ? `?${query.toString()}` : ''}`);
  }

  async job(id: string): Promise<JobDetail | undefined> {
    const answer = await this.#request('GET', `/api/jobs/${encodeURIComponent(id)}`);
    return answer.status === 404 ? undefined : body<JobDetail>(answer);
  }

  archive(): Promise<ArchiveView> {
    return this.#call<ArchiveView>('GET', '/api/archive');
  }

  explain(path: string): Promise<Explanation> {
    return this.#call<Explanation>('GET', `/api/explain?${new URLSearchParams({ path }).toString()}`);
  }

  refine(id: string, words: string): Promise<ActionResult> {
    return this.#act(`${encodeURIComponent(id)}/refine?${new URLSearchParams({ words }).toString()}`);
  }

  act(action: JobAction, id: string): Promise<ActionResult> {
    // A large original is hashed and copied before the answer.
    const limits = action === 'restore' ? { headersTimeout: 0, bodyTimeout: 0 } : {};
    return this.#act(`${encodeURIComponent(id)}/${action}`, limits);
  }

  async #act(what: string, limits: Limits = {}): Promise<ActionResult> {
    const answer = await this.#request('POST', `/api/jobs/${what}`, limits);
    if (answer.status === 404 || answer.status === 409) {
      const problem = answer.status === 404 ? 'unknown' : 'not-now';
      return { ok: false, problem, message: errorIn(answer).message };
    }
    return { ok: true, job: body<JobView>(answer) };
  }

  move(id: string, to: string): Promise<ActionResult> {
    return this.#act(`${encodeURIComponent(id)}/move?${new URLSearchParams({ to }).toString()}`);
  }

  setOrder(order: QueueOrder): Promise<StatusView> {
    return this.#call<StatusView>('POST', `/api/order?${new URLSearchParams({ by: order }).toString()}`);
  }

  pair(): Promise<PairingCode> {
    return this.#call<PairingCode>('POST', '/api/pairing');
  }

  turn(mode: 'pause' | 'resume' | 'drain'): Promise<StatusView> {
    return this.#call<StatusView>('POST', `/api/${mode}`);
  }

  libraries(): Promise<LibraryView[]> {
    return this.#call<LibraryView[]>('GET', '/api/library');
  }

  library(act: LibraryAct, folder: string): Promise<LibraryView[]> {
    return this.#call<LibraryView[]>('POST', `/api/library/${act}?${new URLSearchParams({ folder }).toString()}`);
  }

  async *events(signal: AbortSignal): AsyncIterable<ControlEvent> {
    let response: Dispatcher.ResponseData;
    try {
      response = await this.#http.request({ method: 'GET', path: '/api/events', signal });
    } catch (error) {
      if (signal.aborted) return;
      throw this.#asShrinkError(error);
    }
    const ready: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: event => ready.push(event) });
    try {
      const decoder = new TextDecoder();
      for await (const chunk of response.body) {
        parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
        for (const message of ready.splice(0)) {
          const event = eventIn(message);
          if (event) yield event;
        }
      }
    } catch (error) {
      if (!signal.aborted) throw this.#asShrinkError(error);
    }
  }

  async close(): Promise<void> {
    await this.#http.destroy();
    this.#socket.close();
  }

  async #call<T>(method: Dispatcher.HttpMethod, path: string): Promise<T> {
    return body<T>(await this.#request(method, path));
  }

  async #request(method: Dispatcher.HttpMethod, path: string, limits: Limits = {}): Promise<Answer> {
    try {
      const response = await this.#http.request({ method, path, ...limits });
      return { status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      throw this.#asShrinkError(error);
    }
  }

  #asShrinkError(error: unknown): unknown {
    const code = error instanceof ShrinkError ? undefined : (error as NodeJS.ErrnoException | undefined)?.code;
    // Either one of our own errors or a bug.
    if (code === undefined) return error;
    const facts = { doing: say('api.asking-daemon'), subject: this.#path, cause: error };
    switch (code) {
      case 'ENOENT':
      case 'ECONNREFUSED':
        return new ShrinkError('gone', say('api.daemon-gone'), facts);
      case 'EACCES':
      case 'EPERM':
        return new ShrinkError('denied', say('api.daemon-foreign'), { ...facts, hint: say('api.other-user-hint') });
      case 'UND_ERR_HEADERS_TIMEOUT':
      case 'UND_ERR_BODY_TIMEOUT':
      case 'UND_ERR_CONNECT_TIMEOUT':
        return new ShrinkError('timed-out', say('api.daemon-silent'), {
          ...facts,
          hint: say('api.daemon-silent-hint'),
        });
      case 'UND_ERR_SOCKET':
      case 'ECONNRESET':
      case 'EPIPE':
      case 'UND_ERR_ABORTED':
      case 'UND_ERR_DESTROYED':
        return new ShrinkError('unavailable', say('api.daemon-ended'), facts);
      default:
        return fileError(error, say('api.asking-daemon'), this.#path);
    }
  }
}

type Limits = Pick<Dispatcher.RequestOptions, 'headersTimeout' | 'bodyTimeout'>;

interface Answer {
  status: number;
  text: string;
}

function body<T>(answer: Answer): T {
  if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.text) as T;
  const { code, message, hint } = errorIn(answer);
  throw new ShrinkError(code === 'not-found' ? 'bad-request' : (code as ErrorCode), message, {
    hint: hint ?? undefined,
  });
}

/** The only error shape; a daemon of another version may say anything. */
function errorIn(answer: Answer): { code: string; message: Sentence | string; hint: Sentence | string | null } {
  try {
    const { error } = JSON.parse(answer.text) as ErrorBody;
    const { code, message, hint, messages = {} } = error;
    if (typeof message === 'string') {
      return { code, message: sentence(message, messages.message), hint: hint && sentence(hint, messages.hint) };
    }
  } catch {
    // Not one of ours.
  }
  return { code: 'bad-answer', message: say('api.unexpected-answer', { status: answer.status }), hint: null };
}

function sentence(text: string, message: Message | undefined): Sentence | string {
  return message ? { ...message, text } : text;
}

function eventIn(message: EventSourceMessage): ControlEvent | undefined {
  const data = JSON.parse(message.data) as never;
  switch (message.event) {
    case 'job':
      return { kind: 'job', job: data };
    case 'forgotten':
      return { kind: 'forgotten', id: (data as { id: string }).id };
    case 'status':
    case 'reset':
      return { kind: 'status', status: data };
    default:
      return undefined;
  }
}
