/**
 * What would come of a library, found out without touching it: walked through folder by folder, looked at film by film where they
 * are few, and estimated from some of them where they are many. May be stopped and gone on with at any moment.
 */
import { say } from '../../messages/say.ts';
import { Candidates, type Candidate, LOOKED_AT } from './candidates.ts';
import { type Eyes, inspect, type Worthwhile } from './inspect.ts';
import { Likeness } from './likeness.ts';
import { LEFT, type Left, type LeftAlone, whyLeftAlone } from './look.ts';
import type { LibraryPlan, PlannedFilm } from './outcome.ts';
import type { PlanStore } from './store.ts';
import { walk } from './walk.ts';

export interface PlanProgress {
  /** Films found so far, and looked at of how many. */
  found: number;
  looked: number;
  of: number;
}

export interface PlanOptions {
  eyes: Eyes;
  store: PlanStore;
  /** Below the library, or empty. */
  under: string;
  minAge: number;
  /** Epoch ms. */
  now: number;
  id: string;
  /** The user we are; 0 is root. */
  user: number;
  signal: AbortSignal;
  onProgress?: (progress: PlanProgress) => void;
  lookedAt?: number;
  /** How many bytes of originals the archive has room for; endless where they cost it none. */
  archiveRoom(): Promise<number>;
}

const LARGEST = 20;
/** Verdicts that are true of the file itself, and need not be found out again. */
const LASTING: ReadonlySet<Left> = new Set([
  'codec',
  'would-lose',
  'below-floor',
  'saves-too-little',
  'protected',
  'damaged',
]);

interface Looked extends Candidate {
  verdict: LeftAlone | Worthwhile;
}

/** What is expected of films that were not looked at. */
interface Guess {
  of: { films: number; bytes: number };
  films: number;
  bytes: number;
  expected: number;
  seconds: number;
  /** Of one of them that is done at all, for each of its bytes. */
  each: { expected: number; seconds: number };
}

/** Counts films and their bytes by why they are left alone. */
class Tally {
  readonly #kinds = new Map<Left, { films: number; bytes: number }>();

  add(kind: Left, bytes: number, films = 1): void {
    const before = this.#kinds.get(kind) ?? { films: 0, bytes: 0 };
    this.#kinds.set(kind, { films: before.films + films, bytes: before.bytes + bytes });
  }

  view(): LibraryPlan['left_alone'] {
    return LEFT.flatMap(kind => {
      const found = this.#kinds.get(kind);
      return found
        ? { kind, text: say('library.kind', { kind }).text, films: Math.round(found.films), bytes: found.bytes }
        : [];
    }).sort((a, b) => b.bytes - a.bytes);
  }
}

/** @throws what `signal` aborts with; what was looked at is kept for the next time. */
export async function makePlan(options: PlanOptions): Promise<LibraryPlan> {
  return new Planning(options).run();
}

class Planning {
  readonly #options: PlanOptions;
  readonly #tally = new Tally();
  readonly #candidates: Candidates;
  readonly #likeness = new Likeness();
  #films = 0;
  #bytes = 0;
  #others = 0;
  #unreadable = 0;

  constructor(options: PlanOptions) {
    this.#options = options;
    this.#candidates = new Candidates({ most: options.lookedAt ?? LOOKED_AT });
  }

  async run(): Promise<LibraryPlan> {
    const { store } = this.#options;
    await store.open();
    await this.#walk();
    const { largest, some } = this.#candidates.chosen();
    const before = await this.#lookedBefore();
    const chosen = [...largest, ...some];
    const looked = new Map<string, Looked>();
    for (const candidate of chosen) {
      this.#progress(looked.size, chosen.length);
      looked.set(candidate.relative, await this.#look(candidate, before.get(candidate.relative)));
    }
    this.#progress(looked.size, chosen.length);
    const sample = some.flatMap(({ relative }) => looked.get(relative) ?? []);
    return this.#finish(looked, sample);
  }

  #progress(looked: number, of: number): void {
    this.#options.onProgress?.({ found: this.#films, looked, of });
  }

