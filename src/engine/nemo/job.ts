import { adviceFor, isShrinkError, ShrinkError } from '../../core/errors.ts';
import { formatBytes } from '../../core/units.ts';
import { ensureUploaded, isSessionGone, readState, type SessionRecord, sessionFor } from './session/source.ts';
import { claimLink } from './session/claim-link.ts';
import { retryCountOf, type CloudContext, type CloudTask } from './context.ts';
import { type MessageRecord, sendInstruction, type InstructionResult } from './message/send-once.ts';
import { summarise } from './session/draft.ts';
import { type Exported, exportDraft } from './render/export.ts';
import { balanceWords, readCredits } from './account/credits.ts';
import { indexFirst } from './render/faststart.ts';
import { buildPrompt, followUp, type Prompt } from './message/prompt.ts';
import type { OutputHint } from './message/intent.ts';

/** A file made in the cloud that fits. */
export interface Produced {
  path: string;
  bytes: number;
  how: string;
  notes: string[];
  /** What the result should last, seconds, where that can be known, and how exactly. */
  durationS?: number;
  durationToleranceS?: number;
}

/**
 * One source through the cloud: session, upload, message, render, download; once more in the same session when the result is too
 * large. Every step looks at its checkpoint first, so the whole may be run again from any point.
 */
export async function produce(cloud: CloudContext, task: CloudTask): Promise<Produced> {
  const { folder } = task.order;
  const perFolder = cloud.settings.session === 'per-folder' && folder !== undefined;
  const earlier = task.order.previous?.cloud?.session;
  // One at a time in a session that is shared: their timelines are one.
  const key = perFolder ? `folder ${folder}` : earlier === undefined ? `job ${task.order.job}` : `session ${earlier}`;
  return cloud.sessionLocks.run(key, () => fromSessionOn(cloud, task), task.context.signal);
}

async function fromSessionOn(cloud: CloudContext, task: CloudTask): Promise<Produced> {
  for (let starts = 0; ; starts += 1) {
    const session = await sessionFor(cloud, task);
    try {
      const produced = await inSession(cloud, task, session);
      if (cloud.settings.session === 'per-folder') letGo(cloud, task);
      return produced;
    } catch (error) {
      if (!isSessionGone(error)) throw error;
      // Nothing was asked of the agent yet: a new session loses nothing but the upload.
      const startOver = starts === 0 && !session.refines && !mayHaveBeenTold(task, session);
      await task.memory.set('session', {
        ...session,
        gone: startOver ? retryCountOf(task.order) - 1 : retryCountOf(task.order),
      });
      if (!startOver) throw error;
      cloud.log.info({ job: task.order.job }, 'the session was gone; starting over in a new one');
    }
  }
}

/** What could not be let go of is passed over by the next job, which makes a session of its own: no reason to lose a result. */
function letGo({ folders, log }: CloudContext, { order: { folder, job } }: CloudTask): void {
  if (folder === undefined) return;
  try {
    folders.release(folder, job);
  } catch (error) {
    log.warn({ err: error, job }, "the folder's session could not be let go of; the next file gets a new one");
  }
}

function mayHaveBeenTold({ memory }: CloudTask, session: SessionRecord): boolean {
  const message = memory.get<MessageRecord>('message.1');
  return message?.session === session.id && message.outcome !== 'refused';
}

async function inSession(cloud: CloudContext, task: CloudTask, session: SessionRecord): Promise<Produced> {
  const { order, maxBytes } = task;
  const prompt = buildPrompt({
    ...(order.instruction === undefined ? {} : { instruction: order.instruction }),
    target: order.target,
    ...(maxBytes === undefined ? {} : { maxBytes }),
    language: cloud.settings.language,
    ...(session.shared && !session.refines ? { among: task.source.name } : {}),
    refines: session.refines,
  });
  await answerQuestion(cloud, task, session, prompt);
  const uploaded = session.refines ? undefined : await ensureUploaded(cloud, task, session);
  const outcome =
    prompt.text === undefined ? NOTHING_TOLD : await sendInstruction(cloud, task, session, 1, prompt.text);
  // Before the export: where that is blocked or cannot be done, the site is where a person goes on.
  await claimLink(cloud, task, session);
  const hint = prompt.route.kind === 'export' ? prompt.route.hint : {};
  const first = await exportDraft(cloud, task, session, {
    ...rejectedAt(task, 1),
    n: 1,
    snapshot: outcome.after,
    reply: outcome.reply,
    hint,
    upTo: maxBytes,
  });
  const fitted = await fit(cloud, task, session, first, hint);
  const result = await indexFirst(cloud, task, fitted);
  const handed: HandedRecord = { n: fitted.n, asked: retryCountOf(order) };
  await task.memory.set('handed', handed);
  const asWritten = order.instruction !== undefined && prompt.route.kind === 'edit';
  return {
    path: result.path,
    bytes: result.bytes,
    how: `in the cloud: ${fitted.how}${fitted.summary}`,
    notes: notesOf(outcome, fitted),
    // Only words of our own certainly leave the length alone.
    ...(uploaded?.durationS === undefined || asWritten
      ? {}
      : { durationS: uploaded.durationS, durationToleranceS: toleranceS(uploaded.durationS) }),
  };
}

/** What was handed over to be verified, under `handed`: which export it was, and `order.retryCount` of then. */
type HandedRecord = { n: number; asked: number };

