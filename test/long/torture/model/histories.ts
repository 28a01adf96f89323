/**
 * Random histories of jobs through the real ledger and the real journal, on a disk that loses what was not synced, held against
 * the model at every step; and the journal they leave, cut and spoilt.
 */
import fc from 'fast-check';
import { policyFor, isShrinkError } from '../../../../src/core/errors.ts';
import type { Job, Reason } from '../../../../src/core/job.ts';
import { IllegalEvent } from '../../../../src/core/lifecycle.ts';
import type { JobEvent } from '../../../../src/core/events.ts';
import { type Journal, openJournal } from '../../../../src/journal/journal.ts';
import { readJournal } from '../../../../src/journal/replay.ts';
import { silentLogger } from '../../../../src/platform/log.ts';
import { Ledger } from '../../../../src/queue/ledger.ts';
import { replayInto } from '../../../../src/queue/ledger.ts';
import { aCandidate, aDecision, aPin } from '../../../support/builders.ts';
import { CrashDisk } from '../../../support/crash-disk.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { happen, mayHappen, type ModelJob } from './lifecycle-model.ts';

const DIR = '/journal';
const REASON: Reason = { code: 'io', text: 'the disk coughed' };
const SPOILT: Reason = { code: 'verify-failed', text: 'half of it is black' };
const INTENT = { temp: '/out/.t', target: '/out/clip.mp4', ino: '1', bytes: 400_000, sha256: 'x' };
const JOBS = ['aaaa', 'bbbb', 'cccc'] as const;

/** One of SAMPLES that may happen then; any of them where it is wild. */
type Pick = { n: number; wild: boolean };

type Turn =
  /** Commits made in one turn of the event loop, each of a few events for one job. */
  | { kind: 'commit'; burst: { job: number; picks: Pick[] }[] }
  | { kind: 'compact' }
  | { kind: 'restart' }
  /** Stops the disk after so many more operations; `disk` picks what is left of it. */
  | { kind: 'crash'; after: number; disk: number };

const SAMPLES: readonly JobEvent[] = [
  { event: 'admitted', data: admitted() },
  { event: 'decided', data: { decision: aDecision({ engine: 'local' }), sidecar: null } },
  { event: 'repinned', data: { path: '/in/b.mp4', relative: 'b.mp4', pin: aPin({ ino: '12' }) } },
  { event: 'queued', data: { because: 'a restart' } },
  { event: 'queued', data: { because: 'a person', byPerson: true } },
  { event: 'queued', data: { because: 'anew', fresh: true } },
  { event: 'started', data: { engine: 'nemo', step: 'preparing' } },
  { event: 'step', data: { engine: 'nemo', step: 'upload' } },
  { event: 'checkpoint', data: { key: 'message.1', value: { sent: true } } },
  { event: 'checkpoint', data: { key: 'render.1', value: { id: 'render_1' } } },
  { event: 'fact', data: { key: 'session', value: '1' } },
  { event: 'doubted', data: { engine: 'nemo', step: 'message', reason: REASON } },
  { event: 'candidate', data: { candidate: aCandidate() } },
  { event: 'rejected', data: { reason: REASON, keepCheckpoints: true } },
  { event: 'rejected', data: { reason: SPOILT, keepCheckpoints: false } },
  { event: 'verified', data: { evidence: 'decoded' } },
  { event: 'publishing', data: { intent: INTENT } },
  { event: 'published', data: { delivery: { output: INTENT.target, bytes: INTENT.bytes } } },
  { event: 'disposing', data: { to: '/archive/clip.mp4' } },
  { event: 'disposed', data: { kind: 'archived', to: '/archive/clip.mp4' } },
  { event: 'disposed', data: { kind: 'deleted', to: '/in/clip.mp4' } },
  { event: 'restored', data: { to: '/in/clip.mp4' } },
  { event: 'pruned', data: { path: '/archive/clip.mp4' } },
  { event: 'done', data: {} },
  { event: 'waiting', data: { until: 99, reason: REASON, strike: 'io' } },
  { event: 'held', data: { reason: REASON } },
  { event: 'held', data: { reason: SPOILT } },
  { event: 'failed', data: { reason: REASON } },
  { event: 'cancelled', data: { reason: REASON } },
  { event: 'skipped', data: { reason: REASON } },
  { event: 'reported', data: { path: '/out/clip.failed.txt' } },
  { event: 'reported', data: { path: null } },
  { event: 'forgotten', data: { by: 'a person' } },
];

