import { mkdir } from 'node:fs/promises';
import { basename } from 'node:path';
import PQueue from 'p-queue';
import { fileError, isShrinkError, ShrinkError } from '../../core/errors.ts';
import type { Candidate, Json, Order } from '../../core/job.ts';
import { targetBytes } from '../../core/media.ts';
import type { Clock } from '../../platform/clock.ts';
import { createHttp } from '../../platform/http.ts';
import type { Logger } from '../../platform/log.ts';
import { type Engine, type EngineContext, OPEN_GATE } from '../engine.ts';
import { createAddressPolicy } from './addresses.ts';
import { readState, SESSION_FACTS, type SessionRecord } from './arrive.ts';
import { bringIn } from './arrive.ts';
import { attributionHeaders, platformOf } from './attribution.ts';
import { createAuth } from './auth.ts';
import { createClient } from './client.ts';
import { type Cloud, type LocalHelp, memoryOf, type Settings, type Task } from './cloud.ts';
import { type Credits, readCredits } from './credits.ts';
import { summarise } from './draft.ts';
import type { RefusalFacts } from './errors-table.ts';
import { exportDraft } from './export.ts';
import { RequestGate } from './gate.ts';
import { createIdentity } from './identity.ts';
import { isLinkFile, nameIn, readLink } from './link.ts';
import { compressHere, produceOversize } from './oversize.ts';
import { createRenderIds } from './render.ts';
import type { OutputHint } from './router.ts';
import { type Produced, produce } from './sequence.ts';
import { createFolderSessions, createLocks } from './sessions.ts';
import { checkFormat, createPace } from './upload.ts';
import { createWire } from './wire.ts';

/** Everything the engine is built from; times in milliseconds, names as in the config's `nemo` and `limits` maps. */
export interface NemoOptions {
  apiUrl: string;
  webUrl: string;
  /** The person's own token (NEMO_TOKEN); absent: a free one is asked for and kept. */
  token?: { reveal(): string } | undefined;
  clientId?: string | undefined;
  /** The state directory: identity.json lives there. */
  identityDir: string;
  language: string;
  pollIntervalMs: number;
  pollLimitMs: number;
  messageTimeoutMs: number;
  heartbeatTimeoutMs: number;
  recovery: { firstMs: number; everyMs: number; checks: number };
  retryAfterMs: number;
  maxUploadBytes: number;
  oversize: 'local' | 'split' | 'hold';
  session: 'per-file' | 'per-folder';
  /** Uploads at once. */
  uploads: number;
  requestsPerMinute?: number | undefined;
  /** Bytes a second over all uploads. */
  uploadRate?: number | undefined;
  /** Who asks: name and version of the skill, from package.json's own field for it. */
  skill: { source: string; version: string };
  /** SKILL_SOURCE of the environment. */
  skillSource?: string | undefined;
  /** Absolute path this program is installed at. */
  installPath: string;
  clock: Clock;
  log: Logger;
  local?: LocalHelp | undefined;
  /** For tests: silence of ordinary requests (a minute), of uploads (five minutes), lag of the state, chance. */
  silenceMs?: number;
  stallMs?: number;
  lagMs?: number;
  random?: () => number;
}

/** Facts of a job (`Job.facts`): they hold its session. */
export type JobFacts = Readonly<Record<string, string>>;

export interface Readiness {
  credits: Credits;
  account: 'own' | 'anonymous';
  /** How far this machine's clock is ahead of the service's, milliseconds; absent where the service does not say. */
  clockAheadMs: number | undefined;
}

export interface NemoEngine extends Engine {
  /** Connects: a token, and the balance as proof that it is taken. Spends nothing. Also what `doctor` asks. */
  ready(signal: AbortSignal): Promise<Readiness>;
  credits(signal: AbortSignal): Promise<Credits>;
  /** The timeline of a job's session, in words. @throws ShrinkError `cannot-do` when the job has none. */
  timeline(facts: JobFacts, signal: AbortSignal): Promise<string>;
  /** Renders a job's timeline as it is and downloads it into `dir`. Free. */
  exportNow(
    request: { facts: JobFacts; dir: string; hint?: OutputHint } & Aside,
  ): Promise<{ path: string; bytes: number; timeline: string }>;
  /** Puts a further file or address into a job's session; what to do with it is then asked with words. */
  upload(request: { facts: JobFacts; source: string; bytes?: number } & Aside): Promise<void>;
  close(): Promise<void>;
}

/** For what is done beside the queue, by a person at a terminal. */
export interface Aside {
  signal: AbortSignal;
  onProgress?(fraction: number, note?: string): void;
}

