import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { meansAway, whyAway } from './guarded-fs.ts';
import { type InboxFacts, ScanSchedule } from './scan-schedule.ts';
import { classifyDelay } from './stability.ts';
import type { InboxContext, PendingFile } from './tracked-file.ts';
import { Tree, type WatchPorts } from './tree.ts';
import { WaitingFiles } from './waiting-files.ts';

export interface FolderState {
  available: boolean;
  reason?: Sentence;
  polled: boolean;
}

export interface FolderView extends FolderState {
  inbox: string;
  pending: number;
  /** A few of the pending files, and why each has not been taken yet. */
  arriving: PendingFile[];
  /** What is not for shrinkbox, by its name or because it is no file: how many of each kind, the commonest first. */
  leftAlone: { kind: string; files: number }[];
  /** Ms since the last complete listing; absent before the first. */
  lastScanAgeMs?: number;
  /** Ms by which the loop is late: long if one call to the disk hangs, or the loop does. */
  overdueMs: number;
}

export interface FolderOptions {
  scan: number | 'auto';
  onFolder(state: FolderState): void;
  /** Watching cannot continue because of a bug in it or in a callback. */
  onFatal(error: unknown): void;
}

/** Delay after a first event, for others that come with it; bursts of events are handled at intervals. */
const FIRST_EVENT_MS = 2;
const DEBOUNCE_MS = 25;

/** At most this many kinds of files that are left alone are listed in the status. */
const MAX_KINDS = 30;

/** At most this many pending files are listed in the status. */
const MAX_ARRIVING = 10;

type Task = 'changes' | 'sample' | 'backlog' | 'scan' | 'poll';

/**
 * Watches one inbox. One loop owns everything here: it sleeps until the next thing is due (changes to check, samples to take,
 * a scan) and does one thing at a time. Events and requests from outside only mark something as due and wake it.
 */
export class InboxLoop {
  readonly #context: InboxContext;
  readonly #tree: Tree;
  readonly #waiting: WaitingFiles;
  readonly #schedule: ScanSchedule;
  readonly #onFolder: (state: FolderState) => void;
  readonly #onFatal: (error: unknown) => void;
  #loop: Promise<void> | undefined;
  #stopped = false;
  #busy = false;
  #wake: () => void = () => {};
  #changedAt: number | undefined;
  #lastChecked = Number.NEGATIVE_INFINITY;
  #lastScanAt: number | undefined;
  /** When the loop last advanced, or is due to advance next. */
  #dueAt: number;
  #state: FolderState | undefined;
  #leftAloneLogged = '[]';
  #scanWaiters: (() => void)[] = [];
  #quietWaiters: (() => void)[] = [];

  constructor(context: InboxContext, ports: WatchPorts, options: FolderOptions) {
    this.#context = context;
    this.#dueAt = this.#now();
    this.#schedule = new ScanSchedule(options.scan, this.#dueAt);
    this.#onFolder = state => options.onFolder(state);
    this.#onFatal = error => options.onFatal(error);
    this.#waiting = new WaitingFiles(context, (dir, name) => this.#tree.markChanged(dir.rel, name));
    this.#tree = new Tree(context, ports, this.#waiting, () => this.#onChange());
  }

