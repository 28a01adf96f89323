import type { BigIntStats } from 'node:fs';
import { ShrinkError } from '../../src/core/errors.ts';
import type { Candidate, Decision, Job, Order, Pin, Verified } from '../../src/core/job.ts';
import type { Engine, EngineContext } from '../../src/engine/engine.ts';
import type { Stages } from '../../src/queue/stages-port.ts';
import { aCandidate, aDecision } from './builders.ts';
import type { HeldFile } from '../../src/platform/files/door.ts';
import { OPEN_GATE } from '../../src/platform/pause-gate.ts';

/** An engine whose run is whatever the test says; remembers what it was asked. */
export class FakeEngine implements Engine {
  readonly name: 'local' | 'nemo';
  readonly orders: Order[] = [];
  work: (context: EngineContext, run: number) => Promise<Candidate>;

  constructor(name: 'local' | 'nemo' = 'local', work: FakeEngine['work'] = async () => aCandidate()) {
    this.name = name;
    this.work = work;
  }

  get runs(): number {
    return this.orders.length;
  }

  run(order: Order, context: EngineContext): Promise<Candidate> {
    this.orders.push(order);
    return this.work(context, this.runs);
  }
}

/** Stages in which everything goes well and is written down; tests replace what should go wrong. */
export class FakeStages implements Stages {
  engines: Stages['engines'] = { local: new FakeEngine() };
  gate = OPEN_GATE;
  /** What was done to the outside world, in order. */
  readonly done: string[] = [];
  readonly resighted: string[] = [];
  readonly reports = new Map<string, string>();
  sourceNow: (job: Job) => Pin = job => job.pin;
  /** What the source holds; an edit changes it. */
  contentNow = 'whole-1';
  intact = true;

  /** Nothing here is about libraries. */
  get library(): never {
    throw new Error('no library');
  }

  async explained(_job: Job, error: unknown): Promise<unknown> {
    return error;
  }

  async pin(job: Job): Promise<Pin> {
    return this.sourceNow(job);
  }
  /** How much of a source was written, in blocks of 512 bytes. */
  blocks = ({ sizeBytes }: Pin): number => Math.ceil(sizeBytes / 512);
  async openSource(job: Job): Promise<HeldFile> {
    const { pin } = job;
    const stat = async () => ({ size: BigInt(pin.sizeBytes), blocks: BigInt(this.blocks(pin)) }) as BigIntStats;
    const nothing = { read: async () => ({ bytesRead: 0 }), stat };
    const close = async () => {};
    const file = { path: job.path, ...nothing, close };
    const untouched = { hasLostName: async () => false, sync: async () => {} };
    return { ...file, ...untouched, pin: await this.pin(job), open: async () => file };
  }
  async fingerprint(job: Job): Promise<string> {
    return job.fingerprint;
  }
  readWhole: Stages['readWhole'] = async job => {
    this.done.push('read whole');
    return { contentHash: this.contentNow, pin: this.sourceNow(job) };
  };
  /** The rules repeat their first decision; a fallback is not part of them. */
  decide: Stages['decide'] = (job, engine) => {
    this.#rules ??= job.decision;
    return engine ? aDecision({ engine }) : this.#rules;
  };
  #rules: Decision | undefined;
  verify: Stages['verify'] = async candidate => {
    this.done.push('verify');
    return { ...candidate, sha256: 'x', evidence: 'decoded' } as Verified;
  };
  reserve: Stages['reserve'] = async () => () => this.done.push('release');
  async openWorkDir(id: string): Promise<string> {
    return `/jobs/${id}`;
  }
  async removeWorkDir(id: string): Promise<void> {
    this.done.push(`removed work of ${id}`);
  }
  async isIntact(): Promise<boolean> {
    return this.intact;
  }
  deliver: Stages['deliver'] = async (_job, verified, { onIntent }) => {
    await onIntent({
      temp: '/out/.t',
      target: '/out/clip.mp4',
      ino: '1',
      bytes: verified.bytes,
      sha256: verified.sha256,
    });
    this.done.push('publish');
    return { output: '/out/clip.mp4', bytes: verified.bytes };
  };
  findPublished: Stages['findPublished'] = async () => undefined;
  originals: Stages['originals'] = () => 'archive';
  dispose: Stages['dispose'] = async () => undefined;
  async report(job: Job): Promise<string | undefined> {
    if (job.state.name !== 'failed' && job.state.name !== 'held') return undefined;
    const path = `/out/${job.relative}.failed.txt`;
    this.reports.set(path, job.state.reason.text);
    return path;
  }
  async removeReport(job: Job): Promise<void> {
    this.reports.delete(job.report ?? '');
  }
  resight(job: Job): void {
    this.resighted.push(job.relative);
  }
}

export function fails(code: ShrinkError['code'], message = `${code} happened`): never {
  throw new ShrinkError(code, message, { hint: 'do something' });
}
