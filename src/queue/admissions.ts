import PQueue from 'p-queue';
import { adviceFor, backoffMs, isShrinkError, sentenceOf, ShrinkError } from '../core/errors.ts';
import {
  type Decision,
  type Job,
  makeReason,
  nameVersionOf,
  type Pin,
  RESTING,
  samePin,
  type Sidecar,
  type Sighting,
} from '../core/job.ts';
import type { Admitted, JobEvent } from '../core/events.ts';
import type { StopReason } from '../engine/engine.ts';
import { say } from '../messages/say.ts';
import type { Sentence } from '../core/message.ts';
import { orAborted } from '../platform/async.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { admit, type Admission, isKnown, isUnderWay, mayHaveMoved, type Whereabouts } from './admission-policy.ts';
import { Comparisons } from './comparisons.ts';
import type { Ledger } from './ledger.ts';
import { isUnbegun, queuedBecause, restFor } from './decisions.ts';
import { FairQueue, type FolderTask } from './fair-queue.ts';
import type { WholeFile } from './stages-port.ts';

export interface AdmissionsOptions {
  ledger: Ledger;
  clock: Clock;
  log: Logger;
  decide(sighting: Sighting, version: number, words?: string): Decision;
  /** Content fingerprint of the very file that was sighted. @throws ShrinkError `changed-underneath` if it is another one, ... */
  fingerprint(sighting: Sighting): Promise<string>;
  /** The kind of a refused path: a bad file, one without read permission, or something that can never be a video. */
  lookAt(path: string): 'file' | 'unreadable' | 'other';
  /** Reads the very file that was sighted whole. @throws ShrinkError, `cancelled` once the signal aborts */
  readWhole(sighting: Sighting, signal: AbortSignal): Promise<WholeFile>;
  whereabouts(job: Job): Promise<Whereabouts>;
  /** Aborts a job that is in a slot; false if it is in none. */
  abort(id: string, reason: StopReason): boolean;
  /** Have the watcher report the file again. */
  resight(job: Job): void;
  /** A job became ready, or came to rest; resolves once that was handled. */
  changed(job: Job): Promise<void>;
  onFatal(error: unknown): void;
}

/** Files fingerprinted at once: more would only make the heads of a NAS disk seek. */
const READERS = 2;

/** The fingerprint reads 16 MiB at most: this is a disk of 100 kB a second. */
const ADMISSION_MS = 3 * 60_000;

/** A file that cannot be admitted yet. */
interface Postponed {
  sighting: Sighting;
  why: Sentence;
  cancel(): void;
}

/** Turns sightings into jobs; one at a time per path, whatever the order of events. */
export class Admissions {
  readonly #options: AdmissionsOptions;
  readonly #queue = new PQueue<FairQueue, FolderTask>({ concurrency: READERS, queueClass: FairQueue });
  readonly #comparisons: Comparisons;
  readonly #stopping = new AbortController();
  readonly #offered = new Map<string, Sighting>();
  /** Paths being admitted: further sightings of them wait for the outcome. */
  readonly #admitting = new Set<string>();
  /** Files being read whole, by path. */
  readonly #comparing = new Map<string, Sighting>();
  readonly #postponed = new Map<string, Postponed>();
  /** How often in a row a path could not be read. */
  readonly #failures = new Map<string, number>();
  /** Held jobs whose file was gone at the last look. */
  #missing: ReadonlySet<string> = new Set();
  /** Jobs in a slot whose file was seen with a new instruction, or another date. */
  readonly #later = new Set<string>();

  constructor(options: AdmissionsOptions) {
    this.#options = options;
    const { clock, readWhole } = options;
    this.#comparisons = new Comparisons({ clock, read: readWhole });
  }

  /** Takes a sighting; only the newest one of a path counts. */
  offer(sighting: Sighting): void {
    const key = `${sighting.inbox}\0${sighting.relative}`;
    this.#postponed.get(key)?.cancel();
    const waiting = this.#offered.has(key) || this.#admitting.has(key);
    this.#offered.set(key, sighting);
    if (!waiting) this.#enqueue(key, sighting.inbox);
  }

