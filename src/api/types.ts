/**
 * Room: the daemon as others see it, over the control socket and `http.listen`. This file defines the requests and the shape of
 * the answers; daemon-control.ts answers in a running daemon, journal-control.ts without one, server.ts and routes/ turn it into
 * HTTP, client.ts calls it from another process. May import core, messages, platform, config, queue, journal, media, and the
 * modules that name, watch and move files.
 */
import type { ActionCode } from '../core/errors.ts';
import type { EngineName, HistoryEntry, StateName } from '../core/job.ts';
import type { Message, Sentence } from '../core/message.ts';

/** What can be read, with a daemon or from its journal alone. */
export interface ControlReader {
  status(): StatusView;
  /** Newest first; all of them, or those in one state. */
  jobs(state?: StateName): JobView[];
  /** `undefined` if no job has that id. An unambiguous beginning of an id is enough. */
  job(id: string): JobDetail | undefined;
  /** Which rule a file would get and why, and what happened to it before. The signal aborts once nobody waits for it any more. */
  explain(path: string, signal?: AbortSignal): Promise<Explanation>;
}

export interface Control extends ControlReader {
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
export type LiveView = Pick<JobDetail, 'eta_ms' | 'progress_note' | 'hint' | 'waiting_until' | 'messages'>;

export interface StatusView {
  version: string;
  /** False if read from the journal without a daemon. */
  running: boolean;
  pid: number | null;
  started_at: number | null;
  mode: 'running' | 'paused' | 'draining' | 'drained' | 'stopping' | 'stopped';
  state_dir: string;
  /** The page's address for a browser; null if there is none. */
  page: string | null;
  counts: Record<StateName, number>;
  /** Bytes of sources and results over all jobs done, and what that saved. */
  totals: { done: number; source_bytes: number; output_bytes: number; saved_bytes: number };
  engines: {
    name: string;
    ready: boolean;
    slots: number;
    busy: number;
    paused_until: number | null;
    reason: string | null;
    /** What a person can do about it; null if nothing is wrong. */
    action: ActionView | null;
    messages?: ReasonMessages & { action?: Message };
  }[];
  folders: {
    inbox: string;
    outbox: string;
    available: boolean;
    reason: string | null;
    messages?: ReasonMessages;
    polled: boolean;
    pending: number;
    /** A few of the pending files, and why each has not been taken yet; those held by something come first. */
    arriving: { path: string; why: string }[];
    /** Files that no rule can take, by extension (empty: other names), the commonest kind first. They have no jobs. */
    left_alone: { kind: string; files: number }[];
    last_scan_age_ms: number | null;
  }[];
}

/** What is expected of a person, or that nothing is but patience. */
export interface ActionView {
  code: ActionCode;
  /** A sentence. */
  text: string;
  /** An address to open. */
  link: string | null;
  /** Since when, epoch ms. */
  since: number | null;
}

/** One job as `jobs --json` and the lists of the API show it: scripts rely on exactly these fields. */
export interface JobView {
  id: string;
  source: string;
  folder: string;
  rule: string | null;
  engine: EngineName | null;
  state: StateName;
  reason: string | null;
  /** What is expected of a person; null if nothing is. */
  action: ActionView | null;
  step: string | null;
  progress: number | null;
  source_bytes: number;
  target_bytes: number | null;
  output: string | null;
  output_bytes: number | null;
  created_at: number;
  updated_at: number;
}

/** The code of `reason`, for translation. */
interface ReasonMessages {
  reason?: Message;
}

/** Codes of the English texts of the same names, for translation; absent where a text has none, as in journals of 0.1.0. */
export interface DetailMessages extends ReasonMessages {
  hint?: Message;
  how?: Message;
  /** Parallel to `notes`; null where a note has no code. */
  notes?: (Message | null)[];
  evidence?: Message;
  step?: Message;
  progress_note?: Message;
  action?: Message;
}

export interface JobDetail extends JobView {
  relative: string;
  version: number;
  attempts: number;
  instruction: string | null;
  hint: string | null;
  how: string | null;
  notes: string[];
  evidence: string | null;
  eta_ms: number | null;
  progress_note: string | null;
  /** When a waiting job continues, epoch ms. */
  waiting_until: number | null;
  original: string | null;
  report: string | null;
  facts: Record<string, string>;
  history: HistoryEntry[];
  messages?: DetailMessages;
}

export interface Explanation {
  path: string;
  /** The inbox the file is in, or null if it is in none. */
  folder: string | null;
  /** One line per rule considered, in order: `mail: no, match is *.mov`. */
  rules: { name: string; matched: boolean; why: string }[];
  /** Why it has not been taken yet; null if nobody waits for it, or no daemon runs. */
  arriving: string | null;
  /** What would be done, or why not. */
  verdict: string;
  /** The code of `verdict`, for translation. */
  messages?: { verdict?: Message };
  /** The engine's plan, one entry per line; empty if there is none. */
  plan: string[];
  /** Earlier jobs of this file, newest first: by path or by content. */
  before: JobDetail[];
}

/** What `GET /metrics` shows, and what is counted for it. */
export interface Metering {
  /** The current metrics, in Prometheus's text format; `status` is the daemon's report at that moment. */
  render(status: StatusView): Promise<{ contentType: string; text: string }>;
  /** A request was answered; `via` is the listener it came through. */
  answered(via: 'socket' | 'tcp', status: number): void;
  /** A request carried a wrong token. */
  wrongToken(): void;
}
