import type { Readable } from 'node:stream';
import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Clock } from '../../../platform/clock.ts';
import { type CloudMeter, isStopping } from '../../engine.ts';
import type { Logger } from '../../../platform/log.ts';
import type { Client } from '../account/client.ts';
import { createStreamReader, type StreamEvent, streamEventsOfWhole } from './events.ts';
import { reduceTurn, labelOf, SILENCE, type Turn } from './turn.ts';
import { nextDeadline, type WatchLimits, type WatchState } from './deadlines.ts';

/** How a message ended, as far as its stream tells. */
export type MessageEnd =
  /** Certainly not taken: nothing happened, nothing was spent. */
  | { kind: 'refused'; error: ShrinkError }
  /** The service closed the stream, or was done and forgot to. */
  | { kind: 'over'; turn: Turn }
  /** It may have been taken, and what came of it is not known. */
  | { kind: 'unknown'; why: string; turn: Turn };

export interface MessageRequest {
  client: Client;
  sessionId: string;
  text: string;
  limits: WatchLimits;
  clock: Clock;
  signal: AbortSignal;
  log: Logger;
  meter?: CloudMeter | undefined;
  /** For the progress line: what is being worked at, or that it still is. */
  onNotice(note: string): void;
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
 * Sends one message and listens until it ends. Never sends it twice; rejects only when `signal` aborts, and where the daemon stops not
 * before what is being said was heard out.
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
  const listener = createStreamListener(request);
  try {
    const opened = await request.client.openStream({
      doing: 'sending the instruction',
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
        return { ...opened, turn: listener.turn() };
      case 'answered':
        for (const event of streamEventsOfWhole(opened.text)) listener.receive(event);
        return { kind: 'over', turn: listener.turn() };
      case 'stream':
        listener.replyStarted();
        await listen(opened.body, listener);
        return { kind: 'over', turn: listener.turn() };
    }
  } catch (error) {
    request.signal.throwIfAborted();
    if (listener.ended() === 'quiet-after-reply') return { kind: 'over', turn: listener.turn() };
    return { kind: 'unknown', why: listener.whyEnded() ?? wordsFor(error), turn: listener.turn() };
  } finally {
    listener.close();
  }
}

async function listen(body: Readable, listener: StreamListener): Promise<void> {
  const reader = createStreamReader(listener.receive);
  const onAbort = () => body.destroy(listener.signal.reason instanceof Error ? listener.signal.reason : undefined);
  listener.signal.addEventListener('abort', onAbort, { once: true });
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) reader.feed(chunk);
    reader.end();
  } finally {
    listener.signal.removeEventListener('abort', onAbort);
    body.destroy();
  }
}

interface StreamListener {
  /** Aborts with the caller's signal (a while later, once there is something to hear out), or when a deadline passes. */
  signal: AbortSignal;
  /** The answer is coming in: from now on a stop waits for its end. */
  replyStarted(): void;
  receive(event: StreamEvent): void;
  turn(): Turn;
  ended(): string | undefined;
  whyEnded(): string | undefined;
  close(): void;
}

/** Keeps the turn and the deadlines of one message. */
function createStreamListener({ clock, limits, signal, onNotice, log }: MessageRequest): StreamListener {
  const cut = new AbortController();
  const now = clock.now();
  let turn = SILENCE;
  let watch: WatchState = { sentAt: now, substanceAt: now, noticedAt: now, mayBeOver: false };
  let ended: string | undefined;
  let note = 'the agent is at work';
  const kinds = new Map<string, number>();

  const check = () => {
    const due = nextDeadline(watch, limits);
    const at = clock.now();
    if (due.at > at) return arm();
    if (due.what === 'notice') {
      watch = { ...watch, noticedAt: at };
      onNotice(`still working: ${note}`);
      return arm();
    }
    ended = due.what;
    cut.abort(new ShrinkError('timed-out', WHY[due.what] ?? 'the stream ended'));
  };
  let disarm = () => {};
  const arm = () => {
    disarm();
    disarm = clock.after(nextDeadline(watch, limits).at - clock.now(), check);
  };
  arm();

  let isComing = false;
  let forgetStop = () => {};
  const onStop = () => {
    if (!isComing || !isStopping(signal.reason)) return cut.abort(signal.reason);
    log.info({ upToMs: REPLY_GRACE_MS }, 'hearing the agent out before stopping');
    forgetStop = clock.after(REPLY_GRACE_MS, () => cut.abort(signal.reason));
  };
  if (signal.aborted) onStop();
  else signal.addEventListener('abort', onStop, { once: true });

  return {
    signal: cut.signal,
    replyStarted() {
      isComing = true;
    },
    receive(event) {
      kinds.set(event.kind, (kinds.get(event.kind) ?? 0) + 1);
      turn = reduceTurn(turn, event);
      if (event.kind === 'alive') return;
      if (event.kind === 'tool' && event.phase === 'call') {
        note = labelOf(event.name);
        onNotice(note);
      }
      watch = { ...watch, substanceAt: clock.now(), mayBeOver: turn.mayBeOver };
      arm();
    },
    turn: () => turn,
    ended: () => ended,
    whyEnded: () => (ended === undefined ? undefined : WHY[ended]),
    close() {
      disarm();
      forgetStop();
      signal.removeEventListener('abort', onStop);
      // Kinds and counts only: what was said is the person's.
      log.debug(
        { events: Object.fromEntries(kinds), tools: turn.tools.length, ended: ended ?? 'closed' },
        'the stream ended',
      );
    },
  };
}

/**
 * The service may end what it does for a message when nobody listens any more (ADK does), so a stop waits this long for a reply: most
 * take 10 to 30 s, and systemd's patience is 90.
 */
const REPLY_GRACE_MS = 60_000;

const WHY: Readonly<Record<string, string>> = {
  hard: 'the service did not finish within the time a message may take',
  'heartbeats-only': 'the service only kept the connection open and did nothing for too long',
  'quiet-after-reply': 'the service replied and then kept the connection open',
};

function wordsFor(error: unknown): string {
  if (isShrinkError(error, 'unreachable', 'bad-answer')) return error.message;
  return 'the connection was lost while the service was at work';
}