  #enqueue(key: string, folder: string): void {
    this.#queue.add(() => this.#admitNewest(key), { folder }).catch(this.#options.onFatal);
  }

  async #admitNewest(key: string): Promise<void> {
    const newest = this.#offered.get(key);
    if (!newest) return;
    this.#offered.delete(key);
    this.#admitting.add(key);
    let toCompare: string | undefined;
    try {
      toCompare = await this.#admit(key, newest);
    } finally {
      if (toCompare === undefined) this.#release(key, newest.inbox);
    }
    // Reading a film of hours must not keep other files from being admitted.
    if (toCompare !== undefined) this.#compare(key, newest, toCompare).catch(this.#options.onFatal);
  }

  #release(key: string, folder: string): void {
    this.#admitting.delete(key);
    if (this.#offered.has(key)) this.#enqueue(key, folder);
  }

  /** Call it when a job comes to rest: its file is reported again, because the instruction may have changed meanwhile. */
  rested(job: Job): void {
    if (this.#later.delete(job.id)) this.#options.resight(job);
  }

  /**
   * Ends jobs that are held for a file which has left its inbox: what they ask for would be about nothing. Only when that is found
   * twice in a row, because a renamed file takes its job along once it is sighted. What the cloud was paid for is kept.
   */
  async endMissing(): Promise<void> {
    const { ledger, whereabouts, changed } = this.#options;
    const missing = new Set<string>();
    for (const { id } of [...ledger.all()].filter(isHeldHere)) {
      const job = ledger.get(id);
      if (!job || !isHeldHere(job) || (await whereabouts(job)) !== 'moved') continue;
      missing.add(id);
      if (!this.#missing.has(id) || ledger.get(id) !== job) continue;
      const reason = makeReason('replaced', say('queue.removed'));
      const next = await ledger.commit(id, { event: 'cancelled', data: { reason } });
      if (next) await changed(next);
    }
    this.#missing = missing;
  }

  isKnown(inbox: string, relative: string, pin: Pin, sidecar: Sidecar | undefined): boolean {
    return isKnown(this.#options.ledger.atPlace(inbox, relative), pin, sidecar);
  }

  /** Whether nothing is being admitted. */
  get idle(): boolean {
    const isEmpty = this.#offered.size === 0 && this.#comparing.size === 0;
    return isEmpty && this.#queue.pending === 0 && this.#queue.size === 0;
  }

  /** Files that were found complete but have no job yet, and why; of one inbox, or of all. */
  pending(inbox?: string): { path: string; why: Sentence }[] {
    const comparing = [...this.#comparing.values()].map(sighting => ({ sighting, why: say('queue.comparing') }));
    return [...comparing, ...this.#postponed.values()]
      .filter(({ sighting }) => inbox === undefined || sighting.inbox === inbox)
      .map(({ sighting: { path }, why }) => ({ path, why }));
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new ShrinkError('cancelled', say('queue.admission-stopped')));
    this.#queue.clear();
    this.#offered.clear();
    for (const { cancel } of this.#postponed.values()) cancel();
    await this.#comparisons.stop();
    await this.#queue.onIdle();
  }

  onIdle(): Promise<void> {
    return this.#queue.onIdle();
  }

  /** Resolves with the file's fingerprint if only every byte can tell what it is, otherwise once it is admitted. */
  async #admit(key: string, sighting: Sighting): Promise<string | undefined> {
    const here = this.#options.ledger.atPlace(sighting.inbox, sighting.relative);
    if (isKnown(here, sighting.pin, sighting.sidecar)) return undefined;
    const fingerprint = await this.#fingerprint(key, sighting);
    if (fingerprint === undefined) return undefined;
    const admission = await this.#consider(sighting, { fingerprint });
    if (admission.kind === 'compare') return fingerprint;
    await this.#act(admission, sighting, fingerprint);
    return undefined;
  }

  async #consider(sighting: Sighting, content: { fingerprint: string; contentHash?: string }): Promise<Admission> {
    const { ledger, log, whereabouts } = this.#options;
    const here = ledger.atPlace(sighting.inbox, sighting.relative);
    const isNewPlace = here.length === 0 && content.fingerprint !== '';
    const twins = isNewPlace ? ledger.withContent(content.fingerprint).filter(mayHaveMoved) : [];
    const places = new Map<string, Whereabouts>();
    for (const twin of twins) places.set(twin.id, await whereabouts(twin));
    const admission = admit({ ...content, sighting, here, twins, whereabouts: ({ id }) => places.get(id) ?? 'there' });
    if (admission.kind !== 'nothing') log.debug({ path: sighting.path, admission: admission.kind }, 'sighting taken');
    return admission;
  }

  /** Every byte of the file decides whether it is still what its job is about. */
  async #compare(key: string, sighting: Sighting, fingerprint: string): Promise<void> {
    try {
      const pauseMs = this.#comparisons.pauseMs(key);
      if (pauseMs > 0) return this.#postpone(key, sighting, pauseMs, say('queue.compare-later'));
      this.#comparing.set(key, sighting);
      const { contentHash, pin } = await this.#comparisons.read(key, sighting);
      const admission = await this.#consider(sighting, { fingerprint, contentHash });
      // Written to while it was read: it will be sighted again.
      if (admission.kind === 'new' && !samePin(pin, sighting.pin)) return;
      await this.#act(admission, sighting, fingerprint);
    } catch (error) {
      this.#cannotRead(key, sighting, error);
    } finally {
      this.#comparing.delete(key);
      this.#release(key, sighting.inbox);
    }
  }

  async #fingerprint(key: string, sighting: Sighting): Promise<string | undefined> {
    if (sighting.refused !== undefined) return '';
    try {
      const fingerprint = await this.#inTime(sighting, this.#options.fingerprint(sighting));
      this.#failures.delete(key);
      return fingerprint;
    } catch (error) {
      this.#cannotRead(key, sighting, error);
      return undefined;
    }
  }

  /** Nothing in one inbox may keep the files of others waiting for ever, nor the end of the daemon. */
  async #inTime<T>({ path }: Sighting, reading: Promise<T>): Promise<T> {
    const late = new AbortController();
    const tooLate = () => new ShrinkError('unavailable', say('queue.read-too-slow', { path }), { subject: path });
    const cancel = this.#options.clock.after(ADMISSION_MS, () => late.abort(tooLate()));
    try {
      return await orAborted(reading, AbortSignal.any([late.signal, this.#stopping.signal]));
    } finally {
      cancel();
    }
  }

  /** A disk that fails or is away is tried again; a file that is gone or changed since will be sighted as it is then. */
  #cannotRead(key: string, sighting: Sighting, error: unknown): void {
    if (!isShrinkError(error)) throw error;
    const advice = adviceFor(error.code);
    const tries = this.#failures.get(key) ?? 0;
    const { path } = sighting;
    this.#options.log[advice.kind === 'wait' && tries === 0 ? 'warn' : 'debug'](
      { path, code: error.code },
      error.message,
    );
    if (advice.kind !== 'wait') return void this.#failures.delete(key);
    this.#failures.set(key, tries + 1);
    this.#postpone(key, sighting, backoffMs(advice, tries), say('queue.read-later', { why: sentenceOf(error) }));
  }

  #postpone(key: string, sighting: Sighting, ms: number, why: Sentence): void {
    // A newer sighting of the path is waiting already.
    if (this.#offered.has(key)) return;
    const cancelTimer = this.#options.clock.after(ms, () => this.offer(sighting));
    const cancel = () => {
      cancelTimer();
      this.#postponed.delete(key);
    };
    this.#postponed.set(key, { sighting, why, cancel });
  }

  async #act(admission: Admission, sighting: Sighting, fingerprint: string): Promise<void> {
    switch (admission.kind) {
      case 'nothing':
      case 'compare':
        return;
      case 'later':
        this.#later.add(admission.job.id);
        return;
      case 'repin':
        return await this.#repin(admission, sighting, fingerprint);
      case 'redecide':
        return await this.#redecide(admission.job, sighting);
      case 'new':
        for (const job of admission.replaced) await this.#replace(job);
        await this.#create(sighting, { fingerprint, version: admission.version });
        return;
    }
  }

  /** What a person asks for instead: of the same job where it has not begun or came to nothing, else of another version of the file. */
  async refine(job: Job, words: string, byAnybody = false): Promise<Job> {
    const asked = { words, ...(byAnybody && { wordsByAnybody: true }) };
    if (cameToNothing(job) || isUnbegun(job)) return this.#reword(job, asked);
    const { inbox, path, relative, pin, sidecar, fingerprint, contentHash } = job;
    // The number of one that was never delivered is free: nobody looks for a v2 beside a v3.
    const isFree = job.version > 1 && job.state.name !== 'done';
    const version = isFree ? job.version : job.version + 1;
    const file = { fingerprint, contentHash, version, ...asked };
    return this.#create({ inbox, path, relative, pin, sidecar }, file);
  }

  /** What gives a job another name before it is tried again: later words may have been delivered under its own. */
  renamed(job: Job): JobEvent[] {
    const others = this.#options.ledger
      .versionsOf(job)
      .filter(({ id, state }) => id !== job.id && state.name === 'done');
    const isTaken = others.some(other => nameVersionOf(other) === nameVersionOf(job));
    if (!isTaken || job.decision.kind !== 'do') return [];
    const nameVersion = 1 + Math.max(...others.map(nameVersionOf));
    const named = this.#options.decide(job, nameVersion, job.words);
    if (named.kind !== 'do') return [];
    const decision = { ...job.decision, output: named.output };
    return [{ event: 'decided', data: { decision, sidecar: job.sidecar ?? null, nameVersion } }];
  }

  async #reword(job: Job, asked: { words: string; wordsByAnybody?: boolean }): Promise<Job> {
    const decision = this.#options.decide(job, nameVersionOf(job), asked.words);
    const rest = decision.kind === 'do' ? [] : [restFor(decision)];
    const queued = queuedBecause(say('queue.other-words'), { fresh: true, byPerson: true });
    const again = job.state.name === 'queued' ? [] : [queued];
    const decided: JobEvent = { event: 'decided', data: { decision, sidecar: job.sidecar ?? null, ...asked } };
    const next = await this.#options.ledger.commit(job.id, ...again, decided, ...rest);
    if (next) await this.#options.changed(next);
    return next ?? job;
  }

  async #create(
    sighting: Sighting,
    file: Pick<Admitted, 'fingerprint' | 'contentHash' | 'version' | 'words' | 'wordsByAnybody'>,
  ): Promise<Job> {
    const { ledger } = this.#options;
    const id = ledger.newId();
    const arrival = ledger.nextArrival();
    const { inbox, path, relative, pin, sidecar } = sighting;
    const earlier = ledger.earlierVersions({ inbox, relative, version: file.version, arrival });
    const nameVersion = 1 + earlier.filter(({ state }) => state.name === 'done').length;
    const named = nameVersion === file.version ? {} : { nameVersion };
    const decision = this.#options.decide(sighting, nameVersion, file.words);
    const data: Admitted = { arrival, inbox, path, relative, pin, ...file, ...named, decision, sidecar };
    await ledger.commit(id, { event: 'admitted', data }, ...this.#restOf(sighting, decision));
    await this.#options.changed(ledger.expect(id));
    return ledger.expect(id);
  }

  #restOf(sighting: Sighting, decision: Decision): JobEvent[] {
    if (sighting.refused === undefined) return decision.kind === 'do' ? [] : [restFor(decision)];
    const found = decision.kind === 'skip' ? 'other' : this.#options.lookAt(sighting.path);
    switch (found) {
      case 'unreadable': {
        const reason = makeReason('denied', sighting.refused, say('queue.unreadable-hint'));
        return [{ event: 'held', data: { reason } }];
      }
      case 'other':
        return [{ event: 'skipped', data: { reason: makeReason('skipped', sighting.refused) } }];
      case 'file': {
        const reason = makeReason('incomplete-media', sighting.refused, say('queue.incomplete-hint'));
        return [{ event: 'failed', data: { reason } }];
      }
    }
  }

  /** Afterwards the file is at the place of its jobs, and only its instruction may be another one. */
  async #repin(
    { jobs, why }: Extract<Admission, { kind: 'repin' }>,
    sighting: Sighting,
    fingerprint: string,
  ): Promise<void> {
    const { ledger, log, changed } = this.#options;
    const { inbox, path, relative, pin } = sighting;
    for (const job of jobs) {
      if (path !== job.path) log.info({ job: job.id, from: job.path, to: path }, why);
      const place = inbox === job.inbox ? { path, relative, pin } : { inbox, path, relative, pin };
      const again = place.inbox !== undefined && isHeldUpByInbox(job) ? [queuedBecause(say('queue.inbox-moved'))] : [];
      const strange = path === job.path ? [] : wordsOfAnother(job, pin);
      const next = await ledger.commit(job.id, { event: 'repinned', data: place }, ...strange, ...again);
      if (next && again.length > 0) await changed(next);
    }
    const admission = await this.#consider(sighting, { fingerprint });
    if (admission.kind !== 'repin') await this.#act(admission, sighting, fingerprint);
  }

  async #redecide(job: Job, sighting: Sighting): Promise<void> {
    const decision = this.#options.decide(sighting, nameVersionOf(job));
    // What was written last counts.
    const words = job.words === undefined ? {} : { words: null };
    const decided: JobEvent = { event: 'decided', data: { decision, sidecar: sighting.sidecar ?? null, ...words } };
    const requeue =
      job.state.name === 'queued' ? [] : [queuedBecause(say('queue.instruction-changed'), { fresh: true })];
    const rest = decision.kind === 'do' ? [] : [restFor(decision)];
    const next = await this.#options.ledger.commit(job.id, decided, ...requeue, ...rest);
    if (next) await this.#options.changed(next);
  }

  /** The content a job was about no longer exists: the job ends, and the new content gets a job of its own. */
  async #replace(job: Job): Promise<void> {
    if (this.#options.abort(job.id, { kind: 'replaced' })) return;
    const now = this.#options.ledger.get(job.id);
    if (!now || (RESTING.has(now.state.name) && now.state.name !== 'held' && now.state.name !== 'failed')) return;
    const next = await this.#options.ledger.commit(job.id, {
      event: 'cancelled',
      data: { reason: makeReason('replaced', say('queue.replaced')) },
    });
    if (next) await this.#options.changed(next);
  }
}

