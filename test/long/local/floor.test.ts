/** The built-in rule and a written one on films that move too much for their size: what each makes of them, and says. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultConfig } from '../../../src/config/defaults.ts';
import type { Rule } from '../../../src/config/load.ts';
import type { Target } from '../../../src/core/target.ts';
import type { Forecast, SampledFilm } from '../../../src/engine/engine.ts';
import type { LocalEngineOptions } from '../../../src/engine/local/engine.ts';
import { cannotWrite } from '../../../src/media/ffmpeg/tools.ts';
import { decide } from '../../../src/rules/decide.ts';
import { recordingContext } from '../../contract/engine.ts';
import { bytes, engineFor, inWorkDir, orderFor, refusal, share, shrink, TARGET } from '../../engine/local/support.ts';
import { footage, realTools } from '../../support/footage.ts';
import { openSource } from '../../support/with-source.ts';

const SMALL = 150_000;
let dir = '';
let film = '';
let short = '';

/** Everything moves all the time, in every part of 32 s; three places of it are sampled. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-floor-'));
  film = join(dir, 'film.mp4');
  const picture = 'testsrc2=size=320x180:rate=16:duration=32,rotate=t/2,noise=alls=10:allf=t';
  await make(picture, film);
  // The one place that is sampled shows nothing of what comes before and after it.
  short = join(dir, 'short.mp4');
  const calm = 'not(between(t,3.5,5.5))';
  await make(
    `testsrc2=size=320x180:rate=16:duration=9,rotate='if(between(t,3.5,5.5),0,t*2)',noise=alls=20:allf=t:enable='${calm}'`,
    short,
  );
});

async function make(picture: string, path: string): Promise<void> {
  const { ffmpeg } = await realTools();
  await promisify(execFile)(ffmpeg, [
    ...['-v', 'error', '-f', 'lavfi', '-i', picture],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '8', '-pix_fmt', 'yuv420p', path],
  ]);
}

/** Bytes of a film at a quality, whole and in its own size. */
async function bytesAtCrf(path: string, crf: number): Promise<number> {
  const { ffmpeg } = await realTools();
  const to = join(dir, `at-${crf}.mp4`);
  const codec = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', String(crf), '-pix_fmt', 'yuv420p'];
  await promisify(execFile)(ffmpeg, ['-v', 'error', '-y', '-i', path, ...codec, to]);
  return (await stat(to)).size;
}

afterAll(() => rm(dir, { recursive: true, force: true }));

/** What a rule asks of the film, with its size in place of the 50 MB. */
function targetOf(rule: Partial<Rule>, words?: string): Target {
  const [builtIn] = defaultConfig(path => path).rules;
  const sighting = { relative: 'film.mp4', sizeBytes: 40e6 };
  const rules = [{ ...(builtIn as Rule), size: { kind: 'bytes' as const, bytes: SMALL }, ...rule }];
  const { decision } = decide({ sighting, rules, defaults: { engine: 'local' }, ...(words && { request: words }) });
  if (decision.kind !== 'do') throw new Error(decision.reason);
  return decision.target;
}

const BUILT_IN = {};
const WRITTEN = { floor: 'decent', belowFloor: 'hold' } as const;

async function explained(target: Target): Promise<string> {
  const source = await openSource(film);
  const engine = await engineFor();
  const lines = await engine.describe?.(await orderFor(film, target), source, AbortSignal.timeout(60_000));
  await source.close();
  return (lines ?? []).map(line => (typeof line === 'string' ? line : line.text)).join('\n');
}

const GIVEN_UP =
  /not made as small as 150 kB, in which it would look .*, at \d+x\d+, .* it looks good from about [\d.]+ MB on\. The words “no matter how it looks” ask for 150 kB/;