/** Nothing is opened, read or sent before it is needed. */
export function createNemoEngine(options: NemoOptions): NemoEngine {
  const { clock, log } = options;
  const { cloud, close } = createCloud(options);
  let told = false;

  return {
    name: 'nemo',
    run,
    ready,
    credits: signal => readCredits(cloud, signal),
    timeline,
    exportNow,
    upload,
    close,
  };

  async function run(order: Order, context: EngineContext): Promise<Candidate> {
    try {
      await announce(context.signal);
      const task = await taskFor(order, context);
      const { produced, maxBytes } = await make(task);
      return candidateOf(produced, maxBytes);
    } catch (error) {
      if (!context.signal.aborted) throw error;
      throw new ShrinkError('cancelled', 'the work in the cloud was stopped', {
        cause: isShrinkError(error) ? error : undefined,
      });
    }
  }

  /** Once: that there is a token says that the service answered, or did so lately. */
  async function announce(signal: AbortSignal): Promise<void> {
    const token = await cloud.auth.token(signal);
    if (told) return;
    told = true;
    log.info({ account: token.kind === 'own' ? 'your token' : 'free token' }, 'connected and ready');
  }

  async function ready(signal: AbortSignal): Promise<Readiness> {
    const { headers } = await cloud.client.call({
      doing: 'connecting',
      method: 'GET',
      path: '/api/credits/balance/simple',
      signal,
      repeats: 2,
    });
    const credits = await readCredits(cloud, signal);
    const date = Date.parse(headers.date ?? '');
    await announce(signal);
    return {
      credits,
      account: cloud.auth.current?.kind ?? 'anonymous',
      clockAheadMs: Number.isFinite(date) ? clock.now() - date : undefined,
    };
  }

  async function taskFor(order: Order, context: EngineContext): Promise<Task> {
    const name = basename(order.source);
    const base = {
      order,
      isWhole: true,
      memory: memoryOf(context),
      context,
      dir: context.workDir,
      onProgress: progressOf(context),
    };
    if (!isLinkFile(name)) {
      checkFormat(name);
      const source = { kind: 'file' as const, path: order.source, name, bytes: order.sourceBytes };
      return { ...base, source, maxBytes: targetBytes(order.target, order.sourceBytes) };
    }
    const url = await readLink(order.source);
    if (order.target.size?.kind === 'share') {
      throw new ShrinkError(
        'cannot-do',
        'a share of a file behind a link cannot be promised: its size is not known here',
        {
          hint: 'Give a size in the rule, or in the .txt file beside the link (such as 50MB).',
        },
      );
    }
    return { ...base, source: { kind: 'link', url, name: nameIn(url) }, maxBytes: order.target.size?.bytes };
  }

  async function make(task: Task): Promise<{ produced: Produced; maxBytes: number | undefined }> {
    const { source, maxBytes } = task;
    if (source.kind === 'link') return { produced: await produce(cloud, task), maxBytes };
    const fileTask = { ...task, source };
    if (source.bytes > cloud.settings.maxUploadBytes)
      return { produced: await produceOversize(cloud, fileTask), maxBytes };
    try {
      return { produced: await produce(cloud, task), maxBytes };
    } catch (error) {
      // The service's own limit may be lower than the one configured.
      const canHelp = cloud.settings.oversize === 'local' && cloud.local && task.order.instruction === undefined;
      if (!canHelp || !isShrinkError(error, 'file-too-large')) throw error;
      return { produced: await compressHere(cloud, fileTask), maxBytes };
    }
  }

  async function timeline(facts: JobFacts, signal: AbortSignal): Promise<string> {
    const { reading } = await readState(cloud, sessionIn(facts), signal);
    return summarise(reading);
  }

  async function exportNow({
    facts,
    dir,
    hint = {},
    ...aside
  }: Parameters<NemoEngine['exportNow']>[0]): Promise<{ path: string; bytes: number; timeline: string }> {
    const session = sessionIn(facts);
    const task = await asideTask(aside, dir, { kind: 'link', url: '', name: '' });
    return cloud.exclusive(`session ${session.id}`, aside.signal, async () => {
      const { path, bytes, summary } = await exportDraft(cloud, task, session, {
        n: 1,
        snapshot: undefined,
        reply: '',
        hint,
        upTo: undefined,
      });
      if (path === undefined) throw new ShrinkError('bad-answer', 'the result could not be fetched');
      return { path, bytes, timeline: summary };
    });
  }

  async function upload({ facts, source, bytes, ...aside }: Parameters<NemoEngine['upload']>[0]): Promise<void> {
    const session = sessionIn(facts);
    const isAddress = /^https?:\/\//i.test(source);
    if (!isAddress) checkFormat(basename(source));
    if (bytes !== undefined && bytes > cloud.settings.maxUploadBytes) {
      throw new ShrinkError('file-too-large', 'the file is too large for the service', {
        hint: 'Compress or trim it first.',
      });
    }
    const from: Task['source'] = isAddress
      ? { kind: 'link', url: source, name: nameIn(source) }
      : { kind: 'file', path: source, name: basename(source), bytes: bytes ?? 0 };
    const task = await asideTask(aside, options.identityDir, from);
    await cloud.exclusive(`session ${session.id}`, aside.signal, () => bringIn(cloud, task, session));
  }

  /** A task nobody journals: what it does may be repeated freely. */
  async function asideTask({ signal, onProgress }: Aside, dir: string, source: Task['source']): Promise<Task> {
    const kept = new Map<string, Json>();
    const context: EngineContext = {
      record: async (key, value) => void kept.set(key, value),
      resume: {},
      step: async () => {},
      doubt: async () => {},
      fact: async () => {},
      progress: () => {},
      signal,
      gate: OPEN_GATE,
      workDir: dir,
      log,
    };
    await mkdir(dir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw fileError(error, 'preparing the folder', dir);
    });
    const order: Order = {
      job: 'aside',
      source: '',
      sourceBytes: 0,
      target: { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 },
    };
    return {
      source,
      order,
      isWhole: true,
      maxBytes: undefined,
      memory: memoryOf(context),
      context,
      dir,
      onProgress: onProgress ?? (() => {}),
    };
  }
}

