import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scaledClock, type ServerClock } from './clock.ts';
import { type Fault, Faults } from './faults.ts';
import { MinuteLimit } from './limits.ts';
import { receiveFile } from './multipart.ts';
import { durationOf, type RenderMode, renderTo } from './render.ts';
import { refusedSignature, type ResultsAt, signed, type SignedAgainBy } from './result-address.ts';
import { type AgentEvent, type Dialect, frame } from './sse.ts';
import { type Storm, Storms } from './storms.ts';
import {
  type Account,
  createIds,
  type DurationUnit,
  durationIn,
  draftFor,
  everyToken,
  type NemoSession,
  type Render,
  type UploadedFile,
  type Wish,
  wishIn,
} from './world.ts';

export interface NemoServerOptions {
  port?: number;
  /** Shared with the client where time is scaled. */
  clock?: ServerClock;
  dialect?: Dialect;
  /** Of the render's status (docs/nemo-api.md, The calls). */
  shape?: 'A' | 'B';
  /** Failures with their HTTP status, or all with 200 and a code in the body. */
  failures?: 'status' | 'body';
  render?: RenderMode;
  /** Time a render takes at least, milliseconds. */
  renderMs?: number;
  tinyBytes?: number;
  requestsPerMinute?: number;
  /** How a 429 says when to come back. */
  retryAfter?: 'seconds' | 'date' | 'none';
  /** Tokens people brought themselves, with their user ids. */
  tokens?: Record<string, string>;
  credits?: number;
  costPerMessage?: number;
  /** One token per client id in seven days, as the real one. */
  oneTokenPerClient?: boolean;
  /** A session is there for the account that made it and for no other. */
  ownSessions?: boolean;
  maxUploadBytes?: number;
  /** `briefly`: written to disk, as the real one does, and removed again at once. */
  keepUploads?: boolean | 'briefly';
  /** Milliseconds (of real time) the service rests after each piece of an upload. */
  slowUploadsMs?: number;
  /** The unit of `duration` in uploads, assets and renders; whole seconds are rounded down. */
  durations?: DurationUnit;
  /** The agent takes no notice of file names: every edit is about the last file that was uploaded. */
  lastFileOnly?: boolean;
  /** What renders are coded in (`render: 'ffmpeg'`); H.265 may give way to words that ask for H.264. */
  codec?: 'h264' | 'hevc' | 'hevc-unless-asked';
  resultsAt?: ResultsAt;
  /** Addresses of results are signed and good for so long, milliseconds. */
  signedForMs?: number;
  signedAgainBy?: SignedAgainBy;
  /** A session that was not used for so long is gone (1002), milliseconds. */
  sessionsKeptMs?: number;
  /** Session ids as bare numbers, the draft inside a string. */
  numericIds?: boolean;
  draftAsString?: boolean;
}

/** What the agent does with one message; the default is a proper edit with a reply. */
export interface MessageScript {
  /** A refusal before the stream. */
  refuse?: { status: number; body: string; headers?: Record<string, string> };
  /** Whether the edit happens at all, and how long after the message. */
  apply?: boolean;
  applyAfterMs?: number;
  /** Instead of the usual events. */
  events?: AgentEvent[];
  /** Usual events without the final reply. */
  silent?: boolean;
  say?: string;
  beforeMs?: number;
  betweenMs?: number;
  /** `cut` drops the connection without an end, `hang` keeps it open with heartbeats, `mute` keeps it open in silence. */
  end?: 'close' | 'cut' | 'hang' | 'mute';
  heartbeatMs?: number;
  /** What follows has renders that take no notice of the size. */
  oversize?: boolean;
  /** The file that the edit is about, whatever the message says. */
  about?: string;
}

export interface LoggedRequest {
  n: number;
  at: number;
  method: string;
  path: string;
  /** All three attribution headers were there. */
  attributed: boolean;
  authorization: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
  bytes: number;
  status: number;
  /** The client's end of its connection: the same for requests that share one. */
  port: number | undefined;
}

/** One request and everything that decides about its answer. */
interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  method: string;
  path: string;
  entry: LoggedRequest;
  fault: Fault | undefined;
}

