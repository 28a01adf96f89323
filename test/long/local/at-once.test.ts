/** Several parts of one film at once on one machine: as if it had two cores, whatever it has. */
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../src/core/job.ts';
import { activeChildren } from '../../../src/platform/process/run-child.ts';
import { verifyCandidate } from '../../../src/verify/verify.ts';
import { recordingContext } from '../../contract/engine.ts';
import { engineFor, frameTimes, inWorkDir, orderFor, refusal, share } from '../../engine/local/support.ts';
import { eventually } from '../../support/eventually.ts';
import { footage, realTools } from '../../support/footage.ts';

const TWO_CORES = { cores: 2, memoryBytes: 4e9 };
const ONE_CORE = { cores: 1, memoryBytes: 4e9 };
const TARGET = { ...share(0.4), quality: 'max' as const };

/** The real ffmpeg, which writes down when a pass over the picture begins and ends: `pass-1/0 +`, `pass-1/0 -`. */
async function noted(workDir: string) {
  const real = await realTools();
  const list = join(workDir, 'list');
  const ffmpeg = join(workDir, 'ffmpeg-in-front');
  const name = `case "$*" in *"-pass "*) n=$(echo "$*" | sed 's/.*-pass \\([12]\\) -passlogfile [a-z-]*\\([0-9]*\\) .*/pass-\\1\\/\\2/');; *) exec '${real.ffmpeg}' "$@";; esac`;
  const script = `#!/bin/sh\n${name}\necho "$n +" >> '${list}'\n'${real.ffmpeg}' "$@"\nstatus=$?\necho "$n -" >> '${list}'\nexit $status\n`;
  await writeFile(list, '');
  await writeFile(ffmpeg, script);
  await chmod(ffmpeg, 0o755);
  return { tools: { ...real, ffmpeg }, lines: async () => (await readFile(list, 'utf8')).trim().split('\n') };
}

function mostAtOnce(lines: readonly string[]): number {
  let now = 0;
  let most = 0;
  for (const line of lines) {
    now += line.endsWith('+') ? 1 : -1;
    most = Math.max(most, now);
  }
  return most;
}

