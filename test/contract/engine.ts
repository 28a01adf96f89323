/**
 * The promises of every engine (src/engine/engine.ts), whatever it works with. An engine's test file calls `engineContract` with a
 * way to make one engine and one order it can carry out.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ShrinkError } from '../../src/core/errors.ts';
import { type Candidate, cloudFactsOf, type Json, type Order, type Progress, type Reason } from '../../src/core/job.ts';
import { textOf } from '../../src/core/message.ts';
import type { Engine, EngineContext } from '../../src/engine/engine.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { activeChildren } from '../../src/platform/process/run-child.ts';
import { OPEN_GATE, type PauseGate } from '../../src/platform/pause-gate.ts';
import { ownFile } from '../../src/platform/files/files.ts';

/** One engine and one order. Created for every test; everything it opens ends with `close`. */
export interface EngineFixture {
  engine: Engine;
  /** Can be done, in a few seconds. The source is a real file in a directory of its own. */
  order: Order;
  /** How much was done that must not be done twice: paid messages, encodes. Grows while `run` works. */
  costlySteps: () => number;
  close?: () => Promise<void>;
}

/** What an engine reported during one run. */
export interface Recorded {
  records: Record<string, Json>;
  /** Names of steps, in order. */
  steps: string[];
  doubts: Reason[];
  facts: Record<string, string>;
  progress: Progress[];
}

export interface ContextOptions {
  workDir: string;
  resume?: Record<string, Json>;
  signal?: AbortSignal;
  gate?: PauseGate;
  /** Called after a checkpoint is durable; an error from here is a crash of everything around the engine. */
  afterRecord?: (key: string, recorded: Recorded) => void;
  onStep?: (name: string, recorded: Recorded) => void;
}

/** An engine context that remembers what was recorded through it. */
export function recordingContext(options: ContextOptions): { context: EngineContext; recorded: Recorded } {
  const recorded: Recorded = { records: { ...options.resume }, steps: [], doubts: [], facts: {}, progress: [] };
  const context: EngineContext = {
    // The engine is given the order's own (withSource).
    source: ownFile(''),
    async record(key, value) {
      // As the journal does: what cannot be written as JSON is lost.
      recorded.records[key] = JSON.parse(JSON.stringify(value)) as Json;
      options.afterRecord?.(key, recorded);
    },
    resume: JSON.parse(JSON.stringify(options.resume ?? {})) as Record<string, Json>,
    async step(name) {
      recorded.steps.push(name);
      options.onStep?.(name, recorded);
    },
    async doubt(_step, reason) {
      recorded.doubts.push(reason);
    },
    async fact(key, said) {
      recorded.facts[key] = textOf(said);
    },
    async cloud(refs) {
      for (const { key, value } of cloudFactsOf(refs)) recorded.facts[key] = value;
    },
    progress: progress => void recorded.progress.push(progress),
    signal: options.signal ?? new AbortController().signal,
    gate: options.gate ?? OPEN_GATE,
    workDir: options.workDir,
    log: silentLogger,
  };
  return { context, recorded };
}

/** The power went off right after a checkpoint was written. */
class PowerCut extends Error {}