const WEEK = 7 * 86_400_000;

/** A stand-in for the NemoVideo service on this machine: real HTTP, real files, and anything that can go wrong on demand. */
export class NemoServer {
  readonly faults = new Faults();
  readonly requests: LoggedRequest[] = [];
  /** Requests to the separate host results are fetched from. */
  readonly fetches: LoggedRequest[] = [];
  readonly sessions = new Map<string, NemoSession>();
  readonly renders = new Map<string, Render>();
  readonly accounts = new Map<string, Account>();
  /** What the agent does with the next messages, in order. */
  readonly scripts: MessageScript[] = [];
  /** Faults for the host results are fetched from. */
  readonly fetchFaults = new Faults();
  /** Renders that are begun now are not done before `finishRenders`. */
  holdRenders = false;
  /** What lies at every address that is uploaded by. */
  linked: string | undefined;
  #held: (() => void)[] = [];
  /** How many of the next renders fail. */
  failRenders = 0;
  /** Every render from this one on fails, counted from 1 over the server's life. */
  failRendersFrom = Number.POSITIVE_INFINITY;
  /** Reasons given to every new render: no address when completed, another address. */
  resultUrl: ((render: Render, url: string) => string | undefined) | undefined;
  readonly options: NemoServerOptions;
  readonly clock: ServerClock;
  readonly #storms = new Storms(() => this.clock.now());
  #api: Server | undefined;
  #files: Server | undefined;
  #dir = '';
  readonly #ids = createIds();
  #limit: MinuteLimit | undefined;
  #issued = new Map<string, number>();

  constructor(options: NemoServerOptions = {}) {
    this.options = options;
    this.clock = options.clock ?? scaledClock(1);
    if (options.requestsPerMinute) this.#limit = new MinuteLimit(options.requestsPerMinute, () => this.clock.now());
    for (const [token, user] of Object.entries(options.tokens ?? {}))
      this.#open(token, user, '', Number.POSITIVE_INFINITY);
  }

