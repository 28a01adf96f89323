import { isShrinkError, policyFor, ShrinkError } from '../../core/errors.ts';
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import { ownFile } from '../../platform/files/files.ts';
import { balanceSentence, readCredits } from './account/credits.ts';
import type { LocalHelp, LocalRequest } from '../engine.ts';
import { type ContentRecord, retryCountOf, type SessionRecord } from './checkpoints.ts';
import {
  checkPossible,
  codecsFor,
  contentOf,
  deviations,
  expectedLength,
  isUnreadable,
  meansLength,
  shrunkenPicture,
  wantedSeconds,
  withoutPart,
} from './content.ts';
import type { Target } from '../../core/target.ts';
import type { CloudTask, SessionTask } from './context.ts';
import type { OutputHint } from './message/intent.ts';
import { buildPrompt, followUp, languageFor, type Prompt } from './message/prompt.ts';
import { type InstructionResult, sendInstruction } from './message/send-once.ts';
import { type Exported, exportDraft } from './render/export.ts';
import { indexFirst } from './render/faststart.ts';
import { recordClaimLink } from './session/claim-link.ts';
import { ensureUploaded, readState, sessionFor } from './session/source.ts';
import { type Snapshot, stateSentence } from './session/state.ts';
import { timelineOfAnother } from './session/whose-timeline.ts';

/** A file made in the cloud that fits. */
export interface Produced {
  path: string;
  bytes: number;
  how: Sentence;
  notes: Sentence[];
  /** The expected duration of the result, seconds, if known, and how exactly. */
  durationS?: number;
  durationToleranceS?: number;
  /** Codecs the picture may have; absent if this machine decided on it. */
  videoCodecs?: string[];
  /** This machine made it, from a result of the cloud or from the source. */
  madeHere?: boolean;
}

/**
 * Takes one source through the cloud: session, upload, message, render, download; once more in the same session if the result is
 * too large. Every step reads its checkpoint first, so the whole may be run again from any point.
 */
export class CloudJob {
  readonly #task: CloudTask;

  constructor(task: CloudTask) {
    this.#task = task;
  }