  async #walk(): Promise<void> {
    const { eyes, under, store, signal, now, minAge, user } = this.#options;
    for await (const folder of walk(eyes.library, under, { files: eyes.files, signal })) {
      this.#others += folder.others;
      if (folder.unreadable !== undefined) this.#unreadable += 1;
      const found: Candidate[] = [];
      for (const { relative, name, stats, beside } of folder.films) {
        const bytes = Number(stats.size);
        this.#films += 1;
        this.#bytes += bytes;
        const left = whyLeftAlone({ name, stats, beside, now, minAge, user });
        if (left) this.#tally.add(left.left, bytes);
        else found.push({ relative, bytes, mtimeNs: String(stats.mtimeNs) });
      }
      for (const candidate of found) this.#candidates.add(candidate);
      await store.append('found', found);
      this.#progress(0, 0);
    }
  }

  /** What an earlier attempt found out. */
  async #lookedBefore(): Promise<Map<string, Looked>> {
    const before = new Map<string, Looked>();
    for await (const looked of this.#options.store.read<Looked>('looked')) before.set(looked.relative, looked);
    return before;
  }

  async #look(candidate: Candidate, before: Looked | undefined): Promise<Looked> {
    const { eyes, store, signal } = this.#options;
    const isSame = before?.bytes === candidate.bytes && before.mtimeNs === candidate.mtimeNs;
    const { relative, bytes: sizeBytes, mtimeNs } = candidate;
    const seen =
      isSame && before ? (eyes.known({ relative, pin: { sizeBytes, mtimeNs } }) ?? before.verdict) : undefined;
    const verdict = seen ?? (await inspect(relative, eyes, this.#with(signal)));
    if ('sampled' in verdict && verdict.sampled) this.#likeness.add(verdict.film, verdict.sampled);
    const looked = { ...candidate, verdict };
    const isLasting = 'left' in verdict ? LASTING.has(verdict.left) : true;
    if (!(isSame && before) && isLasting) await store.append('looked', [looked]);
    return looked;
  }

  #with(signal: AbortSignal) {
    return { signal, like: (film: Worthwhile['film']) => this.#likeness.like(film) };
  }

  async #finish(looked: ReadonlyMap<string, Looked>, sample: readonly Looked[]): Promise<LibraryPlan> {
    const { store, eyes, under, now, id } = this.#options;
    const todo: PlannedFilm[] = [];
    for (const each of looked.values()) {
      const { verdict, bytes } = each;
      if ('left' in verdict) this.#tally.add(verdict.left, bytes);
      else todo.push(plannedFrom(each, verdict));
    }
    todo.sort((a, b) => rateOf(b) - rateOf(a));
    const guess = this.#guess(sample);
    const sum = (of: (film: PlannedFilm) => number) => todo.reduce((all, film) => all + of(film), 0);
    const largest = todo.toSorted((a, b) => b.bytes - a.bytes).slice(0, LARGEST);
    const room = await this.#options.archiveRoom();
    const missing = Math.max(0, sum(film => film.bytes) + guess.bytes - Math.max(0, room));
    const plan: LibraryPlan = {
      ...{ id, library: eyes.library, folder: under === '' ? eyes.library : `${eyes.library}/${under}`, made_at: now },
      ...{ films: this.#films, bytes: this.#bytes, other_files: this.#others, unreadable_folders: this.#unreadable },
      todo: {
        films: todo.length + guess.films,
        bytes: sum(film => film.bytes) + guess.bytes,
        expected_bytes: Math.round(sum(film => film.expected) + guess.expected),
        seconds: Math.round(sum(film => film.seconds) + guess.seconds),
      },
      archive_missing_bytes: missing,
      left_alone: this.#tally.view(),
      largest: largest.map(({ relative, bytes, expected, seconds }) => ({
        path: `${eyes.library}/${relative}`,
        bytes,
        expected_bytes: expected,
        seconds: Math.round(seconds),
      })),
      looked_at: looked.size,
      sampled: this.#likeness.sampled,
      estimated: guess.of,
    };
    await store.finish(plan, this.#allFilms(todo, looked, guess));
    return plan;
  }

  /** Films that were not looked at, by those of them that were. */
  #guess(sample: readonly Looked[]): Guess {
    const { files, bytes } = this.#candidates.others;
    const seen = sample.reduce((all, each) => all + each.bytes, 0);
    const unseen = { films: files - sample.length, bytes: bytes - seen };
    const worthwhile = sample.flatMap(({ verdict, bytes: size }) => ('left' in verdict ? [] : { ...verdict, size }));
    const part = (of: (film: Worthwhile & { size: number }) => number) =>
      seen === 0 ? 0 : worthwhile.reduce((all, film) => all + of(film), 0) / seen;
    const share = {
      bytes: part(film => film.size),
      expected: part(film => film.bytes),
      seconds: part(film => film.seconds),
    };
    const films = sample.length === 0 ? 0 : Math.round((unseen.films * worthwhile.length) / sample.length);
    for (const { verdict, bytes: size } of unseen.films > 0 ? sample : []) {
      const scale = unseen.films / sample.length;
      if ('left' in verdict) this.#tally.add(verdict.left, Math.round(size * scale), scale);
    }
    return {
      of: unseen,
      films,
      bytes: Math.round(unseen.bytes * share.bytes),
      expected: unseen.bytes * share.expected,
      seconds: unseen.bytes * share.seconds,
      each: {
        expected: share.bytes === 0 ? 1 : share.expected / share.bytes,
        seconds: share.bytes === 0 ? 0 : share.seconds / share.bytes,
      },
    };
  }

  /** In the order they are done in: the largest saving in an hour first, and after those what was not looked at. */
  async *#allFilms(
    todo: readonly PlannedFilm[],
    looked: ReadonlyMap<string, Looked>,
    { of, each }: Guess,
  ): AsyncGenerator<PlannedFilm> {
    yield* todo;
    if (of.films === 0) return;
    for await (const film of this.#options.store.read<Candidate>('found')) {
      if (looked.has(film.relative)) continue;
      yield { ...film, expected: Math.round(film.bytes * each.expected), seconds: film.bytes * each.seconds };
    }
  }
}

function plannedFrom({ relative, bytes, mtimeNs }: Candidate, verdict: Worthwhile): PlannedFilm {
  return { relative, bytes, mtimeNs, expected: verdict.bytes, seconds: verdict.seconds };
}

/** Bytes saved in a second of work. */
function rateOf({ bytes, expected, seconds }: PlannedFilm): number {
  return (bytes - expected) / Math.max(0.1, seconds);
}