  async start(): Promise<string> {
    this.#dir = await mkdtemp(join(tmpdir(), 'nemo-server-'));
    await mkdir(join(this.#dir, 'renders'));
    this.#api = createServer((request, response) => void this.#handle(request, response));
    this.#files = createServer((request, response) => void this.#serve(request, response));
    // The longest message is silent for minutes, and an upload takes as long as it takes.
    this.#api.requestTimeout = 0;
    await listen(this.#api, this.options.port ?? 0);
    await listen(this.#files, 0);
    return this.url;
  }

  async stop(): Promise<void> {
    for (const server of [this.#api, this.#files]) {
      server?.closeAllConnections();
      await new Promise(resolve => (server ? server.close(resolve) : resolve(undefined)));
    }
    await rm(this.#dir, { recursive: true, force: true });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#api?.address() as AddressInfo | undefined)?.port}`;
  }

  get filesUrl(): string {
    return `http://127.0.0.1:${(this.#files?.address() as AddressInfo | undefined)?.port}`;
  }

  /** Directory with uploads and `renders/`. */
  get dir(): string {
    return this.#dir;
  }

  fault(fault: Fault): void {
    this.faults.add(fault);
  }

  /** From now on, for as long as it says. */
  storm(storm: Storm): void {
    this.#storms.begin(storm);
  }

  endStorms(): void {
    this.#storms.clear();
  }

  finishRenders(): void {
    for (const finish of this.#held.splice(0)) finish();
  }

  /** Every message accepted, over all sessions. */
  get messages(): string[] {
    return [...this.sessions.values()].flatMap(session => session.messages.map(({ text }) => text));
  }

  /** Requests that should have carried the three attribution headers and did not. */
  get unattributed(): LoggedRequest[] {
    return this.requests.filter(request => !request.attributed);
  }

  count(method: string, path: RegExp): number {
    return this.requests.filter(request => request.method === method && path.test(request.path)).length;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    const method = request.method ?? 'GET';
    const entry = this.#log(this.requests, request, method, path);
    response.on('close', () => {
      entry.status = response.headersSent ? response.statusCode : 0;
    });
    const fault = this.faults.take(method, path);
    try {
      if (fault?.delayMs) await this.#wait(fault.delayMs);
      if (fault?.hangUp === 'before') return void request.socket.destroy();
      const waitMs = this.#limit?.refuse() ?? 0;
      if (waitMs > 0) return this.#answer(request, response, this.#tooMany(waitMs), undefined);
      const storm = this.#storms.answerFor(method, path);
      if (storm) return this.#answer(request, response, storm, undefined);
      if (fault && isOwnAnswer(fault) && !fault.carryOut)
        return this.#answer(request, response, { status: 200, body: '' }, fault);
      const answer = await this.#route({ request, response, method, path, entry, fault });
      if (answer === 'handled') return;
      if (fault?.hangUp === 'after') return void request.socket.destroy();
      await this.#answer(request, response, answer, fault);
    } catch (error) {
      if (!response.headersSent && !response.destroyed) {
        response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
      } else response.destroy();
    }
  }

  #log(list: LoggedRequest[], request: IncomingMessage, method: string, path: string): LoggedRequest {
    const { headers } = request;
    const entry: LoggedRequest = {
      n: list.length + 1,
      at: this.clock.now(),
      method,
      path,
      attributed: ['x-skill-source', 'x-skill-version', 'x-skill-platform'].every(name => Boolean(headers[name])),
      authorization: headers.authorization,
      headers,
      body: '',
      bytes: 0,
      status: 0,
      port: request.socket.remotePort,
    };
    list.push(entry);
    return entry;
  }

  #wait(ms: number): Promise<void> {
    return new Promise(resolve => void this.clock.after(ms, resolve));
  }

  #tooMany(waitMs: number): Answer {
    const { retryAfter = 'seconds' } = this.options;
    const headers: Record<string, string> = {};
    if (retryAfter === 'seconds') headers['retry-after'] = String(Math.ceil(waitMs / 1000));
    if (retryAfter === 'date') headers['retry-after'] = new Date(this.clock.now() + waitMs + 999).toUTCString();
    return { status: 429, headers, body: json({ code: 429, message: 'too many requests' }) };
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    answer: Answer,
    fault: Fault | undefined,
  ): Promise<void> {
    let { status, body } = answer;
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      date: new Date(this.clock.now()).toUTCString(),
      ...answer.headers,
      ...fault?.headers,
    };
    if (fault?.status !== undefined) status = fault.status;
    if (fault?.body !== undefined) body = fault.body;
    if (fault?.mutate) body = fault.mutate(body);
    if (fault?.garbage) body = '\u0000\u0001{"half": [1, 2';
    request.resume();
    const bytes = Buffer.from(body);
    if (status === 204) return void response.writeHead(status, headers).end();
    if (fault?.truncated !== undefined)
      return void response.writeHead(status, headers).end(bytes.subarray(0, fault.truncated));
    headers['content-length'] = String(bytes.length);
    response.writeHead(status, headers);
    if (typeof fault?.hangUp === 'object' && 'atByte' in fault.hangUp) {
      response.write(bytes.subarray(0, fault.hangUp.atByte));
      request.socket.end();
      return;
    }
    if (fault?.slowDrip) return this.#drip(response, bytes, fault.slowDrip);
    response.end(bytes);
  }

  async #drip(response: ServerResponse, bytes: Buffer, drip: { bytes: number; everyMs: number }): Promise<void> {
    for (let at = 0; at < bytes.length && !response.destroyed; at += drip.bytes) {
      response.write(bytes.subarray(at, at + drip.bytes));
      await this.#wait(drip.everyMs);
    }
    response.end();
  }

  async #route(exchange: Exchange): Promise<Answer | 'handled'> {
    const { request, method, path, entry } = exchange;
    if (method === 'POST' && path === '/api/auth/anonymous-token') return this.#newToken(request);
    const account = this.accounts.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
    if (!account || account.expiresAt <= this.clock.now()) {
      return this.#refuse(401, 1001, 'token is invalid or expired');
    }
    const upload = /^\/api\/upload-video\/nemo_agent\/me\/([^/]+)$/.exec(path);
    if (method === 'POST' && upload) return this.#upload(exchange, account, upload[1] ?? '');
    entry.body = await readBody(request);
    entry.bytes = Buffer.byteLength(entry.body);
    if (method === 'POST' && path === '/api/tasks/me/with-session/nemo_agent') return this.#newSession(account);
    if (method === 'POST' && path === '/run_sse') return this.#message(exchange, account);
    if (method === 'POST' && path === '/api/auth/claim-token')
      return ok({ claim_token: `clm_${this.#ids.next('')}`, expires_in: 604800 });
    if (method === 'POST' && path === '/api/render/proxy/lambda') return this.#render(account, entry);
    if (method === 'GET' && path === '/api/credits/balance/simple') {
      return ok({ available: account.available, frozen: account.frozen, total: account.available + account.frozen });
    }
    const state = /^\/api\/state\/nemo_agent\/me\/([^/]+)\/latest$/.exec(path);
    if (method === 'GET' && state) return this.#state(account, state[1] ?? '');
    const poll = /^\/api\/render\/proxy\/lambda\/([^/]+)$/.exec(path);
    if (method === 'GET' && poll) return this.#poll(decodeURIComponent(poll[1] ?? ''));
    const file = /^\/api\/render\/proxy\/([^/]+)\/download$/.exec(path);
    if (method === 'GET' && file) return this.#download(decodeURIComponent(file[1] ?? ''));
    if (method === 'GET' && path.startsWith('/render-result/')) return this.#ownResult(exchange);
    return { status: 404, body: json({ detail: 'Not Found' }) };
  }

  #refuse(status: number, code: number, message: string): Answer {
    return { status: this.options.failures === 'body' ? 200 : status, body: json({ code, message }) };
  }

