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
  /** It stays as it is, and why; said and counted. */
  leave(film: PlannedFilm, why: string): void;
  /** The jobs of this library that have not ended. */
  unfinished(): Job[];
  /** Whether an inbox has work for this machine, or nothing may begin. */
  isBusyElsewhere(): boolean;
  mayBegin(): boolean;
  /** How large an original the archive has room for, bytes. */
  room(): Promise<number>;
  rest(id: string): void;
  wake(job: Job): void;
  /** All films of the plan had their turn. */
  finished(): Promise<void>;
  log: Logger;
}

/** So many may need a person before nothing more is begun: what holds all of them may hold every film. */
export const MAX_HELD = 10;

/** So many films may wait for room at once, and so many be put off because of them. */
const MAX_WAITING = 3;
const MAX_PUT_OFF = 10_000;

/**
 * Takes the films of a confirmed plan one after the other: one job at a time, none while an inbox has work, and the one at work rests
 * then. Behind one that waits for room in the archive, those that fit are done, and behind one that needs a person all others. Nothing of it needs to be kept: after a restart the films that were done are passed over.
 */
export class LibraryRunner {
  readonly #ports: RunnerPorts;
  #films: AsyncIterator<PlannedFilm> | undefined;
  /** Read, and not admitted yet. */
  #next: PlannedFilm | undefined;
  /** There was no room for them when their turn came, while another waited for it. */
  readonly #putOff: PlannedFilm[] = [];
  #isRead = false;
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
    return this.#next ?? this.#putOff[0];
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
    const active = jobs.filter(({ state }) => state.name !== 'held');
    const isHeldUp = jobs.length - active.length >= MAX_HELD;
    const isAtWork = active.some(job => !waitsForRoom(job)) || active.length >= MAX_WAITING;
    if (isHeldUp || isAtWork || isBusyElsewhere() || !mayBegin()) return;
    await this.#admitNext(active.length > 0 ? await this.#ports.room() : Infinity);
    if (this.#isRead && jobs.length === 0 && !this.#next && this.#putOff.length === 0) await this.#finish();
  }

  async #finish(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#ports.finished();
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

  /** The next one of at most so many bytes. */
  async #admitNext(room: number): Promise<void> {
    const { admit, leave, mayBegin, isBusyElsewhere, library, log } = this.#ports;
    while (!this.#stopped && mayBegin() && !isBusyElsewhere()) {
      const film = await this.#take(room);
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
        leave(film, message);
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

  async #take(room: number): Promise<PlannedFilm | undefined> {
    if (this.#next && this.#next.bytes <= room) return this.#next;
    if (this.#next) this.#putOff.push(this.#next);
    this.#next = undefined;
    const fitting = this.#putOff.findIndex(({ bytes }) => bytes <= room);
    if (fitting >= 0) return this.#putOff.splice(fitting, 1)[0];
    while (this.#putOff.length < MAX_PUT_OFF) {
      const film = await this.#read();
      if (!film || film.bytes <= room) return film;
      this.#putOff.push(film);
    }
    return undefined;
  }

  async #read(): Promise<PlannedFilm | undefined> {
    if (this.#isRead) return undefined;
    if (!this.#films) {
      const films = await this.#ports.films();
      if (!films) return undefined;
      this.#films = films[Symbol.asyncIterator]();
    }
    const { value, done } = await this.#films.next();
    if (!done) return value;
    this.#isRead = true;
    return undefined;
  }
}

function waitsForRoom({ state }: Job): boolean {
  return state.name === 'waiting' && state.reason.code === 'no-space';
}
