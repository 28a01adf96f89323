import { isShrinkError, reasonOfError, sentenceOf, ShrinkError } from '../../../core/errors.ts';
import { type Sentence, verbatim } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { sleep } from '../../../platform/clock.ts';
import type { Checkpoint } from '../../checkpoints.ts';
import { type Mark, type MessageRecord, retryCountOf, saidCode, sentenceFrom } from '../checkpoints.ts';
import type { SessionTask } from '../context.ts';
import { errorFor, refusalOf } from '../http/errors.ts';
import { isExportable } from '../session/draft.ts';
import { readState } from '../session/source.ts';
import { changeReport, differences, hasArrived, lostEverything, markOf, type Snapshot } from '../session/state.ts';
import { confirm, recoveryMs } from './recover.ts';
import { translate } from './reply-text.ts';
import { type MessageEnd, sendMessage } from './stream.ts';
import { didSomething, isOnlyTrouble, repliesOf, type Turn } from './turn.ts';

export interface InstructionResult {
  reply: string;
  /** What changed in the session. */
  changes: Sentence[];
  /** Edits the agent left to the person. */
  openSteps: string[];
  /** What the service reported although the change was made. */
  problem?: Sentence;
  /** The state it led to, if that was just read. */
  after: Snapshot | undefined;
}

/**
 * Has the agent carry out `text`, once. Resolves when the session's state shows it.
 * @param n 1 for the job's instruction, 2 for the follow-up on size.
 * @throws ShrinkError for a refusal; `unconfirmed` if the outcome is unknown; `cannot-do` if the agent
 * answered without doing anything.
 */
export function sendInstruction(task: SessionTask, n: 1 | 2, text: string): Promise<InstructionResult> {
  return new Instruction(task, n, text).run();
}

type Taken = Exclude<MessageEnd, { kind: 'refused' }>;

class Instruction {
  readonly #task: SessionTask;
  readonly #n: 1 | 2;
  readonly #text: string;
  readonly #checkpoint: Checkpoint<MessageRecord>;

  constructor(task: SessionTask, n: 1 | 2, text: string) {
    this.#task = task;
    this.#n = n;
    this.#text = text;
    this.#checkpoint = task.checkpoints.message(n);
  }

  /** Continues from the record; sends only if nothing was sent according to it, or if a person wants it sent again. */
  async run(): Promise<InstructionResult> {
    const { session, order } = this.#task;
    const stored = this.#checkpoint.get();
    if (stored?.session === session.id && stored.outcome !== 'refused') {
      if (stored.outcome === 'done') return resultOf(stored, undefined);
      if (stored.outcome === undefined && stored.heard) return this.#readOutcome(stored);
      // A retry is a yes to another message only from who was told that the first may cost as well.
      const wasTold = stored.outcome === 'nothing' || stored.told;
      if (retryCountOf(order) <= stored.asked || !wasTold) {
        if (stored.outcome === 'nothing') throw changedNothing(stored.reply ?? '');
        if (order.isOvertaken) throw await this.#untold(stored);
        const why =
          stored.why === undefined ? say('nemo.stopped-during-message') : sentenceFrom(stored.why, stored.whyCode);
        return this.#confirm(stored, why);
      }
      const late = await this.#lateOutcome(stored);
      if (late) return late;
    }
    return this.#send({ isRepeat: false });
  }

  async #send({ isRepeat }: { isRepeat: boolean }): Promise<InstructionResult> {
    const { cloud, context, session, order, onProgress } = this.#task;
    const before = await this.#stateBefore();
    const record: MessageRecord = {
      session: session.id,
      text: this.#text,
      before: markOf(before),
      sentAt: cloud.clock.now(),
      asked: retryCountOf(order),
    };
    await context.step(this.#n === 1 ? 'ask' : 'ask-smaller');
    // From here on the message counts as sent.
    await this.#checkpoint.set(record);
    onProgress(0.36, say('nemo.may-take-minutes'), record.sentAt);
    const token = await cloud.auth.token(context.signal);
    const end = await this.#listen(record);
    const refusal = refusalIn(this.#task, end);
    if (refusal) {
      await this.#checkpoint.set({ ...record, outcome: 'refused' });
      // A token refused before the stream has already been renewed there.
      if (isRepeat || end.kind === 'refused' || refusal.code !== 'auth-expired') throw refusal;
      await cloud.auth.afterRefusal(token, refusal, context.signal);
      return this.#send({ isRepeat: true });
    }
    return this.#awaitReply(record, end as Taken);
  }

  #listen({ sentAt }: MessageRecord): Promise<MessageEnd> {
    const { cloud, context, session, onProgress } = this.#task;
    return sendMessage({
      client: cloud.client,
      sessionId: session.id,
      text: this.#text,
      limits: cloud.settings,
      clock: cloud.clock,
      signal: context.signal,
      log: context.log,
      meter: cloud.meter,
      onNotice: note => {
        onProgress(0.45, note, sentAt);
        context.log.info({ step: 'message' }, note.text);
      },
    });
  }