  #newToken(request: IncomingMessage): Answer {
    const client = String(request.headers['x-client-id'] ?? '');
    if (client === '') return { status: 400, body: json({ code: 400, message: 'X-Client-Id is required' }) };
    const last = this.#issued.get(client);
    if (this.options.oneTokenPerClient !== false && last !== undefined && this.clock.now() - last < WEEK) {
      return { status: 429, body: json({ code: 429, message: 'one token per client per 7 days' }) };
    }
    this.#issued.set(client, this.clock.now());
    const user = `anon_${this.#ids.next('u')}`;
    const token = `nmv_usr_${this.#ids.next('T')}_${Math.random().toString(36).slice(2)}`;
    const account = this.#open(token, user, client, this.clock.now() + WEEK);
    return ok({
      token,
      user_id: user,
      expires_at: new Date(account.expiresAt).toISOString(),
      credits: account.available,
    });
  }

  #open(token: string, user: string, client: string, expiresAt: number): Account {
    const account: Account = { token, user, client, expiresAt, available: this.options.credits ?? 100, frozen: 0 };
    this.accounts.set(token, account);
    everyToken.add(token);
    return account;
  }

  #newSession(account: Account): Answer {
    const session: NemoSession = {
      id: this.#ids.session(),
      task: this.#ids.next('task_'),
      user: account.user,
      files: [],
      messages: [],
      usedAt: this.clock.now(),
      seen: 0,
    };
    this.sessions.set(session.id, session);
    const body = json({ code: 0, data: { task_id: session.task, session_id: session.id, user_id: account.user } });
    return { status: 200, body: this.options.numericIds ? body.replace(`"${session.id}"`, session.id) : body };
  }

  #sessionOf(account: Account, id: string): NemoSession | undefined {
    const session = this.sessions.get(id);
    const { ownSessions, sessionsKeptMs = Number.POSITIVE_INFINITY } = this.options;
    if (!session || (ownSessions && session.user !== account.user)) return undefined;
    if (this.clock.now() - session.usedAt > sessionsKeptMs) return undefined;
    session.usedAt = this.clock.now();
    return session;
  }

  async #upload({ request, entry, fault }: Exchange, account: Account, id: string): Promise<Answer> {
    const session = this.#sessionOf(account, id);
    if (!session) return this.#refuse(404, 1002, 'session not found');
    const length = Number(request.headers['content-length'] ?? 0);
    if (length > (this.options.maxUploadBytes ?? 500_000_000)) return this.#refuse(413, 4002, 'file too large');
    if (!(request.headers['content-type'] ?? '').startsWith('multipart/'))
      return this.#uploadByUrl(session, await readBody(request));
    const fileId = this.#ids.next('file_');
    const path = this.options.keepUploads === false ? undefined : join(this.#dir, fileId);
    const cutAt =
      typeof fault?.hangUp === 'object' && 'uploadByte' in fault.hangUp
        ? fault.hangUp.uploadByte
        : Number.POSITIVE_INFINITY;
    const received = await receiveFile(request, path, bytes => {
      entry.bytes = bytes;
      if (bytes >= cutAt) request.socket.destroy();
      const { slowUploadsMs } = this.options;
      return slowUploadsMs ? new Promise<void>(resolve => void setTimeout(resolve, slowUploadsMs)) : undefined;
    });
    // It may have run out while the body was coming in.
    if (account.expiresAt <= this.clock.now()) return this.#refuse(401, 1001, 'token is invalid or expired');
    if (!/\.(mp4|mov|avi|webm|mkv|jpg|png|gif|webp|mp3|wav|m4a|aac)$/i.test(received.name))
      return this.#refuse(415, 4001, 'unsupported file');
    if (path && this.options.keepUploads === 'briefly') await rm(path);
    const durationS = path && this.options.render === 'ffmpeg' ? await durationOf(path) : 10;
    return this.#add(session, { id: fileId, ...received, durationS, ...(path ? { path } : {}) });
  }

  async #uploadByUrl(session: NemoSession, body: string): Promise<Answer> {
    const { urls, source_type } = JSON.parse(body) as { urls?: string[]; source_type?: string };
    const url = urls?.[0];
    if (source_type !== 'url' || !url) return { status: 422, body: json({ detail: [{ msg: 'urls is required' }] }) };
    const name = new URL(url).pathname.split('/').at(-1) ?? 'file';
    return this.#add(session, {
      id: this.#ids.next('file_'),
      name,
      type: 'video/mp4',
      bytes: 1_000_000,
      durationS: this.linked === undefined ? 10 : await durationOf(this.linked),
      ...(this.linked === undefined ? {} : { path: this.linked }),
    });
  }

  #add(session: NemoSession, file: UploadedFile): Answer {
    session.files.push(file);
    const cdn_url = `${this.filesUrl}/uploads/${file.id}`;
    const data = {
      filename: file.name,
      file_type: 'video',
      cdn_url,
      duration: durationIn(file.durationS, this.options.durations),
      width: 1280,
      height: 720,
    };
    return ok({ files: [data], session_state_applied: true });
  }

  #state(account: Account, id: string): Answer {
    const session = this.#sessionOf(account, id);
    if (!session) return this.#refuse(404, 1002, 'session not found');
    const videos = session.files.map(file => ({
      id: file.id,
      filename: file.name,
      duration: durationIn(file.durationS, this.options.durations),
      cdn_url: `${this.filesUrl}/uploads/${file.id}?sig=${Math.random()}`,
    }));
    const draft =
      session.draft === undefined ? 'null' : this.options.draftAsString ? JSON.stringify(session.draft) : session.draft;
    const idText = this.options.numericIds ? session.id : `"${session.id}"`;
    // Written by hand, so that the draft goes out exactly as it is kept.
    const body = `{"code":0,"data":{"session_id":${idText},"task_id":"${session.task}","task_name":"project","user_id":"${session.user}","state":{"draft":${draft},"video_infos":${json(videos)},"generated_media":[],"updated_at":${Math.floor(this.clock.now())}}}}`;
    return { status: 200, body };
  }

  async #message({ request, response, entry, fault }: Exchange, account: Account): Promise<Answer | 'handled'> {
    const { session_id, new_message, app_name, user_id, ...unknown } = JSON.parse(entry.body) as {
      session_id: string;
      app_name: string;
      user_id: string;
      new_message: { parts: { text: string }[] };
    };
    if (app_name !== 'nemo_agent' || user_id !== 'me' || Object.keys(unknown).length > 0) {
      return {
        status: 422,
        body: json({ detail: [{ loc: ['body'], msg: 'not the documented body', type: 'value_error' }] }),
      };
    }
    const session = this.#sessionOf(account, session_id);
    if (!session) return { status: 404, body: json({ detail: `Session not found: ${session_id}` }) };
    const script = this.scripts.shift() ?? {};
    if (script.refuse) return { ...script.refuse };
    const cost = this.options.costPerMessage ?? 0;
    if (account.available < cost) return this.#refuse(402, 2001, 'insufficient credits');
    const text = new_message.parts[0]?.text ?? '';
    session.messages.push({ text, at: this.clock.now() });
    account.available -= cost;
    const edit = () => this.#edit(session, text, script);
    if (script.apply !== false) {
      if (script.applyAfterMs) this.clock.after(script.applyAfterMs, edit);
      else edit();
    }
    if (fault?.hangUp === 'after') {
      request.socket.destroy();
      return 'handled';
    }
    if (fault && isOwnAnswer(fault)) return { status: 200, body: '' };
    await this.#stream(response, session, text, script);
    return 'handled';
  }

  #edit(session: NemoSession, text: string, script: MessageScript): void {
    const meant = this.options.lastFileOnly ? session.files.at(-1) : fileMeant(session, text);
    const file = script.about === undefined ? meant : session.files.find(({ name }) => name === script.about);
    if (!file) return;
    session.onTimeline = file.id;
    const wish: Wish & { oversize?: boolean } = wishIn(text, file.id);
    if (script.oversize) wish.oversize = true;
    session.draft = draftFor(wish, file, () => this.#ids.big(), session.messages.length);
  }

  async #stream(response: ServerResponse, session: NemoSession, text: string, script: MessageScript): Promise<void> {
    const dialect = this.options.dialect ?? { kind: 'adk', casing: 'camel' };
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    response.flushHeaders();
    if (script.beforeMs) await this.#wait(script.beforeMs);
    for (const event of script.events ?? usualEvents(session, text, script)) {
      if (response.destroyed) return;
      response.write(frame(event, dialect));
      if (script.betweenMs) await this.#wait(script.betweenMs);
    }
    if (script.end === 'cut') return void response.socket?.end();
    if (script.end === 'mute') return;
    if (script.end === 'hang') return this.#heartbeat(response, script.heartbeatMs ?? 10_000, dialect);
    response.end();
  }

  async #heartbeat(response: ServerResponse, everyMs: number, dialect: Dialect): Promise<void> {
    const kinds = ['typed', 'comment', 'empty', 'event', 'word'] as const;
    for (let n = 0; !response.destroyed; n += 1) {
      response.write(frame({ heartbeat: kinds[n % kinds.length] ?? 'typed' }, dialect));
      await this.#wait(everyMs);
    }
  }

  async #render(account: Account, entry: LoggedRequest): Promise<Answer> {
    if (!entry.attributed) return { status: 402, body: json({ detail: 'export is not included in the free plan' }) };
    const body = JSON.parse(entry.body) as {
      id: string;
      sessionId: string;
      draft: { m?: { wish?: Wish & { oversize?: boolean } } };
      output?: unknown;
    };
    const session = this.#sessionOf(account, body.sessionId);
    if (!session) return this.#refuse(404, 1002, 'session not found');
    if (this.renders.has(body.id)) return { status: 409, body: json({ success: false, error: 'duplicate id' }) };
    const render: Render = {
      id: body.id,
      session: session.id,
      verbatim: session.draft !== undefined && entry.body.includes(`"draft":${session.draft},"output"`),
      output: body.output,
      startedAt: this.clock.now(),
      status: 'pending',
      polls: 0,
    };
    this.renders.set(render.id, render);
    if (this.failRenders > 0 || this.renders.size >= this.failRendersFrom) {
      this.failRenders = Math.max(0, this.failRenders - 1);
      render.status = 'failed';
      render.error = 'lambda ran out of memory';
    } else void this.#make(render, session, body.draft.m?.wish ?? { mute: false, file: '' });
    return { status: 200, body: json({ success: true, data: { id: render.id, status: 'pending', progress: 5 } }) };
  }

  async #make(render: Render, session: NemoSession, wish: Wish & { oversize?: boolean }): Promise<void> {
    const path = join(this.#dir, 'renders', `${render.id}.mp4`);
    try {
      const [bytes] = await Promise.all([
        renderTo({
          mode: this.options.render ?? 'tiny',
          file: session.files.find(file => file.id === wish.file),
          wish,
          path,
          oversize: wish.oversize === true,
          tinyBytes: this.options.tinyBytes ?? 2048,
          codec: this.#codecFor(wish),
        }),
        this.holdRenders
          ? new Promise<void>(resolve => void this.#held.push(resolve))
          : this.#wait(this.options.renderMs ?? 0),
      ]);
      Object.assign(render, { status: 'completed', path, bytes });
    } catch (error) {
      Object.assign(render, { status: 'failed', error: String(error) });
    }
  }

  #codecFor(wish: Wish): 'h264' | 'hevc' {
    const { codec = 'h264' } = this.options;
    if (codec === 'hevc-unless-asked') return wish.h264 ? 'h264' : 'hevc';
    return codec;
  }

  #addressOf(render: Render): string {
    const { resultsAt = 'files-host', signedForMs, signedAgainBy = 'poll' } = this.options;
    const plain = `/render-result/${render.id}.mp4`;
    const now = this.clock.now();
    if (render.signedAt === undefined || signedAgainBy === 'poll') render.signedAt = now;
    const path = signedForMs === undefined ? plain : signed(plain, render.signedAt + signedForMs);
    if (resultsAt === 'relative') return path;
    return `${resultsAt === 'files-host' ? this.filesUrl : this.url}${path}`;
  }

  #poll(id: string): Answer {
    const render = this.renders.get(id);
    if (!render) return { status: 404, body: json({ detail: 'render not found' }) };
    render.polls += 1;
    const { status, error } = render;
    const plain = status === 'completed' ? this.#addressOf(render) : '';
    const url = status === 'completed' ? (this.resultUrl ? this.resultUrl(render, plain) : plain) : undefined;
    if (this.options.shape === 'B') {
      const output = status === 'completed' ? { ...(url ? { url } : {}), size: render.bytes } : undefined;
      return {
        status: 200,
        body: json({ taskId: id, status, progress: status === 'completed' ? 100 : 42, output, error }),
      };
    }
    const data = {
      id,
      status,
      progress: status === 'completed' ? 100 : 42,
      ...(url ? { outputUrl: url } : {}),
      ...(error ? { error } : {}),
    };
    return { status: 200, body: json({ success: true, data }) };
  }

  #download(id: string): Answer {
    if (!this.renders.get(id)?.path) return { status: 404, body: json({ detail: 'render not found' }) };
    const { signedForMs, signedAgainBy } = this.options;
    if (signedAgainBy === 'nobody') return { status: 410, body: json({ detail: 'the result has expired' }) };
    const path = `/render-result/${id}.mp4`;
    const address = signedForMs === undefined ? path : signed(path, this.clock.now() + signedForMs);
    return { status: 302, headers: { location: `${this.filesUrl}${address}` }, body: '' };
  }

  /** A result on the API's own host: the file, or where it lies. */
  async #ownResult({ request, response, path, fault }: Exchange): Promise<Answer | 'handled'> {
    if (this.options.resultsAt === 'redirected')
      return { status: 302, headers: { location: `${this.filesUrl}${request.url}` }, body: '' };
    await this.#serveResult(request, response, path, fault);
    return 'handled';
  }

  /** The host results are fetched from: ranges, validators, nothing to do with tokens. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    this.#log(this.fetches, request, request.method ?? 'GET', path);
    const fault = this.fetchFaults.take(request.method ?? 'GET', path);
    if (fault?.delayMs) await this.#wait(fault.delayMs);
    if (fault?.hangUp === 'before') return void request.socket.destroy();
    if (fault && isOwnAnswer(fault)) return this.#answer(request, response, { status: 200, body: '' }, fault);
    await this.#serveResult(request, response, path, fault);
  }

  async #serveResult(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    fault: Fault | undefined,
  ): Promise<void> {
    const render = this.renders.get(/render-result\/(.+)\.mp4$/.exec(path)?.[1] ?? '');
    const { searchParams } = new URL(request.url ?? '/', 'http://x');
    const refused =
      this.options.signedForMs === undefined ? undefined : refusedSignature(path, searchParams, this.clock.now());
    if (refused) return void response.writeHead(403, { 'content-type': 'application/xml' }).end(refused);
    if (!render?.path) return void response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>not found</h1>');
    await this.#serveFile(request, response, render.path, fault);
  }

  async #serveFile(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    fault: Fault | undefined,
  ): Promise<void> {
    const { size } = await stat(path);
    const etag = `"${size}-${path.length}"`;
    const range = /^bytes=(\d+)-/.exec(request.headers.range ?? '');
    const usable = range && (request.headers['if-range'] ?? etag) === etag;
    const start = usable ? Number(range[1]) : 0;
    if (usable && start >= size) return void response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    const headers: Record<string, string> = {
      'content-type': 'video/mp4',
      etag,
      'accept-ranges': 'bytes',
      ...fault?.headers,
    };
    if (usable) headers['content-range'] = `bytes ${start}-${size - 1}/${size}`;
    if (fault?.truncated === undefined) headers['content-length'] = String(size - start);
    response.writeHead(usable ? 206 : 200, headers);
    const cutAt =
      typeof fault?.hangUp === 'object' && 'atByte' in fault.hangUp ? fault.hangUp.atByte : fault?.truncated;
    const stream = createReadStream(path, {
      start,
      // Large pieces: what a client is measured against must not need the processor itself (npm run bench:nemo).
      highWaterMark: 1 << 20,
      ...(cutAt === undefined ? {} : { end: start + Math.max(0, cutAt - 1) }),
    });
    if (fault?.hangUp) {
      // What was sent arrives and is read, and then nothing more comes: an end at once would take it back.
      stream.on('end', () => setTimeout(() => request.socket.end(), 60));
      stream.pipe(response, { end: false });
    } else stream.pipe(response);
    response.on('close', () => stream.destroy());
  }
}

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

function isOwnAnswer(fault: Fault): boolean {
  return fault.status !== undefined || fault.body !== undefined || fault.garbage === true;
}

/** The file whose name stands in quotes in the message, else the one just uploaded, else the one on the timeline. */
function fileMeant(session: NemoSession, text: string): UploadedFile | undefined {
  const named = session.files.filter(file => text.includes(`"${file.name}"`) || text.includes(`“${file.name}”`));
  const current = session.files.find(file => file.id === session.onTimeline);
  const hasNew = session.files.length > session.seen;
  session.seen = session.files.length;
  return named.at(-1) ?? (hasNew ? session.files.at(-1) : current);
}

function usualEvents(session: NemoSession, text: string, script: MessageScript): AgentEvent[] {
  const name = session.files.at(-1)?.name ?? 'nothing';
  const work: AgentEvent[] = [
    { think: 'what would they like' },
    { heartbeat: 'typed' },
    { call: 'edit_multitrack' },
    { result: 'edit_multitrack', changed: true },
  ];
  if (script.silent) return work;
  const reply =
    script.say ?? `Compressed ${name} as asked (${text.length} characters). Click the Export button to download it.`;
  return [...work, { say: reply.slice(0, 10), partial: true }, { say: reply.slice(10), partial: true }, { say: reply }];
}

function ok(data: unknown): Answer {
  return { status: 200, body: json({ code: 0, data }) };
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

/** Starts a stand-in on a free port. */
export async function startNemoServer(options: NemoServerOptions = {}): Promise<NemoServer> {
  const server = new NemoServer(options);
  await server.start();
  return server;
}