/** A person asking again for what was handed over says that it was rejected: fetching and rendering are free, a message is not. */
function rejectedAt({ memory, order }: CloudTask, n: number): { rejectedAt?: number } {
  const handed = memory.get<HandedRecord>('handed');
  return handed?.n === n && retryCountOf(order) > handed.asked ? { rejectedAt: handed.asked } : {};
}

const NOTHING_TOLD: InstructionResult = { reply: '', changes: [], after: undefined };

/** The service's own timeline has a clock of its own; a cut-off file is off by more than this. */
function toleranceS(durationS: number): number {
  return Math.max(0.5, durationS * 0.01);
}

function notesOf(result: InstructionResult, fitted: Fitted): string[] {
  const notes: string[] = [];
  if (result.reply !== '') notes.push(`the agent said: ${result.reply.replace(/\s+/g, ' ').slice(0, 300)}`);
  if (result.changes.length > 0) notes.push(`in the session: ${result.changes.join('; ')}`);
  return [...notes, ...fitted.notes];
}

/** "Credits" and "status" as the words beside a file are answered in the job's record; alone they lead to no video. */
async function answerQuestion(
  cloud: CloudContext,
  task: CloudTask,
  session: SessionRecord,
  prompt: Prompt,
): Promise<void> {
  const { kind } = prompt.route;
  if (kind !== 'credits' && kind !== 'state') return;
  const { context } = task;
  const answer =
    kind === 'credits'
      ? balanceWords(await readCredits(cloud, context.signal))
      : summarise((await readState(cloud, session, context.signal)).reading);
  await context.fact(kind === 'credits' ? 'credits' : 'timeline', answer);
  if (prompt.text !== undefined) return;
  throw new ShrinkError('cannot-do', answer, {
    doing: 'answering',
    hint: 'That was a question; put what to change into the .txt file beside the video to get a new version.',
  });
}

interface Fitted {
  /** Number of the export it is; 0 where this machine made something else of it. */
  n: number;
  path: string;
  bytes: number;
  how: string;
  summary: string;
  notes: string[];
}

/** The promise on size: one follow-up in the same session, then this machine where the rule lets it, else a person. */
async function fit(
  cloud: CloudContext,
  task: CloudTask,
  session: SessionRecord,
  first: Exported,
  hint: OutputHint,
): Promise<Fitted> {
  const { maxBytes } = task;
  if (fits(first, maxBytes)) return { ...first, n: 1, how: '', notes: [] };
  const max = maxBytes ?? 0;
  const was = `the first result had ${formatBytes(first.bytes)}`;
  let last = { ...first, n: 1 };
  let why: ShrinkError | undefined;
  try {
    const result = await sendInstruction(cloud, task, session, 2, followUp(first.bytes, max, cloud.settings.language));
    const second = await exportDraft(cloud, task, session, {
      ...rejectedAt(task, 2),
      n: 2,
      snapshot: result.after,
      reply: result.reply,
      hint,
      upTo: max,
    });
    last = { ...second, n: 2 };
    if (fits(last, max)) return { ...last, how: 'asked twice for the size; ', notes: [`${was}; asked once more`] };
  } catch (error) {
    // What only time can mend is waited for; anything else leaves the first result to make do with.
    if (!isShrinkError(error) || task.context.signal.aborted || !canMakeDo(cloud, task, error)) throw error;
    why = error;
  }
  return shrinkHere(cloud, task, session, last, max, why, was);
}

function canMakeDo({ local }: CloudContext, { order }: CloudTask, error: ShrinkError): boolean {
  const { kind } = adviceFor(error.code);
  if (error.code === 'cannot-do') return true;
  return (
    local !== undefined && order.fallback === 'local' && (kind === 'hold' || kind === 'fail' || kind === 'pause-engine')
  );
}

function fits(exported: Exported, maxBytes: number | undefined): exported is Exported & { path: string } {
  return exported.path !== undefined && (maxBytes === undefined || exported.bytes <= maxBytes);
}

async function shrinkHere(
  cloud: CloudContext,
  task: CloudTask,
  session: SessionRecord,
  last: Exported & { n: number },
  maxBytes: number,
  why: ShrinkError | undefined,
  was: string,
): Promise<Fitted> {
  const { order, context, dir } = task;
  if (!cloud.local || order.fallback !== 'local') throw cannotFit(last.bytes, maxBytes, why);
  const whole =
    last.path === undefined
      ? await exportDraft(cloud, task, session, {
          n: last.n,
          snapshot: undefined,
          reply: '',
          hint: {},
          upTo: undefined,
        })
      : last;
  if (whole.path === undefined) throw cannotFit(last.bytes, maxBytes, why);
  await context.step('fit-here');
  const { path, bytes, how } = await cloud.local.shrink({
    job: order.job,
    source: whole.path,
    target: order.target,
    maxBytes,
    dir,
    signal: context.signal,
    gate: context.gate,
    log: context.log,
    onProgress: fraction => task.onProgress(fraction, 'making it fit here'),
  });
  return {
    n: 0,
    path,
    bytes,
    how: `made to fit on this machine (${how}); `,
    summary: whole.summary,
    notes: [`${was}, more than ${formatBytes(maxBytes)}`],
  };
}

function cannotFit(bytes: number, maxBytes: number, cause: ShrinkError | undefined): ShrinkError {
  return new ShrinkError(
    'cannot-fit',
    `the cloud's result has ${formatBytes(bytes)}, more than the ${formatBytes(maxBytes)} asked for, also after asking again`,
    {
      doing: 'making it fit',
      hint: 'Set fallback: local in the rule to have it made to fit on this machine, or ask for a larger size.',
      cause,
    },
  );
}
