/**
 * Room: the types all others share, and pure functions on them. Imports nothing of ours.
 *
 * The vocabulary of shrinkbox, the same in code, log, CLI, page, journal and tests.
 *
 * - inbox, outbox  a watched folder, and where its results go; such a pair with its rules is a folder.
 * - sighting       a file in an inbox that looks complete, with the identity it had then.
 * - decision       the outcome for a sighting: a rule and a target, or a reason not to process it.
 * - job            one version of one source file through one rule.
 * - attempt        one run of the engine; step: a named part of it; checkpoint: where a later attempt may continue.
 * - candidate      an engine's result, not yet trusted. Verified: a candidate that passed every check.
 * - delivery       the verified file under its final name in the outbox, durable.
 *
 * Data flows one way, and each arrow is a type of its own:
 * watch -Sighting-> rules -Decision-> queue -Order-> engine -Candidate-> verify -Verified-> deliver.
 */
import type { Action, ErrorCode } from './errors.ts';
import type { Holding } from './inventory.ts';
import type { Target } from './target.ts';
import type { Leases } from './lease.ts';
import { type Message, messageOf, reasonMessages, type Sentence, textOf } from './message.ts';
import type { NamedStep } from './steps.ts';

export const ENGINE_NAMES = ['local', 'nemo', 'fleet'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Anything that survives JSON unchanged; checkpoints are made of it. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/**
 * The identity of a file at one moment. Big integers are strings so that they survive JSON. Two equal pins mean the same
 * inode, not written to or renamed over in between (ctime cannot be set back).
 */
export interface Pin {
  dev: string;
  ino: string;
  sizeBytes: number;
  mtimeNs: string;
  ctimeNs: string;
}

export function samePin(a: Pin, b: Pin): boolean {
  return (
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.sizeBytes === b.sizeBytes &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  );
}

/** The instruction beside a file (`clip.mp4.txt`). */
export interface Sidecar {
  path: string;
  text: string;
  /** By another user than the file's, and not root. */
  byStranger?: boolean;
}

/** watch -> rules: a file that looks complete. */
export interface Sighting {
  /** Absolute path of the inbox; names the folder. */
  inbox: string;
  /** Absolute path of the file. */
  path: string;
  /** Path relative to the inbox with `/` between parts. */
  relative: string;
  pin: Pin;
  sidecar?: Sidecar;
  /** A path that is never opened, and why: a link that leads out of the inbox, a device, a name that is not UTF-8. */
  refused?: Sentence;
}

/** rules -> queue. */
export type Decision =
  | {
      kind: 'do';
      rule: string;
      engine: EngineName;
      fallback: 'none' | 'local';
      /** The engine the rule names, where this one replaces it. */
      insteadOf?: EngineName;
      target: Target;
      instruction?: string;
      /** What words, not the rule, have left out of the result. */
      leavesOut?: 'part' | 'sound' | 'edit';
      output: string;
      why: string;
      messages?: { why?: Message };
    }
  | {
      kind: 'hold';
      rule: string;
      engine: EngineName;
      reason: string;
      hint: string;
      instruction?: string;
      messages?: { reason?: Message; hint?: Message };
    }
  | { kind: 'skip'; rule?: string; reason: string; messages?: { reason?: Message } };

export type WorkDecision = Extract<Decision, { kind: 'do' }>;

/** queue -> engine: everything an engine may know about a job. */
export interface Order {
  job: string;
  /** Absolute path, for messages: the engine reads what its context has open. */
  source: string;
  sourceBytes: number;
  target: Target;
  /** As the person wrote it, for an engine that understands natural language. */
  instruction?: string;
  /**
   * What the cloud holds of the job that this one refines (`clip.v2.mp4`), so that the engine can continue in its session, and the
   * instructions of all earlier versions, oldest first; empty for a version that was made by the rule alone.
   */
  previous?: { cloud?: CloudRefs; words?: readonly string[] };
  /** The inbox of the source, for an engine that keeps something per folder. */
  folder?: string;
  /** Whether the rule lets this machine take over when the cloud fails. */
  fallback?: 'none' | 'local';
  /**
   * How often a person asked for another attempt at this job. A paid step with an unknown outcome is repeated only if
   * this has grown since the step was recorded.
   */
  retryCount?: number;
  /** A later version of the file has used this job's session since: what changed there may be its work. */
  isOvertaken?: boolean;
  /** The result takes the place of its source: it is not made unless it is clearly smaller and nothing of the source is missing. */
  inPlace?: boolean;
}

/** engine -> verify: a result and what it should be. Not trusted yet. */
export interface Candidate {
  /** A regular file in the job's work directory, or, where `isSource` is set, the source itself (delivered as it is). */
  path: string;
  isSource: boolean;
  bytes: number;
  expect: Expectation;
  /** One sentence for people: what was done and why (`remuxed: it already fits`, `two passes at 1.2 Mb/s, 1280x720`). */
  how: string;
  /** What a person should know: `data track dropped: telemetry (gpmd)`. */
  notes: string[];
  /** Codes of `how` and of each note, for translation. */
  messages?: ResultMessages;
  /** Parts of the source could not be read, damaged or behind the film: the result is the best possible, and the original is kept whatever the folder says. */
  damagedSource?: boolean;
  /** Made on this machine, though the job is one of the cloud. */
  madeHere?: boolean;
}

/** Codes of a result's texts; `notes` runs parallel to the texts, null where a note has no code. */
export interface ResultMessages {
  how?: Message;
  notes?: (Message | null)[];
  evidence?: Message;
}

/** What verify checks a candidate against. */
export interface Expectation {
  /** At most this many bytes; absent if no size was requested. */
  maxBytes?: number;
  /** Absent where the engine cannot know (an edit made in the cloud may shorten or lengthen). */
  durationS?: number;
  /** How far the duration may be off, where the engine knows it less exactly than verify would require. */
  durationToleranceS?: number;
  /** Display size, exact. Absent where the engine cannot know (the cloud). */
  width?: number;
  height?: number;
  /** Frame count, where the engine promised to keep every frame. */
  frames?: number;
  /** Absent where the engine cannot know (the cloud). */
  audioTracks?: number;
  subtitleTracks?: number;
  /** Upper bound on frames per second, if one was requested. */
  maxFps?: number;
  videoCodecs: string[];
  /** Everything the result must hold, and nothing of those kinds besides; absent where the engine cannot know (the cloud). */
  holds?: Holding[];
}

declare const verified: unique symbol;

/** verify -> deliver. Only verify makes one. */
export interface Verified extends Candidate {
  readonly [verified]: true;
  sha256: string;
  /** What was measured, as evidence for the journal: `decoded 432 frames, 14.41 s`. */
  evidence: string;
}

/** deliver -> queue: the file is durable under its final name. */
export interface Delivery {
  /** Absolute path. */
  output: string;
  bytes: number;
}

/** What the journal must record before a final name appears, so that a crash in between is recognised. */
export interface PublishIntent {
  /** Hidden temporary file in the directory of the target, complete and synced. */
  temp: string;
  target: string;
  ino: string;
  bytes: number;
  sha256: string;
}

/** What became of an original whose result has its place in a library. */
export interface Settled {
  original: { kind: 'archived' | 'deleted'; to: string; sha256?: string };
  /** Another file that has taken the original's name since; it stays. */
  newer?: string;
}

/** An original in the archive of a library. */
export interface ArchivedCopy {
  /** Absolute. */
  path: string;
  /** Hex sha256 of the original. */
  sha256: string;
}

/** A code for the outside world and its explanation, the same in log, CLI, page and report. */
export interface Reason {
  code: ErrorCode | 'held' | 'skipped' | 'crashed' | 'paused' | 'stopping' | 'replaced';
  /** A sentence. */
  text: string;
  /** What a person can do, a sentence. */
  hint?: string;
  /** What the hint asks for, where a program or a link can help with it. */
  action?: Action;
  /** Codes of both, for translation. Absent in journals of 0.1.0. */
  messages?: { text?: Message; hint?: Message };
}

/** A reason with the codes of its sentences, if they have any. */
export function makeReason(code: Reason['code'], text: Sentence | string, hint?: Sentence | string): Reason {
  return { code, text: textOf(text), hint: textOf(hint), messages: reasonMessages(messageOf(text), messageOf(hint)) };
}

/** A finished candidate waiting to be delivered; kept while the job waits or is held, so that nothing is encoded twice. */
export type CandidateState = Extract<JobState, { name: 'verifying' | 'delivering' }>;

/** Discriminated by `name`; data exists only in the state that has it. lifecycle.ts says how each is entered and left. */
export type JobState =
  | { name: 'queued' }
  | { name: 'waiting'; until: number; reason: Reason; from?: CandidateState }
  | ({ name: 'running'; engine: EngineName; since: number } & NamedStep)
  | ({ name: 'in-doubt'; engine: EngineName; since: number; reason: Reason } & NamedStep)
  | { name: 'verifying'; candidate: Candidate }
  | {
      name: 'delivering';
      candidate: Candidate;
      evidence: string;
      /** Of a library: where the original is about to go, and where it is, with its hash. */
      archiving?: string;
      archived?: ArchivedCopy;
      intent?: PublishIntent;
      published?: Delivery;
      disposing?: string;
    }
  | {
      name: 'done';
      output: string;
      outputBytes: number;
      /** The inode the result had when it was delivered; absent in journals of 0.1.0. */
      outputIno?: string;
      /** Of a library, whose results have to last; absent of those that were done before it was kept. */
      outputSha256?: string;
      how: string;
      notes: string[];
      evidence: string;
      messages?: ResultMessages;
    }
  | { name: 'held'; reason: Reason; from?: CandidateState }
  | { name: 'failed'; reason: Reason }
  /** Until then, what was reached is kept for whoever takes the cancellation back. */
  | { name: 'cancelled'; reason: Reason; until?: number; from?: CandidateState }
  | { name: 'skipped'; reason: Reason };

export type StateName = JobState['name'];

export const STATE_NAMES: readonly StateName[] = [
  'queued',
  'waiting',
  'running',
  'in-doubt',
  'verifying',
  'delivering',
  'done',
  'held',
  'failed',
  'cancelled',
  'skipped',
];

/** A job in one of these states stays there unless a person asks for something. */
export const RESTING: ReadonlySet<StateName> = new Set(['done', 'held', 'failed', 'cancelled', 'skipped']);

/** Where the cloud keeps a job: ids of its session, task and user, and the link that shows it to a person. No secrets. */
export interface CloudRefs {
  session?: string;
  task?: string;
  user?: string;
  claimUrl?: string;
  /** The name of the source in a session that other files use too. */
  file?: string;
  /** Hash of the timeline that the job left in such a session: as long as it is there, the timeline is about this file. */
  draft?: string;
}

/** A job about another source that works, or worked, in the same session of the cloud. */
export interface Neighbour {
  job: string;
  /** The name its source has there. */
  file: string;
  /** See CloudRefs. */
  draft?: string | undefined;
}

/** The fact under which the journal keeps each of them; people see these names in `job ID`. */
const CLOUD_FACTS: Readonly<Record<keyof CloudRefs, string>> = {
  session: 'nemo session',
  task: 'nemo task',
  user: 'nemo user',
  claimUrl: 'claim link',
  file: 'nemo file',
  draft: 'nemo draft',
};
const CLOUD_FACT_NAMES = Object.entries(CLOUD_FACTS) as [keyof CloudRefs, string][];

/** The references among the facts of a job; `undefined` if there are none. */
export function cloudRefsOf(facts: Readonly<Record<string, string>>): CloudRefs | undefined {
  let refs: CloudRefs | undefined;
  for (const [ref, fact] of CLOUD_FACT_NAMES) if (fact in facts) refs = { ...refs, [ref]: facts[fact] };
  return refs;
}

/** The facts that `refs` are journaled as, in a fixed order. */
export function cloudFactsOf(refs: CloudRefs): { key: string; value: string }[] {
  return CLOUD_FACT_NAMES.flatMap(([ref, key]) => {
    const value = refs[ref];
    return value === undefined ? [] : [{ key, value }];
  });
}

/** Characters that an instruction may have, wherever it comes from: more than anybody needs. Bounds the work of reading it, too. */
export const MAX_INSTRUCTION = 2000;

/** How the jobs of a folder are sorted in the queue. */
export const QUEUE_ORDERS = ['arrival', 'largest-saving'] as const;
export type QueueOrder = (typeof QUEUE_ORDERS)[number];

/** Where a person wants a job in the queue: before all folders' turns, behind all of its folder, or before the job with this id. */
export type MoveTo = 'top' | 'bottom' | { before: string };

/** Where a person put a job in the queue: before all folders' turns, in its folder's order of arrival, or behind all of its folder. */
export interface Place {
  line: 'first' | 'middle' | 'last';
  /** Smaller goes first; in the middle among arrival numbers. */
  rank: number;
}

export interface HistoryEntry {
  at: number;
  /** The event's name and its text, for `job ID`. */
  event: string;
  note?: string;
  message?: Message;
}

/** In place of the hash of a file that nobody reads whole: anybody can make one of any size at no cost. */
export const UNREAD = 'unread';

export interface Job {
  id: string;
  /** Arrival order; smaller goes first. */
  arrival: number;
  inbox: string;
  path: string;
  relative: string;
  pin: Pin;
  /** Hash of the size and sampled content: recognises a renamed or remounted file. Empty if the file was never opened. */
  fingerprint: string;
  /**
   * Hash of every byte, read before the first attempt: tells a file whose date changed from one that was edited. Absent where the
   * fingerprint covers the whole file, before the first attempt, and for jobs of versions that did not record it; `UNREAD` for a
   * file that is mostly holes.
   */
  contentHash?: string;
  sidecar?: Sidecar;
  /** Instruction given for this version at the command line; it overrides the sidecar. */
  words?: string;
  /** They came over HTTP without a token, from anybody on this machine. */
  wordsByAnybody?: boolean;
  /** 1 for the first job about this content; 2 and up for what was asked for after it. */
  version: number;
  /** The version in the result's name (`clip.v2.mp4`), where earlier ones ended without a result: see `nameVersionOf`. */
  nameVersion?: number;
  decision: Decision;
  /** Its file is one of a library, where the result takes its place; `inbox` is the library. */
  library?: true;
  state: JobState;
  /** Where a person put it in the queue; absent where it arrived. */
  place?: Place;
  /** A person had it rest. */
  paused?: boolean;
  /** How often a person asked for another attempt. */
  retried: number;
  /** Engine attempts so far. */
  attempts: number;
  /** Consecutive `waiting` turns for the same code, for the backoff; reset by progress. */
  waits: number;
  /** How often each code with `retry` advice occurred, so that a bad source is set aside. */
  strikes: Partial<Record<ErrorCode, number>>;
  /** The engine's last checkpoint under each key; dropped when the job rests in a final state. */
  checkpoints: Record<string, Json>;
  /** Parts of it that other machines have; absent where none ever had one. */
  leases?: Leases;
  /** Where the original went, when the rule moved it, or `deleted`. */
  original?: { kind: 'archived'; path: string; at: number; sha256?: string } | { kind: 'deleted'; at: number };
  /** Of a library: its original is on the way back to its place. */
  restoring?: true;
  /** Commands to be run about its end, by their keys (after/after.ts). */
  commands?: Record<string, 'due' | 'begun'>;
  /** Report file written for this job, so that only our own is ever removed. */
  report?: string;
  /** What an engine wants to show people (the agent's reply, the timeline), including the texts for `cloud`: never secrets. */
  facts: Record<string, string>;
  /** Codes of those facts that are sentences of ours, for translation; absent in journals of 0.1.0. */
  factMessages?: Record<string, Message>;
  /** Where the cloud keeps this job. */
  cloud?: CloudRefs;
  createdAt: number;
  updatedAt: number;
  /** Newest last, at most HISTORY_LIMIT. */
  history: HistoryEntry[];
}

/** Which version the result's name tells of; from 2 on it shows. */
export function nameVersionOf({ version, nameVersion = version }: Pick<Job, 'version' | 'nameVersion'>): number {
  return nameVersion;
}

/** A job's live progress; never journaled. */
export interface Progress {
  /** 0..1 over the whole job. */
  fraction?: number;
  /** Estimated milliseconds until the candidate. */
  etaMs?: number;
  /** A short remark: `pass 2 of 2, 1.8x`. */
  note?: string;
  message?: Message;
  /** Since when somebody else is at work, epoch ms; absent while this machine is, whose progress shows. */
  waitsSince?: number;
  /** What holds the job up for now; it shows in place of the remark, which stays for later. */
  held?: Pick<Progress, 'note' | 'message' | 'waitsSince'>;
}

/** The progress as it is shown. */
export function shownProgress({ held, ...own }: Progress): Progress {
  return { ...own, ...held };
}
