/**
 * What a fleet costs and what it does to a film, on one machine:
 *
 *     npm run bench:fleet [-- --seconds 96 --parts 24 --workers 1,2,3 --size 320x180 --rate 25000]
 *
 * The film as one piece on this machine, as parts on this machine, and by so many workers of one thread each, to the same size.
 * Daemon and workers are one process; ffmpeg, Redis, HTTPS and the bytes are real. Processor time is compared, never wall time: it is
 * that of all ffmpegs, with what the daemon needs to read the source, cut it, look at results and join them.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { Order } from '../../../../src/core/job.ts';
import type { Engine } from '../../../../src/engine/engine.ts';
import { createLocalEngine } from '../../../../src/engine/local/engine.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { recordingContext } from '../../../contract/engine.ts';
import { filmFleet, ssim } from '../../../support/film-fleet.ts';
import { realTools } from '../../../support/footage.ts';
import { withSource } from '../../../support/with-source.ts';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    seconds: { type: 'string', default: '96' },
    /** Seconds of a part, at most. */
    parts: { type: 'string', default: '24' },
    workers: { type: 'string', default: '1,2,3' },
    size: { type: 'string', default: '320x180' },
    /** Bytes a second of the result: enough for the size of the picture, and less than it would like. */
    rate: { type: 'string', default: '25000' },
  },
});
const seconds = Number(values.seconds);
const longestS = Number(values.parts);
const cap = seconds * Number(values.rate);

/** Ticks of 10 ms of all children that have ended, with theirs. */
function childCpuS(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

interface Row {
  name: string;
  parts: number;
  cpuS: number;
  ownCpuS: number;
  fill: number;
  dB: number;
  moved?: { out: number; in: number };
}

const tools = await realTools();
const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-bench-'));
const source = join(dir, 'film.mp4');
const picture = `testsrc2=size=${values.size}:rate=25:duration=${seconds},noise=alls=4:allf=t`;
const fast = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '23', '-pix_fmt', 'yuv420p', '-g', '50'];

async function made(name: string, engine: Engine, moved?: { out: number; in: number }): Promise<Row> {
  const workDir = await mkdtemp(join(dir, 'work-'));
  const order: Order = {
    ...{ job: `film${name.replaceAll(/\W/g, '').toLowerCase()}`, source, sourceBytes: (await stat(source)).size },
    target: { size: { kind: 'bytes', bytes: cap }, audio: { kind: 'keep' }, quality: 'auto', minSaving: 0.05 },
  };
  const { context, recorded } = recordingContext({ workDir });
  const [before, own] = [childCpuS(), process.cpuUsage()];
  const candidate = await engine.run(order, context);
  const { user, system } = process.cpuUsage(own);
  const parts = Object.keys(recorded.records).filter(key => /^pass-1\/\d+$/.test(key)).length;
  const cpuS = childCpuS() - before;
  const row = { name, parts, cpuS, ownCpuS: (user + system) / 1e6, fill: candidate.bytes / cap };
  return { ...row, dB: await ssim(candidate.path, source), ...(moved && { moved }) };
}

const rows: Row[] = [];
try {
  await promisify(execFile)(tools.ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', picture, ...fast, source]);
  const sourceBytes = (await stat(source)).size;
  const local = (longest: number) =>
    withSource(
      createLocalEngine({ tools, effort: 'fast', clock: systemClock, cutting: { longestS: longest }, threads: 1 }),
    );
  rows.push(await made('one piece, this machine', local(1e6)));
  console.error(rows.at(-1));
  rows.push(await made('parts, this machine', local(longestS)));
  console.error(rows.at(-1));
  for (const count of values.workers.split(',').map(Number)) {
    const moved = { out: 0, in: 0 };
    const nothing = () => {};
    const meter = {
      ...{ joined: nothing, leaseLost: nothing, fenced: nothing, rung: nothing, dispatched: nothing },
      moved: (direction: 'out' | 'in', bytes: number) => {
        moved[direction] += bytes;
      },
    };
    const names = Array.from({ length: count }, (_, at) => `box-${at + 1}`);
    // On a busy machine, beats are late.
    const fleet = await filmFleet(names, { longestS, leaseMs: 60_000, meter });
    try {
      rows.push(await made(`${count} worker${count > 1 ? 's' : ''}`, fleet.engine, moved));
      console.error(rows.at(-1));
    } finally {
      await fleet.close();
    }
  }
  const [piece] = rows as [Row];
  console.log(`${seconds} s, ${sourceBytes} bytes, to ${cap} bytes, parts of at most ${longestS} s\n`);
  console.log('| film | parts | processor, ffmpegs | of one piece | filled | SSIM | out, in, of the source |');
  console.log('|---|---|---|---|---|---|---|');
  for (const { name, parts, cpuS, ownCpuS, fill, dB, moved: bytes } of rows) {
    const share = `${((cpuS / piece.cpuS) * 100).toFixed(1)} %`;
    const line = bytes ? `${(bytes.out / sourceBytes).toFixed(2)}, ${(bytes.in / sourceBytes).toFixed(2)}` : '';
    const cpu = `${cpuS.toFixed(1)} s, own ${ownCpuS.toFixed(1)} s`;
    console.log(
      `| ${name} | ${parts || 1} | ${cpu} | ${share} | ${(fill * 100).toFixed(2)} % | ${dB.toFixed(2)} dB | ${line} |`,
    );
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}
