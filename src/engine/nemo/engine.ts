/**
 * Room: the NemoVideo cloud. A job is uploaded into a session, the agent carries out one instruction there, and the timeline is rendered
 * and downloaded; docs/nemo-api.md says what we rely on. A message costs credits and is never sent twice unasked; everything else is
 * free and may be repeated. May import the engine contract, config (types and secrets), core, messages, platform.
 */
import { basename } from 'node:path';
import { isShrinkError, ShrinkError } from '../../core/errors.ts';
import type { Candidate, Order } from '../../core/job.ts';
import { isLinkName } from '../../core/saving.ts';
import { targetBytes } from '../../core/target.ts';
import { messageOf, type Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import type { Clock } from '../../platform/clock.ts';
import { Checkpoints } from '../checkpoints.ts';
import {
  type CloudEngine,
  type Credits,
  type EngineContext,
  type Intent,
  type ServiceCheck,
  type TimelineQuestion,
  type UploadRequest,
  wordsOf,
} from '../engine.ts';
import { readBalance, readCredits } from './account/credits.ts';
import { taskCheckpoints } from './checkpoints.ts';
import type { CloudContext, CloudTask } from './context.ts';
import { contentOf, wantedSeconds } from './content.ts';
import { createCloud, type NemoOptions } from './create.ts';
import { type PauseListener, untilSentence } from './http/rate-limit.ts';
import { CloudJob, type Produced } from './job.ts';
import { ManualCommands } from './manual.ts';
import { intentOf } from './message/intent.ts';
import { compressHere, produceOversize } from './oversize.ts';
import { nameIn, readLink } from './session/link-file.ts';
import { checkFormat } from './session/upload.ts';

export type { NemoOptions } from './create.ts';

/** Nothing is opened, read or sent before it is needed. */
export class NemoEngine implements CloudEngine {
  readonly name = 'nemo';
  readonly #cloud: CloudContext;
  readonly #manual: ManualCommands;
  readonly #close: () => Promise<void>;
  #isConnected = false;

  constructor(options: NemoOptions) {
    const { cloud, close } = createCloud(options);
    this.#cloud = cloud;
    this.#close = close;
    this.#manual = new ManualCommands(cloud, { dir: options.stateDir, log: options.log });
  }

  async run(order: Order, context: EngineContext): Promise<Candidate> {
    try {
      // What the service could not take is said without asking it.
      const task = await this.#taskFor(order, context);
      await this.#connect(context.signal);
      return candidateOf(await produce(task), task.maxBytes);
    } catch (error) {
      if (!context.signal.aborted) throw error;
      const cause = isShrinkError(error) ? error : undefined;
      throw new ShrinkError('cancelled', say('nemo.stopped'), { cause });
    }
  }

  intentOf(words: string): Intent {
    return intentOf(words);
  }

  async check(signal: AbortSignal): Promise<ServiceCheck> {
    const token = this.#cloud.auth.available();
    if (!token) {
      const { date } = await this.#cloud.client.ping(signal);
      return this.#clockAhead(Date.parse(date ?? ''));
    }
    const { credits, date } = await readBalance(this.#cloud.client, signal);
    return { account: token.kind, credits, ...this.#clockAhead(date) };
  }

  paused(): { until: number; why: Sentence } | undefined {
    const pause = this.#cloud.pausedNow();
    return pause && { until: pause.until, why: untilSentence(pause) };
  }

  credits(signal: AbortSignal): Promise<Credits> {
    return readCredits(this.#cloud.client, signal);
  }

  timeline(question: TimelineQuestion): Promise<string> {
    return this.#manual.timeline(question);
  }

  cannotExport(question: TimelineQuestion): Promise<ShrinkError | undefined> {
    return this.#manual.cannotExport(question);
  }

  upload(request: UploadRequest): Promise<void> {
    return this.#manual.upload(request);
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** Logged once: a token shows that the service answers, or recently did. */
  async #connect(signal: AbortSignal): Promise<void> {
    const { auth, log } = this.#cloud;
    const { kind } = await auth.token(signal);
    if (this.#isConnected) return;
    this.#isConnected = true;
    log.info({ account: kind === 'own' ? 'your token' : 'free token' }, 'connected and ready');
  }

  /** @param serviceNow epoch ms, NaN if the service does not say. */
  #clockAhead(serviceNow: number): Pick<ServiceCheck, 'clockAheadMs'> {
    return Number.isFinite(serviceNow) ? { clockAheadMs: this.#cloud.clock.now() - serviceNow } : {};
  }

  async #taskFor(order: Order, context: EngineContext): Promise<CloudTask> {
    const name = basename(order.source);
    const base = {
      cloud: { ...this.#cloud, client: this.#cloud.client.telling(holdingUp(context, this.#cloud.clock)) },
      order,
      isWhole: true,
      checkpoints: taskCheckpoints(Checkpoints.of(context)),
      context,
      dir: context.workDir,
      onProgress: progressOf(context),
    };
    if (!isLinkName(name)) {
      checkFormat(name);
      const source = { kind: 'file' as const, file: context.source, name, bytes: order.sourceBytes };
      const task = { ...base, source, maxBytes: targetBytes(order.target, order.sourceBytes) };
      const { size, trim } = order.target;
      const isByLength = size?.kind === 'rate' || (size?.kind === 'share' && trim !== undefined);
      return isByLength ? { ...task, maxBytes: await bytesByLength(task) } : task;
    }
    const url = await readLink(context.source);
    const { size } = order.target;
    if (size && size.kind !== 'bytes') {
      const code = size.kind === 'share' ? 'nemo.share-of-link' : 'nemo.rate-of-link';
      throw new ShrinkError('cannot-do', say(code), { hint: say('nemo.share-of-link-hint') });
    }
    return { ...base, source: { kind: 'link', url, name: nameIn(url) }, maxBytes: size?.bytes };
  }
}

export function createNemoEngine(options: NemoOptions): NemoEngine {
  return new NemoEngine(options);
}

/** What a bit rate, or a share of a part, comes to, bytes. @throws ShrinkError `cannot-do` if the length of the source is unknown */
async function bytesByLength(task: CloudTask): Promise<number | undefined> {
  const { order, source } = task;
  const content = await contentOf(task);
  const seconds = wantedSeconds(content, order.target);
  if (content.durationS !== undefined && seconds !== undefined)
    return targetBytes(order.target, (order.sourceBytes * seconds) / content.durationS, seconds);
  // A part of which there is nothing is refused before anything is sent.
  if (content.durationS !== undefined) return undefined;
  throw new ShrinkError('cannot-do', say('nemo.rate-of-other', { name: source.name }), {
    subject: source.name,
    hint: say('nemo.share-of-link-hint'),
  });
}

async function produce(task: CloudTask): Promise<Produced> {
  const { cloud, order, source } = task;
  if (source.kind === 'link') return new CloudJob(task).run();
  const fileTask = { ...task, source };
  if (source.bytes > cloud.settings.maxUpload) return produceOversize(fileTask);
  try {
    return await new CloudJob(task).run();
  } catch (error) {
    // The service's own limit may be lower than the configured one.
    const canHelp = cloud.settings.oversize === 'local' && cloud.local && order.instruction === undefined;
    if (!canHelp || !isShrinkError(error, 'file-too-large')) throw error;
    return compressHere(fileTask);
  }
}

function candidateOf(produced: Produced, maxBytes: number | undefined): Candidate {
  const { path, bytes, how, notes, durationS, durationToleranceS, videoCodecs, madeHere } = produced;
  return {
    path,
    isSource: false,
    bytes,
    expect: {
      maxBytes,
      durationS,
      durationToleranceS,
      // What was made on this machine has the codec it decided on.
      videoCodecs: videoCodecs ?? ['h264', 'hevc', 'av1'],
    },
    ...(madeHere && { madeHere }),
    ...wordsOf(how, notes),
  };
}

/** While a pause of the service holds the job up, that is what shows of it. */
function holdingUp(context: EngineContext, clock: Clock): PauseListener {
  let since: number | undefined;
  return pause => {
    if (!pause && since === undefined) return;
    since = pause && (since ?? clock.now());
    const note = pause && say('nemo.held-by-limit', { at: pause.until });
    context.progress({ held: note && { note: note.text, message: messageOf(note), waitsSince: since } });
  };
}

function progressOf(context: EngineContext): CloudTask['onProgress'] {
  let reached = 0;
  return (fraction, note, waitsSince) => {
    // A follow-up starts over, but the fraction shown to people only grows.
    reached = Math.max(reached, Math.min(1, fraction));
    context.progress({ fraction: reached, note: note?.text, message: messageOf(note), waitsSince });
  };
}
