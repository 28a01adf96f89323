import type { Readable } from 'node:stream';
import { isShrinkError, sentenceOf, ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/log.ts';
import { type CloudMeter, isStopping } from '../../engine.ts';
import type { Client } from '../account/client.ts';
import type { WatchLimits } from '../context.ts';
import { type Deadline, nextDeadline, type WatchState } from './deadlines.ts';
import { createStreamReader, type StreamEvent, streamEventsOfWhole } from './events.ts';
import { reduceTurn, SILENCE, toolSentence, type Turn } from './turn.ts';

/** How a message ended, as far as its stream shows. */
export type MessageEnd =
  /** Certainly not accepted: nothing happened, nothing was spent. */
  | { kind: 'refused'; error: ShrinkError }
  /** The service closed the stream, or was done and left it open. */
  | { kind: 'over'; turn: Turn }
  /** It may have been accepted, and its outcome is unknown. */
  | { kind: 'unknown'; why: Sentence; turn: Turn };

export interface MessageRequest {
  client: Client;
  sessionId: string;
  text: string;
  limits: WatchLimits;
  clock: Clock;
  signal: AbortSignal;
  log: Logger;
  meter?: CloudMeter;
  /** For the progress line: what is being done, or that work is still under way. */
  onNotice(note: Sentence): void;
}

/** The body exactly as documented: snake_case, no fields of our own. */
export function messageBody(sessionId: string, text: string): string {
  return JSON.stringify({
    app_name: 'nemo_agent',
    user_id: 'me',
    session_id: sessionId,
    new_message: { parts: [{ text }] },
  });
}

/**
 * Sends one message and listens until it ends. Never sends it twice. Rejects only if `signal` aborts; if that is only because the
 * daemon is stopping, a reply that is coming in may end first.
 */
export async function sendMessage(request: MessageRequest): Promise<MessageEnd> {
  try {
    const end = await sendAndListen(request);
    request.meter?.streamed(end.kind);
    return end;
  } catch (error) {
    request.meter?.streamed('aborted');
    throw error;
  }
}

async function sendAndListen(request: MessageRequest): Promise<MessageEnd> {
  const listener = new StreamListener(request);
  try {
    const opened = await request.client.openStream({
      doing: say('nemo.doing-message'),
      method: 'POST',
      path: '/run_sse',
      json: messageBody(request.sessionId, request.text),
      signal: listener.signal,
    });
    listener.signal.throwIfAborted();
    switch (opened.kind) {
      case 'refused':
        return opened;
      case 'unknown':
        return { ...opened, turn: listener.turn };
      case 'answered':
        for (const event of streamEventsOfWhole(opened.text)) listener.receive(event);
        return listener.end(opened.status);
      case 'stream':
        await listener.readAll(opened.body);
        return listener.end(200);
    }
  } catch (error) {
    request.signal.throwIfAborted();
    const { turn, missed } = listener;
    if (missed === 'quiet-after-reply') return { kind: 'over', turn };
    return { kind: 'unknown', why: missed ? WHY_ENDED[missed] : whyLost(error), turn };
  } finally {
    listener.close();
  }
}

/**
 * The service may abandon a message once nobody listens (ADK does), so a stop waits this long for a reply: most
 * take 10 to 30 s, and systemd waits 90.
 */
const REPLY_GRACE_MS = 60_000;

type EndingDeadline = Exclude<Deadline, 'notice'>;

const WHY_ENDED: Readonly<Record<EndingDeadline, Sentence>> = {
  hard: say('nemo.message-timeout'),
  'heartbeats-only': say('nemo.heartbeats-only'),
  'quiet-after-reply': say('nemo.quiet-after-reply'),
};

/** Keeps track of the turn and the deadlines of one message. */
class StreamListener {
  readonly #request: MessageRequest;
  readonly #cut = new AbortController();
  #turn = SILENCE;
  #watch: WatchState;
  #missed: EndingDeadline | undefined;
  #note = say('nemo.agent-at-work');
  readonly #eventCounts = new Map<string, number>();
  #isReplying = false;
  #cancelDeadline = () => {};
  #cancelGrace = () => {};

  constructor(request: MessageRequest) {
    this.#request = request;
    const now = request.clock.now();
    this.#watch = { sentAt: now, substanceAt: now, noticedAt: now, mayBeOver: false };
    this.#armDeadline();
    if (request.signal.aborted) this.#onStop();
    else request.signal.addEventListener('abort', this.#onStop, { once: true });
  }

  /** Aborts with the caller's signal (a while later, once a reply is coming in), or when a deadline passes. */
  get signal(): AbortSignal {
    return this.#cut.signal;
  }

  get turn(): Turn {
    return this.#turn;
  }

  /** The deadline that ended the stream. */
  get missed(): EndingDeadline | undefined {
    return this.#missed;
  }

  /** The reply is coming in: from now on a stop waits for its end. */
  async readAll(body: Readable): Promise<void> {
    this.#isReplying = true;
    const reader = createStreamReader(event => this.receive(event));
    const onAbort = () => body.destroy(this.signal.reason instanceof Error ? this.signal.reason : undefined);
    this.signal.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) reader.feed(chunk);
      reader.end();
    } finally {
      this.signal.removeEventListener('abort', onAbort);
      body.destroy();
    }
  }

  /** What was heard; an answer without a single event of an agent says as little as none. */
  end(status: number): MessageEnd {
    const kinds = [...this.#eventCounts.keys()];
    // A stream may be silent; an answer that came whole must say something.
    const says = (kind: string) => kind !== 'noise' && (this.#isReplying || kind !== 'activity');
    if (kinds.some(says) || (this.#isReplying && kinds.length === 0)) return { kind: 'over', turn: this.#turn };
    return { kind: 'unknown', why: say('nemo.no-events', { status }), turn: this.#turn };
  }

  receive(event: StreamEvent): void {
    const { clock, onNotice } = this.#request;
    this.#eventCounts.set(event.kind, (this.#eventCounts.get(event.kind) ?? 0) + 1);
    this.#turn = reduceTurn(this.#turn, event);
    if (event.kind === 'alive') return;
    if (event.kind === 'tool' && event.phase === 'call') {
      this.#note = toolSentence(event.name);
      onNotice(this.#note);
    }
    this.#watch = { ...this.#watch, substanceAt: clock.now(), mayBeOver: this.#turn.mayBeOver };
    this.#armDeadline();
  }

  close(): void {
    this.#cancelDeadline();
    this.#cancelGrace();
    this.#request.signal.removeEventListener('abort', this.#onStop);
    // Kinds and counts only: the content belongs to the person.
    const events = Object.fromEntries(this.#eventCounts);
    const ended = this.#missed ?? 'closed';
    this.#request.log.debug({ events, tools: this.#turn.tools.length, ended }, 'the stream ended');
  }

  #armDeadline(): void {
    const { clock, limits } = this.#request;
    this.#cancelDeadline();
    const { at } = nextDeadline(this.#watch, limits);
    this.#cancelDeadline = clock.after(at - clock.now(), () => this.#onDeadline());
  }

  #onDeadline(): void {
    const { clock, limits, onNotice } = this.#request;
    const due = nextDeadline(this.#watch, limits);
    const now = clock.now();
    if (due.at > now) return this.#armDeadline();
    if (due.what === 'notice') {
      this.#watch = { ...this.#watch, noticedAt: now };
      onNotice(say('nemo.still-working', { note: this.#note }));
      return this.#armDeadline();
    }
    this.#missed = due.what;
    this.#cut.abort(new ShrinkError('timed-out', WHY_ENDED[due.what]));
  }

  readonly #onStop = (): void => {
    const { signal, clock, log } = this.#request;
    if (!this.#isReplying || !isStopping(signal.reason)) return this.#cut.abort(signal.reason);
    log.info({ upToMs: REPLY_GRACE_MS }, 'waiting for the reply of the agent before stopping');
    this.#cancelGrace = clock.after(REPLY_GRACE_MS, () => this.#cut.abort(signal.reason));
  };
}

function whyLost(error: unknown): Sentence {
  return isShrinkError(error, 'unreachable', 'bad-answer') ? sentenceOf(error) : say('nemo.connection-lost');
}
