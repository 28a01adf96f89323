/**
 * Room: every job and what happens to it next: who gets a slot, what an error means, what a person may do. It uses the outside
 * world only through ports (Stages, JournalWriter). May import core, messages, platform, engine/engine.ts.
 */
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import type { Job, Neighbour, QueueOrder, StateName } from '../core/job.ts';
import { cloudRefsOf, QUEUE_ORDERS, STATE_NAMES } from '../core/job.ts';
import { apply, IllegalEvent } from '../core/lifecycle.ts';
import { addSpace, comparable, noSpace, type Space, spaceAt } from '../core/saving.ts';
import { ShrinkError } from '../core/errors.ts';
import { type JobEvent, recordVersionOf, snapshotVersionOf } from '../core/events.ts';
import { parseEvent, parseJob, UnfitRecord } from './journal-schema.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';

/** What the ledger needs from the journal; see journal/journal.ts. */
export interface JournalWriter {
  append(entries: { job: string | null; event: string; data: unknown; at?: number; v?: number }[]): Promise<void>;
}

/** A replayed journal record; the journal itself does not know what it means. */
export interface ReplayedRecord {
  at: number;
  job: string | null;
  event: string;
  data: unknown;
}

export type LedgerChange =
  | { job: Job; before: Job | undefined }
  | { forgotten: Job }
  | { paused: boolean }
  | { order: QueueOrder }
  | { library: string; plan: string | undefined };

/**
 * All jobs, and the only part that writes the journal. The lifecycle checks a change, which is visible at once but is announced to
 * subscribers and acknowledged to its caller only when durable: nobody acts on a state that a crash could take back.
 */
export class Ledger {
  readonly #journal: JournalWriter;
  readonly #clock: Clock;
  readonly #jobs = new Map<string, Job>();
  /** Ids by place (inbox and relative path) and by content, oldest first. */
  readonly #byPlace = new Map<string, string[]>();
  readonly #byContent = new Map<string, string[]>();
  readonly #counts = new Map<StateName, number>(STATE_NAMES.map(name => [name, 0]));
  readonly #totals = { done: 0, sourceBytes: 0, outputBytes: 0 };
  readonly #space = noSpace();
  readonly #listeners = new Set<(change: LedgerChange) => void>();
  #alsoRecord: (job: Job, before: Job | undefined) => JobEvent[] = () => [];
  #arrivals = 0;
  #paused = false;
  #order: QueueOrder = 'arrival';
  /** Libraries that are worked on, each with the plan that a person has confirmed. */
  readonly #libraries = new Map<string, string>();

