import { ShrinkError } from '../../core/errors.ts';
import type { Json, Order } from '../../core/job.ts';
import { type Message, type Sentence, verbatim } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import {
  type Checkpoint,
  type Checkpoints,
  checked,
  isFlag,
  isListOf,
  isNumber,
  isObjectOf,
  isOneOf,
  isOptional,
  isText,
  type Guard,
  type Parse,
} from '../checkpoints.ts';
import type { FormatKind } from '../engine.ts';

/**
 * Everything the cloud engine records about a job: each key once, with its shape. Keys and shapes are persisted; journals of 0.1.0
 * are read with them. `asked` is always the value of `order.retryCount` at that time, so that a person's next retry is recognised.
 */

export type SessionRecord = {
  id: string;
  task?: string;
  user?: string;
  /** Identifies the token it was opened with; see Secret.fingerprint. */
  token: string;
  /** Epoch ms. */
  madeAt: number;
  /** Others use it too, or used it before: its timeline may not be about this file. */
  shared: boolean;
  /** Continues from the timeline of an earlier version. */
  refines: boolean;
  /** The name of this source in a session that other files use too; absent in a session of its own. */
  file?: string;
  /** The service no longer knew it after a message was sent: `order.retryCount` at that time. */
  gone?: number;
};

/** The code of a sentence that is recorded beside its English text, for other languages; absent in journals of 0.1.0. */
export type SaidCode = { code: string; params?: Record<string, Json> };

/** The sentence's code as JSON keeps it. */
export function saidCode({ code, params }: Sentence): SaidCode {
  return { code, ...(params && { params: params as Record<string, Json> }) };
}

/** A recorded sentence; without a code it stays English in every language. */
export function sentenceFrom(text: string, said: SaidCode | undefined): Sentence {
  return { ...verbatim(text), ...(said as Message | undefined) };
}

/** What is in the source. Absent where this machine could not tell. */
export type ContentRecord = {
  kind: FormatKind;
  /** Of the picture, seconds. */
  durationS?: number;
  /** From the first to the last of picture and sound, seconds; absent if that is no longer than the picture. */
  totalS?: number;
  /** Of the picture, as ffprobe names it. */
  codec?: string;
  /** Of the picture as shown, pixels. */
  width?: number;
  height?: number;
};

/** The source on its way into the session. `before`: the assets that were already there; `durationS`: a hint of the service. */
export type UploadRecord = { session: string; done: boolean; before: string[]; durationS?: number };

/** The part of a reading of the session that later ones are compared with; small enough for the journal. */
export type Mark = {
  /** Of draft, assets, generated media, canvas and analyses; equal hashes mean that nothing happened. */
  hash: string;
  /** Uploaded and generated assets, one hash per entry. */
  assets: string[];
  /** The tracks as a person reads them. */
  tracks: string[];
};

/**
 * A message on its way. Durable before the first byte is sent: from then on it is never sent again unless it was certainly refused,
 * or a person asked for another attempt after its outcome stayed unknown.
 */
export type MessageRecord = {
  session: string;
  text: string;
  /** The state before it was sent, to compare later ones with. */
  before: Mark;
  sentAt: number;
  asked: number;
  /** Absent while unknown. `nothing`: the agent answered and changed nothing. */
  outcome?: 'refused' | 'done' | 'nothing';
  /** The stream ended without trouble, and the outcome has still to be read from the session. */
  heard?: true;
  /** What the agent left to the person at its editor; nothing of it is sent by itself. */
  openSteps?: string[];
  /** The error that the service reported in the stream; noted if the change was made all the same. */
  problem?: string;
  problemCode?: SaidCode;
  /** What the agent asked instead of working. */
  question?: string;
  /** Why the outcome is unknown. */
  why?: string;
  whyCode?: SaidCode;
  /** A person was told that nobody knows the outcome, and that another message may cost twice. */
  told?: boolean;
  /** What the agent said, for people. */
  reply?: string;
  changes?: string[];
  changeCodes?: SaidCode[];
};

/** The draft to render, stored in a file of its own. */
export type DraftRecord = { session: string; file: string; sha256: string; summary: string };

interface RenderBase {
  session: string;
  /** Our id, or what the service turned it into. */
  id: string;
  /** 2: the first render failed. */
  tries: number;
  /** Epoch ms at which the time limit starts. */
  since: number;
  asked: number;
}

/** A render under its id. `asked` is durable before the request is sent, so that a restart requests the same one. */
export type RenderRecord =
  | (RenderBase & { phase: 'asked' })
  | (RenderBase & { phase: 'accepted' })
  | (RenderBase & { phase: 'completed' })
  | (RenderBase & { phase: 'failed'; why?: string; whyCode?: SaidCode });

/** The downloaded render. `have` is false if it was known to be too large and not fetched. */
export type ResultRecord = { render: string; bytes: number; have: boolean };

/** What was handed over for verification: the number of the export. */
export type HandedRecord = { n: number; asked: number };

/** A smaller version of the source, made on this machine to be uploaded. */
export type ReducedRecord = { path: string; bytes: number; how: string };

/** The parts a source was cut into. */
export type PartsRecord = { files: { path: string; bytes: number }[] };