describe('a film that 150 kB would spoil', () => {
  it('keeps its quality and picture under the built-in rule, and a note and explain say why and which words force it', async () => {
    const { candidate, after } = await shrink({ path: film }, targetOf(BUILT_IN));
    expect(after.video).toMatchObject({ width: 320, height: 180 });
    expect(candidate.how).toMatch(/visually lossless/);
    expect(candidate.notes.join()).toMatch(GIVEN_UP);
    const source = (await stat(film)).size;
    expect(candidate.bytes).toBeGreaterThan(SMALL);
    expect(candidate.bytes).toBeLessThan(source * 0.95);
    expect(await explained(targetOf(BUILT_IN))).toMatch(
      new RegExp(`${GIVEN_UP.source}[^]*plan: h264, .*visually lossless; kept if smaller[^]*320x180`),
    );
  });

  it('says so after a restart in the middle, too', async () => {
    await inWorkDir(async workDir => {
      const engine = await engineFor();
      const order = await orderFor(film, targetOf(BUILT_IN));
      const first = recordingContext({
        workDir,
        afterRecord: key => {
          if (key === 'choice') throw new Error('power cut');
        },
      });
      await expect(engine.run(order, first.context)).rejects.toThrow('power cut');
      const again = recordingContext({ workDir, resume: first.recorded.records });
      const candidate = await engine.run(order, again.context);
      expect(candidate.notes.join()).toMatch(GIVEN_UP);
    });
  });

  it('becomes 150 kB where words ask for that however it looks', async () => {
    const { candidate } = await shrink({ path: film }, targetOf(BUILT_IN, 'no matter how it looks'));
    expect(candidate.bytes).toBeLessThanOrEqual(SMALL);
    expect(candidate.notes.join()).toMatch(/picture made smaller/);
  });

  it('is held by a written rule before anything is encoded, and the size it names does', async () => {
    await inWorkDir(async workDir => {
      const { context, recorded } = recordingContext({ workDir });
      const error = await refusal((await engineFor()).run(await orderFor(film, targetOf(WRITTEN)), context));
      expect(error.code).toBe('cannot-fit');
      expect(error.message).toMatch(/^film.mp4 would .* in 150 kB: 32 s of this picture need about .* to look decent$/);
      expect(error.hint).toMatch(/no matter how it looks/);
      expect(recorded.steps).not.toContain('pass-1');
      expect(await explained(targetOf(WRITTEN))).toMatch(/it would be held/);
      const [, amount = '', unit = ''] = /at least ([\d.]+) (kB|MB)/.exec(error.hint ?? '') ?? [];
      const named = Number(amount) * (unit === 'MB' ? 1e6 : 1e3);
      const { candidate } = await shrink(
        { path: film },
        targetOf({ ...WRITTEN, size: { kind: 'bytes', bytes: named } }),
      );
      expect(candidate.bytes).toBeLessThanOrEqual(named);
    });
  });

  it('is encoded by a written rule with floor: any', async () => {
    const { candidate } = await shrink({ path: film }, targetOf({ ...WRITTEN, floor: 'any' }));
    expect(candidate.bytes).toBeLessThanOrEqual(SMALL);
  });

  it('is encoded for a job of 0.1.0, whose target has no floor, as long as it is recognisable', async () => {
    const { candidate } = await shrink({ path: film }, bytes(2 * SMALL));
    expect(candidate.bytes).toBeLessThanOrEqual(2 * SMALL);
  });

  it('AV1 gives the size up after its own first pass', async context => {
    const why = cannotWrite('av1', await realTools());
    if (why) return context.skip(why.text);
    const { candidate, after } = await shrink({ path: film }, targetOf({ codec: 'av1' }));
    expect(after.video).toMatchObject({ codec: 'av1', width: 320, height: 180 });
    expect(candidate.notes.join()).toMatch(/not made as small as 150 kB/);
  });
});

/** What a library's plan says of a film, sampled or like another one that was. */
async function foreseen(
  path: string,
  target: Target,
  { like, engine: options }: { like?: SampledFilm; engine?: Partial<LocalEngineOptions> } = {},
): Promise<Forecast | undefined> {
  const source = await openSource(path);
  const engine = await engineFor(options);
  const signal = AbortSignal.timeout(60_000);
  return engine
    .forecast?.(await orderFor(path, target), source, { signal, like: () => like })
    .finally(() => source.close());
}

