import type { Candidate, CloudRefs, EngineName, Job, Json, Neighbour, Order, Progress, Reason } from '../core/job.ts';
import type { ShrinkError } from '../core/errors.ts';
import type { MediaFacts } from '../core/media-info.ts';
import type { Target } from '../core/target.ts';
import { messageOf, type Sentence } from '../core/message.ts';
import type { StepId, StepParams } from '../core/steps.ts';
import type { InputFile } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import type { PauseGate } from '../platform/pause-gate.ts';

/**
 * The promise every engine makes. test/contract/engine.ts holds each of them to it.
 *
 * - `run` ends in a candidate or throws a ShrinkError whose code says what to do next. It only reads the source, as the
 *   context has it open, and writes nowhere but into `workDir`.
 * - It may be called again for the same order after a crash, a stop or an error: `resume` then holds the last value
 *   recorded under each key, and work that those prove done is not done again. Nothing else is remembered.
 * - A step that costs money is recorded before it is requested. If its outcome is unknown, the engine calls `doubt`
 *   and asks the service; it never repeats the step by itself.
 * - When `signal` aborts, children and requests end, and `run` then rejects with code `cancelled`. If only the daemon
 *   is stopping (see StopReason), the reply to a paid step may still be received for up to a minute.
 */
export interface Engine {
  readonly name: EngineName;
  run(order: Order, context: EngineContext): Promise<Candidate>;
  /** What it would do, line by line, for `explain`; reads the source and changes nothing. */
  describe?(order: Order, source: InputFile, signal: AbortSignal): Promise<Sentence[]>;
  /** What putting a result in the place of its source would come to; reads the source and changes nothing. */
  forecast?(order: Order, source: InputFile, options: ForecastOptions): Promise<Forecast>;
}

/** What a few seconds of a film cost at a quality, as far as a plan for many films needs it. */
export interface SampledFilm {
  /** Bits per second where no difference can be seen, by those of the source's picture. */
  share: number;
  /** Seconds of work for a frame and a million pixels of it. */
  secondsPerMegapixel: number | undefined;
}

export interface ForecastOptions {
  signal: AbortSignal;
  /** What films like this one came to; `undefined` to have this one sampled. */
  like(film: FilmFacts): SampledFilm | undefined;
}

export interface FilmFacts {
  codec: string;
  width: number;
  height: number;
  /** Bits of the picture for each pixel of a frame. */
  bitsPerPixel: number;
  durationS: number;
}

/** `sampled` where it was. */
export type Forecast =
  | { kind: 'leave'; why: Sentence; code: 'codec' | 'no-encoder' | 'would-lose' | 'below-floor' | 'saves-too-little' }
  | { kind: 'encode'; bytes: number; seconds: number; film: FilmFacts; sampled?: SampledFilm };

/** What was done and what a person should know, as a candidate keeps it: texts, and their codes beside them. */
export function wordsOf(
  how: Sentence,
  notes: readonly Sentence[],
): Required<Pick<Candidate, 'how' | 'notes' | 'messages'>> {
  return {
    how: how.text,
    notes: notes.map(note => note.text),
    messages: { how: messageOf(how), notes: notes.map(note => messageOf(note) ?? null) },
  };
}

/** An engine in the cloud: besides running jobs it answers a person directly. None of that is journaled, and all of it is free. */
export interface CloudEngine extends Engine {
  /** What an instruction asks for, decided here without asking the service. */
  intentOf(words: string): Intent;
  /** Whether the service can be reached and accepts the current token. Requests no token, spends nothing. */
  check(signal: AbortSignal): Promise<ServiceCheck>;
  /** The pause of the service that all requests wait for now; `until` is epoch ms. */
  paused(): { until: number; why: Sentence } | undefined;
  credits(signal: AbortSignal): Promise<Credits>;
  /**
   * The timeline of a job's session as text.
   * @throws ShrinkError `cannot-do` if the job has none, or another file is on it, `session-gone` if the service forgot it.
   */
  timeline(question: TimelineQuestion): Promise<string>;
  /** Why the export of a job's timeline would certainly be refused; `undefined` if it would not, or if nobody can tell now. */
  cannotExport(question: TimelineQuestion): Promise<ShrinkError | undefined>;
  /** Adds another file or address to a job's session; an instruction then says what to do with it. */
  upload(request: UploadRequest): Promise<void>;
  close(): Promise<void>;
}

/** Only whole intents count: "export" is one, "add an export button" is an edit. */
export type Intent =
  | { kind: 'export' }
  | { kind: 'credits' }
  | { kind: 'state' }
  /** `what` is a path or an address; absent if the words name none. */
  | { kind: 'upload'; what: string | undefined }
  | { kind: 'edit' };

export interface Credits {
  available: number;
  /** Reserved for running work. */
  frozen: number;
  total: number;
}

/** What the service reports about itself and about us. */
export interface ServiceCheck {
  /** Whose token is used; absent if there is none: a free one is requested with the first job. */
  account?: 'own' | 'anonymous';
  /** Known if there is a token. */
  credits?: Credits;
  /** How far this machine's clock is ahead of the service's, milliseconds; absent if the service does not say. */
  clockAheadMs?: number;
}

