/**
 * What a hardware encoder costs at the same size, against two passes of the processor:
 *
 *     npm run bench:hardware -- [--hardware auto] [--device /dev/dri/renderD128] [--shares 0.4,0.2] [--stand-in vbv] [FILM...]
 *
 * Without films, two that ffmpeg makes. `--stand-in` uses x264 in one pass in place of a graphics card (test/support/fake-gpu.ts): that is
 * how the table of docs/hardware.md was made. BENCH_FFMPEG may name another ffmpeg.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createLocalEngine } from '../../../../src/engine/local/engine.ts';
import { findTools, type ToolOptions, type Tools } from '../../../../src/media/ffmpeg/tools.ts';
import { probe } from '../../../../src/media/probe/probe.ts';
import { ownFile } from '../../../../src/platform/files/files.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { recordingContext } from '../../../contract/engine.ts';
import { fakeGpu, type Like } from '../../../support/fake-gpu.ts';
import { withSource } from '../../../support/with-source.ts';
import { compare } from './quality.ts';

const { values, positionals } = parseArgs({
  args: process.argv.slice(process.argv.findIndex(one => one.endsWith('encode/hardware.ts')) + 1),
  allowPositionals: true,
  options: {
    hardware: { type: 'string', default: 'auto' },
    device: { type: 'string' },
    shares: { type: 'string', default: '0.4,0.2' },
    'stand-in': { type: 'string' },
  },
});

interface Shrunk {
  size: string;
  ssim: number;
  seconds: number;
  how: string;
}

/** Into a share of its size, and what came out, compared with the source. */
async function shrunk(path: string, share: number, { tools, plain }: { tools: Tools; plain: Tools }): Promise<Shrunk> {
  const workDir = await mkdtemp(join(tmpdir(), 'shrinkbox-hardware-bench-'));
  try {
    const engine = withSource(createLocalEngine({ tools, effort: 'balanced', clock: systemClock }));
    const sourceBytes = (await stat(path)).size;
    const target = {
      audio: { kind: 'keep' },
      quality: 'max',
      minSaving: 0.05,
      floor: 'any',
      size: { kind: 'share', share },
    } as const;
    const from = performance.now();
    const made = await engine.run(
      { job: 'bench', source: path, sourceBytes, target },
      recordingContext({ workDir }).context,
    );
    const seconds = (performance.now() - from) / 1000;
    const facts = await probe(ownFile(path), { tools });
    const clip = { name: basename(path), path, facts } as Parameters<typeof compare>[2];
    const { mean: ssim } = await compare('ssim', made.path, clip, { tools: plain, with: plain, dir: workDir });
    const how = [made.how, ...made.notes].join('; ');
    return { size: `${((made.bytes / (sourceBytes * share)) * 100).toFixed(1)} %`, ssim, seconds, how };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** Two films of ten seconds: one that moves everywhere, one in which little does. */
async function made(dir: string, { ffmpeg }: Tools): Promise<string[]> {
  const graphs = {
    'moving.mp4': 'testsrc2=size=1280x720:rate=30:duration=10,rotate=t/3,noise=alls=8:allf=t',
    'calm.mp4': 'testsrc=size=1280x720:rate=30:duration=10,boxblur=2',
  };
  const paths = Object.entries(graphs).map(async ([name, graph]) => {
    const path = join(dir, name);
    const args = [
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      graph,
      '-c:v',
      'libx264',
      '-crf',
      '16',
      '-pix_fmt',
      'yuv420p',
      path,
    ];
    await promisify(execFile)(ffmpeg, args);
    return path;
  });
  return await Promise.all(paths);
}

async function main(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-hardware-films-'));
  try {
    const ffmpeg = process.env['BENCH_FFMPEG'];
    const plain = await findTools(ffmpeg ? { ffmpeg } : {});
    const standIn = values['stand-in'];
    const request = { hardware: values.hardware as ToolOptions['hardware'], device: values.device };
    const on = standIn
      ? await (await fakeGpu(dir, standIn as Like)).tools('vaapi')
      : await findTools({ ...(ffmpeg && { ffmpeg }), ...request });
    for (const { said, fix } of on.hardware?.findings ?? []) console.log(`${said.text}${fix ? `. ${fix.text}` : ''}`);
    if (!on.hardware?.encoders.length) return void (process.exitCode = 1);
    const name = standIn ? `stand-in (${standIn})` : on.hardware.encoders[0]?.name;
    console.log(
      `\n| film, share of its size | two passes: size, SSIM, s | ${name}: size, SSIM, s | two passes look the same from |\n|---|---|---|---|`,
    );
    for (const path of positionals.length > 0 ? positionals : await made(dir, plain)) {
      for (const share of values.shares.split(',').map(Number)) {
        const two = await shrunk(path, share, { tools: plain, plain });
        const one = await shrunk(path, share, { tools: on, plain });
        const row = ({ size, ssim, seconds }: typeof two) => `${size}, ${ssim.toFixed(4)}, ${seconds.toFixed(0)}`;
        const same = /one pass with/.test(one.how) ? await sameLook(path, share, one.ssim, two, plain) : one.how;
        console.log(`| ${basename(path)}, ${share * 100} % | ${row(two)} | ${row(one)} | ${same} |`);
      }
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The share of the bytes with which two passes look like that: a further pair of passes, and a line between both. */
async function sameLook(
  path: string,
  share: number,
  ssim: number,
  two: { ssim: number },
  tools: Tools,
): Promise<string> {
  const less = await shrunk(path, share * LESS, { tools, plain: tools });
  const dB = (value: number) => -10 * Math.log10(1 - value);
  const slope = (dB(two.ssim) - dB(less.ssim)) / Math.log(1 / LESS);
  const bytes = Math.exp((dB(ssim) - dB(two.ssim)) / slope);
  return `${(bytes * 100).toFixed(0)} % of the bytes`;
}

const LESS = 0.7;

await main();
