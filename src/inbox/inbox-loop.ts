import { meansAway, whyAway } from './away.ts';
import type { InboxContext, PendingFile } from './tracked-file.ts';
import { Pending } from './waiting-files.ts';
import { meansOfLate } from './stability.ts';
import { type WatchPorts, Tree } from './tree.ts';

export interface FolderState {
  available: boolean;
  reason?: string;
  polled: boolean;
}

export interface FolderView extends FolderState {
  inbox: string;
  pending: number;
  /** A few of the pending files, and why each is not taken yet. */
  arriving: PendingFile[];
  /** Ms since the last complete listing; absent before the first. */
  lastScanAgeMs?: number;
  /** Ms since watching should have moved on: long where one question to the disk hangs, or the loop does. */
  overdueMs: number;
}

export interface FolderOptions {
  scan: number | 'auto';
  onFolder(state: FolderState): void;
  /** Called when watching cannot go on, because of a mistake in it or in a callback. */
  onFatal(error: unknown): void;
}

/** The first event is followed at once, but for others that come with it; a burst of them every so often. */
const FIRST_LOOK_MS = 2;
const DEBOUNCE_MS = 25;
const LOCAL_SCAN_MS = 60_000;
const POLL_ACTIVE_MS = 10_000;
const POLL_IDLE_MS = 30_000;
/** A polled folder counts as active this long after something happened in it. */
const ACTIVE_FOR_MS = 5 * 60_000;
/** An unavailable folder is tried this often at least. */
const RETRY_MS = 10_000;
/**
 * Known files are looked at in a scan only as often as that costs one part in so many of the time: 0.5 % of a processor
 * locally, 5 % of the waiting on a network.
 */
const DEEP_SHARE = { local: 200, polled: 20 };

/** So many pending files are told by name; a person looks at no more. */
const ARRIVING = 10;

type Task = 'flush' | 'sample' | 'backlog' | 'scan' | 'poll';

/**
 * Watches one inbox. One loop owns everything here: it sleeps until the next thing is due (hints to follow, samples to take,
 * a scan) and does one thing at a time. Hints and requests from outside only mark something as due and wake it.
 */
export class FolderWatch {
  private readonly context: InboxContext;
  private readonly scanMs: number | 'auto';
  private readonly tree: Tree;
  private readonly pending: Pending;
  private readonly onFolder: (state: FolderState) => void;
  private readonly onFatal: (error: unknown) => void;
  private loop: Promise<void> | undefined;
  private stopped = false;
  private busy = false;
  private wake: () => void = () => {};
  private hintedAt: number | undefined;
  private lastFlushAt = Number.NEGATIVE_INFINITY;
  private scanRequested = true;
  private nextScanAt = 0;
  private nextPollAt = Number.POSITIVE_INFINITY;
  private lastScanAt: number | undefined;
  private lastDeepAt = 0;
  private lastDeepMs = 0;
  private lastActiveAt: number;
  /** When the loop was last seen moving, or means to move next. */
  private dueAt: number;
  private state: FolderState | undefined;
  private scanWaiters: (() => void)[] = [];
  private quietWaiters: (() => void)[] = [];

  constructor(context: InboxContext, ports: WatchPorts, options: FolderOptions) {
    this.context = context;
    this.lastActiveAt = context.clock.monotonic();
    this.dueAt = this.lastActiveAt;
    this.scanMs = options.scan;
    this.onFolder = state => options.onFolder(state);
    this.onFatal = error => options.onFatal(error);
    this.pending = new Pending(context, (dir, name) => this.tree.hint(dir.rel, name));
    this.tree = new Tree(context, ports, this.pending, () => this.hinted());
  }

  /** Resolves after the first complete listing, or once it is clear that the folder is not available. */
  start(): Promise<void> {
    const listed = this.rescan();
    this.loop = this.serve();
    // What ends the loop is a mistake of ours: better to end loudly than to look alive and watch nothing.
    this.loop.catch(error => queueMicrotask(() => this.onFatal(error)));
    return Promise.race([listed, this.loop]);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    // How it ended was told to onFatal.
    await this.loop?.catch(() => {});
    await this.tree.close();
    for (const done of [...this.scanWaiters, ...this.quietWaiters]) done();
  }