const aPick = fc.record({ n: fc.nat(10_000), wild: fc.nat(9).map(n => n === 0) });
const aCommit = fc.record({
  job: fc.nat({ max: JOBS.length - 1 }),
  picks: fc.array(aPick, { minLength: 1, maxLength: 3 }),
});
const aTurn: fc.Arbitrary<Turn> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({ kind: fc.constant('commit'), burst: fc.array(aCommit, { minLength: 1, maxLength: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('compact') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('crash'), after: fc.integer({ min: 1, max: 9 }), disk: fc.nat(1000) }),
  },
);
export const aHistory = fc.array(aTurn, { minLength: 15, maxLength: 60 });

/** Steps that lead on are taken more often than those that lead back, or few jobs would ever be done. */
const FORWARD: ReadonlySet<string> = new Set(['started', 'candidate', 'verified', 'publishing', 'published', 'done']);
const WEIGHTED = SAMPLES.flatMap(one => (FORWARD.has(one.event) ? [one, one, one] : [one]));

function picked(job: ModelJob | undefined, { n, wild }: Pick): JobEvent {
  const choice = wild ? SAMPLES : WEIGHTED.filter(one => mayHappen(job, one.event));
  return choice[n % choice.length] as JobEvent;
}

function admitted() {
  const place = { inbox: '/in', path: '/in/clip.mp4', relative: 'clip.mp4' };
  return { ...place, arrival: 1, pin: aPin(), fingerprint: 'content', version: 1, decision: aDecision() };
}

/** What is known of all jobs. */
type Model = ReadonlyMap<string, ModelJob>;

export class Player {
  #disk = new CrashDisk();
  #ledger!: Ledger;
  #journal!: Journal;
  #clock = new FakeClock();
  /** The model after each record since the last start, the first one as found there; and how far that is safe. */
  #states: Model[] = [new Map()];
  #safe = 0;
  crashes = 0;
  events = 0;

  static async play(history: readonly Turn[]): Promise<Player> {
    const player = new Player();
    await player.#start();
    for (const turn of history) await player.#take(turn);
    player.#disk.crashAt = Number.POSITIVE_INFINITY;
    await player.#restart();
    return player;
  }

  /** Names and bytes of the journal. */
  files(): Map<string, Buffer> {
    return this.#disk.contents();
  }

  /** Every state this history has been in since its journal begins, oldest first. */
  get states(): readonly Model[] {
    return this.#past;
  }
  readonly #past: Model[] = [new Map()];