/** Why its job there leaves it, and after which steps. */
function refusedInPlace(path: string, target: Target, engine: Partial<LocalEngineOptions> = {}) {
  return inWorkDir(async workDir => {
    const { context, recorded } = recordingContext({ workDir });
    const order = { ...(await orderFor(path, target)), inPlace: true };
    const error = await refusal((await engineFor(engine)).run(order, context));
    return { error, steps: recorded.steps };
  });
}

describe('a plan for it in a library', () => {
  // Was: planned as 150 kB, and held when its turn came.
  it('leaves it alone where its size would look worse than its floor, whoever was sampled', async () => {
    const sampled = await foreseen(film, targetOf({ ...WRITTEN, floor: 'any', size: { kind: 'share', share: 0.9 } }));
    if (sampled?.kind !== 'encode' || !sampled.sampled) throw new Error('not planned');
    const left = { kind: 'leave', code: 'below-floor', why: { text: expect.stringMatching(/held/) } };
    expect(await foreseen(film, targetOf(WRITTEN))).toMatchObject(left);
    expect(await foreseen(film, targetOf(WRITTEN), { like: sampled.sampled })).toMatchObject(left);
  });

  it('expects the size that keeping its quality takes, where the rule asks for that', async () => {
    const kept = await foreseen(film, targetOf({ floor: 'good', belowFloor: 'keep-quality' }));
    const { size: _, ...unbounded } = targetOf({});
    expect(kept).toMatchObject({ kind: 'encode' });
    expect(kept).toEqual({
      ...(await foreseen(film, unbounded)),
      seconds: expect.any(Number),
      sampled: expect.anything(),
    });
    if (kept?.kind === 'encode') expect(kept.bytes).toBeGreaterThan(SMALL);
  });

  // Was: a size in the rule made H.264 of HEVC.
  it('leaves HEVC alone where the rule makes H.264, with a size or without', async () => {
    const hevc = await footage('hevc');
    const target = { ...TARGET, ...share(0.5) };
    expect(await foreseen(hevc, target)).toMatchObject({ kind: 'leave', code: 'codec' });
    const { error } = await refusedInPlace(hevc, target);
    expect(error).toMatchObject({ code: 'cannot-fit', message: expect.stringContaining('makes more of its bits') });
  });

  // Was: encoded as H.264, and thrown away.
  it('leaves it alone where the encoder that was asked for is missing, and so does the job before any work', async () => {
    const engine = { tools: { ...(await realTools()), encoders: new Set(['libx264']) } };
    const target = targetOf({ codec: 'h265', floor: 'any' });
    expect(await foreseen(film, target, { engine })).toMatchObject({ kind: 'leave', code: 'no-encoder' });
    expect(await foreseen(film, target)).toMatchObject({ kind: 'encode' });
    const { error, steps } = await refusedInPlace(film, target, engine);
    expect(error).toMatchObject({ code: 'cannot-fit', message: expect.stringContaining('cannot encode h265') });
    expect(steps).toEqual(['probe']);
  });
});

describe('a short film, calm where it is sampled and wild everywhere else', () => {
  it('was delivered looking bad under floor: decent: its first pass holds it, and the size it names does', async () => {
    const bad = Math.floor(await bytesAtCrf(short, 37));
    const asked = (size: number) => ({ ...WRITTEN, size: { kind: 'bytes' as const, bytes: size } });
    const error = await refusal(shrink({ path: short }, targetOf(asked(bad))));
    expect(error.message).toMatch(/would look (bad|soft).* to look decent$/);
    const [, amount = '', unit = ''] = /at least ([\d.]+) (kB|MB)/.exec(error.hint ?? '') ?? [];
    const named = Number(amount) * (unit === 'MB' ? 1e6 : 1e3);
    const { candidate } = await shrink({ path: short }, targetOf(asked(named)));
    expect(candidate.bytes).toBeLessThanOrEqual(named);
  });
});
