import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../src/core/job.ts';
import type { FirstPasses } from '../../../src/engine/local/run/checkpoints.ts';
import type { SampledRate } from '../../../src/engine/local/plan/scale.ts';
import { probe } from '../../../src/media/probe/probe.ts';
import { verifyCandidate } from '../../../src/verify/verify.ts';
import { recordingContext } from '../../contract/engine.ts';
import { footage, type FootageName, realTools } from '../../support/footage.ts';
import { engineFor, flashAndBeep, frameTimes, inWorkDir, orderFor, share, shrink } from '../../engine/local/support.ts';
import { ownFile } from '../../../src/platform/files/files.ts';

const SHORT = { engine: { cutting: { longestS: 1 } } };

/** The real ffmpeg behind a shell script of ours. */
async function through(directory: string, script: string) {
  const tools = await realTools();
  const path = join(directory, 'ffmpeg-in-front');
  await writeFile(path, `#!/bin/sh\n${script}\nexec '${tools.ffmpeg}' "$@"\n`);
  await chmod(path, 0o755);
  return { ...tools, ffmpeg: path };
}

describe('in parts', () => {
  const clips: FootageName[] = ['vfr', 'transport', 'syncEdit', 'interlaced', 'hdr10'];
  it.each(clips)('%s: every frame at its time, none lost, none doubled', async clip => {
    const wanted = await frameTimes(await footage(clip));
    await shrink(
      clip,
      { ...share(0.4), quality: 'max' },
      async ({ candidate }) => {
        expect(candidate.how).toMatch(/in \d parts/);
        const got = await frameTimes(candidate.path);
        expect(got.length).toBe(wanted.length);
        const drift = Math.max(...got.map((time, at) => Math.abs(time - (wanted[at] ?? 0))));
        // A tick of the clock the encoder is given is 0.011 ms.
        expect(drift).toBeLessThan(0.0001);
      },
      SHORT,
    );
  });

  it('sound and picture stay together to the end', async () => {
    await shrink(
      'sync',
      share(0.5),
      async ({ candidate }) => {
        const { flash, beep } = await flashAndBeep(candidate.path);
        expect(Math.abs(flash - beep)).toBeLessThan(0.03);
      },
      SHORT,
    );
  });

  it('frames dropped for a lower rate are the same ones as in one piece', async () => {
    const times = async (engine: (typeof SHORT)['engine']) => {
      let found: number[] = [];
      const look = async (one: { candidate: { path: string } }) => void (found = await frameTimes(one.candidate.path));
      await shrink('sixty', { ...share(0.5), fps: 24 }, look, { engine });
      return found;
    };
    expect(await times(SHORT.engine)).toEqual(await times({ cutting: { longestS: 100 } }));
  });

  it('visually lossless, too, and the comparison with the source says so', async () => {
    const { candidate, before, after } = await shrink('plain', {}, () => {}, SHORT);
    expect(after.video.frames).toBe(before.video.frames);
    expect(candidate.how).toMatch(/SSIM 0\.9\d\d on \d+ sampled frames, 0\.9\d\d on the worst 5 %/);
  });

  it('a crash loses the part it was at, no other', async () => {
    await inWorkDir(async workDir => {
      const list = join(workDir, 'list');
      await writeFile(list, '');
      const tools = await through(workDir, `case "$*" in *"-pass "*) echo pass >> '${list}';; esac`);
      const engine = await engineFor({ tools, cutting: { longestS: 1 } });
      const order = await orderFor(await footage('vfr'), share(0.4));
      const passes = async () => (await readFile(list, 'utf8')).split('\n').length - 1;

      let resume: Record<string, Json> = {};
      for (const until of ['pass-1/1', 'pass-2/2']) {
        const { context, recorded } = recordingContext({
          workDir,
          resume,
          afterRecord: key => {
            if (key === until) throw new Error('power cut');
          },
        });
        await expect(engine.run(order, context)).rejects.toThrow('power cut');
        resume = recorded.records;
      }
      const before = await passes();
      const { context, recorded } = recordingContext({ workDir, resume });
      const candidate = await engine.run(order, context);
      await verifyCandidate(candidate, { tools });
      const parts = Number(/in (\d) parts/.exec(candidate.how)?.[1]);
      const again = candidate.how.includes('made again') ? 1 : 0;
      // Two first passes before the first cut; the other ones and three parts before the second.
      expect(before).toBe(parts + 3);
      expect((await passes()) - before).toBeLessThanOrEqual(parts - 3 + again);
      // Work that was done shows in the progress from the start.
      expect(recorded.progress[0]?.fraction).toBeGreaterThan(0.3);
    });
  });

  it.each([1, 100])(
    'a first pass made again because the sample misled it is not lost to a crash (parts of %d s)',
    async longestS => {
      await inWorkDir(async workDir => {
        const engine = await engineFor({ cutting: { longestS } });
        const order = await orderFor(await footage('plain'), { ...share(0.3), quality: 'max' });
        const runUntil = async (until: string, resume: Record<string, Json>) => {
          const { context, recorded } = recordingContext({
            workDir,
            resume,
            afterRecord: key => {
              if (key === until) throw new Error('power cut');
            },
          });
          await expect(engine.run(order, context)).rejects.toThrow('power cut');
          return recorded;
        };
        const sampled = (await runUntil('sample', {})).records['sample'] as unknown as { value: SampledRate };
        const { value } = sampled;
        const misled = { sample: { ...sampled, value: { ...value, bitsPerSecond: value.bitsPerSecond * 8 } } };

        const first = await runUntil('first-passes', misled as unknown as Record<string, Json>);
        const second = await runUntil('pass-1/0', first.records);
        expect(second.steps.filter(step => step === 'pass-1')).toHaveLength(1);
        const { context, recorded } = recordingContext({ workDir, resume: second.records });
        const candidate = await engine.run(order, context);
        const made = (records: Record<string, Json>) => (records['pass-1/0'] as { value: { crf: number } }).value.crf;
        const { crf, before } = (recorded.records['first-passes'] as unknown as { value: FirstPasses }).value;
        expect(before[0]?.crf).toBe(made(first.records));
        expect(made(recorded.records)).toBe(crf);
        expect(crf).toBeLessThan(made(first.records));
        // In one piece only those that were not made before; of several parts the other ones of the second, too.
        const left = before.length - (longestS > 1 ? 1 : 0);
        expect(recorded.steps.filter(step => step === 'pass-1')).toHaveLength(left);
        expect(candidate.bytes).toBeLessThanOrEqual(candidate.expect.maxBytes ?? 0);
      });
    },
  );

  it('a small rate was cut down to whole kilobits: x264 is given the next one, and a first pass as much shorter', async () => {
    await inWorkDir(async workDir => {
      const list = join(workDir, 'list');
      const tools = await through(workDir, `case "$*" in *"-pass 2"*) echo "$*" >> '${list}';; esac`);
      const { context } = recordingContext({ workDir });
      const order = await orderFor(await footage('silent'), { ...share(0.05), quality: 'max' });
      const candidate = await (await engineFor({ tools })).run(order, context);
      expect(await readFile(list, 'utf8')).toMatch(/ -b:v \d+000 .*-pass 2 -passlogfile fine-pass0 /);
      expect((await readdir(workDir)).filter(name => name.includes('pass0'))).toEqual([]);
      expect(candidate.bytes).toBeLessThanOrEqual(candidate.expect.maxBytes ?? 0);
    });
  });

  it('a transport stream, whose decoder complains on the way to every cut (was: in one piece, called damaged)', async () => {
    const inThree = { engine: { cutting: { longestS: 15 } } };
    const target = { ...share(0.3), quality: 'max' as const };
    const { candidate, before, after, recorded } = await shrink('broadcast', target, () => {}, inThree);
    expect(candidate.how).toMatch(/in 3 parts/);
    expect(candidate.damagedSource).toBeUndefined();
    expect(candidate.notes.join()).not.toMatch(/damaged/);
    expect(after.video.frames).toBe(before.video.frames);
    expect(recorded.records['whole']).toBeUndefined();
  });

  it('what has to be done in one piece is not tried in parts again after a restart', async () => {
    await inWorkDir(async workDir => {
      const script = `case "$*" in *-seek_timestamp*"-pass 1"*) echo '[h264 @ 0x5581] error while decoding MB 7 0' >&2;; esac`;
      const engine = await engineFor({ tools: await through(workDir, script), cutting: { longestS: 1 } });
      const order = await orderFor(await footage('plain'), share(0.4));
      let wholes = 0;
      const { context, recorded } = recordingContext({
        workDir,
        afterRecord: (key, { records }) => {
          if (records['whole'] && key === 'pass-1/0' && (wholes += 1) === 1) throw new Error('power cut');
        },
      });
      await expect(engine.run(order, context)).rejects.toThrow('power cut');
      const again = recordingContext({ workDir, resume: recorded.records });
      await engine.run(order, again.context);
      expect(again.recorded.steps).not.toContain('pass-1');
    });
  });

  it('a source that shows blocks behind every jump into its middle is done in one piece', async () => {
    await inWorkDir(async workDir => {
      const script = `case "$*" in *-seek_timestamp*"-pass 1"*) echo '[h264 @ 0x5581] error while decoding MB 7 0' >&2;; esac`;
      const engine = await engineFor({ tools: await through(workDir, script), cutting: { longestS: 1 } });
      const { context } = recordingContext({ workDir });
      const candidate = await engine.run(await orderFor(await footage('plain'), share(0.4)), context);
      expect(candidate.how).toMatch(/^two passes at/);
    });
  });

  it('a source in which cutting does not find the same frames is done in one piece', async () => {
    await inWorkDir(async workDir => {
      // Every part but the first begins one frame late, as after a search in a file without an index.
      const late =
        'for a; do shift; case "$a" in trim=start*) a="$(echo "$a" | sed "s/setsar/select=n,setsar/")";; esac; set -- "$@" "$a"; done';
      const tools = await through(workDir, late);
      const source = await footage('plain');
      const { candidate, after } = await shrink({ path: source }, share(0.2), () => {}, {
        engine: { ...SHORT.engine, tools },
      });
      expect(candidate.how).not.toMatch(/parts/);
      expect(after.video.frames).toBe((await probe(ownFile(source), { tools: await realTools() })).video.frames);
    });
  });
});