/**
 * A job under way goes with an equal file, which may be somebody else's. The words it works by lay beside the other one: they must not
 * decide that this one is deleted.
 */
function wordsOfAnother(job: Job, { ino }: Pin): JobEvent[] {
  const { sidecar, decision } = job;
  if (!sidecar || sidecar.byStranger || ino === job.pin.ino || !isUnderWay(job)) return [];
  return [{ event: 'decided', data: { decision, sidecar: { ...sidecar, byStranger: true } } }];
}

/** It rests without a result, and the cloud holds nothing of it that other words could go on from. */
function cameToNothing({ state, decision, cloud, checkpoints }: Job): boolean {
  if (!('reason' in state) || !RESTING.has(state.name) || state.reason.code === 'replaced') return false;
  const isPaid = decision.kind === 'do' && decision.engine === 'nemo' && Object.keys(checkpoints).length > 0;
  return cloud?.session === undefined && !isPaid;
}

function isHeldHere(job: Job): boolean {
  const isPaid = job.decision.kind === 'do' && job.decision.engine === 'nemo';
  return job.state.name === 'held' && !isPaid && mayHaveMoved(job);
}

/** It waits or is held only because its inbox was gone, or no longer in the configuration. */
function isHeldUpByInbox({ state }: Job): boolean {
  if (state.name === 'waiting') return state.reason.code === 'unavailable';
  return state.name === 'held' && state.reason.messages?.text?.code === FOLDER_REMOVED;
}

/** The sentence about a job whose folder was removed from the configuration; app/folders.ts says it. */
const FOLDER_REMOVED = 'app.folder-removed';