  /** Resolves after a scan that began after this call. */
  rescan(): Promise<void> {
    this.scanRequested = true;
    this.wake();
    return new Promise(resolve => this.scanWaiters.push(resolve));
  }

  /** Resolves when everything found so far was reported or is held by a veto. */
  settled(): Promise<void> {
    if (this.stopped || this.isQuiet) return Promise.resolve();
    return new Promise(resolve => this.quietWaiters.push(resolve));
  }

  forget(relative: string): void {
    this.tree.forget(relative);
  }

  pendingFiles(): PendingFile[] {
    return this.pending.list();
  }

  view(): FolderView {
    const now = this.context.clock.monotonic();
    return {
      ...(this.state ?? { available: false, reason: 'it was not looked at yet', polled: false }),
      inbox: this.context.inbox,
      pending: this.pending.size,
      arriving: this.pending.first(ARRIVING),
      overdueMs: Math.max(0, now - this.dueAt),
      ...(this.lastScanAt === undefined ? {} : { lastScanAgeMs: now - this.lastScanAt }),
    };
  }

  private get available(): boolean {
    return this.state?.available === true;
  }

  private get isQuiet(): boolean {
    if (this.busy || this.scanRequested || this.state === undefined) return false;
    return !this.available || (!this.tree.hinted && !this.tree.hasBacklog && this.pending.onlyHeld);
  }

  private get flushDueAt(): number {
    return Math.max((this.hintedAt ?? 0) + FIRST_LOOK_MS, this.lastFlushAt + DEBOUNCE_MS);
  }

  private hinted(): void {
    this.hintedAt ??= this.context.clock.monotonic();
    this.wake();
  }

