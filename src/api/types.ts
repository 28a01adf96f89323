/**
 * Room: the daemon as others see it, over the control socket and `http.listen`. This file defines the requests, schemas.ts the
 * shape of the answers; daemon-control.ts answers in a running daemon, journal-control.ts without one, server.ts and routes/ turn it into
 * HTTP, client.ts calls it from another process. May import core, messages, platform, config, queue, journal, media, and the
 * modules that name, watch and move files.
 */
import type { z } from 'zod';
import type { StateName } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import type { actionView, explanation, jobDetail, jobView, liveView, statusView } from './schemas.ts';

/** What can be read, with a daemon or from its journal alone. */
export interface ControlReader {
  status(): StatusView;
  /** Newest first; all of them, or those in one state. */
  jobs(state?: StateName): JobView[];
  /** `undefined` if no job has that id. An unambiguous beginning of an id is enough. */
  job(id: string): JobDetail | undefined;
  /** Which rule a file would get and why, and what happened to it before. */
  explain(path: string, asked?: ExplainAsked): Promise<Explanation>;
}

export interface ExplainAsked {
  /** Asked over HTTP, perhaps by a stranger: nothing is said of what is in no inbox, and no link is followed. */
  onPage?: boolean;
  /** Aborts once nobody waits for the answer any more. */
  signal?: AbortSignal | undefined;
}

export interface Control extends ControlReader {
  /** The mode of `status`, at no cost: health checks ask in storms, too. */
  currentMode(): StatusView['mode'];
  retry(id: string): Promise<ActionResult>;
  cancel(id: string): Promise<ActionResult>;
  forget(id: string): Promise<ActionResult>;
  restore(id: string): Promise<ActionResult>;
  /** Another version of a finished job, made according to these words. */
  refine(id: string, words: string): Promise<ActionResult>;
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