const isTextList = isListOf(isText);
const isParams: Guard<Record<string, Json>> = (value): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSaid = isObjectOf<SaidCode>({ code: isText, params: isOptional(isParams) });

const isSession = isObjectOf<SessionRecord>({
  id: isText,
  task: isOptional(isText),
  user: isOptional(isText),
  token: isText,
  madeAt: isNumber,
  shared: isFlag,
  refines: isFlag,
  file: isOptional(isText),
  gone: isOptional(isNumber),
});

const isContent = isObjectOf<ContentRecord>({
  kind: isOneOf('video', 'animation', 'picture', 'sound'),
  durationS: isOptional(isNumber),
  totalS: isOptional(isNumber),
  codec: isOptional(isText),
  width: isOptional(isNumber),
  height: isOptional(isNumber),
});

const isUpload = isObjectOf<UploadRecord>({
  session: isText,
  done: isFlag,
  before: isTextList,
  durationS: isOptional(isNumber),
});

const isMessage = isObjectOf<MessageRecord>({
  session: isText,
  text: isText,
  before: isObjectOf<Mark>({ hash: isText, assets: isTextList, tracks: isTextList }),
  sentAt: isNumber,
  asked: isNumber,
  outcome: isOptional(isOneOf('refused', 'done', 'nothing')),
  heard: isOptional((value): value is true => value === true),
  openSteps: isOptional(isTextList),
  problem: isOptional(isText),
  problemCode: isOptional(isSaid),
  question: isOptional(isText),
  why: isOptional(isText),
  whyCode: isOptional(isSaid),
  told: isOptional(isFlag),
  reply: isOptional(isText),
  changes: isOptional(isTextList),
  changeCodes: isOptional(isListOf(isSaid)),
});

const isDraft = isObjectOf<DraftRecord>({ session: isText, file: isText, sha256: isText, summary: isText });

const isRender: Guard<RenderRecord> = (value): value is RenderRecord =>
  isObjectOf<RenderBase & { phase: RenderRecord['phase']; why?: string; whyCode?: SaidCode }>({
    session: isText,
    id: isText,
    tries: isNumber,
    phase: isOneOf('asked', 'accepted', 'completed', 'failed'),
    since: isNumber,
    asked: isNumber,
    why: isOptional(isText),
    whyCode: isOptional(isSaid),
  })(value);

const isResult = isObjectOf<ResultRecord>({ render: isText, bytes: isNumber, have: isFlag });
const isHanded = isObjectOf<HandedRecord>({ n: isNumber, asked: isNumber });
const isReduced = isObjectOf<ReducedRecord>({ path: isText, bytes: isNumber, how: isText });
const isParts = isObjectOf<PartsRecord>({ files: isListOf(isObjectOf({ path: isText, bytes: isNumber })) });
const isJoined = isObjectOf<{ bytes: number }>({ bytes: isNumber });

/** The checkpoints of one source. `n` counts messages and exports from 1: the second is the follow-up on size. */
export interface TaskCheckpoints {
  session: Checkpoint<SessionRecord>;
  content: Checkpoint<ContentRecord>;
  upload: Checkpoint<UploadRecord>;
  /** The claim link was requested, whether or not there is one. */
  claimed: Checkpoint<boolean>;
  message(n: number): Checkpoint<MessageRecord>;
  draft(n: number): Checkpoint<DraftRecord>;
  render(n: number): Checkpoint<RenderRecord>;
  result(n: number): Checkpoint<ResultRecord>;
  handed: Checkpoint<HandedRecord>;
  reduced: Checkpoint<ReducedRecord>;
  parts: Checkpoint<PartsRecord>;
  joined: Checkpoint<{ bytes: number }>;
  /** The checkpoints of part `n` of a source that was cut, kept apart from the source's own. */
  part(n: number): TaskCheckpoints;
}

export function taskCheckpoints(store: Checkpoints): TaskCheckpoints {
  return {
    session: store.at('session', mustBe(isSession)),
    content: store.at('content', checked(isContent)),
    upload: store.at('upload', checked(isUpload)),
    claimed: store.at('claimed', checked(isFlag)),
    message: n => store.at(`message.${n}`, mustBe(isMessage)),
    draft: n => store.at(`draft.${n}`, checked(isDraft)),
    render: n => store.at(`render.${n}`, checked(isRender)),
    result: n => store.at(`result.${n}`, checked(isResult)),
    handed: store.at('handed', checked(isHanded)),
    reduced: store.at('reduced', checked(isReduced)),
    parts: store.at('parts', checked(isParts)),
    joined: store.at('joined', checked(isJoined)),
    part: n => taskCheckpoints(store.scoped(`part.${n}.`)),
  };
}

/** An unreadable record must not count as missing: a message would be sent, and paid for, again. */
function mustBe<T>(guard: Guard<T>): Parse<T> {
  return value => {
    if (guard(value)) return value;
    throw new ShrinkError('unconfirmed', say('nemo.record-unreadable'), { hint: say('nemo.record-unreadable-hint') });
  };
}

/** How often a person retried this job: consent to repeat what may have been done. */
export function retryCountOf(order: Order): number {
  return order.retryCount ?? 0;
}