  private async serve(): Promise<void> {
    while (!this.stopped) {
      const { task, at } = this.next();
      this.dueAt = Math.max(at, this.context.clock.monotonic());
      if (at > this.context.clock.monotonic()) await this.sleepUntil(at);
      else await this.attempt(task);
      this.releaseQuietWaiters();
      // Whatever is due next, everybody else gets a turn first.
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  /** What is due first. */
  private next(): { task: Task; at: number } {
    const due: { task: Task; at: number }[] = [
      { task: 'scan', at: this.scanRequested ? 0 : this.nextScanAt },
      { task: 'poll', at: this.nextPollAt },
    ];
    if (this.available && this.tree.hinted) due.push({ task: 'flush', at: this.flushDueAt });
    if (this.available && this.tree.hasBacklog && this.pending.hasRoom) due.push({ task: 'backlog', at: 0 });
    if (this.available && this.pending.size > 0) due.push({ task: 'sample', at: this.pending.dueAt });
    return due.reduce((first, each) => (each.at < first.at ? each : first));
  }

  private async sleepUntil(at: number): Promise<void> {
    const { clock } = this.context;
    await new Promise<void>(resolve => {
      const stopTimer = clock.after(at - clock.monotonic(), resolve);
      this.wake = () => {
        stopTimer();
        resolve();
      };
    });
    this.wake = () => {};
    const lateMs = clock.monotonic() - at;
    const means = this.pending.size === 0 ? 'nothing' : meansOfLate(lateMs, this.pending.periodMs);
    if (means === 'busy') this.pending.lose(lateMs);
    if (means !== 'suspended') return;
    this.context.log.debug({ inbox: this.context.inbox }, 'this process was suspended; waiting files are watched anew');
    this.pending.restart();
  }

  private async attempt(task: Task): Promise<void> {
    const waiters = task === 'scan' ? this.scanWaiters.splice(0) : [];
    this.busy = true;
    try {
      await this.perform(task);
    } catch (error) {
      if (!meansAway(error)) throw error;
      if (!this.stopped) this.becomeUnavailable(whyAway(error));
    } finally {
      this.busy = false;
    }
    for (const done of waiters) done();
  }

  private async perform(task: Task): Promise<void> {
    switch (task) {
      case 'flush':
        return this.flush();
      case 'sample':
        return this.pending.sample(() => this.stopped);
      case 'backlog':
        return this.tree.takeBacklog();
      case 'scan':
        return this.scan();
      case 'poll':
        return this.poll();
    }
  }

  private async flush(): Promise<void> {
    this.hintedAt = undefined;
    this.lastActiveAt = this.context.clock.monotonic();
    await this.tree.flush();
    this.lastFlushAt = this.context.clock.monotonic();
    if (this.tree.rootMoved) this.scanRequested = true;
  }

  private async scan(): Promise<void> {
    const { clock } = this.context;
    const started = clock.monotonic();
    const asked = this.scanRequested;
    this.scanRequested = false;
    const deep =
      asked || started - this.lastDeepAt >= this.lastDeepMs * DEEP_SHARE[this.tree.polled ? 'polled' : 'local'];
    try {
      await this.tree.scan({ deep, polledOnly: false }, () => this.between());
      if (this.stopped) return;
      if (this.state?.available === false) this.pending.restart();
      await this.pending.recheck();
      this.lastScanAt = clock.monotonic();
      if (deep) {
        this.lastDeepAt = this.lastScanAt;
        this.lastDeepMs = this.lastScanAt - started;
      }
      this.become({ available: true, polled: this.tree.anyPolled });
    } finally {
      this.nextScanAt = clock.monotonic() + this.scanPeriodMs();
      this.nextPollAt = this.nextPoll();
    }
  }

  /** Directories that are polled among others that are not. */
  private async poll(): Promise<void> {
    await this.tree.scan({ deep: false, polledOnly: true }, () => this.between());
    this.nextPollAt = this.nextPoll();
  }

  /** Between two directories of a scan: what is due is not kept waiting by a long one. False when stopped. */
  private async between(): Promise<boolean> {
    if (this.stopped) return false;
    const now = this.context.clock.monotonic();
    this.dueAt = now;
    if (this.available && this.tree.hinted && this.flushDueAt <= now) await this.flush();
    if (this.available && this.pending.size > 0 && this.pending.dueAt <= now)
      await this.pending.sample(() => this.stopped);
    return !this.stopped;
  }

  private scanPeriodMs(): number {
    if (this.scanMs !== 'auto') return this.scanMs;
    if (!this.available) return RETRY_MS;
    return this.tree.polled ? this.pollPeriodMs() : LOCAL_SCAN_MS;
  }

  private nextPoll(): number {
    const mixed = this.scanMs === 'auto' && !this.tree.polled && this.tree.anyPolled;
    return mixed ? this.context.clock.monotonic() + this.pollPeriodMs() : Number.POSITIVE_INFINITY;
  }

  private pollPeriodMs(): number {
    const now = this.context.clock.monotonic();
    if (this.pending.size > 0) this.lastActiveAt = now;
    return now - this.lastActiveAt < ACTIVE_FOR_MS ? POLL_ACTIVE_MS : POLL_IDLE_MS;
  }

  private becomeUnavailable(reason: string): void {
    this.become({ available: false, reason, polled: this.state?.polled ?? false });
    const { clock } = this.context;
    this.nextScanAt = clock.monotonic() + Math.min(RETRY_MS, this.scanPeriodMs());
    this.nextPollAt = Number.POSITIVE_INFINITY;
  }

  private become(state: FolderState): void {
    const before = this.state;
    this.state = state;
    const { inbox, log } = this.context;
    if (before?.available === state.available && before.polled === state.polled) return;
    if (!state.available && before?.available !== false) {
      log.warn({ inbox, reason: state.reason }, 'inbox is unavailable; its files are kept in mind until it is back');
    }
    if (state.available && before?.available === false) log.info({ inbox }, 'inbox is available again');
    this.onFolder(state);
  }

  private releaseQuietWaiters(): void {
    if (this.quietWaiters.length === 0 || !this.isQuiet) return;
    const waiters = this.quietWaiters;
    this.quietWaiters = [];
    for (const done of waiters) done();
  }
}