  /** Resolves after the first complete listing, or once the inbox proves to be unavailable. */
  start(): Promise<void> {
    const listed = this.rescan();
    this.#loop = this.#serve();
    // Only a bug ends the loop: better to fail loudly than to seem alive and watch nothing.
    this.#loop.catch(error => queueMicrotask(() => this.#onFatal(error)));
    return Promise.race([listed, this.#loop]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    // onFatal has already been called with the error.
    await this.#loop?.catch(() => {});
    await this.#tree.close();
    for (const done of [...this.#scanWaiters, ...this.#quietWaiters]) done();
  }

  /** Resolves after a scan that began after this call. */
  rescan(): Promise<void> {
    this.#schedule.request();
    this.#wake();
    return new Promise(resolve => this.#scanWaiters.push(resolve));
  }

  /** Resolves when everything found so far has been reported or is held back by a veto. */
  settled(): Promise<void> {
    if (this.#stopped || this.#isQuiet) return Promise.resolve();
    return new Promise(resolve => this.#quietWaiters.push(resolve));
  }

  forget(relative: string): void {
    this.#tree.forget(relative);
  }

  pendingFiles(): PendingFile[] {
    return this.#waiting.list();
  }

  view(): FolderView {
    const now = this.#now();
    return {
      ...(this.#state ?? { available: false, reason: say('inbox.not-scanned'), polled: false }),
      inbox: this.#context.inbox,
      pending: this.#waiting.size,
      arriving: this.#waiting.first(MAX_ARRIVING),
      leftAlone: this.#leftAlone(),
      overdueMs: Math.max(0, now - this.#dueAt),
      lastScanAgeMs: this.#lastScanAt === undefined ? undefined : now - this.#lastScanAt,
    };
  }

  #leftAlone(): FolderView['leftAlone'] {
    const kinds = [...this.#tree.leftAlone].map(([kind, files]) => ({ kind, files }));
    return kinds.sort((a, b) => b.files - a.files || a.kind.localeCompare(b.kind)).slice(0, MAX_KINDS);
  }

  /** One line for all of them, and another only when they have changed. */
  #logLeftAlone(): void {
    const kinds = this.#leftAlone();
    const text = JSON.stringify(kinds);
    if (text === this.#leftAloneLogged) return;
    this.#leftAloneLogged = text;
    const { inbox, log } = this.#context;
    const files = Object.fromEntries(kinds.map(({ kind, files }) => [kind || 'other', files]));
    log.info({ inbox, files }, 'files that no rule can take are left alone; "shrinkbox explain FILE" says why');
  }

  #now(): number {
    return this.#context.clock.monotonic();
  }

  get #available(): boolean {
    return this.#state?.available === true;
  }

  get #isQuiet(): boolean {
    if (this.#busy || this.#schedule.requested || this.#state === undefined) return false;
    return !this.#available || (!this.#tree.hasChanges && !this.#tree.hasBacklog && this.#waiting.onlyVetoed);
  }

  get #changesDueAt(): number {
    return Math.max((this.#changedAt ?? 0) + FIRST_EVENT_MS, this.#lastChecked + DEBOUNCE_MS);
  }

  #onChange(): void {
    this.#changedAt ??= this.#now();
    this.#wake();
  }

  async #serve(): Promise<void> {
    while (!this.#stopped) {
      const { task, at } = this.#next();
      this.#dueAt = Math.max(at, this.#now());
      if (at > this.#now()) await this.#sleepUntil(at);
      else await this.#attempt(task);
      this.#releaseQuietWaiters();
      // Whatever is due next, the rest of the process gets a turn first.
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  /** What is due first. */
  #next(): { task: Task; at: number } {
    const due: { task: Task; at: number }[] = [
      { task: 'scan', at: this.#schedule.scanDueAt },
      { task: 'poll', at: this.#schedule.pollDueAt },
    ];
    if (this.#available) {
      if (this.#tree.hasChanges) due.push({ task: 'changes', at: this.#changesDueAt });
      if (this.#tree.hasBacklog && this.#waiting.hasRoom) due.push({ task: 'backlog', at: 0 });
      if (this.#waiting.size > 0) due.push({ task: 'sample', at: this.#waiting.dueAt });
    }
    return due.reduce((first, each) => (each.at < first.at ? each : first));
  }

  async #sleepUntil(at: number): Promise<void> {
    const { clock, log, inbox } = this.#context;
    await new Promise<void>(resolve => {
      const stopTimer = clock.after(at - clock.monotonic(), resolve);
      this.#wake = () => {
        stopTimer();
        resolve();
      };
    });
    this.#wake = () => {};
    if (this.#waiting.size === 0) return;
    const lateMs = this.#now() - at;
    const delay = classifyDelay(lateMs, this.#waiting.periodMs);
    if (delay === 'busy') this.#waiting.discountLostTime(lateMs);
    if (delay !== 'suspended') return;
    log.debug({ inbox }, 'this process was suspended; waiting files must settle again');
    this.#waiting.restart();
  }

  async #attempt(task: Task): Promise<void> {
    const waiters = task === 'scan' ? this.#scanWaiters.splice(0) : [];
    this.#busy = true;
    try {
      await this.#perform(task);
    } catch (error) {
      if (!meansAway(error)) throw error;
      if (!this.#stopped) this.#becomeUnavailable(whyAway(error));
    } finally {
      this.#busy = false;
    }
    for (const done of waiters) done();
  }

  async #perform(task: Task): Promise<void> {
    switch (task) {
      case 'changes':
        return this.#checkChanges();
      case 'sample':
        return this.#sample();
      case 'backlog':
        return this.#tree.takeBacklog();
      case 'scan':
        return this.#scan();
      case 'poll':
        return this.#poll();
    }
  }

  #sample(): Promise<void> {
    return this.#waiting.sample(() => this.#stopped);
  }

  async #checkChanges(): Promise<void> {
    this.#changedAt = undefined;
    this.#schedule.markActive(this.#now());
    await this.#tree.checkChanges();
    this.#lastChecked = this.#now();
    if (this.#tree.rootMoved) this.#schedule.request();
  }

  async #scan(): Promise<void> {
    const startedAt = this.#now();
    const deep = this.#schedule.begin(startedAt, this.#facts());
    try {
      await this.#tree.scan({ deep, polledOnly: false }, () => this.#afterBatch());
      if (this.#stopped) return;
      if (this.#state?.available === false) this.#waiting.restart();
      await this.#waiting.recheckRefused();
      this.#lastScanAt = this.#now();
      if (deep) this.#schedule.deepScanDone(startedAt, this.#lastScanAt);
      this.#become({ available: true, polled: this.#tree.anyPolled });
      this.#logLeftAlone();
    } finally {
      this.#schedule.planScan(this.#now(), this.#facts());
    }
  }

  /** Lists the polled directories when the others in the inbox need not be. */
  async #poll(): Promise<void> {
    await this.#tree.scan({ deep: false, polledOnly: true }, () => this.#afterBatch());
    this.#schedule.planPoll(this.#now(), this.#facts());
  }

  /** Called between the directories of a scan: a long scan must not delay what is due. False when stopped. */
  async #afterBatch(): Promise<boolean> {
    if (this.#stopped) return false;
    const now = this.#now();
    this.#dueAt = now;
    if (!this.#available) return true;
    if (this.#tree.hasChanges && this.#changesDueAt <= now) await this.#checkChanges();
    if (this.#waiting.size > 0 && this.#waiting.dueAt <= now) await this.#sample();
    return !this.#stopped;
  }

  #facts(): InboxFacts {
    return {
      available: this.#available,
      polled: this.#tree.polled,
      anyPolled: this.#tree.anyPolled,
      hasPending: this.#waiting.size > 0,
    };
  }

  #becomeUnavailable(reason: Sentence): void {
    this.#become({ available: false, reason, polled: this.#state?.polled ?? false });
    this.#schedule.planRetry(this.#now());
  }

  #become(state: FolderState): void {
    const before = this.#state;
    this.#state = state;
    const { inbox, log } = this.#context;
    if (before?.available === state.available && before.polled === state.polled) return;
    if (!state.available && before?.available !== false) {
      log.warn({ inbox, reason: state.reason?.text }, 'inbox is unavailable; its jobs are kept until it is back');
    }
    if (state.available && before?.available === false) log.info({ inbox }, 'inbox is available again');
    this.#onFolder(state);
  }

  #releaseQuietWaiters(): void {
    if (this.#quietWaiters.length === 0 || !this.#isQuiet) return;
    const waiters = this.#quietWaiters;
    this.#quietWaiters = [];
    for (const done of waiters) done();
  }
}
