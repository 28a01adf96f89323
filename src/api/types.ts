/**
 * Room: the daemon as others see it, over the control socket and `http.listen`. This file defines the requests, schemas.ts the
 * shape of the answers; daemon-control.ts answers in a running daemon, journal-control.ts without one, server.ts and routes/ turn it into
 * HTTP, client.ts calls it from another process. May import core, messages, platform, config, queue, journal, media, and the
 * modules that name, watch and move files.
 */
import type { z } from 'zod';
import type { MoveTo, QueueOrder, StateName } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import type {
  actionView,
  archiveView,
  needsList,
  understoodWords,
  configChange,
  configEdit,
  configView,
  explanation,
  jobDetail,
  jobView,
  libraryView,
  liveView,
  notifyTests,
  statusView,
  uploadProgress,
  whichRule,
} from './schemas.ts';

/** What can be read, with a daemon or from its journal alone. */
export interface ControlReader {
  status(): StatusView;
  /** Newest first; all of them, or those in one state. */
  jobs(state?: StateName): JobView[];
  /** Ids of the jobs that wait for a slot, in the order they would get one. */
  line(): string[];
  /** `undefined` if no job has that id. An unambiguous beginning of an id is enough. */
  job(id: string): JobDetail | undefined;
  /** The originals in the archives of all folders. */
  archive(): ArchiveView;
  /** Which rule a file would get and why, and what happened to it before. */
  explain(path: string, asked?: ExplainAsked): Promise<Explanation>;
}

export type ArchiveView = z.infer<typeof archiveView>;

export type Understood = z.infer<typeof understoodWords>;

export type Needs = z.infer<typeof needsList>;

/** Words, and the file they would be about: that of a job, or one that may come into an inbox. */
export interface WordsAsked {
  words: string;
  job?: string | undefined;
  inbox?: string | undefined;
  name?: string | undefined;
  bytes?: number | undefined;
}

/** Rules and settings; absent where nobody may look at them over HTTP. */
export interface Settings {
  view(): Promise<ConfigView>;
  /** What an edit would do. @throws ShrinkError `denied`, `changed-underneath`, `bad-request` */
  preview(edit: ConfigEditAsked): Promise<ConfigChange>;
  /** Does it, unless it has mistakes, and has the daemon take it. @throws as `preview` */
  save(edit: ConfigEditAsked): Promise<ConfigChange>;
  /** `undefined` if there is no such job or inbox. Reads no file. */
  which(asked: WhichAsked): Which | undefined;
  /** Sends one message to every address. */
  testNotify(): Promise<NotifyTest>;
}

export type ConfigView = z.infer<typeof configView>;
export type ConfigProblem = ConfigView['problems'][number];
export type ConfigEditAsked = z.infer<typeof configEdit>;
export type ConfigChange = z.infer<typeof configChange>;
export type Which = z.infer<typeof whichRule>;
export type NotifyTest = z.infer<typeof notifyTests>;

/** An upload in parts; `file` is what it became, once all of it is there. */
export type UploadProgress = z.infer<typeof uploadProgress>;

export interface WhichAsked {
  /** Below the inbox. */
  name?: string | undefined;
  job?: string | undefined;
  inbox?: string | undefined;
  bytes?: number | undefined;
}

export interface ExplainAsked {
  /** Asked over HTTP, perhaps by a stranger: nothing is said of what is in no inbox, and no link is followed. */
  onPage?: boolean;
  /** Aborts once nobody waits for the answer any more. */
  signal?: AbortSignal | undefined;
}

export type LibraryView = z.infer<typeof libraryView>;

/** What can be asked of libraries. Each throws ShrinkError `usage` or `unavailable` where it cannot be done. */
export interface LibraryControl {
  view(): LibraryView[];
  /** Begins to look a folder through. */
  plan(folder: string): void;
  stopPlanning(): Promise<void>;
  /** A person has seen the plan of a folder, of this id if one is named, and wants it carried out. */
  confirm(folder: string, id?: string): Promise<void>;
  /** Of all libraries where none is named. */
  stop(folder?: string): Promise<void>;
  /** Begins to check results and archived originals, and to look for what lost journals left behind, or to put that in order. */
  verify(settle?: boolean): void;
}

export interface Control extends ControlReader {
  libraries: LibraryControl;
  /** What an instruction would do; `undefined` if there is no such job or inbox. */
  understood(asked: WordsAsked, signal?: AbortSignal): Promise<Understood | undefined>;
  /** All jobs that need a person, grouped by reason. */
  needs(): Needs;
  /** The mode of `status`, at no cost: health checks ask in storms, too. */
  currentMode(): StatusView['mode'];
  /** Whether no work can progress although it answers; the log says why. */
  isStuck(): boolean;
  retry(id: string): Promise<ActionResult>;
  cancel(id: string): Promise<ActionResult>;
  forget(id: string): Promise<ActionResult>;
  restore(id: string): Promise<ActionResult>;
  /** Another place in the queue for a job that waits in it. */
  move(id: string, to: MoveTo): Promise<ActionResult>;
  /** One job rests where it is, until `resumeJob`; survives a restart. */
  pauseJob(id: string): Promise<ActionResult>;
  resumeJob(id: string): Promise<ActionResult>;
  /** How each folder's jobs are sorted in the queue; survives a restart. */
  setOrder(order: QueueOrder): Promise<void>;
  /**
   * Another version of a finished job, made according to these words.
   * @param byAnybody whoever asked did not show that he may
   */
  refine(id: string, words: string, byAnybody?: boolean): Promise<ActionResult>;
  /** Nothing new starts and local encodes pause until `resume`; survives a restart. */
  pause(): Promise<void>;
  /** Ends `pause` and `drain`. */
  resume(): Promise<void>;
  /** What is running is finished and nothing new starts; resolves at once. */
  drain(): Promise<void>;
  /** Calls back on every change of a job or of the daemon until the returned function is called. */
  subscribe(listener: (event: ControlEvent) => void): () => void;
}

/** The outcome of an action: the job after it, or why it was refused. */
export type ActionResult =
  | { ok: true; job: JobView; live?: LiveView }
  | { ok: false; problem: 'unknown' | 'not-now'; message: Sentence | string };

export type ControlEvent =
  | { kind: 'job'; job: JobView; live?: LiveView }
  | { kind: 'forgotten'; id: string }
  | { kind: 'status'; status: StatusView };

/** What a list of jobs leaves out, for an open page. */
export type LiveView = z.infer<typeof liveView>;

/** What is expected of a person, or that nothing is but patience. */
export type ActionView = z.infer<typeof actionView>;

export type StatusView = z.infer<typeof statusView>;

/** One job as `jobs --json` and the lists of the API show it: scripts rely on exactly these fields. */
export type JobView = z.infer<typeof jobView>;

/** Codes of the English texts of the same names, for translation; absent where a text has none, as in journals of 0.1.0. */
export type DetailMessages = NonNullable<JobDetail['messages']>;

export type JobDetail = z.infer<typeof jobDetail>;

/** `arriving` is null if nobody waits for the file, or no daemon runs; `plan` is empty if the engine has none. */
export type Explanation = z.infer<typeof explanation>;

/** What `GET /metrics` shows, and what is counted for it. */
export interface Metering {
  /** The current metrics, in Prometheus's text format; `status` is the daemon's report at that moment. */
  render(status: StatusView): Promise<{ contentType: string; text: string }>;
  /** A request was answered; `via` is the listener it came through. */
  answered(via: 'socket' | 'tcp', status: number): void;
  /** A request carried a wrong token. */
  wrongToken(): void;
}
