/** The libraries of a running daemon: their plans, what a person has confirmed, and how far it has got. */
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import type { LibraryControl, LibraryView } from '../api/types.ts';
import { asFolder } from '../config/libraries.ts';
import type { Library } from '../config/load.ts';
import { isShrinkError, sentenceOf, ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import { type Job, type Reason, RESTING } from '../core/job.ts';
import { messageOf, type Sentence, verbatim } from '../core/message.ts';
import { whyLeftAlone } from '../library/plan/look.ts';
import { mayBeDone } from '../library/plan/inspect.ts';
import type { LibraryPlan, PlannedFilm } from '../library/plan/outcome.ts';
import type { PlanProgress } from '../library/plan/plan.ts';
import { finishedPlans, PlanStore } from '../library/plan/store.ts';
import { LibraryRunner, MAX_HELD } from '../library/runner.ts';
import { say } from '../messages/say.ts';
import { every } from '../platform/async.ts';
import type { Clock } from '../platform/clock.ts';
import { openFolder } from '../platform/files/door.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { doing, type Files, fingerprint } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import { finishOf } from '../queue/eta.ts';
import type { Engines } from './engines.ts';
import type { Folders } from './folders.ts';
import { sameContent } from './library-history.ts';
import {
  archiveRoom,
  eyesFor,
  keyFor,
  mustBeFolder,
  placeIn,
  type PlanPlace,
  planFolder,
  storeFor,
} from './library-plan.ts';
import { type Checking, checkLibrary } from './library-verify.ts';
import type { Lifetime } from './lifetime.ts';
import type { LiveConfig } from './live-config.ts';
import type { Queue } from './queue.ts';
import type { State } from './state.ts';

export interface LibrariesOptions {
  live: LiveConfig;
  state: State;
  folders: Folders;
  engines: Engines;
  queue: Queue;
  tools: Tools;
  files: Files;
  clock: Clock;
  log: Logger;
  life: Lifetime;
}

/** How often it is looked whether a library can go on. */
const LOOK_MS = 5_000;

interface Planning {
  folder: string;
  stop: AbortController;
  progress: PlanProgress;
  done: Promise<void>;
}

/** A plan as the journal names it: where it is kept, and which one it is. */
function confirmation(key: string, plan: LibraryPlan): string {
  return `${key}:${plan.id}`;
}

export class Libraries implements LibraryControl {
  readonly #options: LibrariesOptions;
  readonly #runners = new Map<string, LibraryRunner>();
  /** The last finished plan of each library. */
  readonly #plans = new Map<string, LibraryPlan>();
  /** Why a library does not go on. */
  readonly #trouble = new Map<string, Sentence>();
  /** Of the plan that was confirmed last, films that were left alone when their turn came. */
  readonly #leftAtTurn = new Map<string, number>();
  #planning: Planning | undefined;
  #checking: Checking | undefined;

  constructor(options: LibrariesOptions) {
    this.#options = options;
  }

  /** Goes on with what was confirmed before. */
  async start(): Promise<void> {
    const { live, state, clock, life } = this.#options;
    const made = await finishedPlans(live.current.stateDir);
    for (const library of live.current.libraries) {
      const confirmed = state.ledger.confirmedPlan(library.library);
      const [key = ''] = confirmed?.split(':') ?? [];
      const plan = confirmed
        ? await new PlanStore(live.current.stateDir, key).plan()
        : await this.#plannedBefore(library, made);
      if (plan) this.#plans.set(library.library, plan);
      if (confirmed) this.#run(library);
    }
    life.defer(state.ledger.subscribe(() => this.#look()));
    life.defer(every(clock, LOOK_MS, () => this.#look()));
    life.defer(() => this.#close());
    this.#look();
  }

  /** The newest plan of a library or of a folder in it that can still be started, whoever made it. */
  async #plannedBefore(
    library: Library,
    made: Awaited<ReturnType<typeof finishedPlans>>,
  ): Promise<LibraryPlan | undefined> {
    const { current } = this.#options.live;
    for (const { key, plan } of made) {
      const under = plan.folder === library.library ? '' : plan.folder.slice(library.library.length + 1);
      const isOurs = plan.library === library.library && key === keyFor({ library, under }, current);
      if (!isOurs) continue;
      const store = new PlanStore(current.stateDir, key);
      if (!(await this.#isCarriedOut(library.library, store))) return plan;
      await store.drop();
    }
    return undefined;
  }

  /** Whether every film of a plan has had its turn, by plans of the folders in it: then nothing is left to begin. */
  async #isCarriedOut(library: string, store: PlanStore): Promise<boolean> {
    const { ledger } = this.#options.state;
    let films = 0;
    for await (const { relative, bytes, mtimeNs } of store.read<PlannedFilm>('films')) {
      const isIt = ({ state, pin }: Job) =>
        RESTING.has(state.name) && pin.sizeBytes === bytes && String(pin.mtimeNs) === mtimeNs;
      if (!ledger.atPlace(library, relative).some(isIt)) return false;
      films += 1;
    }
    return films > 0;
  }

  async #close(): Promise<void> {
    this.#planning?.stop.abort();
    this.#checking?.stop.abort();
    await Promise.all([
      this.#planning?.done,
      this.#checking?.done,
      ...[...this.#runners.values()].map(each => each.stop()),
    ]);
  }

  #look(): void {
    for (const runner of this.#runners.values()) runner.look().catch(this.#options.life.fail);
  }

  /** @throws ShrinkError `usage`, `unavailable` while another folder is looked through or the library is at work. */
  plan(dir: string): void {
    const { live, clock, log, files, engines, state } = this.#options;
    const place = this.#placeOf(dir);
    mustBeFolder(dir);
    if (this.#planning)
      throw new ShrinkError('unavailable', say('library.planning', { folder: this.#planning.folder }));
    // What is carried out would no longer be what somebody has confirmed.
    if (state.ledger.confirmedPlan(place.library.library) !== undefined)
      throw new ShrinkError('unavailable', say('library.at-work', { folder: place.library.library }), {
        hint: say('library.at-work-hint', { folder: place.library.library }),
      });
    const stop = new AbortController();
    const folder = place.under === '' ? place.library.library : `${place.library.library}/${place.under}`;
    const tools = { config: live.current, engine: engines.local, files, ledger: state.ledger };
    const planning: Planning = { folder, stop, progress: { found: 0, looked: 0, of: 0 }, done: Promise.resolve() };
    const options = {
      now: clock.now(),
      id: randomBytes(4).toString('hex'),
      signal: stop.signal,
      onProgress: (progress: PlanProgress) => void (planning.progress = progress),
    };
    this.#trouble.delete(place.library.library);
    this.#planning = planning;
    planning.done = planFolder(place, tools, options)
      .then(plan => void this.#plans.set(place.library.library, plan))
      .catch((error: unknown) => {
        if (stop.signal.aborted) return;
        log.warn({ folder, err: error }, 'the plan could not be finished');
        this.#trouble.set(place.library.library, isShrinkError(error) ? sentenceOf(error) : verbatim(String(error)));
      })
      .finally(() => {
        this.#planning = undefined;
      });
  }

  /** What was looked at is kept for the next plan. Nothing where none is being made. */
  async stopPlanning(): Promise<void> {
    this.#planning?.stop.abort();
    await this.#planning?.done;
  }

  /**
   * @param id of the plan that was seen; by default the last one of that folder
   * @throws ShrinkError `usage` where nothing was planned or is to be done, or that is no longer the plan
   */
  async confirm(dir: string, id?: string): Promise<void> {
    const { live, state, log } = this.#options;
    const place = this.#placeOf(dir);
    const { library } = place.library;
    const plan = await storeFor(place, live.current).plan();
    if (!plan)
      throw new ShrinkError('usage', say('library.no-plan', { folder: dir }), {
        hint: say('library.no-plan-hint', { folder: dir }),
      });
    if (id !== undefined && id !== plan.id)
      throw new ShrinkError('usage', say('library.other-plan', { folder: dir }), {
        hint: say('library.no-plan-hint', { folder: dir }),
      });
    if (plan.todo.films === 0) throw new ShrinkError('usage', say('library.nothing-to-do', { folder: dir }));
    await this.#end(library);
    this.#leftAtTurn.delete(library);
    this.#plans.set(library, plan);
    await state.ledger.setLibrary(library, confirmation(keyFor(place, live.current), plan));
    log.info({ library, films: plan.todo.films }, 'a person has confirmed the plan of a library');
    this.#run(place.library);
    this.#look();
  }

  /** What is at work rests for good: its job is cancelled, and its film stays as it is. */
  async stop(dir?: string): Promise<void> {
    const { live, state, queue } = this.#options;
    const chosen = dir === undefined ? live.current.libraries : [this.#placeOf(dir).library];
    for (const { library } of chosen) {
      if (this.#planningIn(library)) await this.stopPlanning();
      await state.ledger.setLibrary(library, undefined);
      await this.#end(library);
      for (const job of this.#unfinished(library))
        if (job.state.name !== 'delivering') await queue.actions.cancel(job.id, say('library.stopped'));
    }
  }

  /** Says nothing of what is in no library: whoever asks may be anybody on the network. @throws ShrinkError `usage` */
  #placeOf(dir: string): PlanPlace {
    const place = placeIn(dir, this.#options.live.current);
    if (place) return place;
    throw new ShrinkError('usage', say('library.not-configured', { folder: dir }), {
      hint: say('library.not-configured-hint'),
    });
  }

  #planningIn(library: string): Planning | undefined {
    const planning = this.#planning;
    return planning && isWithin(library, planning.folder) ? planning : undefined;
  }

  async #end(library: string): Promise<void> {
    await this.#runners.get(library)?.stop();
    this.#runners.delete(library);
  }

  #unfinished(library: string): Job[] {
    const { ledger } = this.#options.state;
    const { queued, waiting, running, verifying, delivering, held } = ledger.counts();
    if (queued + waiting + running + verifying + delivering + held === 0) return [];
    return [...ledger.all()].filter(
      job => job.library && job.inbox === library && (!RESTING.has(job.state.name) || job.state.name === 'held'),
    );
  }

  #run(library: Library): void {
    const { live, state, queue, folders, files, log } = this.#options;
    const { ledger } = state;
    const root = library.library;
    const isInbox = (job: Job) =>
      !job.library && !job.paused && ['queued', 'running', 'verifying', 'delivering'].includes(job.state.name);
    const isLocal = ({ decision }: Job) => decision.kind !== 'skip' && decision.engine === 'local';
    const isBusyElsewhere = () => {
      const { queued, running, verifying, delivering } = ledger.counts();
      if (queued + running + verifying + delivering === 0) return false;
      return [...ledger.all()].some(job => isInbox(job) && isLocal(job));
    };
    this.#runners.set(
      root,
      new LibraryRunner({
        library: root,
        films: () => this.#films(root),
        admit: film => this.#admit(library, film),
        leave: (film, why) => this.#leave(root, film, why),
        unfinished: () => this.#unfinished(root),
        isBusyElsewhere,
        mayBegin: () =>
          !ledger.paused && !queue.gate.closed && !queue.scheduler.draining && !folders.whyAway(asFolder(library)),
        room: () => archiveRoom(library, { config: live.current, files }),
        rest: id => queue.scheduler.rest(id),
        wake: job => queue.scheduler.wake(job),
        finished: async () => {
          const [key = ''] = ledger.confirmedPlan(root)?.split(':') ?? [];
          await ledger.setLibrary(root, undefined);
          // It was carried out, and is nothing to begin any more.
          await new PlanStore(live.current.stateDir, key).drop();
          this.#plans.delete(root);
          this.#runners.delete(root);
          log.info({ library: root }, 'all films of the plan had their turn');
        },
        log,
      }),
    );
  }

  async #films(library: string): Promise<AsyncIterable<PlannedFilm> | undefined> {
    const { live, state } = this.#options;
    const confirmed = state.ledger.confirmedPlan(library) ?? '';
    const [key = ''] = confirmed.split(':');
    const store = new PlanStore(live.current.stateDir, key);
    const plan = await store.plan();
    if (!plan || confirmation(key, plan) !== confirmed) {
      this.#trouble.set(library, say('library.plan-changed'));
      return undefined;
    }
    return store.read<PlannedFilm>('films');
  }

  /** Not said of those that were done before a restart. */
  #leave(library: string, { relative: film, bytes, mtimeNs }: PlannedFilm, why: string): void {
    const { state, log } = this.#options;
    const isIt = ({ pin }: Job) => pin.sizeBytes === bytes && String(pin.mtimeNs) === mtimeNs;
    if (state.ledger.atPlace(library, film).some(isIt)) return;
    log.info({ library, film }, `left alone: ${why}`);
    this.#leftAtTurn.set(library, (this.#leftAtTurn.get(library) ?? 0) + 1);
  }

  /** Everything that spoke for a film when the plan was made is looked at again. */
  async #admit(library: Library, film: PlannedFilm): Promise<'admitted' | 'left-alone'> {
    const { live, files, state, engines, folders, clock, queue } = this.#options;
    const root = library.library;
    await folders.mustBeMounted(root, film.relative);
    if (library.archive !== undefined) await folders.mustBeMounted(library.archive, film.relative);
    const parts = film.relative.split('/').slice(0, -1);
    const path = `${root}/${film.relative}`;
    const eyes = eyesFor(library, { config: live.current, engine: engines.local, files, ledger: state.ledger });
    const leave = (why: string): 'left-alone' => {
      this.#leave(root, film, why);
      return 'left-alone';
    };
    return doing('opening', path, () =>
      holding(openFolder(root, parts, files), async folder => {
        const entry = new Entry(folder, basename(film.relative));
        const stats = await entry.lstat();
        if (!stats || Number(stats.size) !== film.bytes || String(stats.mtimeNs) !== film.mtimeNs)
          return leave('it has changed since the plan');
        const beside = (await folder.list()).map(({ name }) => name);
        const facts = { now: clock.now(), minAge: library.minAge, user: process.geteuid?.() ?? 0 };
        const left = whyLeftAlone({ name: entry.name, stats, beside, ...facts });
        if (left) return leave(left.why.text);
        return holding(entry.open(), async file => {
          const may = await mayBeDone(film.relative, file, eyes);
          if ('left' in may) return leave(may.why.text);
          const content = await fingerprint(file, file.pin.sizeBytes);
          const same = sameContent(state.ledger.withContent(content));
          if (same) return leave(same.why.text);
          const { ledger } = state;
          const job = await ledger.commit(ledger.newId(), {
            event: 'admitted',
            data: {
              ...{ arrival: ledger.nextArrival(), inbox: root, path, relative: film.relative, pin: file.pin },
              ...{ fingerprint: content, version: 1, decision: may.decision, library: true },
            },
          });
          if (job) queue.scheduler.consider(job);
          return 'admitted';
        });
      }),
    );
  }

  /** Checks all that was done: whether results decode, whether archived originals have their bytes, what lost journals left behind. */
  verify(settle = false): void {
    if (this.#checking && !this.#checking.isOver()) throw new ShrinkError('unavailable', say('library.checking'));
    const { live } = this.#options;
    this.#checking = checkLibrary({ ...this.#options, libraries: live.current.libraries, settle });
  }

  view(): LibraryView[] {
    return this.#options.live.current.libraries.map(library => this.#viewOf(library));
  }

  #viewOf(library: Library): LibraryView {
    const { state, live, clock, folders } = this.#options;
    const root = library.library;
    const isRunning = state.ledger.confirmedPlan(root) !== undefined;
    const planning = this.#planningIn(root);
    const plan = this.#plans.get(root);
    const runner = this.#runners.get(root);
    const away = folders.whyAway(asFolder(library));
    const sums = this.#soFar(root);
    const isHeldUp = isRunning && sums.held >= MAX_HELD;
    const heldUp = isHeldUp ? say('library.held-up', { count: sums.held }) : undefined;
    const { waits, ...counts } = sums;
    const why = away ? sentenceOf(away) : (this.#trouble.get(root) ?? heldUp ?? (isRunning ? waits : undefined));
    const left =
      plan && isRunning && runner && !isHeldUp && !waits
        ? Math.max(0, plan.todo.seconds - runner.passed.seconds)
        : undefined;
    const finish = left === undefined ? undefined : finishOf(left * 1000, clock.now(), live.current.limits.localHours);
    return {
      library: root,
      archive: library.archive ?? null,
      state: planning ? 'planning' : isRunning ? 'running' : plan ? 'planned' : 'idle',
      reason: why?.text ?? null,
      messages: { reason: messageOf(why) },
      plan: plan ?? null,
      planning: planning ? { folder: planning.folder, ...planning.progress } : null,
      ...counts,
      left_ms: left === undefined ? null : Math.round(left * 1000),
      finish_at: finish ?? null,
      next: runner?.next ? `${root}/${runner.next.relative}` : null,
      check: this.#checking?.view(root) ?? null,
    };
  }

  #soFar(library: string): Pick<
    LibraryView,
    'done' | 'left_alone' | 'held' | 'saved_bytes' | 'archived_bytes' | 'now'
  > & {
    /** Why nothing goes on, where a film waits and none is at work. */
    waits: Sentence | undefined;
  } {
    const sums = {
      done: 0,
      left_alone: this.#leftAtTurn.get(library) ?? 0,
      held: 0,
      saved_bytes: 0,
      archived_bytes: 0,
    };
    let now: string | null = null;
    let waits: Sentence | undefined;
    for (const { library: isOne, inbox, state, pin, original, path } of this.#options.state.ledger.all()) {
      if (!isOne || inbox !== library) continue;
      const wasReplaced = state.name === 'cancelled' && state.reason.code === 'replaced';
      if (state.name === 'skipped' || wasReplaced) sums.left_alone += 1;
      else if (state.name === 'held') sums.held += 1;
      else if (state.name === 'waiting') waits = waitsFor(path, state.reason);
      else if (!RESTING.has(state.name)) now = path;
      if (state.name !== 'done' || !original) continue;
      sums.done += 1;
      sums.saved_bytes += pin.sizeBytes - state.outputBytes;
      if (original.kind === 'archived') sums.archived_bytes += pin.sizeBytes;
    }
    return { ...sums, now, waits: now === null ? waits : undefined };
  }
}

function waitsFor(path: string, { text, messages }: Reason): Sentence {
  return say('library.waits', { path, why: messages?.text ? { ...messages.text, text } : text });
}
