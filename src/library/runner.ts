import { isShrinkError } from '../core/errors.ts';
import { type Job, RESTING } from '../core/job.ts';
import type { Logger } from '../platform/log.ts';
import type { PlannedFilm } from './plan/outcome.ts';

/** What the runner of one library needs; app/library.ts wires it. */
export interface RunnerPorts {
  library: string;
  /** The films of the confirmed plan, in the order they are done in; `undefined` once it is no longer that plan. */
  films(): Promise<AsyncIterable<PlannedFilm> | undefined>;
  /** Makes a job of a film, unless something speaks against it by now. @throws ShrinkError `unavailable` where the library is away */
  admit(film: PlannedFilm): Promise<'admitted' | 'left-alone'>;
  /** The jobs of this library that have not ended. */
  unfinished(): Job[];
  /** Whether an inbox has work for this machine, or nothing may begin. */
  isBusyElsewhere(): boolean;
  mayBegin(): boolean;
  rest(id: string): void;
  wake(job: Job): void;
  /** All films of the plan had their turn. */
  finished(): Promise<void>;
  log: Logger;
}

/**
 * Takes the films of a confirmed plan one after the other: one job at a time, none while an inbox has work, and the one at work rests
 * then. Nothing of it needs to be kept: after a restart the films that were done are passed over.
 */
export class LibraryRunner {
  readonly #ports: RunnerPorts;
  #films: AsyncIterator<PlannedFilm> | undefined;
  /** Read, and not admitted yet. */
  #next: PlannedFilm | undefined;
  #turn: Promise<void> | undefined;
  #resting: string | undefined;
  #stopped = false;
  /** How much of the plan has had its turn. */
  readonly passed = { films: 0, bytes: 0, seconds: 0 };

  constructor(ports: RunnerPorts) {
    this.#ports = ports;
  }

  /** What is done next, as far as it is known. */
  get next(): PlannedFilm | undefined {
    return this.#next;
  }

  /** Looks whether something can be done; cheap, and called whenever something has changed. */
  look(): Promise<void> {
    this.#turn ??= this.#look().finally(() => {
      this.#turn = undefined;
    });
    return this.#turn;
  }

  /** Nothing more is begun; what is at work is for the caller. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#turn;
    await this.#films?.return?.();
  }

  async #look(): Promise<void> {
    const { unfinished, isBusyElsewhere, mayBegin } = this.#ports;
    const jobs = unfinished();
    this.#giveWay(jobs, isBusyElsewhere());
    if (jobs.length > 0 || isBusyElsewhere() || !mayBegin()) return;
    await this.#admitNext();
  }

  /** The jobs of the inboxes go first. */
  #giveWay(jobs: readonly Job[], isBusy: boolean): void {
    const job = jobs.find(({ state }) => state.name === 'running' || state.name === 'verifying');
    if (isBusy && job && this.#resting !== job.id) {
      this.#resting = job.id;
      this.#ports.rest(job.id);
    } else if (!isBusy && this.#resting !== undefined) {
      const rested = jobs.find(({ id }) => id === this.#resting);
      this.#resting = undefined;
      if (rested && !rested.paused && !RESTING.has(rested.state.name)) this.#ports.wake(rested);
    }
  }

  async #admitNext(): Promise<void> {
    const { admit, mayBegin, isBusyElsewhere, library, log } = this.#ports;
    while (!this.#stopped && mayBegin() && !isBusyElsewhere()) {
      const film = this.#next ?? (await this.#read());
      if (!film) return;
      this.#next = film;
      try {
        const admitted = await admit(film);
        this.#pass(film);
        if (admitted === 'admitted') return;
      } catch (error) {
        if (!isShrinkError(error)) throw error;
        const { code, message } = error;
        // The disk is away: the film is tried again.
        if (['unavailable', 'io', 'no-space'].includes(code)) return log.debug({ library, code }, message);
        log.info({ library, film: film.relative, code }, `left alone: ${message}`);
        this.#pass(film);
      }
    }
  }

  #pass({ bytes, seconds }: PlannedFilm): void {
    this.#next = undefined;
    this.passed.films += 1;
    this.passed.bytes += bytes;
    this.passed.seconds += seconds;
  }

  async #read(): Promise<PlannedFilm | undefined> {
    if (!this.#films) {
      const films = await this.#ports.films();
      if (!films) return undefined;
      this.#films = films[Symbol.asyncIterator]();
    }
    const { value, done } = await this.#films.next();
    if (!done) return value;
    this.#stopped = true;
    await this.#ports.finished();
    return undefined;
  }
}
