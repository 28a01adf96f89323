import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileError } from '../../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../../core/errors.ts';
import type { Candidate, Order } from '../../core/job.ts';
import { targetBytes } from '../../core/target.ts';
import type { CloudEngine, EngineContext, ServiceCheck } from '../engine.ts';
import { type ManualCommands, createManualCommands } from './manual.ts';
import { memoryOf, type CloudTask } from './context.ts';
import { balanceOf, readCredits } from './account/credits.ts';
import { isLinkFile, nameIn, readLink } from './session/link-file.ts';
import type { NemoOptions } from './options.ts';
import { compressHere, produceOversize } from './oversize.ts';
import { type Produced, produce } from './job.ts';
import { route } from './message/intent.ts';
import { createCloud } from './create.ts';
import { checkFormat } from './session/upload.ts';

export type { NemoOptions } from './options.ts';

export interface NemoEngine extends CloudEngine, Pick<ManualCommands, 'exportNow'> {}

/** Nothing is opened, read or sent before it is needed. */
export function createNemoEngine(options: NemoOptions): NemoEngine {
  const { clock, log } = options;
  const { cloud, close } = createCloud(options);
  let told = false;

  return {
    name: 'nemo',
    run,
    intentOf: route,
    check: look,
    credits: signal => readCredits(cloud, signal),
    ...createManualCommands(cloud, options),
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

  async function look(signal: AbortSignal): Promise<ServiceCheck> {
    const token = cloud.auth.available();
    if (!token) return clockAhead(Date.parse((await cloud.client.knock(signal))['date'] ?? ''));
    const { credits, date } = await balanceOf(cloud, signal);
    return { account: token.kind, credits, ...clockAhead(date) };
  }

  function clockAhead(there: number): Pick<ServiceCheck, 'clockAheadMs'> {
    return Number.isFinite(there) ? { clockAheadMs: clock.now() - there } : {};
  }

  async function taskFor(order: Order, context: EngineContext): Promise<CloudTask> {
    const name = basename(order.source);
    await checkIsThere(order.source);
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

  async function make(task: CloudTask): Promise<{ produced: Produced; maxBytes: number | undefined }> {
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
}

/** Before its name is judged: a file that was removed is not an unsupported one. */
async function checkIsThere(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    throw fileError(error, 'looking at the source', path);
  }
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

function progressOf(context: EngineContext): CloudTask['onProgress'] {
  let reached = 0;
  return (fraction, note) => {
    // A follow-up starts over inside; what people see only grows.
    reached = Math.max(reached, Math.min(1, fraction));
    context.progress({ fraction: reached, ...(note === undefined ? {} : { note }) });
  };
}