/** The session a job worked in. @throws ShrinkError `cannot-do` when it has none. */
function sessionIn(facts: JobFacts): SessionRecord {
  const id = facts[SESSION_FACTS.session];
  if (id === undefined) {
    throw new ShrinkError('cannot-do', 'this job has no session in the cloud', {
      hint: 'Only jobs of the nemo engine have one; see shrinkbox job ID.',
    });
  }
  const task = facts[SESSION_FACTS.task];
  return {
    id,
    ...(task === undefined ? {} : { task }),
    token: facts[SESSION_FACTS.token] ?? '',
    madeAt: 0,
    shared: true,
    refines: true,
  };
}

function candidateOf(produced: Produced, maxBytes: number | undefined): Candidate {
  const { path, bytes, how, notes, durationS, durationToleranceS } = produced;
  return {
    path,
    isSource: false,
    bytes,
    expect: {
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(durationS === undefined ? {} : { durationS, durationToleranceS: durationToleranceS ?? 0.5 }),
      // The service makes H.264; a part of this machine's making may be what the rule asked for.
      videoCodecs: ['h264', 'hevc', 'av1'],
    },
    how,
    notes,
  };
}

function progressOf(context: EngineContext): Task['onProgress'] {
  let reached = 0;
  return (fraction, note) => {
    // A follow-up starts over inside; what people see only grows.
    reached = Math.max(reached, Math.min(1, fraction));
    context.progress({ fraction: reached, ...(note === undefined ? {} : { note }) });
  };
}

function createCloud(options: NemoOptions): { cloud: Cloud; close(): Promise<void> } {
  const { clock, log, apiUrl, webUrl, maxUploadBytes } = options;
  const random = options.random ?? Math.random;
  const settings: Settings = {
    apiUrl,
    webUrl,
    language: options.language,
    pollIntervalMs: options.pollIntervalMs,
    pollLimitMs: options.pollLimitMs,
    watch: { hardMs: options.messageTimeoutMs, heartbeatMs: options.heartbeatTimeoutMs },
    recovery: options.recovery,
    maxUploadBytes,
    oversize: options.oversize,
    session: options.session,
    silenceMs: options.silenceMs ?? 60_000,
    stallMs: options.stallMs ?? 300_000,
    lagMs: options.lagMs ?? 2500,
  };
  const attribution = attributionHeaders({
    ...options.skill,
    platform: platformOf(options.skillSource, options.installPath),
  });
  const perMinute = options.requestsPerMinute;
  const gate = new RequestGate(
    { retryAfterMs: options.retryAfterMs, ...(perMinute === undefined ? {} : { perMinute }) },
    clock,
    random,
  );
  const policy = createAddressPolicy(apiUrl);
  const http = createHttp();
  const freshHttp = createHttp({ fresh: true });
  const resultHttp = createHttp({ lookup: policy.lookup });
  const wire = createWire({ http, freshHttp, gate, apiUrl, attribution, clock, silenceMs: settings.silenceMs });
  const facts = (doing: string): Omit<RefusalFacts, 'status' | 'said'> => {
    const { current } = auth;
    return {
      doing,
      maxUploadBytes,
      webUrl,
      account: current?.kind ?? (options.token ? 'own' : 'anonymous'),
      ...(current?.userId === undefined ? {} : { userId: current.userId }),
    };
  };
  const identity = createIdentity({
    dir: options.identityDir,
    apiUrl,
    ...(options.clientId === undefined ? {} : { clientId: options.clientId }),
  });
  const auth = createAuth({
    wire,
    identity,
    ...(options.token ? { own: options.token } : {}),
    retryAfterMs: options.retryAfterMs,
    facts,
    clock,
    log,
  });
  const cloud: Cloud = {
    client: createClient({ wire, auth, facts, attribution, clock, log }),
    auth,
    resultHttp,
    policy,
    uploads: new PQueue({ concurrency: Math.max(1, options.uploads) }),
    pace: createPace(options.uploadRate, clock),
    newRenderId: createRenderIds(clock),
    folders: createFolderSessions(options.identityDir),
    exclusive: createLocks(),
    settings,
    local: options.local,
    clock,
    log,
    random,
  };
  const close = async () => {
    await Promise.all([http.close(), freshHttp.close(), resultHttp.close()]);
  };
  return { cloud, close };
}