describe('two parts at once', () => {
  it('fill the size, with every frame at its time; first passes first', async () => {
    await inWorkDir(async workDir => {
      const { tools, lines } = await noted(workDir);
      const engine = await engineFor({ tools, cutting: { longestS: 1.5 }, machine: TWO_CORES });
      const source = await footage('plain');
      const { context, recorded } = recordingContext({ workDir });
      const candidate = await engine.run(await orderFor(source, TARGET), context);
      await verifyCandidate(candidate, { tools });
      const cap = candidate.expect.maxBytes ?? 0;
      expect(candidate.bytes).toBeLessThanOrEqual(cap);
      expect(candidate.bytes / cap).toBeGreaterThan(0.985);
      const [wanted, got] = [await frameTimes(source), await frameTimes(candidate.path)];
      expect(got.length).toBe(wanted.length);
      expect(Math.max(...got.map((time, at) => Math.abs(time - (wanted[at] ?? 0))))).toBeLessThan(0.0001);

      const seen = await lines();
      expect(mostAtOnce(seen)).toBe(2);
      const parts = Number(/in (\d) parts/.exec(candidate.how)?.[1]);
      expect(parts).toBeGreaterThan(3);
      expect(seen.findIndex(line => line.startsWith('pass-2'))).toBeGreaterThanOrEqual(2 * parts);
      // The bar says so, and never goes back.
      expect(recorded.progress.some(({ note }) => note?.includes(', and 1 more'))).toBe(true);
      const fractions = recorded.progress.map(({ fraction = 0 }) => fraction);
      expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    });
  });

  it('a crash loses the two that were under way, and a machine with one core goes on with the same parts', async () => {
    await inWorkDir(async workDir => {
      const { tools, lines } = await noted(workDir);
      const order = await orderFor(await footage('plain'), TARGET);
      let resume: Record<string, Json> = {};
      let done = 0;
      const crash = recordingContext({
        workDir,
        afterRecord: key => {
          if (key.startsWith('pass-2/') && (done += 1) === 2) throw new Error('power cut');
        },
      });
      const two = await engineFor({ tools, cutting: { longestS: 1.5 }, machine: TWO_CORES });
      await expect(two.run(order, crash.context)).rejects.toThrow('power cut');
      // What it had begun has ended with it.
      expect(activeChildren()).toEqual([]);
      resume = crash.recorded.records;
      const before = (await lines()).length;
      const made = Object.keys(resume).filter(key => key.startsWith('pass-2/')).length;
      const { context } = recordingContext({ workDir, resume });
      const one = await engineFor({ tools, cutting: { longestS: 1.5 }, machine: ONE_CORE });
      const candidate = await one.run(order, context);
      await verifyCandidate(candidate, { tools });
      const after = (await lines()).slice(before);
      const parts = Number(/in (\d) parts/.exec(candidate.how)?.[1]);
      expect(after.filter(line => line.startsWith('pass-1'))).toEqual([]);
      expect(mostAtOnce(after)).toBe(1);
      const begun = new Set(after.filter(line => line.endsWith('+')));
      expect(begun.size).toBeLessThanOrEqual(parts - made + 1);
      expect(candidate.bytes / (candidate.expect.maxBytes ?? 0)).toBeGreaterThan(0.985);
    });
  });

  it('a film that was begun one part after another stays cut as it is', async () => {
    await inWorkDir(async workDir => {
      const { tools, lines } = await noted(workDir);
      const order = await orderFor(await footage('plain'), TARGET);
      const crash = recordingContext({
        workDir,
        afterRecord: key => {
          if (key === 'pass-1/0') throw new Error('power cut');
        },
      });
      const one = await engineFor({ tools, cutting: { longestS: 3 }, machine: ONE_CORE });
      await expect(one.run(order, crash.context)).rejects.toThrow('power cut');
      const before = (await lines()).length;
      const { context } = recordingContext({ workDir, resume: crash.recorded.records });
      await (await engineFor({ tools, cutting: { longestS: 3 }, machine: TWO_CORES })).run(order, context);
      const after = (await lines()).slice(before);
      expect(after).not.toContain('pass-1/0 +');
      expect(mostAtOnce(after)).toBe(1);
    });
  });

  it('all rest while the gate is closed, all end when the job does, and only finished files stay', async () => {
    await inWorkDir(async workDir => {
      const { tools, lines } = await noted(workDir);
      const gate = {
        closed: false,
        listeners: new Set<(closed: boolean) => void>(),
        onChange(listener: (closed: boolean) => void) {
          this.listeners.add(listener);
          return () => void this.listeners.delete(listener);
        },
        turn(closed: boolean) {
          this.closed = closed;
          for (const listener of this.listeners) listener(closed);
        },
      };
      const stop = new AbortController();
      const { context } = recordingContext({ workDir, gate, signal: stop.signal });
      const engine = await engineFor({ tools, cutting: { longestS: 3 }, machine: TWO_CORES });
      const running = refusal(engine.run(await orderFor(await footage('plain'), TARGET), context));
      await eventually(async () => mostAtOnce(await lines()) === 2);
      gate.turn(true);
      const states = async () =>
        await Promise.all(
          activeChildren().map(async ({ pid }) => /\) (\S)/.exec(await readFile(`/proc/${pid}/stat`, 'utf8'))?.[1]),
        );
      await eventually(async () => (await states()).join() === 'T,T');
      stop.abort({ kind: 'stopping' });
      expect((await running).code).toBe('cancelled');
      expect(activeChildren()).toEqual([]);
      const left = await readdir(workDir);
      expect(left.filter(name => name.startsWith('picture'))).toEqual([]);
    });
  });

  it('a part that fails ends the other one, and its own reason is told', async () => {
    await inWorkDir(async workDir => {
      const { tools, lines } = await noted(workDir);
      const script = await readFile(tools.ffmpeg, 'utf8');
      const failing = script.replace(
        '#!/bin/sh\n',
        '#!/bin/sh\ncase "$*" in *"-pass 2"*pass1*) echo "x264 [error]: no" >&2; exit 1;; esac\n',
      );
      await writeFile(tools.ffmpeg, failing);
      const engine = await engineFor({ tools, cutting: { longestS: 3 }, machine: TWO_CORES });
      const { context } = recordingContext({ workDir });
      const error = await refusal(engine.run(await orderFor(await footage('plain'), TARGET), context));
      expect(error.code).toBe('child-failed');
      expect(error.message).toMatch(/x264 \[error\]: no/);
      expect(await lines()).not.toContain('pass-2/0 -');
      expect(activeChildren()).toEqual([]);
    });
  });

  it('visually lossless, in one pass, too', async () => {
    await inWorkDir(async workDir => {
      const engine = await engineFor({ cutting: { longestS: 1.5 }, machine: TWO_CORES });
      const order = await orderFor(await footage('plain'), {});
      const { context, recorded } = recordingContext({ workDir });
      const candidate = await engine.run(order, context);
      await verifyCandidate(candidate, { tools: await realTools() });
      expect(recorded.steps).toContain('one-pass');
      expect(candidate.bytes).toBeLessThanOrEqual(order.sourceBytes);
    });
  });
});