  async run(): Promise<Produced> {
    const { cloud, context } = this.#task;
    const content = await contentOf(this.#task);
    checkPossible(this.#task, content);
    // One at a time in a shared session: its jobs share one timeline.
    return cloud.sessionLocks.run(this.#lockKey(), () => this.#fromSessionOn(content), context.signal);
  }

  #lockKey(): string {
    const { cloud, order } = this.#task;
    const { folder, previous, job } = order;
    if (cloud.settings.session === 'per-folder' && folder !== undefined) return `folder ${folder}`;
    const earlier = previous?.cloud?.session;
    return earlier === undefined ? `job ${job}` : `session ${earlier}`;
  }

  async #fromSessionOn(content: ContentRecord): Promise<Produced> {
    const { cloud, order, checkpoints } = this.#task;
    for (let starts = 0; ; starts += 1) {
      const session = await sessionFor(this.#task);
      try {
        const { source } = this.#task;
        const name = session.file ?? source.name;
        const produced = await new SessionWork({ ...this.#task, source: { ...source, name }, session }, content).run();
        if (cloud.settings.session === 'per-folder') this.#releaseFolder();
        return produced;
      } catch (error) {
        // Nothing of it is half-done there.
        if (session.refines && !this.#mayHaveSent(session)) this.#releaseFolder();
        if (!isShrinkError(error, 'session-gone')) throw error;
        // Before any message, a new session costs nothing but the upload.
        const startOver = starts === 0 && !session.refines && !this.#mayHaveSent(session);
        const retryCount = retryCountOf(order);
        await checkpoints.session.set({ ...session, gone: startOver ? retryCount - 1 : retryCount });
        if (!startOver) throw error;
        cloud.log.info({ job: order.job }, 'the session was gone; starting over in a new one');
      }
    }
  }

  #mayHaveSent(session: SessionRecord): boolean {
    const message = this.#task.checkpoints.message(1).get();
    return message?.session === session.id && message.outcome !== 'refused';
  }

  /** A session that stays marked as busy is skipped by the next job, which opens its own: no reason to lose a result. */
  #releaseFolder(): void {
    const { cloud, order } = this.#task;
    const { folder, job } = order;
    if (folder === undefined) return;
    try {
      cloud.folders.release(folder, job);
    } catch (error) {
      cloud.log.warn({ err: error, job }, "the folder's session could not be released; the next file gets a new one");
    }
  }
}

/** What was exported, and how it was made to fit. */
interface Fitted {
  /** Number of the export; 0 if this machine made it into something else. */
  n: number;
  path: string;
  bytes: number;
  how: Sentence;
  notes: Sentence[];
}

type NumberedExport = Exported & { n: number };

const NOTHING_SENT: InstructionResult = { reply: '', changes: [], openSteps: [], after: undefined };

/** The work within one session. */
class SessionWork {
  readonly #task: SessionTask;
  readonly #content: ContentRecord;

  constructor(task: SessionTask, content: ContentRecord) {
    this.#task = task;
    this.#content = content;
  }

  async run(): Promise<Produced> {
    const { order, maxBytes, session, checkpoints } = this.#task;
    const displaced = await this.#displaced();
    const prompt = this.#prompt(displaced !== undefined);
    this.#mayContinue(prompt, displaced);
    await this.#answerQuestion(prompt);
    const uploaded = session.refines ? undefined : await ensureUploaded(this.#task);
    const sent = prompt.text === undefined ? NOTHING_SENT : await sendInstruction(this.#task, 1, prompt.text);
    // Before the export: if that is blocked or impossible, a person can continue on the site.
    await recordClaimLink(this.#task);
    const hint = prompt.intent.kind === 'export' ? prompt.intent.hint : {};
    const exported = await this.#export({ n: 1, sent, hint, upTo: maxBytes });
    const isEdit = order.instruction !== undefined && prompt.intent.kind === 'edit';
    // Words of a person may ask for another picture, on this timeline or before.
    const isOurs = !isEdit && !session.refines && hint.resolution === undefined;
    const fitted = await this.#asAsked(await this.#fit(exported, hint), { hintS: uploaded?.durationS, isOurs });
    const result = await indexFirst(this.#task, fitted);
    await checkpoints.handed.set({ n: fitted.n, asked: retryCountOf(order) });
    return {
      path: result.path,
      bytes: result.bytes,
      how: fitted.how,
      notes: [...notesOf(sent, order.job), ...fitted.notes],
      // A person's own instruction may change the length; ours certainly does not.
      ...(session.refines || (isEdit && !order.target.trim) ? {} : expectedOf(this.#content, order.target)),
      ...(fitted.n === 0 ? { madeHere: true } : { videoCodecs: codecsFor(order.target, this.#content) }),
    };
  }

  /** What is on the timeline, if the session is no longer as an earlier version of this file left it. */
  async #displaced(): Promise<Snapshot | undefined> {
    const { cloud, session, order, checkpoints, context } = this.#task;
    if (!session.refines || session.file === undefined) return undefined;
    const message = checkpoints.message(1).get();
    const isUnderWay =
      checkpoints.draft(1).get()?.session === session.id ||
      (message?.session === session.id && message.outcome === 'done');
    if (isUnderWay) return undefined;
    const state = await readState(cloud, session, { signal: context.signal });
    return state.draftHash === order.previous?.cloud?.draft ? undefined : state;
  }

  #prompt(comesBack: boolean): Prompt {
    const { cloud, order, maxBytes, session, source } = this.#task;
    const startsOver = comesBack || !session.refines;
    return buildPrompt({
      instruction: order.instruction,
      target: order.target,
      maxBytes,
      language: this.#language(),
      speaksOf: words => cloud.readWords(words).speaksOf,
      // A session of 0.1.0 does not say the name.
      among: session.file ?? (session.shared && !session.refines ? source.name : undefined),
      timeline: startsOver ? (session.refines ? 'of-another' : 'new') : 'own',
      earlier: startsOver ? order.previous?.words : undefined,
      refines: session.refines,
      kind: this.#content.kind,
    });
  }

  #language(): string {
    const { order, cloud } = this.#task;
    return languageFor(order.instruction, cloud.settings.language, cloud.readWords);
  }

  /** An edit brings the file back onto the timeline; an export or a question must not pass off another file's as this one's. */
  #mayContinue({ intent }: Prompt, displaced: Snapshot | undefined): void {
    if (intent.kind === 'edit' || intent.kind === 'credits') return;
    const { source, session, context } = this.#task;
    if (displaced) throw timelineOfAnother(source.name, displaced, context.neighbours?.(session.id) ?? []);
  }

  /** "Credits" and "status" beside a file are answered in the job's record; in a kept session nothing else is to do. */
  async #answerQuestion({ intent, text }: Prompt): Promise<void> {
    if (intent.kind !== 'credits' && intent.kind !== 'state') return;
    const { context, cloud, session } = this.#task;
    const { signal } = context;
    const answer =
      intent.kind === 'credits'
        ? balanceSentence(await readCredits(cloud.client, signal))
        : stateSentence(await readState(cloud, session, { signal }));
    await context.fact(intent.kind === 'credits' ? 'credits' : 'timeline', answer);
    if (text !== undefined) return;
    throw new ShrinkError('cannot-do', answer, {
      doing: say('nemo.doing-answer'),
      hint: say('nemo.only-a-question-hint'),
    });
  }

  async #export(request: {
    n: number;
    sent: InstructionResult;
    hint: OutputHint;
    upTo: number | undefined;
  }): Promise<NumberedExport> {
    const { n, sent, hint, upTo } = request;
    const rejectedAt = this.#rejectedAt(n);
    const exported = await exportDraft(this.#task, {
      n,
      snapshot: sent.after,
      reply: sent.reply,
      hint,
      upTo,
      rejectedAt,
    });
    return { ...exported, n };
  }

  /** A person who retries after a result was delivered for checking rejected it: fetching and rendering are free, a message is not. */
  #rejectedAt(n: number): number | undefined {
    const { checkpoints, order } = this.#task;
    const handed = checkpoints.handed.get();
    return handed?.n === n && retryCountOf(order) > handed.asked ? handed.asked : undefined;
  }

  /** Keeps the promise on size: one follow-up in the same session, then this machine if the rule allows it, else a person. */
  async #fit(first: NumberedExport, hint: OutputHint): Promise<Fitted> {
    const { maxBytes, context } = this.#task;
    if (fits(first, maxBytes)) return { ...first, how: say('nemo.how', { timeline: first.timeline }), notes: [] };
    const max = maxBytes ?? 0;
    let last = first;
    let cause: ShrinkError | undefined;
    try {
      const sent = await sendInstruction(this.#task, 2, followUp(first.bytes, max, this.#language()));
      last = await this.#export({ n: 2, sent, hint, upTo: max });
      if (fits(last, max)) {
        const how = say('nemo.how-asked-twice', { timeline: last.timeline });
        return { ...last, how, notes: [say('nemo.asked-once-more', { bytes: first.bytes })] };
      }
    } catch (error) {
      // What time alone can mend is waited for; after anything else the first result has to do.
      if (!isShrinkError(error) || context.signal.aborted || !this.#canMakeDo(error)) throw error;
      cause = error;
    }
    return this.#fitHere(last, { firstBytes: first.bytes, maxBytes: max, cause });
  }

  #canMakeDo({ code }: ShrinkError): boolean {
    if (code === 'cannot-do') return true;
    const { kind } = policyFor(code).advice;
    return this.#localMayHelp() && (kind === 'hold' || kind === 'fail' || kind === 'pause-engine');
  }

  #localMayHelp(): boolean {
    return this.#task.cloud.local !== undefined && this.#task.order.fallback === 'local';
  }

  /** What this machine sees in the result counts, not what was asked for or said: codec, picture size, frame rate, sound. */
  async #asAsked(made: Fitted, { hintS, isOurs }: { hintS: number | undefined; isOurs: boolean }): Promise<Fitted> {
    const { cloud, order, context } = this.#task;
    const { local } = cloud;
    if (!local || made.n === 0) return made;
    const facts = await local.look({ file: ownFile(made.path), signal: context.signal }).catch((error: unknown) => {
      if (isShrinkError(error, 'no-video')) throw noVideo(error);
      // Verify finds out what is wrong with it, and says so.
      if (!isUnreadable(error)) throw error;
    });
    if (!facts) return made;
    const smaller = isOurs ? shrunkenPicture(facts, order.target, this.#content) : undefined;
    const fitted = smaller ? { ...made, notes: [...made.notes, smaller] } : made;
    const found = deviations(facts, order.target, this.#content);
    if (found.length > 0) return this.#mend(fitted, local, found);
    const isOdd = this.#content.durationS === undefined && hintS !== undefined && !meansLength(hintS, facts.durationS);
    if (!isOdd) return fitted;
    return {
      ...fitted,
      notes: [...fitted.notes, say('nemo.length-not-as-said', { seconds: facts.durationS, hint: hintS })],
    };
  }

  /** Re-encoded here where the rule allows it; another message would be a guess that costs. */
  async #mend(fitted: Fitted, local: LocalHelp, found: Sentence[]): Promise<Fitted> {
    const { order, context, maxBytes, onProgress } = this.#task;
    if (order.fallback !== 'local') {
      throw new ShrinkError('cannot-fit', say('nemo.not-as-asked', { found }), {
        doing: say('nemo.doing-fit'),
        hint: say('nemo.not-as-asked-hint'),
      });
    }
    await context.step('fit-here');
    const { path, bytes, how } = await local.shrink({
      ...this.#localRequest(fraction => onProgress(fraction, say('nemo.fitting-here'))),
      source: ownFile(fitted.path),
      target: { ...withoutPart(order.target), codec: order.target.codec ?? 'h264' },
      maxBytes,
    });
    const notes = [...fitted.notes, say('nemo.first-result-not-as-asked', { found })];
    return { n: 0, path, bytes, how: say('nemo.how-mended-here', { how, cloud: fitted.how }), notes };
  }

  #localRequest(onProgress: (fraction: number) => void): LocalRequest {
    const { order, dir, context } = this.#task;
    return { job: order.job, dir, signal: context.signal, gate: context.gate, log: context.log, onProgress };
  }

  /** Makes the last result fit on this machine, or leaves it to a person. */
  async #fitHere(
    last: NumberedExport,
    { firstBytes, maxBytes, cause }: { firstBytes: number; maxBytes: number; cause: ShrinkError | undefined },
  ): Promise<Fitted> {
    const { cloud, order, context, onProgress } = this.#task;
    if (!cloud.local || !this.#localMayHelp()) throw cannotFit(last.bytes, maxBytes, cause);
    const whole = last.path === undefined ? await exportDraft(this.#task, { n: last.n }) : last;
    if (whole.path === undefined) throw cannotFit(last.bytes, maxBytes, cause);
    await context.step('fit-here');
    const { path, bytes, how } = await cloud.local.shrink({
      ...this.#localRequest(fraction => onProgress(fraction, say('nemo.fitting-here'))),
      source: ownFile(whole.path),
      target: withoutPart(order.target),
      maxBytes,
    });
    return {
      n: 0,
      path,
      bytes,
      how: say('nemo.how-fitted-here', { how, timeline: whole.timeline }),
      notes: [say('nemo.first-result-too-large', { bytes: firstBytes, maxBytes })],
    };
  }
}

function fits(exported: NumberedExport, maxBytes: number | undefined): exported is NumberedExport & { path: string } {
  return exported.path !== undefined && (maxBytes === undefined || exported.bytes <= maxBytes);
}

function expectedOf(content: ContentRecord, target: Target): Pick<Produced, 'durationS' | 'durationToleranceS'> {
  const durationS = wantedSeconds(content, target);
  if (!target.trim) return expectedLength(content);
  return durationS === undefined ? {} : expectedLength({ durationS });
}

function notesOf({ reply, changes, openSteps, problem }: InstructionResult, job: string): Sentence[] {
  const notes: Sentence[] = [];
  if (reply !== '') notes.push(say('nemo.agent-said', { reply: reply.replace(/\s+/g, ' ').slice(0, 300) }));
  if (changes.length > 0) notes.push(say('nemo.session-changes', { changes }));
  if (problem) notes.push(say('nemo.reported-all-the-same', { problem }));
  // Never as a command to copy: it is the agent's text.
  if (openSteps.length > 0) notes.push(say('nemo.open-steps', { steps: openSteps.join(' '), job }));
  return notes;
}

/** What the probe finds in a result that is no film, in words about the service's work. */
const NO_FILMS: Readonly<Record<string, Sentence>> = {
  'media.sound-only': say('nemo.result-sound-only'),
  'media.single-picture': say('nemo.result-still'),
  'media.picture-with-sound': say('nemo.result-still'),
};

/** A still picture or sound alone: there is nothing wrong with the source, and another render would give the same. */
function noVideo(error: ShrinkError): ShrinkError {
  const found = NO_FILMS[error.messages.text?.code ?? ''] ?? say('nemo.result-no-video');
  return new ShrinkError('bad-answer', found, {
    doing: say('nemo.doing-fit'),
    hint: say('nemo.result-no-film-hint'),
    cause: error,
  });
}

function cannotFit(bytes: number, maxBytes: number, cause: ShrinkError | undefined): ShrinkError {
  return new ShrinkError('cannot-fit', say('nemo.cannot-fit', { bytes, maxBytes }), {
    doing: say('nemo.doing-fit'),
    hint: say('nemo.cannot-fit-hint'),
    cause,
  });
}