  /** An upload that the state does not show yet would look like an effect of the message. */
  async #stateBefore(): Promise<Snapshot> {
    const { cloud, context, session, checkpoints } = this.#task;
    const isFirst = this.#n === 1;
    const upload = isFirst ? checkpoints.upload.get() : undefined;
    const isThere = (state: Snapshot) => upload?.session !== session.id || hasArrived(upload.before, state);
    for (let reads = 0; ; reads += 1) {
      const state = await readState(cloud, session, { signal: context.signal, untouched: isFirst });
      if (isThere(state) || reads >= MAX_REREADS) return state;
      await sleep(cloud.clock, cloud.settings.lagMs, context.signal);
    }
  }

  async #awaitReply(record: MessageRecord, end: Taken): Promise<InstructionResult> {
    const { signal } = this.#task.context;
    const { text, openSteps } = translate(repliesOf(end.turn));
    const reply = clip(text, 2000);
    const trouble = troubleIn(end);
    const { question } = end.turn;
    // Whatever prevents the reading from here on, a later attempt only has to read.
    const problem = reportedIn(this.#task, end.turn);
    const said = {
      reply,
      ...(openSteps.length > 0 && { openSteps }),
      ...(problem && { problem: problem.text, problemCode: saidCode(problem) }),
    };
    const heard: MessageRecord = { ...record, ...said, ...(trouble ? {} : { heard: true, question }) };
    if (!trouble) await this.#checkpoint.set(heard);
    signal.throwIfAborted();
    return trouble ? this.#confirm(heard, trouble) : this.#readOutcome(heard);
  }

  /** The stream's report is checked against the state: a third of all edits say nothing. */
  async #readOutcome(record: MessageRecord): Promise<InstructionResult> {
    const { cloud, context, session } = this.#task;
    const { reply = '', question, before } = record;
    let after = await this.#stateWithPatience(before);
    if (after.hash === before.hash) {
      await sleep(cloud.clock, cloud.settings.lagMs, context.signal);
      after = await this.#stateWithPatience(before);
    }
    if (after.hash !== record.before.hash) return this.#done(record, after);
    if (question !== undefined) return this.#nothingDone(record, question);
    const { openSteps = [] } = record;
    if (reply === '' && openSteps.length > 0) return this.#nothingDone(record, openSteps.join(' '));
    if (reply === '') return this.#confirm(record, say('nemo.closed-silently'));
    // A first message about a file that is already on its own timeline may only have confirmed it.
    if (this.#n === 1 && !session.shared && isExportable(after.reading)) return this.#done(record, after);
    return this.#nothingDone(record, reply);
  }

  /** A person wants another attempt at an unknown outcome: one more reading before it is sent again. */
  async #lateOutcome(record: MessageRecord): Promise<InstructionResult | undefined> {
    // What a later version of the file did to the timeline is not the effect of this message.
    if (record.outcome === 'nothing' || this.#task.order.isOvertaken) return undefined;
    const after = await this.#state(record.before);
    return after.hash === record.before.hash ? undefined : this.#done(record, after);
  }

  /** The outcome of the message is unknown: reads the session until it shows it; nothing is sent. */
  async #confirm(record: MessageRecord, why: Sentence): Promise<InstructionResult> {
    const { cloud, context, onProgress } = this.#task;
    context.log.info({ why: why.text }, 'it is not known whether the instruction was carried out');
    const { heard: _, ...open } = record;
    await this.#checkpoint.set({ ...open, ...saidWhy(why) });
    const doubt = new ShrinkError('outcome-unknown', say('nemo.outcome-unknown', { why }), {
      hint: say('nemo.outcome-unknown-hint', { ms: recoveryMs(cloud.settings.recovery) }),
    });
    await context.doubt('confirm-message', reasonOfError(doubt));
    const asking = confirm({
      before: record.before,
      why,
      recovery: cloud.settings.recovery,
      read: () => this.#state(record.before),
      clock: cloud.clock,
      signal: context.signal,
      onCheck: note => onProgress(0.5, note, record.sentAt),
    });
    const after = await asking.catch(async (error: unknown) => {
      if (isShrinkError(error, 'unconfirmed')) await this.#checkpoint.set({ ...open, ...saidWhy(why), told: true });
      throw error;
    });
    return this.#done(record, after);
  }

  /** The session shows what a later version of the file did; whether this message did anything before, it no longer tells. */
  async #untold(record: MessageRecord): Promise<ShrinkError> {
    await this.#checkpoint.set({ ...record, told: true });
    return new ShrinkError('unconfirmed', say('nemo.overtaken'), {
      doing: say('nemo.doing-confirm'),
      hint: say('nemo.unconfirmed-hint'),
      action: { code: 'decide' },
    });
  }

  async #done(record: MessageRecord, after: Snapshot): Promise<InstructionResult> {
    const { context } = this.#task;
    const changes = differences(record.before, after);
    const reply = record.reply ?? '';
    await context.step('confirmed');
    const done: MessageRecord = {
      ...record,
      ...{ outcome: 'done', reply },
      changes: changes.map(({ text }) => text),
      changeCodes: changes.map(saidCode),
    };
    await this.#checkpoint.set(done);
    await context.fact('timeline', changeReport(record.before, after, MAX_REPORT));
    if (reply !== '') await context.fact('agent', reply);
    if (record.openSteps) await context.fact('agent leaves to you', record.openSteps.join(' '));
    context.log.info({ changes: changes.length }, 'the agent carried out the instruction');
    return resultOf(done, after);
  }

  async #nothingDone(record: MessageRecord, reply: string): Promise<never> {
    await this.#checkpoint.set({ ...record, outcome: 'nothing', reply });
    throw changedNothing(reply);
  }

  /** @throws ShrinkError `bad-answer` also for a reading that cannot be true. */
  async #state(before: Mark): Promise<Snapshot> {
    const { cloud, context, session } = this.#task;
    const state = await readState(cloud, session, { signal: context.signal });
    if (!lostEverything(before, state)) return state;
    throw new ShrinkError('bad-answer', say('nemo.state-empty'), { doing: say('nemo.doing-state') });
  }

  /** A garbled reading says nothing and costs nothing, so it is repeated; after that, a person's retry continues with it. */
  async #stateWithPatience(before: Mark): Promise<Snapshot> {
    const { cloud, context } = this.#task;
    const { every, checks } = cloud.settings.recovery;
    for (let n = 1; ; n += 1) {
      try {
        return await this.#state(before);
      } catch (error) {
        if (!isShrinkError(error, 'bad-answer')) throw error;
        if (n >= checks) throw stillUnread(error);
      }
      await sleep(cloud.clock, every, context.signal);
    }
  }
}

