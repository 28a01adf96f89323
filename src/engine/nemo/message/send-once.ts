import { ShrinkError } from '../../../core/errors.ts';
import { sleep } from '../../../platform/clock.ts';
import { readState, type SessionRecord, type UploadRecord } from '../session/source.ts';
import { retryCountOf, type CloudContext, type CloudTask } from '../context.ts';
import { confirm } from './recover.ts';
import { isExportable } from '../session/draft.ts';
import { errorFor, refusalOf } from '../http/errors.ts';
import { type MessageEnd, sendMessage } from './stream.ts';
import { changeReport, differences, hasArrived, type Mark, markOf, type Snapshot } from '../session/state.ts';
import { translate } from './reply-text.ts';
import { didSomething, isOnlyTrouble, repliesOf } from './turn.ts';

/**
 * A message on its way, under `message.N`. Durable before the first byte is sent: from then on it is never sent again unless it was
 * certainly refused, or a person asked for another try after it stayed unknown.
 */
export type MessageRecord = {
  session: string;
  text: string;
  /** The state before it was sent; what comes later is compared with this. */
  before: Mark;
  sentAt: number;
  /** `order.retryCount` of then. */
  asked: number;
  /** Absent while it is not known. `nothing`: the agent answered and changed nothing. */
  outcome?: 'refused' | 'done' | 'nothing';
  /** The stream was heard to its end without trouble; what came of it was still to be read when shrinkbox was stopped. */
  heard?: true;
  /** What the agent said, for people. */
  reply?: string;
  changes?: string[];
};

export interface InstructionResult {
  reply: string;
  changes: string[];
  /** The state it led to, where it was just read. */
  after: Snapshot | undefined;
}

/**
 * Has the agent carry out `text`, once. Resolves when the session's state shows it.
 * @throws ShrinkError what a refusal becomes; `unconfirmed` when nobody knows what became of it; `cannot-do` when the agent
 * answered without doing anything.
 */
