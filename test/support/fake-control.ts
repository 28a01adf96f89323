import type {
  ActionResult,
  ArchiveView,
  Control,
  ControlEvent,
  ExplainAsked,
  Explanation,
  JobDetail,
  JobView,
  LibraryControl,
  LibraryView,
  Needs,
  StatusView,
  Understood,
  WordsAsked,
} from '../../src/api/types.ts';
import { STATE_NAMES, type StateName } from '../../src/core/job.ts';
import { messageOf } from '../../src/core/message.ts';
import { say } from '../../src/messages/say.ts';

export type FleetWorker = NonNullable<StatusView['fleet']>['workers'][number];

export function aWorker(name: string, state: FleetWorker['state'], more: Partial<FleetWorker> = {}): FleetWorker {
  return {
    ...{ name, state, version: '0.1.0', tasks: [], slots: 1, hours: null, scratch_free: 20e9, failures: 0 },
    ...{ benched_for_ms: null, benched_because: null, seen_at: 1_700_000_000_000, ...more },
  };
}

/** Five workers, one of each kind, and a film of twelve parts between them. */
function aFleet(job: string): NonNullable<StatusView['fleet']> {
  const part = (
    n: number,
    state: 'waiting' | 'making' | 'made' | 'here',
    worker: string | null = null,
    fraction = 0,
  ) => ({
    ...{ part: n, state, worker },
    ...(state === 'making' ? { step: 'pass-2', fraction } : { step: null, fraction: null }),
  });
  const task = (n: number, fraction: number) => ({ task: `${job}.${n}`, n: 3, fraction, fps: 31.4, step: 'pass-2' });
  const made = (n: number, worker: string) => part(n, 'made', worker);
  return {
    queue: { up: true, since: 1_700_000_000_000, why: null },
    ...{ queued: 3, leased: 3 },
    workers: [
      aWorker('attic', 'working', { tasks: [task(4, 0.42)], seen_at: Date.now() - 3_000 }),
      aWorker('cellar', 'resting', { tasks: [task(5, 0.1)], hours: '22:00-07:00', seen_at: Date.now() - 3_000 }),
      aWorker('desk', 'working', { tasks: [task(6, 0.9)], slots: 2, seen_at: Date.now() - 3_000 }),
      aWorker('garage', 'benched', {
        ...{ benched_for_ms: 540_000, benched_because: 'it has 55 bytes instead of 1000', failures: 3 },
        messages: { benched_because: messageOf(say('fleet.result-size', { bytes: 55, expected: 1000 })) },
      }),
      aWorker('old-laptop', 'away', { seen_at: Date.now() - 7_500_000 }),
      aWorker('shed', 'invited', { version: null, seen_at: null }),
    ],
    films: [
      {
        ...{ job, of: 12 },
        parts: [
          ...[made(0, 'desk'), made(1, 'attic'), made(2, 'cellar'), made(3, 'desk')],
          ...[part(4, 'making', 'attic', 0.42), part(5, 'making', 'cellar', 0.1), part(6, 'making', 'desk', 0.9)],
          ...[part(7, 'here'), part(8, 'waiting'), part(9, 'waiting')],
        ],
      },
    ],
  };
}

/** The daemon gets a fleet, and the job is made by it. */
export function inFleet(control: FakeControl, id: string): void {
  control.add({ ...control.details.get(id), id, engine: 'fleet' });
  control.fleet = aFleet(id);
}

/** A daemon without work: jobs are what a test put in, and every call is noted. */
export class FakeControl implements Control {
  readonly libraries: LibraryControl = {
    view: () => this.libraryViews,
    plan: folder => this.#meet(`plan ${folder}`),
    stopPlanning: async () => this.#meet('stop planning'),
    confirm: async (folder, id) => this.#meet(`start ${folder} ${id}`),
    stop: async folder => this.#meet(`stop ${folder}`),
    verify: settle => this.#meet(settle ? 'settle' : 'verify'),
  };
  libraryViews: LibraryView[] = [];
  readonly calls: string[] = [];
  readonly details = new Map<string, JobDetail>();
  mode: StatusView['mode'] = 'running';
  stuck = false;
  page: string | null = null;
  pageUnavailable: string | undefined;
  order: StatusView['queue']['order'] = 'arrival';
  /** Ids in the order of the queue. */
  queue: string[] = [];
  engines: StatusView['engines'] = [
    { name: 'local', ready: true, slots: 1, busy: 0, paused_until: null, reason: null, action: null },
  ];
  fleet: StatusView['fleet'];
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

