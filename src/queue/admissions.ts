import PQueue from 'p-queue';
import { isShrinkError } from '../core/errors.ts';
import { type Decision, type Job, makeReason, type Pin, RESTING, type Sidecar, type Sighting } from '../core/job.ts';
import type { Admitted, JobEvent } from '../core/events.ts';
import type { StopReason } from '../engine/engine.ts';
import { say } from '../messages/say.ts';
import type { Logger } from '../platform/log.ts';
import { admit, type Admission, isKnown } from './admission-policy.ts';
import type { Ledger } from './ledger.ts';
import { queuedBecause, restFor } from './decisions.ts';
import { FairQueue, type FolderTask } from './fair-queue.ts';

export interface AdmissionsOptions {
  ledger: Ledger;
  log: Logger;
  decide(sighting: Sighting, version: number, words?: string): Decision;
  /** Content fingerprint of a file. @throws ShrinkError */
  fingerprint(path: string, sizeBytes: number): Promise<string>;
  /** The kind of a refused path: a bad file, one without read permission, or something that can never be a video. */
  lookAt(path: string): 'file' | 'unreadable' | 'other';
  /** Whether the file a job was about is still in place. */
  stillThere(job: Job): boolean;
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

/** Turns sightings into jobs; one at a time per path, whatever the order of events. */
export class Admissions {
  readonly #options: AdmissionsOptions;
  readonly #queue = new PQueue<FairQueue, FolderTask>({ concurrency: READERS, queueClass: FairQueue });
  readonly #offered = new Map<string, Sighting>();
  /** Paths being admitted: further sightings of them wait for the outcome. */
  readonly #admitting = new Set<string>();
  /** Jobs in a slot whose file was seen with a new instruction. */
  readonly #later = new Set<string>();

  constructor(options: AdmissionsOptions) {
    this.#options = options;
  }

  /** Takes a sighting; only the newest one of a path counts. */
  offer(sighting: Sighting): void {
    const key = `${sighting.inbox}\0${sighting.relative}`;
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
    try {
      await this.#admit(newest);
    } finally {
      this.#admitting.delete(key);
      if (this.#offered.has(key)) this.#enqueue(key, newest.inbox);
    }
  }

  /** Call it when a job comes to rest: its file is reported again, because the instruction may have changed meanwhile. */
  rested(job: Job): void {
    if (this.#later.delete(job.id)) this.#options.resight(job);
  }

  isKnown(inbox: string, relative: string, pin: Pin, sidecar: Sidecar | undefined): boolean {
    return isKnown(this.#options.ledger.atPlace(inbox, relative), pin, sidecar);
  }

  /** Whether nothing is being admitted. */
  get idle(): boolean {
    return this.#offered.size === 0 && this.#queue.pending === 0 && this.#queue.size === 0;
  }

  async stop(): Promise<void> {
    this.#queue.clear();
    this.#offered.clear();
    await this.#queue.onIdle();
  }

  onIdle(): Promise<void> {
    return this.#queue.onIdle();
  }

  async #admit(sighting: Sighting): Promise<void> {
    const { ledger, log } = this.#options;
    const here = ledger.atPlace(sighting.inbox, sighting.relative);
    if (isKnown(here, sighting.pin, sighting.sidecar)) return;
    const fingerprint = await this.#fingerprint(sighting);
    if (fingerprint === undefined) return;
    const twins = fingerprint === '' ? [] : ledger.withContent(fingerprint);
    const admission = admit({ sighting, fingerprint, here, twins, stillThere: this.#options.stillThere });
    if (admission.kind !== 'nothing') log.debug({ path: sighting.path, admission: admission.kind }, 'sighting taken');
    await this.#act(admission, sighting, fingerprint);
  }

  async #fingerprint(sighting: Sighting): Promise<string | undefined> {
    if (sighting.refused !== undefined) return '';
    try {
      return await this.#options.fingerprint(sighting.path, sighting.pin.sizeBytes);
    } catch (error) {
      if (!isShrinkError(error)) throw error;
      // Gone or unreadable since it was sighted: the next scan finds out.
      this.#options.log.debug({ path: sighting.path, code: error.code }, error.message);
      return undefined;
    }
  }

  async #act(admission: Admission, sighting: Sighting, fingerprint: string): Promise<void> {
    switch (admission.kind) {
      case 'nothing':
        return;
      case 'later':
        this.#later.add(admission.job.id);
        return;
      case 'repin':
        return await this.#repin(admission.job, sighting, admission.why);
      case 'redecide':
        return await this.#redecide(admission.job, sighting);
      case 'new':
        for (const job of admission.replaced) await this.#replace(job);
        await this.#create(sighting, { fingerprint, version: admission.version });
        return;
    }
  }

  /** Another version of a file, requested on the command line. */
  async refine(job: Job, words: string): Promise<Job> {
    const { inbox, path, relative, pin, sidecar, fingerprint } = job;
    return this.#create({ inbox, path, relative, pin, sidecar }, { fingerprint, version: job.version + 1, words });
  }

  async #create(sighting: Sighting, file: Pick<Admitted, 'fingerprint' | 'version' | 'words'>): Promise<Job> {
    const { ledger } = this.#options;
    const id = ledger.newId();
    const decision = this.#options.decide(sighting, file.version, file.words);
    const { inbox, path, relative, pin, sidecar } = sighting;
    const data: Admitted = { arrival: ledger.nextArrival(), inbox, path, relative, pin, ...file, decision, sidecar };
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

  async #repin(job: Job, sighting: Sighting, why: string): Promise<void> {
    const { path, relative, pin } = sighting;
    if (relative !== job.relative) this.#options.log.info({ job: job.id, from: job.relative, to: relative }, why);
    await this.#options.ledger.commit(job.id, { event: 'repinned', data: { path, relative, pin } });
  }

  async #redecide(job: Job, sighting: Sighting): Promise<void> {
    const decision = this.#options.decide(sighting, job.version);
    const decided: JobEvent = { event: 'decided', data: { decision, sidecar: sighting.sidecar ?? null } };
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