  get #model(): Model {
    return this.#states.at(-1) as Model;
  }

  async #start(): Promise<void> {
    this.#ledger = new Ledger({ append: entries => this.#journal.append(entries) }, this.#clock);
    this.#journal = await openJournal({
      dir: DIR,
      clock: this.#clock,
      log: silentLogger,
      files: this.#disk,
      segmentBytes: 2_000,
      onRecord: (record, position) => replayInto(this.#ledger, record, position),
      onFatal: () => {},
    });
  }

  async #restart(): Promise<void> {
    const before = JSON.stringify([...this.#ledger.all()]);
    await this.#journal.close();
    await this.#start();
    const after = JSON.stringify([...this.#ledger.all()]);
    if (after !== before) throw new Error(`replay gives ${firstDifference(after, before)}`);
    this.#compare(this.#model);
  }

  async #take(turn: Turn): Promise<void> {
    try {
      if (turn.kind === 'commit') await this.#commit(turn.burst);
      else if (turn.kind === 'compact') await this.#journal.compact([...this.#ledger.snapshot()]);
      else if (turn.kind === 'restart') await this.#restart();
      else this.#disk.crashAt = this.#disk.operations.length + turn.after;
      if (turn.kind === 'crash') this.#nextDisk = turn.disk;
    } catch (error) {
      if (!this.#disk.hasCrashed) throw error;
    }
    if (this.#disk.hasCrashed) await this.#comeBack();
  }
  #nextDisk = 0;

  async #commit(burst: { job: number; picks: Pick[] }[]): Promise<void> {
    const written: Promise<void>[] = [];
    for (const { job, picks } of burst) {
      const id = JOBS[job] as string;
      const { legal, illegal } = chosen(this.#model.get(id), picks);
      if (illegal) await this.#refuse(id, [...legal, illegal]);
      if (legal.length === 0) continue;
      for (const one of legal) this.#advance(id, one);
      const reached = this.#states.length - 1;
      this.events += legal.length;
      written.push(
        this.#ledger.commit(id, ...legal).then(() => {
          this.#safe = Math.max(this.#safe, reached);
        }),
      );
      this.#compare(this.#model);
    }
    await Promise.all(written);
  }

  #advance(id: string, one: JobEvent): void {
    const model = new Map(this.#model);
    const next = happen(model.get(id), one);
    if (next) model.set(id, next);
    else model.delete(id);
    this.#states.push(model);
    this.#past.push(model);
  }

  /** What may not happen changes nothing; that nothing is written shows at the next start. */
  async #refuse(id: string, events: JobEvent[]): Promise<void> {
    const before = JSON.stringify(this.#ledger.get(id));
    const error: unknown = await this.#ledger.commit(id, ...events).catch((thrown: unknown) => thrown);
    if (!(error instanceof IllegalEvent)) {
      const names = events.map(one => one.event).join(', ');
      throw new Error(`${names} happened to a job that is ${this.#model.get(id)?.state}: ${String(error)}`);
    }
    const after = JSON.stringify(this.#ledger.get(id));
    if (after !== before) throw new Error('an event that may not happen left something behind');
  }

  /** After a crash: what is known is what was said to be safe, or a little more; never less, never anything else. */
  async #comeBack(): Promise<void> {
    this.crashes += 1;
    const disks = [this.#disk.revived(), ...this.#disk.afterPowerCut()];
    this.#disk = disks[this.#nextDisk % disks.length] as CrashDisk;
    try {
      await this.#start();
    } catch (error) {
      if (!isShrinkError(error, 'damaged') || !this.#disk.about.includes(' zeroed start')) throw error;
      // Refused: a person puts the journal back as it was.
      this.#disk = disks[0] as CrashDisk;
      await this.#start();
    }
    const found = projectionOf(this.#ledger);
    const possible = this.#states.slice(this.#safe);
    const at = possible.findIndex(state => textOf(state) === textOf(found));
    if (at < 0) {
      const expected = possible.map(textOf).join('\n');
      throw new Error(`after a crash (${this.#disk.about}) it knows ${textOf(found)}, expected one of\n${expected}`);
    }
    this.#states = [possible[at] as Model];
    this.#past.push(possible[at] as Model);
    this.#safe = 0;
  }

  #compare(model: Model): void {
    const found = textOf(projectionOf(this.#ledger));
    if (found !== textOf(model)) throw new Error(`it knows ${found}, the model says ${textOf(model)}`);
    let total = 0;
    for (const count of Object.values(this.#ledger.counts())) total += count;
    if (total !== model.size) throw new Error(`it counts ${total} jobs of ${model.size}`);
  }
}

/** The events picked, up to the first one that may not happen. */
function chosen(job: ModelJob | undefined, picks: readonly Pick[]): { legal: JobEvent[]; illegal?: JobEvent } {
  let model = job;
  const legal: JobEvent[] = [];
  for (const pick of picks) {
    const one = picked(model, pick);
    if (!mayHappen(model, one.event)) return { legal, illegal: one };
    model = happen(model, one);
    legal.push(one);
    // Nothing is written of a job together with its end.
    if (!model) break;
  }
  return { legal };
}

function projectionOf(ledger: Ledger): Model {
  return new Map([...ledger.all()].map(job => [job.id, projected(job)]));
}

function projected(job: Job): ModelJob {
  const { state } = job;
  const held = state.name === 'waiting' || state.name === 'held' ? state.from : state;
  let has: ModelJob['has'] = 'nothing';
  if (held?.name === 'verifying') has = 'candidate';
  if (held?.name === 'delivering') has = held.published ? 'published' : 'verified';
  return {
    state: state.name,
    has,
    checkpoints: Object.keys(job.checkpoints).sort(),
    attempts: job.attempts,
    original: job.original?.kind === 'archived' ? job.original.path : job.original?.kind,
    report: job.report,
  };
}

function textOf(model: Model): string {
  return JSON.stringify([...model].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function firstDifference(is: string, should: string): string {
  let at = 0;
  while (at < is.length && is[at] === should[at]) at += 1;
  const around = (text: string) => text.slice(Math.max(0, at - 200), at + 200);
  return `${around(is)} instead of ${around(should)}`;
}

/**
 * Reads a journal of a history after something was done to its bytes: what it says is a state the history was in, or it is refused
 * with exit code 14. @returns whether it was refused.
 */
export async function readSpoilt(
  files: ReadonlyMap<string, Buffer>,
  states: ReadonlySet<string>,
  what: string,
): Promise<boolean> {
  const ledger = new Ledger({ append: async () => {} }, new FakeClock());
  try {
    await readJournal({
      dir: DIR,
      files: new CrashDisk(files),
      onRecord: (record, position) => replayInto(ledger, record, position),
    });
  } catch (error) {
    if (!isShrinkError(error, 'damaged')) throw new Error(`${what}: ${String(error)}`, { cause: error });
    if (policyFor(error.code).exitCode !== 14) throw new Error(`${what}: it does not end with 14`);
    return true;
  }
  const found = textOf(projectionOf(ledger));
  if (!states.has(found)) throw new Error(`${what}: it says ${found}, which never was`);
  return false;
}

export function textsOf(states: readonly Model[]): Set<string> {
  return new Set(states.map(textOf));
}