  isStuck(): boolean {
    return this.stuck;
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
      libraries: this.libraryViews.length,
      page: this.page,
      page_unavailable: this.pageUnavailable,
      local_hours: null,
      counts: counts as Record<StateName, number>,
      queue: { order: this.order, left_ms: null, finish_at: null },
      totals: {
        done: 1,
        source_bytes: 4_000_000,
        output_bytes: 1_000_000,
        saved_bytes: 3_000_000,
        freed_bytes: 0,
        originals_left: { files: 1, bytes: 4_000_000 },
        originals_archived: { files: 0, bytes: 0 },
      },
      engines: this.engines,
      ...(this.fleet && { fleet: this.fleet }),
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
          disks: [{ place: 'inbox', path: '/in', free_bytes: 5_000_000_000, size_bytes: 9_000_000_000 }],
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
  async understood(asked: WordsAsked): Promise<Understood | undefined> {
    this.#meet(`understood ${asked.words}`);
    if (asked.job !== undefined && !this.details.has(asked.job)) return undefined;
    return { understood: true, text: 'at most 25 MB', not_understood: [], engine: 'local', target: null };
  }

  /** As the daemon groups them, by the code of the reason or its text without the name. */
  needs(): Needs {
    this.#meet('needs');
    const groups = new Map<string, JobDetail[]>();
    for (const job of this.details.values()) {
      if (job.state !== 'held' && job.state !== 'failed') continue;
      const text = job.reason?.replace(job.source.split('/').at(-1) ?? '', '');
      const key = `${job.state} ${job.messages?.reason?.code ?? text}`;
      groups.set(key, [...(groups.get(key) ?? []), job]);
    }
    return [...groups.values()].map(needOf);
  }

  pauseJob = (id: string) => this.#act('pause', id);
  resumeJob = (id: string) => this.#act('resume', id);
  move = (id: string, to: Parameters<Control['move']>[1]) => this.#act(`move ${JSON.stringify(to)}`, id);
  refine = (id: string, _words: string, byAnybody?: boolean) =>
    this.#act(byAnybody ? 'refine by anybody' : 'refine', id);

  async setOrder(order: StatusView['queue']['order']): Promise<void> {
    this.#meet(`order ${order}`);
    this.order = order;
  }

  archive(): ArchiveView {
    const kept = [...this.details.values()].filter(({ original }) => original !== null && original !== 'deleted');
    const files = kept.map(({ id: job, source, original, source_bytes: bytes, updated_at }) => ({
      ...{ job, source, path: original ?? '', bytes, archived_at: updated_at, until: updated_at + 30 * 86_400_000 },
    }));
    return { bytes: files.reduce((sum, file) => sum + file.bytes, 0), files };
  }

  line(): string[] {
    return this.queue;
  }

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

function needOf(group: JobDetail[]): Needs[number] {
  const newest = group.toSorted((a, b) => b.updated_at - a.updated_at);
  const [first = detailLike({ id: '' })] = newest;
  return {
    code: first.messages?.reason?.code ?? first.reason ?? '',
    state: first.state === 'held' ? 'held' : 'failed',
    jobs: group.length,
    reason: first.reason ?? '',
    hint: first.hint,
    messages: { reason: first.messages?.reason, hint: first.messages?.hint },
    newest: newest.slice(0, 50).map(({ id }) => id),
  };
}

function viewOf(job: JobDetail): JobView {
  const { id, source, folder, rule, engine, state, reason, action, step, progress } = job;
  const { source_bytes, target_bytes, target_firm, output, output_bytes, created_at, updated_at } = job;
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
    target_firm,
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
    target_firm: true,
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
    undo_until: null,
    paused: false,
    retry_helps: false,
    place: null,
    original: null,
    report: null,
    facts: {},
    history: [{ at: 1_700_000_000_000, event: 'admitted', note: 'rule default: matches **' }],
    ...detail,
  };
}