export interface TimelineQuestion {
  /** The job, for what is said of it. */
  job: string;
  refs: CloudRefs;
  /** The jobs about other sources in its session; asked for only where the timeline is not the job's. */
  neighbours(): Promise<readonly Neighbour[]>;
  /** It has its result: nothing of it is to be tried again. */
  isDone: boolean;
  signal: AbortSignal;
}

export interface UploadRequest extends Pick<TimelineQuestion, 'job' | 'refs' | 'isDone'> {
  /** A path or an address. */
  source: string;
  signal: AbortSignal;
  onProgress?(fraction: number, note?: string): void;
}

/**
 * What is known of an instruction before it is passed on: its language where it shows one (`de`), and the fields of the target that it
 * speaks of. Passed in, because engines don't read instructions.
 */
export type ReadWords = (words: string) => { language: string | undefined; speaksOf: ReadonlySet<string> };

/** What this machine does for a cloud engine; passed in, because engines don't know each other. */
export interface LocalHelp {
  /** Compresses `source` to at most `maxBytes` (if absent, as small as it stays good) into a file below `dir`. */
  shrink(
    request: LocalRequest & { source: InputFile; target: Target; maxBytes?: number },
  ): Promise<{ path: string; bytes: number; how: Sentence | string }>;
  /** The facts of a file, by this machine's own reading of it. @throws ShrinkError as `probe` does */
  look(request: { file: InputFile; signal: AbortSignal }): Promise<MediaFacts>;
  /** Cuts `source` at keyframes, without re-encoding, into files of at most `maxBytes` each below `dir`, in order. */
  split(request: LocalRequest & { source: InputFile; maxBytes: number }): Promise<string[]>;
  /** Joins compatible files, without re-encoding, into one MP4. */
  join(request: LocalRequest & { sources: string[]; path: string }): Promise<void>;
}

export interface LocalRequest {
  job: Job['id'];
  dir: string;
  signal: AbortSignal;
  gate: PauseGate;
  log: Logger;
  onProgress(fraction: number): void;
}

/** Why an engine must end, as its signal's reason: the daemon stops and the job continues later, or the job is cancelled. */
export interface StopReason {
  kind: 'stopping' | 'cancelled' | 'replaced';
  /** Why it is cancelled, where a person asked for more than the end of this one job. */
  why?: Sentence | undefined;
}

/** Whether there is time to wait for the reply to a paid step: the daemon is stopping, and whoever stops it waits for it. */
export function isStopping(reason: unknown): boolean {
  return typeof reason === 'object' && reason !== null && 'kind' in reason && reason.kind === 'stopping';
}

export interface EngineContext {
  /** The order's source, open for as long as the attempt lasts. */
  readonly source: InputFile;
  /** Resolves once the value is durable; `resume` later returns the last value under each key. */
  record(key: string, value: Json): Promise<void>;
  readonly resume: Readonly<Record<string, Json>>;
  /** Whether the source is still what it was; absent where nobody looks. @throws ShrinkError `gone`, `changed-underneath`, ... */
  checkSource?(): Promise<void>;
  /** Names the current step; resolves once journaled. Also ends doubt. */
  step(step: StepId, params?: StepParams): Promise<void>;
  /** A paid step may or may not have happened; the job is `in-doubt` until `step` or an error. */
  doubt(step: StepId, reason: Reason): Promise<void>;
  /** Something people should find in the job's record (what the agent replied); a sentence is shown in their language. Never a secret. */
  fact(key: string, said: Sentence | string): Promise<void>;
  /** Where the cloud keeps the job, for later versions of the file and for people; adds to what is already known. */
  cloud(refs: CloudRefs): Promise<void>;
  /** The jobs about other sources in this session of the cloud, oldest first; absent if nobody keeps that. */
  neighbours?(session: string): readonly Neighbour[];
  progress(progress: Progress): void;
  readonly signal: AbortSignal;
  /** Closed while local work should rest (quiet hours, `pause`): children are stopped, not ended. */
  readonly gate: PauseGate;
  /** Private directory of this job; exists, survives restarts until the job rests. */
  readonly workDir: string;
  readonly log: Logger;
}

/** The 13 formats the cloud takes, as file name extensions in lower case, without the dot. */
export const NEMO_FORMATS: readonly string[] = [
  ...['mp4', 'mov', 'avi', 'webm', 'mkv'],
  ...['jpg', 'png', 'gif', 'webp'],
  ...['mp3', 'wav', 'm4a', 'aac'],
];

/** What a file is, as far as its name tells: an animation may turn out to be a single picture. */
export type FormatKind = 'video' | 'animation' | 'picture' | 'sound';

const KINDS: Readonly<Record<string, FormatKind>> = {
  gif: 'animation',
  ...{ jpg: 'picture', png: 'picture', webp: 'picture' },
  ...{ mp3: 'sound', wav: 'sound', m4a: 'sound', aac: 'sound' },
};

/** @param extension in lower case, without the dot */
export function kindOfFormat(extension: string): FormatKind {
  return KINDS[extension] ?? 'video';
}

/** How a message to the cloud ended, as far as its stream shows. */
export const STREAM_OUTCOMES = ['over', 'refused', 'unknown', 'aborted'] as const;

/** Counts the traffic of the cloud engine, for the metrics. Called synchronously; must not throw. */
export interface CloudMeter {
  /** A request was answered with this HTTP status, or not at all. 429 counts too. */
  requested(status: number | 'none'): void;
  streamed(outcome: (typeof STREAM_OUTCOMES)[number]): void;
}