  constructor(journal: JournalWriter, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** Applies one record of the journal at start-up. @throws IllegalEvent or UnfitRecord if it cannot have happened like that */
  replay(record: ReplayedRecord): void {
    if (record.event === 'snapshot-begin' || record.event === 'snapshot-end') return;
    if (record.job === null) {
      if (record.event === 'paused') this.#paused = true;
      else if (record.event === 'resumed') this.#paused = false;
      else if (record.event === 'ordered') this.#order = orderIn(record.data);
      else if (record.event === 'library') this.#setLibrary(libraryIn(record.data));
      else throw new UnfitRecord(`this version does not know the event "${record.event}"`);
      return;
    }
    const before = this.#jobs.get(record.job);
    const after =
      record.event === 'snapshot'
        ? upgraded(parseJob(record.data))
        : apply(before, record.job, record.at, parseEvent(record.event, record.data));
    this.#put(record.job, before, after);
  }

  /** The records that bring an empty ledger to this one's state, for compaction. */
  *snapshot(): Generator<{ job: string | null; event: string; data: unknown; v?: number }> {
    for (const job of this.#jobs.values())
      yield { job: job.id, event: 'snapshot', data: job, ...versionIn(snapshotVersionOf(job)) };
    if (this.#paused) yield { job: null, event: 'paused', data: {} };
    for (const [library, plan] of this.#libraries) yield { job: null, event: 'library', data: { library, plan }, v: 2 };
    if (this.#order !== 'arrival') yield { job: null, event: 'ordered', data: { order: this.#order }, v: 2 };
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** How each folder's jobs are sorted in the queue. */
  get order(): QueueOrder {
    return this.#order;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** The job with this id, or with an id that begins with it: at least three letters, and unambiguous. */
  find(id: string): Job | undefined {
    const exact = this.#jobs.get(id);
    if (exact || id.length < 3) return exact;
    const matches = [...this.#jobs.values()].filter(job => job.id.startsWith(id));
    return matches.length === 1 ? matches[0] : undefined;
  }

  /** The job, which must exist; asking for an unknown one is a bug. */
  expect(id: string): Job {
    const job = this.#jobs.get(id);
    if (!job) throw new IllegalEvent(`job ${id} is not known`);
    return job;
  }

  /** Every job, oldest arrival first. */
  all(): IterableIterator<Job> {
    return this.#jobs.values();
  }

  atPlace(inbox: string, relative: string): Job[] {
    return this.#list(this.#byPlace.get(placeOf(inbox, relative)));
  }

  withContent(fingerprint: string): Job[] {
    return this.#list(this.#byContent.get(fingerprint));
  }

  /** The jobs about other sources than `job`'s in a session of the cloud, oldest first. */
  neighbours(session: string, { inbox, relative }: Pick<Job, 'inbox' | 'relative'>): Neighbour[] {
    const place = placeOf(inbox, relative);
    const others = [...this.#jobs.values()].filter(
      job => job.cloud?.session === session && placeOf(job.inbox, job.relative) !== place,
    );
    // Jobs of 0.1.0 do not say: theirs had the name of the source.
    return others.map(({ id, cloud, path }) => ({ job: id, file: cloud?.file ?? basename(path), draft: cloud?.draft }));
  }

  /** The versions of the same content that came before `job`, oldest first. */
  earlierVersions(job: Pick<Job, 'inbox' | 'relative' | 'version' | 'arrival'>): Job[] {
    return job.version === 1 ? [] : this.versionsOf(job).filter(({ arrival }) => arrival < job.arrival);
  }

  /** The versions of the content of `job`, oldest first: another file in its place starts at 1 again. */
  versionsOf({ inbox, relative, arrival }: Pick<Job, 'inbox' | 'relative' | 'arrival'>): Job[] {
    const all = this.atPlace(inbox, relative).sort((a, b) => a.arrival - b.arrival);
    const first = all.findLastIndex(other => other.version === 1 && other.arrival <= arrival);
    const next = all.findIndex(other => other.version === 1 && other.arrival > arrival);
    return all.slice(Math.max(0, first), next < 0 ? undefined : next);
  }

  counts(): Record<StateName, number> {
    return Object.fromEntries(this.#counts) as Record<StateName, number>;
  }

  /** Sums over all done jobs, bytes; of links only the number counts. */
  totals(): { done: number; sourceBytes: number; outputBytes: number } {
    return { ...this.#totals };
  }

  /** What the done jobs did to the disks; kept up to date, so it costs nothing. */
  space(): Space {
    return structuredClone(this.#space);
  }

  /** A new id: short enough to type, and not yet in use. */
  newId(): string {
    for (;;) {
      const id = [...randomBytes(8)].map(byte => 'abcdefghijkmnpqrstuvwxyz23456789'[byte & 31]).join('');
      if (!this.#jobs.has(id)) return id;
    }
  }

  nextArrival(): number {
    this.#arrivals += 1;
    return this.#arrivals;
  }

  /**
   * Applies `events` to a job, in order and as one durable write. Resolves with the job once it is on disk.
   * @throws IllegalEvent, with nothing written, if one of them cannot happen.
   */
  async commit(id: string, ...events: JobEvent[]): Promise<Job | undefined> {
    const at = this.#clock.now();
    const before = this.#jobs.get(id);
    const take = (job: Job | undefined, event: JobEvent) => {
      // A record that the next start would refuse must not get into the journal: this job ends, rather than every later start.
      parseEvent(event.event, event.data);
      return apply(job, id, at, event);
    };
    let after = events.reduce(take, before);
    const more = after ? this.#alsoRecord(after, before) : [];
    after = more.reduce(take, after);
    this.#put(id, before, after);
    await this.#journal.append(
      [...events, ...more].map(event => ({
        job: id,
        event: event.event,
        data: event.data,
        at,
        ...versionIn(recordVersionOf(event)),
      })),
    );
    if (after) this.#announce({ job: after, before });
    else if (before) this.#announce({ forgotten: before });
    return after;
  }

  /** `pause` and `resume` survive a restart, so they are journaled like everything else. */
  async setPaused(paused: boolean): Promise<void> {
    if (paused === this.#paused) return;
    this.#paused = paused;
    await this.#journal.append([{ job: null, event: paused ? 'paused' : 'resumed', data: {}, at: this.#clock.now() }]);
    this.#announce({ paused });
  }

  /** Survives a restart, like `setPaused`. */
  async setOrder(order: QueueOrder): Promise<void> {
    if (order === this.#order) return;
    this.#order = order;
    await this.#journal.append([{ job: null, event: 'ordered', data: { order }, at: this.#clock.now(), v: 2 }]);
    this.#announce({ order });
  }

  /** The plan that was confirmed for a library; `undefined` where nothing may be done in it. */
  confirmedPlan(library: string): string | undefined {
    return this.#libraries.get(library);
  }

  /** Has a library worked on by this plan, or no longer. Survives a restart. */
  async setLibrary(library: string, plan: string | undefined): Promise<void> {
    if (this.#libraries.get(library) === plan) return;
    this.#setLibrary({ library, plan });
    const data = { library, plan: plan ?? null };
    await this.#journal.append([{ job: null, event: 'library', data, at: this.#clock.now(), v: 2 }]);
    this.#announce({ library, plan });
  }

  #setLibrary({ library, plan }: { library: string; plan: string | undefined }): void {
    if (plan === undefined) this.#libraries.delete(library);
    else this.#libraries.set(library, plan);
  }

  /** Has `follow` say what else is recorded about a change of a job, in the same durable write. */
  alsoRecord(follow: (job: Job, before: Job | undefined) => JobEvent[]): void {
    this.#alsoRecord = follow;
  }

  subscribe(listener: (change: LedgerChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #announce(change: LedgerChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  #list(ids: string[] | undefined): Job[] {
    return (ids ?? []).flatMap(id => this.#jobs.get(id) ?? []);
  }

  #put(id: string, before: Job | undefined, after: Job | undefined): void {
    const places = placesToCount(before, after);
    for (const place of places) this.#countSpace(place, -1);
    if (before) this.#count(before, -1);
    if (after) this.#count(after, 1);
    if (after) this.#jobs.set(id, after);
    else this.#jobs.delete(id);
    if (after) this.#arrivals = Math.max(this.#arrivals, after.arrival);
    this.#index(
      this.#byPlace,
      id,
      before && placeOf(before.inbox, before.relative),
      after && placeOf(after.inbox, after.relative),
    );
    this.#index(this.#byContent, id, before?.fingerprint || undefined, after?.fingerprint || undefined);
    for (const place of places) this.#countSpace(place, 1);
  }

  #count(job: Job, step: 1 | -1): void {
    const { state } = job;
    this.#counts.set(state.name, (this.#counts.get(state.name) ?? 0) + step);
    if (state.name !== 'done') return;
    this.#totals.done += step;
    const { before, after } = comparable(job.relative, job.pin.sizeBytes, state.outputBytes);
    this.#totals.sourceBytes += step * before;
    this.#totals.outputBytes += step * after;
  }

  #countSpace(place: string, step: 1 | -1): void {
    const jobs = this.#list(this.#byPlace.get(place));
    if (jobs.some(({ state }) => state.name === 'done')) addSpace(this.#space, spaceAt(jobs), step);
  }

  #index(index: Map<string, string[]>, id: string, before: string | undefined, after: string | undefined): void {
    if (before === after) return;
    if (before !== undefined) {
      const left = (index.get(before) ?? []).filter(other => other !== id);
      if (left.length > 0) index.set(before, left);
      else index.delete(before);
    }
    if (after !== undefined) index.set(after, [...(index.get(after) ?? []), id]);
  }
}

/** Version 1 goes without saying. */
function versionIn(v: 1 | 2 | 3): { v?: number } {
  return v === 1 ? {} : { v };
}

function orderIn(data: unknown): QueueOrder {
  const found = QUEUE_ORDERS.find(order => order === (data as { order?: unknown } | null)?.order);
  if (!found)
    throw new UnfitRecord(`the data of "ordered" does not fit: data.order is not one of ${QUEUE_ORDERS.join(', ')}`);
  return found;
}

function libraryIn(data: unknown): { library: string; plan: string | undefined } {
  const { library, plan } = (data ?? {}) as { library?: unknown; plan?: unknown };
  if (typeof library !== 'string')
    throw new UnfitRecord('the data of "library" does not fit: data.library is not a string');
  return { library, plan: typeof plan === 'string' ? plan : undefined };
}

/** Snapshots of 0.1.0 hold the references to the cloud only as facts. */
function upgraded(job: Job): Job {
  const cloud = job.cloud ?? cloudRefsOf(job.facts);
  return cloud === job.cloud ? job : { ...job, cloud };
}

/** The places whose share of the space a change may alter: none in the course of a job. */
function placesToCount(before: Job | undefined, after: Job | undefined): Set<string> {
  const jobs = [before, after].filter(job => job !== undefined);
  const places = new Set(jobs.map(({ inbox, relative }) => placeOf(inbox, relative)));
  const isSame = before && after && places.size === 1 && before.original === after.original && before.pin === after.pin;
  const isDone = (job: Job) => job.state.name === 'done';
  return isSame && isDone(before) === isDone(after) ? new Set() : places;
}

function placeOf(inbox: string, relative: string): string {
  return `${inbox}\0${relative}`;
}

/**
 * Applies the record at `position` of the journal.
 * @throws ShrinkError `damaged`, naming file and line, if we cannot have written it like that.
 */
export function replayInto(ledger: Ledger, record: ReplayedRecord, position: { file: string; line: number }): void {
  try {
    ledger.replay(record);
  } catch (error) {
    if (!(error instanceof IllegalEvent || error instanceof UnfitRecord)) throw error;
    throw new ShrinkError('damaged', say('queue.record-unfit', { ...position, why: error.message }), {
      doing: 'reading the journal',
      subject: position.file,
      hint: say('queue.start-anew'),
      cause: error,
    });
  }
}
