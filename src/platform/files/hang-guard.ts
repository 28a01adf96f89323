/**
 * Keeps mounts that hang (a server that is off, a stuck FUSE process) from stopping everything else. A file system call that
 * never returns holds one of the few threads of Node's pool: two deliveries to a hung share would stop every other folder, and
 * four of them the journal. So each mount that may hang has a guard with one call at a time, and all guards share a budget.
 */
import { join } from 'node:path';
import { ShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import type { Clock } from '../clock.ts';
import { counted } from './calls-under-way.ts';
import { type Files, type OpenFile, throughDescriptor } from './files.ts';
import { kindOfType } from './fs-types.ts';
import { type Mount, mountOf, readMounts, throughLinks } from './mounts.ts';

/** Threads of Node's pool unless UV_THREADPOOL_SIZE says otherwise (libuv). */
const POOL = 4;
/** Reserved for everything else, above all the journal: one to write, one to sync. */
const RESERVED = 2;

/** A call that waits for a thread. */
interface Waiter {
  go(): void;
  refuse(): void;
}

/** How many threads of the pool may wait for mounts: shares of one server hang together. */
export class ThreadBudget {
  readonly threads: number;
  #taken = 0;
  #hanging = 0;
  readonly #queue = new Set<Waiter>();
  readonly #onBack = new Set<() => void>();

  constructor(threads: number) {
    this.threads = threads;
  }

  /**
   * Resolves once the caller has a thread; `release` returns it.
   * @param options.answerMs how long to wait for one, milliseconds
   * @param options.giveUps receives a function that ends the wait with an error, for as long as it lasts
   * @param options.refusal the error if all threads hang, or none became free in time
   */
  async take(options: {
    clock: Clock;
    answerMs: number;
    giveUps: Set<(error: ShrinkError) => void>;
    refusal(): ShrinkError;
  }): Promise<void> {
    const { clock, answerMs, giveUps, refusal } = options;
    if (this.#hanging >= this.threads) throw refusal();
    if (this.#taken < this.threads) {
      this.#taken += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        stopTimer();
        this.#queue.delete(waiter);
        giveUps.delete(giveUp);
      };
      const giveUp = (error: ShrinkError) => {
        leave();
        reject(error);
      };
      const waiter: Waiter = {
        go() {
          leave();
          resolve();
        },
        refuse: () => giveUp(refusal()),
      };
      const stopTimer = clock.after(answerMs, waiter.refuse);
      this.#queue.add(waiter);
      giveUps.add(giveUp);
    });
  }

  release(): void {
    const [next] = this.#queue;
    if (next) next.go();
    else this.#taken -= 1;
  }

  /** Nobody waits for a call any more; its thread is free when it returns. */
  hangs(call: Promise<unknown>): void {
    this.#hanging += 1;
    const back = () => {
      this.#hanging -= 1;
      for (const listener of this.#onBack) listener();
      this.#onBack.clear();
    };
    call.then(back, back);
    if (this.#hanging >= this.threads) for (const waiter of [...this.#queue]) waiter.refuse();
  }

  /** Resolves at once or, if all of them hang, when the first returns. */
  async oneBack(): Promise<void> {
    if (this.#hanging >= this.threads) await new Promise<void>(resolve => this.#onBack.add(resolve));
  }
}

/** As many as the pool of a process with this environment can spare, at least one. */
export function sparedThreads(environment: Readonly<Record<string, string | undefined>>): number {
  const size = Number.parseInt(environment['UV_THREADPOOL_SIZE'] ?? '', 10);
  return Math.max(1, (size > 0 ? size : POOL) - RESERVED);
}

const processBudget = new ThreadBudget(sparedThreads(process.env));

export interface GuardedCall<T> {
  /** Receives a result that came after the caller had given up; awaited before the next call. */
  onLate?: (result: T) => void | Promise<void>;
  /** How long to wait for the answer, milliseconds; by default as long as the guard does. */
  answerMs?: number;
}

/** The way to one mount that may hang: one call at a time, and while one hangs, further calls fail at once. */
export class MountGuard {
  readonly #mountPoint: string;
  readonly #clock: Clock;
  readonly #answerMs: number;
  readonly #budget: ThreadBudget;
  #lastCall: Promise<unknown> = Promise.resolve();
  /** Set while it hangs: resolves when the hung call returns. */
  #hung: Promise<void> | undefined;
  #isClosed = false;
  readonly #giveUps = new Set<(error: ShrinkError) => void>();

  /**
   * @param answerMs how long an answer is waited for, milliseconds
   * @param budget shared by the guards of one process
   */
  constructor(mountPoint: string, clock: Clock, answerMs: number, budget = processBudget) {
    this.#mountPoint = mountPoint;
    this.#clock = clock;
    this.#answerMs = answerMs;
    this.#budget = budget;
  }

  /** @throws ShrinkError `unavailable` if no answer came in time, or the mount already hangs; otherwise what `work` throws. */
  async call<T>(work: () => Promise<T>, options: GuardedCall<T> = {}): Promise<T> {
    const turn = this.#inTurn(this.#lastCall, work, options);
    this.#lastCall = turn.catch(() => {});
    return turn;
  }

  /** For what must happen eventually, such as closing a file: in its turn, or once the mount answers again. */
  async whenBack<T>(work: () => Promise<T>): Promise<T> {
    let hasBegun = false;
    const beginning = () => {
      hasBegun = true;
      return work();
    };
    for (;;) {
      try {
        return await this.call(beginning);
      } catch (error) {
        if (hasBegun || this.#isClosed) throw error;
        await (this.#hung ?? this.#budget.oneBack());
      }
    }
  }

  /** Rejects all calls that have not returned, and all later ones. */
  abandon(): void {
    this.#isClosed = true;
    for (const giveUp of this.#giveUps) giveUp(this.#silent());
  }

  async #inTurn<T>(before: Promise<unknown>, work: () => Promise<T>, options: GuardedCall<T>): Promise<T> {
    await before;
    if (this.#hung || this.#isClosed) throw this.#silent();
    await this.#budget.take({
      clock: this.#clock,
      answerMs: this.#answerMs,
      giveUps: this.#giveUps,
      refusal: () => this.#crowded(),
    });
    const running = counted(work()).finally(() => this.#budget.release());
    return await this.#answerOf(running, options);
  }

  #answerOf<T>(running: Promise<T>, { onLate, answerMs = this.#answerMs }: GuardedCall<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let isLate = false;
      const end = () => {
        stopTimer();
        this.#giveUps.delete(giveUp);
      };
      const giveUp = (error: ShrinkError) => {
        end();
        isLate = true;
        this.#budget.hangs(running);
        const back = running.then(result => onLate?.(result)).catch(() => {});
        this.#hung = back.then(() => {
          this.#hung = undefined;
        });
        reject(error);
      };
      const stopTimer = this.#clock.after(answerMs, () => giveUp(this.#silent()));
      this.#giveUps.add(giveUp);
      running.then(resolve, reject).finally(() => {
        if (!isLate) end();
      });
    });
  }

  #silent(): ShrinkError {
    return this.#unavailable(say('files.mount-silent', { path: this.#mountPoint }), say('files.mount-silent-hint'));
  }

  #crowded(): ShrinkError {
    const shares = this.#budget.threads;
    const message = say('files.mount-crowded', { path: this.#mountPoint });
    return this.#unavailable(message, say('files.mount-crowded-hint', { shares }));
  }

  #unavailable(message: ReturnType<typeof say>, hint: ReturnType<typeof say>): ShrinkError {
    return new ShrinkError('unavailable', message, { subject: this.#mountPoint, hint });
  }
}

/** As long as the watcher waits: NFS retries for minutes before it gives up. */
const ANSWER_MS = 20_000;
/** A share takes its time to write gigabytes to its disk (2 GB at 10 MB/s). */
const DATA_MS = 5 * 60_000;
/**
 * How long the list of mounts and the targets of links are cached; reading the list takes as long as two calls. A share that
 * is mounted and hangs within this time is called without its guard.
 */
const MOUNTS_MS = 50;

export interface GuardedFilesOptions {
  clock: Clock;
  mounts?: () => Mount[];
  /** Milliseconds; shorter in tests. */
  answerMs?: number;
  /** Threads that shares may hold; by default those of this process. */
  budget?: ThreadBudget;
  /** Once it aborts, no share is waited for any longer. */
  giveUp?: AbortSignal;
}

const BELOW_DESCRIPTOR = new RegExp(`^${throughDescriptor(0).slice(0, -1)}(\\d+)(/|$)`);

/** Which guard a path needs, if any. Links are followed: a path that leads into a share belongs to the share. */
class Guards {
  readonly #options: GuardedFilesOptions;
  readonly #byMountPoint = new Map<string, MountGuard>();
  readonly #held = new Map<number, { file: OpenFile; path: string; guard: MountGuard | undefined }>();
  #known: { mounts: Mount[]; links: Map<string, string>; at: number } | undefined;

  constructor(options: GuardedFilesOptions) {
    this.#options = options;
    options.giveUp?.addEventListener('abort', () => {
      for (const guard of this.#byMountPoint.values()) guard.abandon();
    });
  }

  /** What was opened by `path`, and is called through its descriptor from now on. */
  hold(file: OpenFile, path: string, guard: MountGuard | undefined): void {
    const { fd } = file;
    if (fd !== undefined) this.#held.set(fd, { file, path: this.#named(path), guard });
  }

  /** Before it is closed: the number may be another file's at once. Closed once more, it no longer is this one's. */
  drop(file: OpenFile): void {
    const { fd } = file;
    if (fd !== undefined && this.#held.get(fd)?.file === file) this.#held.delete(fd);
  }

  of(path: string): MountGuard | undefined {
    return this.#heldBy(path)?.guard ?? this.#ofNamed(this.#named(path));
  }

  /** A path below a descriptor as it was when that was opened: a share may be mounted below it. */
  #named(path: string): string {
    const held = this.#heldBy(path);
    return held ? join(held.path, path.split('/').slice(5).join('/')) : path;
  }

  #heldBy(path: string): { path: string; guard: MountGuard | undefined } | undefined {
    const fd = BELOW_DESCRIPTOR.exec(path)?.[1];
    return fd === undefined ? undefined : this.#held.get(Number(fd));
  }

  #ofNamed(path: string): MountGuard | undefined {
    const { mounts, links } = this.#current();
    const mount = mountOf(mounts, throughLinks(path, mounts, links));
    if (!mount || !kindOfType(mount.type).polled) return undefined;
    const { clock, answerMs = ANSWER_MS, budget } = this.#options;
    const guard = this.#byMountPoint.get(mount.point) ?? new MountGuard(mount.point, clock, answerMs, budget);
    this.#byMountPoint.set(mount.point, guard);
    if (this.#options.giveUp?.aborted) guard.abandon();
    return guard;
  }

  #current(): { mounts: Mount[]; links: Map<string, string> } {
    const now = this.#options.clock.monotonic();
    if (this.#known && now - this.#known.at < MOUNTS_MS) return this.#known;
    this.#known = { mounts: (this.#options.mounts ?? readMounts)(), links: new Map(), at: now };
    return this.#known;
  }
}

/**
 * The same files with every call into a mount that may hang (network, FUSE) behind that mount's guard: after a while the
 * caller gets `unavailable`. An abandoned call may still happen, as on any network share whose answer was lost. A share
 * that is also an inbox may hold two threads: the watcher has guards of its own.
 */
export function guardedFiles(files: Files, options: GuardedFilesOptions): Files {
  const guards = new Guards(options);
  const opening = {
    opened: (file: OpenFile, path: string) => guards.hold(file, path, guards.of(path)),
    closing: (file: OpenFile) => guards.drop(file),
  };
  return behind(files, path => guards.of(path), { ...opening, dataMs: DATA_MS });
}

/** The same files with every call behind one mount's guard, each with the guard's own time. */
export function filesBehind(guard: MountGuard, files: Files): Files {
  return behind(files, () => guard);
}

interface Behind {
  /** How long reading, writing and syncing may take, milliseconds; by default as long as the guard waits for any call. */
  dataMs?: number;
  opened?(file: OpenFile, path: string): void;
  closing?(file: OpenFile): void;
}

function behind(files: Files, guardOf: (path: string) => MountGuard | undefined, options: Behind = {}): Files {
  const guarded = <T>(path: string, work: () => Promise<T>): Promise<T> => guardOf(path)?.call(work) ?? work();
  /** If only one of two names needs a guard, that one's. */
  const between = (from: string, to: string) => (guardOf(to) ? to : from);
  return {
    lstat: path => guarded(path, () => files.lstat(path)),
    stat: path => guarded(path, () => files.stat(path)),
    async open(path, how, mode) {
      const guard = guardOf(path);
      const onLate = (file: OpenFile) => discard(file, path, how === 'wx', files);
      const opening = () => files.open(path, how, mode);
      const opened = await (guard ? guard.call(opening, { onLate }) : opening());
      options.opened?.(opened, path);
      const file = guard ? guardedFile(opened, guard, options.dataMs) : opened;
      return {
        ...file,
        close() {
          options.closing?.(opened);
          return file.close();
        },
      };
    },
    readdir: path => guarded(path, () => files.readdir(path)),
    mkdir: path => guarded(path, () => files.mkdir(path)),
    link: (from, to) => guarded(between(from, to), () => files.link(from, to)),
    rename: (from, to) => guarded(between(from, to), () => files.rename(from, to)),
    unlink: path => guarded(path, () => files.unlink(path)),
    statfs: path => guarded(path, () => files.statfs(path)),
  };
}

function guardedFile(file: OpenFile, guard: MountGuard, dataMs: number | undefined): OpenFile {
  const data = <T>(work: () => Promise<T>): Promise<T> => guard.call(work, { answerMs: dataMs });
  return {
    fd: file.fd,
    read: (...args) => data(() => file.read(...args)),
    write: (...args) => data(() => file.write(...args)),
    stat: () => guard.call(() => file.stat()),
    utimes: (...args) => guard.call(() => file.utimes(...args)),
    chmod: mode => guard.call(() => file.chmod(mode)),
    sync: () => data(() => file.sync()),
    async close() {
      let hasBegun = false;
      const closing = () => {
        hasBegun = true;
        return file.close();
      };
      try {
        await guard.call(closing);
      } catch (error) {
        if (!hasBegun) void guard.whenBack(closing).catch(() => {});
        throw error;
      }
    },
  };
}

/** Closes a file that was opened too late; one created by the call is removed, or it would stay there empty. */
async function discard(file: OpenFile, path: string, isNew: boolean, files: Files): Promise<void> {
  const made = isNew ? await file.stat() : undefined;
  await file.close();
  if (made && (await files.lstat(path)).ino === made.ino) await files.unlink(path);
}
