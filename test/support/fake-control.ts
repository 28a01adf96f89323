import type {
  ActionResult,
  Control,
  ControlEvent,
  ExplainAsked,
  Explanation,
  JobDetail,
  JobView,
  StatusView,
} from '../../src/api/types.ts';
import { STATE_NAMES, type StateName } from '../../src/core/job.ts';
import { say } from '../../src/messages/say.ts';

/** A daemon without work: jobs are what a test put in, and every call is noted. */
export class FakeControl implements Control {
  readonly calls: string[] = [];
  readonly details = new Map<string, JobDetail>();
  mode: StatusView['mode'] = 'running';
  page: string | null = null;
  pageUnavailable: string | undefined;
  engines: StatusView['engines'] = [
    { name: 'local', ready: true, slots: 1, busy: 0, paused_until: null, reason: null, action: null },
  ];
  /** Why the file in question has not been taken yet. */
  arriving: string | null = null;
  /** What the next call runs into. */
  failure: unknown;
  readonly #listeners = new Set<(event: ControlEvent) => void>();
  readonly #stateDir: string;

  constructor(stateDir = '/state') {
    this.#stateDir = stateDir;
  }

  add(detail: Partial<JobDetail> & { id: string }): JobDetail {
    const job = detailLike(detail);
    this.details.set(job.id, job);
    return job;
  }

  emit(event: ControlEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  currentMode(): StatusView['mode'] {
    return this.status().mode;
  }

  status(): StatusView {
    this.#meet('status');
    const jobs = [...this.details.values()];
    const counts = Object.fromEntries(STATE_NAMES.map(name => [name, jobs.filter(job => job.state === name).length]));
    return {
      version: '0.0.0-fake',
      running: true,
      pid: 4242,
      started_at: 1_700_000_000_000,
      mode: this.mode,
      state_dir: this.#stateDir,
      page: this.page,
      page_unavailable: this.pageUnavailable,
      local_hours: null,
      counts: counts as Record<StateName, number>,
      totals: { done: 1, source_bytes: 4_000_000, output_bytes: 1_000_000, saved_bytes: 3_000_000 },
      engines: this.engines,
      folders: [
        {
          inbox: '/in',
          outbox: '/out',
          available: true,
          reason: null,
          polled: false,
          pending: 0,
          arriving: [],
          left_alone: [],
          last_scan_age_ms: 1000,
        },
      ],
    };
  }

  jobs(state?: StateName): JobView[] {
    this.#meet('jobs');
    const found = [...this.details.values()].filter(job => !state || job.state === state);
    return found.sort((a, b) => b.created_at - a.created_at).map(viewOf);
  }

  job(id: string): JobDetail | undefined {
    this.#meet(`job ${id}`);
    return this.details.get(id);
  }

  async explain(path: string, { onPage = false }: ExplainAsked = {}): Promise<Explanation> {
    this.#meet(`explain ${path}${onPage ? ' on the page' : ''}`);
    return {
      path,
      folder: '/in',
      rules: [{ name: 'default', matched: true, why: 'it matches every file' }],
      arriving: this.arriving,
      verdict: 'would be made at most 50 MB',
      plan: [],
      before: [...this.details.values()],
    };
  }

  retry = (id: string) => this.#act('retry', id);
  cancel = (id: string) => this.#act('cancel', id);
  forget = (id: string) => this.#act('forget', id);
  restore = (id: string) => this.#act('restore', id);
  refine = (id: string, _words: string) => this.#act('refine', id);

  async pause(): Promise<void> {
    this.#meet('pause');
    this.mode = 'paused';
  }

  async resume(): Promise<void> {
    this.#meet('resume');
    this.mode = 'running';
  }

  async drain(): Promise<void> {
    this.#meet('drain');
    this.mode = 'draining';
  }

  subscribe(listener: (event: ControlEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #act(action: string, id: string): Promise<ActionResult> {
    this.#meet(`${action} ${id}`);
    const job = this.details.get(id);
    if (!job) return { ok: false, problem: 'unknown', message: say('api.unknown-job') };
    if (job.state === 'done' && action === 'retry') {
      return { ok: false, problem: 'not-now', message: `job ${id} is done; forget it to do it again` };
    }
    return { ok: true, job: viewOf(job) };
  }

  #meet(call: string): void {
    this.calls.push(call);
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }
}

function viewOf(job: JobDetail): JobView {
  const { id, source, folder, rule, engine, state, reason, action, step, progress } = job;
  const { source_bytes, target_bytes, output, output_bytes, created_at, updated_at } = job;
  return {
    id,
    source,
    folder,
    rule,
    engine,
    state,
    reason,
    action,
    step,
    progress,
    source_bytes,
    target_bytes,
    output,
    output_bytes,
    created_at,
    updated_at,
  };
}

export function detailLike(detail: Partial<JobDetail> & { id: string }): JobDetail {
  return {
    source: `/in/${detail.id}.mp4`,
    folder: '/in',
    rule: 'default',
    engine: 'local',
    state: 'queued',
    reason: null,
    action: null,
    step: null,
    progress: null,
    source_bytes: 4_000_000,
    target_bytes: 1_000_000,
    output: null,
    output_bytes: null,
    created_at: 1_700_000_000_000,
    updated_at: 1_700_000_001_000,
    relative: `${detail.id}.mp4`,
    version: 1,
    attempts: 0,
    instruction: null,
    hint: null,
    how: null,
    notes: [],
    evidence: null,
    eta_ms: null,
    progress_note: null,
    waiting_until: null,
    original: null,
    report: null,
    facts: {},
    history: [{ at: 1_700_000_000_000, event: 'admitted', note: 'rule default: matches **' }],
    ...detail,
  };
}