export function engineContract(name: string, makeFixture: () => Promise<EngineFixture>): void {
  describe(`${name}: the promises of every engine`, () => {
    const undo: (() => Promise<unknown>)[] = [];

    async function setUp(): Promise<EngineFixture & { workDir: string }> {
      const fixture = await makeFixture();
      const workDir = await mkdtemp(join(tmpdir(), 'shrinkbox-contract-'));
      undo.push(async () => await rm(workDir, { recursive: true, force: true }));
      if (fixture.close) undo.push(fixture.close);
      return { ...fixture, workDir };
    }

    afterEach(async () => {
      for (const step of undo.splice(0).reverse()) await step();
      expect(activeChildren()).toEqual([]);
    });

    it('ends in a candidate that is there, in the work directory, and says what it is', async () => {
      const { engine, order, workDir } = await setUp();
      const { context, recorded } = recordingContext({ workDir });
      const candidate = await engine.run(order, context);
      await expectWhole(candidate, workDir, order);
      expect(candidate.how.length).toBeGreaterThan(5);
      expect(candidate.messages?.how).toBeDefined();
      expect(candidate.messages?.notes).toHaveLength(candidate.notes.length);
      expect(candidate.expect.videoCodecs.length).toBeGreaterThan(0);
      expect(recorded.steps.length).toBeGreaterThan(0);
    });

    it('reads the source and leaves it alone, writes nowhere but into the work directory', async () => {
      const { engine, order, workDir } = await setUp();
      const before = await fingerprint(order.source);
      const beside = await readdir(dirname(order.source));
      await engine.run(order, recordingContext({ workDir }).context);
      expect(await fingerprint(order.source)).toBe(before);
      expect(await readdir(dirname(order.source))).toEqual(beside);
    });

    it('shows progress that stays between 0 and 1 and never goes back', async () => {
      const { engine, order, workDir } = await setUp();
      const { context, recorded } = recordingContext({ workDir });
      await engine.run(order, context);
      const fractions = recorded.progress.flatMap(progress => progress.fraction ?? []);
      expect(fractions.length).toBeGreaterThan(0);
      expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...fractions)).toBeLessThanOrEqual(1);
      expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    });

    it('run again after it has finished, gives the same candidate and does no costly step again', async () => {
      const { engine, order, workDir, costlySteps } = await setUp();
      const first = recordingContext({ workDir });
      const candidate = await engine.run(order, first.context);
      const done = costlySteps();
      const again = await engine.run(order, recordingContext({ workDir, resume: first.recorded.records }).context);
      expect(costlySteps()).toBe(done);
      expect({ ...again, path: '' }).toEqual({ ...candidate, path: '' });
      await expectWhole(again, workDir, order);
    });

    it('continues after a crash behind any checkpoint, and repeats no costly step that was recorded', async () => {
      const measured = await setUp();
      const whole = recordingContext({ workDir: measured.workDir });
      await measured.engine.run(measured.order, whole.context);
      const undisturbed = measured.costlySteps();

      const { engine, order, workDir, costlySteps } = await setUp();
      let resume: Record<string, Json> = {};
      let crashes = 0;
      // Every run is cut off after its first new checkpoint, so each checkpoint is resumed from once.
      for (let candidate: Candidate | undefined; !candidate; ) {
        const seen = new Set(Object.entries(resume).map(([key, value]) => key + JSON.stringify(value)));
        const { context, recorded } = recordingContext({
          workDir,
          resume,
          afterRecord: (key, now) => {
            if (!seen.has(key + JSON.stringify(now.records[key]))) throw new PowerCut();
          },
        });
        try {
          candidate = await engine.run(order, context);
          await expectWhole(candidate, workDir, order);
        } catch (error) {
          expect(error).toBeInstanceOf(PowerCut);
          crashes += 1;
          expect(crashes).toBeLessThan(100);
        }
        resume = recorded.records;
      }
      expect(crashes).toBeGreaterThan(0);
      expect(costlySteps()).toBe(undisturbed);
    });

    it('stops on request, in every step, with code `cancelled`, and can be continued', async () => {
      const measured = await setUp();
      const whole = recordingContext({ workDir: measured.workDir });
      await measured.engine.run(measured.order, whole.context);
      const steps = new Set(whole.recorded.steps);

      for (const step of steps) {
        const { engine, order, workDir } = await setUp();
        const stop = new AbortController();
        const { context, recorded } = recordingContext({
          workDir,
          signal: stop.signal,
          onStep: name => {
            if (name === step) stop.abort();
          },
        });
        const error = await engine.run(order, context).catch((thrown: unknown) => thrown);
        expect(error, step).toBeInstanceOf(ShrinkError);
        expect((error as ShrinkError).code, step).toBe('cancelled');
        expect(activeChildren(), step).toEqual([]);
        const candidate = await engine.run(order, recordingContext({ workDir, resume: recorded.records }).context);
        await expectWhole(candidate, workDir, order);
      }
    });

    it('with a signal that has aborted before, does nothing', async () => {
      const { engine, order, workDir, costlySteps } = await setUp();
      const { context } = recordingContext({ workDir, signal: AbortSignal.abort() });
      const error = await engine.run(order, context).catch((thrown: unknown) => thrown);
      expect((error as ShrinkError).code).toBe('cancelled');
      expect(costlySteps()).toBe(0);
    });

    it('reports a missing source as `gone`', async () => {
      const { engine, order, workDir } = await setUp();
      const { context } = recordingContext({ workDir });
      const error = await engine
        .run({ ...order, source: `${order.source}.gone` }, context)
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ShrinkError);
      expect((error as ShrinkError).code).toBe('gone');
    });
  });
}

async function expectWhole(candidate: Candidate, workDir: string, order: Order): Promise<void> {
  expect((await stat(candidate.path)).size).toBe(candidate.bytes);
  expect(candidate.path).toBe(
    candidate.isSource ? order.source : join(workDir, candidate.path.slice(workDir.length + 1)),
  );
  if (candidate.expect.maxBytes !== undefined) expect(candidate.bytes).toBeLessThanOrEqual(candidate.expect.maxBytes);
}

async function fingerprint(path: string): Promise<string> {
  const { mtimeMs, ino, size } = await stat(path);
  return [
    ino,
    size,
    mtimeMs,
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
  ].join(' ');
}
