/**
 * Several parts at once against one after another, and against one piece, with one thread an encoder, as on a machine whose cores one
 * encoder cannot fill:
 *
 *     npm run bench:parts -- [--share 0.3] [--part 10] [--widths 0,1,2,6] [--codec h264] [--ssim] FILM...
 *
 * Width 0 is one piece. BENCH_FFMPEG may name another ffmpeg (for AV1). Prints size against what was asked for, attempts, processor and wall time of all children, and SSIM in dB.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Target } from '../../../../src/core/target.ts';
import { LocalHands } from '../../../../src/engine/local/encode/local-hands.ts';
import { createLocalEngine } from '../../../../src/engine/local/engine.ts';
import type { HandsFactory } from '../../../../src/engine/local/hands.ts';
import { findTools, type Tools } from '../../../../src/media/ffmpeg/tools.ts';
import { probe } from '../../../../src/media/probe/probe.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { ownFile } from '../../../../src/platform/files/files.ts';
import { recordingContext } from '../../../contract/engine.ts';
import { withSource } from '../../../support/with-source.ts';
import { compare } from './quality.ts';

const { values, positionals } = parseArgs({
  args: process.argv.slice(3),
  allowPositionals: true,
  options: {
    share: { type: 'string', default: '0.3' },
    part: { type: 'string', default: '10' },
    widths: { type: 'string', default: '0,1,2' },
    codec: { type: 'string', default: 'h264' },
    ssim: { type: 'boolean', default: false },
  },
});

const ONE_PIECE_S = 1e6;
const dB = (ssim: number) => (-10 * Math.log10(1 - ssim)).toFixed(2);

/** The real ffmpeg, which adds its processor time to a list. */
async function counting(tools: Tools, dir: string): Promise<{ tools: Tools; cpuS(): Promise<number> }> {
  const list = join(dir, 'times');
  const ffmpeg = join(dir, 'ffmpeg-in-front');
  await writeFile(list, '');
  await writeFile(ffmpeg, `#!/bin/bash\n'${tools.ffmpeg}' "$@"\ncode=$?\ntimes >> '${list}'\nexit $code\n`);
  await chmod(ffmpeg, 0o755);
  const cpuS = async () => {
    const times = (await readFile(list, 'utf8')).matchAll(/(\d+)m([\d.]+)s/g);
    return [...times].reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
  };
  return { tools: { ...tools, ffmpeg }, cpuS };
}

async function one(path: string, width: number, real: Tools): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-at-once-'));
  try {
    const { tools, cpuS } = await counting(real, dir);
    const hands: HandsFactory = {
      atOnce: () => Math.max(1, width),
      for: (job, _what, atOnce) => new LocalHands({ space: job, input: job.input, width: atOnce, threads: 1 }),
    };
    const cutting = { longestS: width === 0 ? ONE_PIECE_S : Number(values.part) };
    const engine = withSource(
      createLocalEngine({ tools, effort: 'balanced', clock: systemClock, nice: 0, threads: 1, cutting, hands }),
    );
    const facts = await probe(ownFile(path), { tools: real });
    const target: Target = {
      ...{
        audio: { kind: 'keep' },
        quality: 'max',
        minSaving: 0,
        size: { kind: 'share', share: Number(values.share) },
      },
      ...(values.codec !== 'h264' && { codec: values.codec as 'h265' | 'av1' }),
    };
    const began = performance.now();
    const order = { job: 'bench', source: path, sourceBytes: facts.bytes, target };
    const { context, recorded } = recordingContext({ workDir: dir });
    const { path: result, bytes, expect } = await engine.run(order, context);
    const wallS = (performance.now() - began) / 1000;
    const rounds = (recorded.records['rounds'] as { value: { from: number; parts?: number[] }[] }).value;
    const again = rounds.slice(1).map(({ from, parts }) => `[${(parts ?? [`${from}-`]).join()}]`);
    const parts = Object.keys(recorded.records).filter(key => key.startsWith('pass-2/')).length;
    const cells = [
      basename(path),
      width === 0 ? 'one piece' : `${width} at once`,
      parts,
      `${((100 * bytes) / (expect.maxBytes ?? 1)).toFixed(2)} %`,
      again.join(' ') || '-',
      (await cpuS()).toFixed(1),
      wallS.toFixed(1),
    ];
    if (values.ssim) {
      const clip = { name: basename(path), path, facts } as Parameters<typeof compare>[2];
      const { mean, worst } = await compare('ssim', result, clip, { tools: real, with: real, dir });
      cells.push(dB(mean), dB(worst));
    }
    return `| ${cells.join(' | ')} |`;
  } finally {
    await rm(dir, { recursive: true });
  }
}

const ffmpeg = process.env['BENCH_FFMPEG'];
const tools = await findTools(ffmpeg ? { ffmpeg } : {});
console.log(
  '| film | how | parts | filled | parts made again | CPU s | wall s | SSIM dB | worst 5 % |\n|---|---|---|---|---|---|---|---|---|',
);
for (const path of positionals)
  for (const width of values.widths.split(',')) console.log(await one(path, Number(width), tools));
