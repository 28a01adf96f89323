import type { EngineName, HistoryEntry, StateName } from '../core/job.ts';

/**
 * What can be asked of a running daemon; the HTTP server translates it, the CLI calls it over the control socket.
 * Reading parts are also offered without a daemon, from the journal (see control/offline.ts).
 */
export interface ControlReader {
  status(): StatusView;
  /** Newest first; all of them, or those in one state. */
  jobs(state?: StateName): JobView[];
  /** `undefined` when no job has that id. An unambiguous beginning of an id is enough. */
  job(id: string): JobDetail | undefined;
  /** Which rule a file would get and why, and what happened to it before. */
  explain(path: string): Promise<Explanation>;
}

export interface Control extends ControlReader {
  retry(id: string): Promise<ActionResult>;
  cancel(id: string): Promise<ActionResult>;
  forget(id: string): Promise<ActionResult>;
  restore(id: string): Promise<ActionResult>;
  /** A further version of a finished job, made as these words say. */
  refine(id: string, words: string): Promise<ActionResult>;
  /** Nothing new starts and local encodes rest until `resume`; survives a restart. */
  pause(): Promise<void>;
  /** Ends `pause` and `drain`. */
  resume(): Promise<void>;
  /** What runs is finished, nothing new is taken; resolves at once. */
  drain(): Promise<void>;
  /** Calls back on every change of a job or of the daemon until the returned function is called. */
  subscribe(listener: (event: ControlEvent) => void): () => void;
}

/** `ok: false` carries the reason as a sentence (`job abc is done; forget it to do it again`). */
export type ActionResult = { ok: true; job: JobView } | { ok: false; problem: 'unknown' | 'not-now'; message: string };

export type ControlEvent =
  | { kind: 'job'; job: JobView; live?: LiveView }
  | { kind: 'forgotten'; id: string }
  | { kind: 'status'; status: StatusView };

/** What a list of jobs leaves out and somebody who watches wants to know. */
export type LiveView = Pick<JobDetail, 'eta_ms' | 'progress_note' | 'hint' | 'waiting_until'>;

export interface StatusView {
  version: string;
  /** False when read from the journal without a daemon. */
  running: boolean;
  pid: number | null;
  started_at: number | null;
  /** `running`, `paused`, `draining`, `drained`, `stopping` or `stopped`. */
  mode: 'running' | 'paused' | 'draining' | 'drained' | 'stopping' | 'stopped';
  state_dir: string;
  /** Where the page is, for a browser; null where there is none. */
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
  }[];
  folders: {
    inbox: string;
    outbox: string;
    available: boolean;
    reason: string | null;
    polled: boolean;
    pending: number;
    /** A few of the pending files, and why each is not taken yet; those that something holds come first. */
    arriving: { path: string; why: string }[];
    last_scan_age_ms: number | null;
  }[];
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
  step: string | null;
  progress: number | null;
  source_bytes: number;
  target_bytes: number | null;
  output: string | null;
  output_bytes: number | null;
  created_at: number;
  updated_at: number;
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
  /** When a waiting job goes on, epoch ms. */
  waiting_until: number | null;
  original: string | null;
  report: string | null;
  facts: Record<string, string>;
  history: HistoryEntry[];
}

export interface Explanation {
  path: string;
  /** The inbox the file is in, or null when it is in none. */
  folder: string | null;
  /** One line per rule looked at, in order: `mail: no, match is *.mov`. */
  rules: { name: string; matched: boolean; why: string }[];
  /** Why it is not taken yet; null where nobody waits for it, or no daemon runs. */
  arriving: string | null;
  /** What would be done, or why not. */
  verdict: string;
  /** The engine's plan, a line each; empty where there is none to be made. */
  plan: string[];
  /** Earlier jobs of this file, newest first: by path or by content. */
  before: JobDetail[];
}