export async function sendInstruction(
  cloud: CloudContext,
  task: CloudTask,
  session: SessionRecord,
  n: number,
  text: string,
): Promise<InstructionResult> {
  const { memory, context, order } = task;
  const key = `message.${n}`;
  const stored = memory.get<MessageRecord>(key);
  const retryCount = retryCountOf(order);
  if (stored?.session === session.id && stored.outcome !== 'refused') {
    if (stored.outcome === 'done')
      return { reply: stored.reply ?? '', changes: stored.changes ?? [], after: undefined };
    if (retryCount <= stored.asked) {
      if (stored.outcome === 'nothing') return answeredOnly(stored.reply ?? '');
      return stored.heard ? readOutcome(stored, undefined) : recover(stored);
    }
    const late = await lateOutcome(stored);
    if (late) return late;
  }
  return sendOnce();

  async function sendOnce(renewed = false): Promise<InstructionResult> {
    const before = await stateBefore();
    const record: MessageRecord = {
      session: session.id,
      text,
      before: markOf(before),
      sentAt: cloud.clock.now(),
      asked: retryCount,
    };
    await context.step(n === 1 ? 'ask' : 'ask-smaller');
    await memory.set(key, record);
    task.onProgress(0.36, 'this may take a few minutes');
    const token = await cloud.auth.token(context.signal);
    const end = await sendMessage({
      meter: cloud.meter,
      client: cloud.client,
      sessionId: session.id,
      text,
      limits: cloud.settings.watch,
      clock: cloud.clock,
      signal: context.signal,
      log: context.log,
      onNotice: note => {
        task.onProgress(0.45, note);
        context.log.info({ step: 'message' }, note);
      },
    });
    const refusal = refusalIn(cloud, end);
    if (refusal) {
      await memory.set(key, { ...record, outcome: 'refused' });
      // A token refused before the stream was renewed there already.
      if (renewed || end.kind === 'refused' || refusal.code !== 'auth-expired') throw refusal;
      await cloud.auth.afterRefusal(token, refusal, context.signal);
      return sendOnce(true);
    }
    return awaitReply(record, end as Exclude<MessageEnd, { kind: 'refused' }>);
  }

  /** An upload the state does not show yet would look like something the message did. */
  async function stateBefore(): Promise<Snapshot> {
    const upload = n === 1 ? memory.get<UploadRecord>('upload') : undefined;
    const isThere = (state: Snapshot) => upload?.session !== session.id || hasArrived({ assets: upload.before }, state);
    for (let looks = 0; ; looks += 1) {
      const state = await readState(cloud, session, context.signal, n === 1);
      if (isThere(state) || looks >= MAX_CONFIRMATIONS) return state;
      await sleep(cloud.clock, cloud.settings.lagMs, context.signal);
    }
  }

  async function awaitReply(
    record: MessageRecord,
    end: Exclude<MessageEnd, { kind: 'refused' }>,
  ): Promise<InstructionResult> {
    const reply = clip(translate(repliesOf(end.turn)).text, 2000);
    const trouble = troubleIn(end);
    const { question } = end.turn;
    if (context.signal.aborted && !trouble && question === undefined) {
      await memory.set(key, { ...record, reply, heard: true });
    }
    context.signal.throwIfAborted();
    if (trouble) return ask({ ...record, reply }, trouble);
    return readOutcome({ ...record, reply }, question);
  }

  /** What the stream told is checked against the state: a third of all edits say nothing. */
  async function readOutcome(record: MessageRecord, question: string | undefined): Promise<InstructionResult> {
    const reply = record.reply ?? '';
    let after = await readState(cloud, session, context.signal);
    if (after.hash === record.before.hash) {
      await sleep(cloud.clock, cloud.settings.lagMs, context.signal);
      after = await readState(cloud, session, context.signal);
    }
    if (after.hash !== record.before.hash) return done(record, after);
    if (question !== undefined) return nothing(record, question);
    if (reply === '') return ask(record, 'the agent closed the stream without a word, and nothing changed yet');
    // A first message about a file that already lies on its own timeline may only have confirmed it.
    if (n === 1 && !session.shared && isExportable(after.reading)) return done(record, after);
    return nothing(record, reply);
  }

  /** After a restart: the message was about to be sent, or was. */
  function recover(record: MessageRecord): Promise<InstructionResult> {
    return ask(record, 'shrinkbox was stopped while the message was under way');
  }

  /** A person wants another try of what stayed unknown: one more look before it is sent again. */
  async function lateOutcome(record: MessageRecord): Promise<InstructionResult | undefined> {
    if (record.outcome === 'nothing') return undefined;
    const after = await readState(cloud, session, context.signal);
    return after.hash === record.before.hash ? undefined : done(record, after);
  }

  async function ask(record: MessageRecord, why: string): Promise<InstructionResult> {
    const text = `The instruction may or may not have been carried out: ${why}. The session is asked; nothing is sent again.`;
    context.log.info({ why }, 'in doubt whether the instruction was carried out');
    await context.doubt('confirm-message', {
      code: 'outcome-unknown',
      text,
      hint: 'Wait; this takes up to five minutes.',
    });
    const after = await confirm({
      before: record.before,
      recovery: cloud.settings.recovery,
      read: () => readState(cloud, session, context.signal),
      clock: cloud.clock,
      signal: context.signal,
      onCheck: note => task.onProgress(0.5, note),
    });
    return done(record, after);
  }

  async function done(record: MessageRecord, after: Snapshot): Promise<InstructionResult> {
    const changes = differences(record.before, after);
    const reply = record.reply ?? '';
    await context.step('confirmed');
    await memory.set(key, { ...record, outcome: 'done', reply, changes });
    await context.fact('timeline', clip(changeReport(record.before, after), 1000));
    if (reply !== '') await context.fact('agent', reply);
    context.log.info({ changes: changes.length }, 'the agent carried out the instruction');
    return { reply, changes, after };
  }

  async function nothing(record: MessageRecord, reply: string): Promise<never> {
    await memory.set(key, { ...record, outcome: 'nothing', reply });
    return answeredOnly(reply);
  }
}

/** Further looks for an upload that the state does not show; some states may never show one. */
const MAX_CONFIRMATIONS = 2;

/** What goes into the journal has an end, whatever the service says. */
function clip(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function answeredOnly(reply: string): never {
  const words = clip(reply, 300);
  throw new ShrinkError('cannot-do', `the agent answered and changed nothing: "${words.replace(/\s+/g, ' ')}"`, {
    doing: 'asking the agent',
    hint: 'Put what it asks for into the instruction (the .txt file beside the video), or retry.',
  });
}

/** An error in the stream before anything was done is a refusal like one before the stream: the table says which. */
function refusalIn(cloud: CloudContext, end: MessageEnd): ShrinkError | undefined {
  if (end.kind === 'refused') return end.error;
  const { error } = end.turn;
  if (!error || error.code === undefined || didSomething(end.turn)) return undefined;
  const refusal = refusalOf(error.body, 200);
  if (refusal === undefined || !['1001', '1002', '2001', '4001', '4002', 'http-402', 'http-429'].includes(refusal))
    return undefined;
  const { current } = cloud.auth;
  return errorFor(refusal, {
    doing: 'sending the instruction',
    status: 200,
    said: error.message,
    maxUploadBytes: cloud.settings.maxUploadBytes,
    account: current?.kind ?? 'anonymous',
    webUrl: cloud.settings.webUrl,
    ...(current?.userId === undefined ? {} : { userId: current.userId }),
  });
}

/** Why the end of a stream does not tell what happened; `undefined` when it does. */
function troubleIn(end: Exclude<MessageEnd, { kind: 'refused' }>): string | undefined {
  const { turn } = end;
  if (end.kind === 'unknown') return end.why;
  if (turn.error) return `the service reported an error on the way (${turn.error.message})`;
  return isOnlyTrouble(turn) ? 'the agent met a temporary issue' : undefined;
}