function saidWhy(why: Sentence): Pick<MessageRecord, 'why' | 'whyCode'> {
  return { why: why.text, whyCode: saidCode(why) };
}

function stillUnread(cause: ShrinkError): ShrinkError {
  return new ShrinkError('bad-answer', sentenceOf(cause), {
    doing: cause.doing,
    hint: say('nemo.outcome-unread-hint'),
    cause,
  });
}

function resultOf(
  { reply = '', changes = [], changeCodes = [], openSteps = [], problem, problemCode }: MessageRecord,
  after: Snapshot | undefined,
): InstructionResult {
  return {
    ...{ reply, openSteps, after },
    changes: changes.map((text, n) => sentenceFrom(text, changeCodes[n])),
    ...(problem !== undefined && { problem: sentenceFrom(problem, problemCode) }),
  };
}

/** Characters that the journal keeps of what changed, about. */
const MAX_REPORT = 1000;

/** Further readings for an upload that the state does not show; some states may never show one. */
const MAX_REREADS = 2;

/** The journal's share is limited, whatever the service says. */
function clip(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}

function changedNothing(reply: string): ShrinkError {
  const message = say('nemo.changed-nothing', { reply: clip(reply, 300).replace(/\s+/g, ' ') });
  return new ShrinkError('cannot-do', message, {
    doing: say('nemo.doing-message'),
    hint: say('nemo.changed-nothing-hint'),
  });
}

/** Refusals that, in a stream, certainly came before anything was done. */
const REFUSED_IN_STREAM: readonly (string | undefined)[] = [
  ...['1001', '1002', '2001', '4001', '4002'],
  ...['http-402', 'http-429'],
];

/** An error in the stream before anything was done is like a refusal before the stream: the table says which. */
function refusalIn({ cloud }: SessionTask, end: MessageEnd): ShrinkError | undefined {
  if (end.kind === 'refused') return end.error;
  const refusal = didSomething(end.turn) ? undefined : refusalOfTurn(end.turn);
  if (refusal === undefined || !REFUSED_IN_STREAM.includes(refusal)) return undefined;
  const facts = cloud.auth.refusalFacts(say('nemo.doing-message'));
  return errorFor(refusal, { ...facts, status: 200, detail: end.turn.error?.message ?? '' });
}

function refusalOfTurn({ error }: Turn): ReturnType<typeof refusalOf> {
  return error?.code === undefined ? undefined : refusalOf(error.body, 200);
}

/** The error in the stream, for a note on a change that was made all the same. */
function reportedIn({ cloud }: SessionTask, turn: Turn): Sentence | undefined {
  if (!turn.error) return undefined;
  const { message } = turn.error;
  const refusal = refusalOfTurn(turn);
  if (refusal === undefined) return verbatim(message);
  const facts = cloud.auth.refusalFacts(say('nemo.doing-message'));
  return sentenceOf(errorFor(refusal, { ...facts, status: 200, detail: message }));
}

/** Why the end of a stream does not show what happened; `undefined` if it does. */
function troubleIn(end: Taken): Sentence | undefined {
  const { turn } = end;
  if (end.kind === 'unknown') return end.why;
  if (turn.error) return say('nemo.error-in-stream', { detail: turn.error.message });
  return isOnlyTrouble(turn) ? say('nemo.temporary-issue') : undefined;
}
