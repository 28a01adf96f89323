import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/find.ts';
import type { Job } from '../../src/core/job.ts';
import { startDaemon } from '../../src/app/daemon.ts';
import type { JournalRecord } from '../../src/journal/records.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { realTools } from '../support/footage.ts';
import { startNemoServer } from '../support/nemo-server/server.ts';
import { copyOf, FIXTURE_ROOT, fixtureJson, recordsIn, rewriteJournal } from './support.ts';

/** First element of the stamps on local checkpoints in 0.1.0: another one means that they are made anew, from the source. */
const STAMP_VERSION = 3;

it('a local job of 0.1.0 interrupted after its first pass is finished without another first pass', async () => {
  const tools = await realTools();
  // What was measured by another ffmpeg would not be used.
  const box = interrupted('local-pass-1', record => withStamps(record, stamp => stamp.with(1, tools.version)));
  const { ffmpeg, calls } = recordingFfmpeg(box.dir, tools.ffmpeg);
  await box.run({ rules: [{ name: 'small', size: '8kB' }], local: { ffmpeg, ffprobe: tools.ffprobe, effort: 'fast' } });
  const written = box.written();
  expect(written.at(-1)).toMatchObject({ job: box.job.id, event: 'done' });
  expect(written.filter(({ event }) => event === 'admitted')).toEqual([]);
  expect(statSync(join(box.dir, 'outbox', box.job.relative)).size).toBeLessThanOrEqual(8_000);
  const versions = new Set(written.flatMap(stampVersions));
  expect(versions.size).toBe(1);
  const passes = (pass: string) => calls().filter(line => line.includes(`-pass ${pass} `)).length;
  expect(passes('2')).toBeGreaterThan(0);
  expect(passes('1')).toBe(versions.has(STAMP_VERSION) ? 0 : 1);
});

it('a render of 0.1.0 that was submitted is polled and fetched; nothing is sent again', async () => {
  const server = await startNemoServer({ render: 'copy' });
  onTestFinished(() => server.stop());
  const box = interrupted('nemo-render-submitted', record => ({
    ...record,
    data: JSON.parse(JSON.stringify(record.data).replaceAll('http://127.0.0.1:18081', server.filesUrl)),
  }));
  const identity = join(box.dir, 'state/identity.json');
  writeFileSync(identity, readFileSync(identity, 'utf8').replace('http://127.0.0.1:18080', server.url));
  const { token } = JSON.parse(readFileSync(identity, 'utf8'));
  const { session, render } = await remembered(server.dir, box.job);
  const account = { token: token.value, user: token.userId, client: '', available: 100, frozen: 0 };
  server.accounts.set(token.value, { ...account, expiresAt: Number.POSITIVE_INFINITY });
  server.sessions.set(session.id, { ...session, user: token.userId });
  server.renders.set(render.id, render);

  const rules = [{ name: 'cloud', size: '14kB', instruction: 'compress this video to under 14kB' }];
  await box.run({ engine: 'nemo', rules, nemo: { api_url: server.url, poll_interval: '50ms' } });
  expect(box.written().at(-1)).toMatchObject({ job: box.job.id, event: 'done' });
  expect(readFileSync(join(box.dir, 'outbox', box.job.relative)).length).toBeLessThanOrEqual(14_000);
  expect(render.polls).toBeGreaterThan(0);
  expect(server.count('POST', /./)).toBe(0);
  expect([...server.renders.keys()]).toEqual([render.id]);
  expect(server.fetches.length).toBeGreaterThan(0);
});

/** A state directory of 0.1.0 whose one job was interrupted, brought to a place of its own on this machine. */
interface Interrupted {
  dir: string;
  job: Job;
  /** What was journaled here. */
  written(): JournalRecord[];
  /** Works through what is there, as `run --once` does. */
  run(config: Record<string, unknown>): Promise<void>;
}

function interrupted(name: string, adapt: (record: JournalRecord) => JournalRecord): Interrupted {
  const dir = copyOf('journals', name);
  const { jobs } = fixtureJson('journals', name, 'expected.json') as { jobs: [Job] };
  const [job] = jobs;
  mkdirSync(join(dir, 'state'));
  mkdirSync(join(dir, 'outbox'));
  for (const entry of ['journal', 'work', 'identity.json']) {
    if (existsSync(join(dir, entry))) renameSync(join(dir, entry), join(dir, 'state', entry));
  }
  const pin = putSource(join(dir, 'inbox', job.relative), job);
  const journal = join(dir, 'state/journal');
  rewriteJournal(journal, record => {
    const adapted = adapt(record);
    const data = JSON.parse(JSON.stringify(adapted.data).replaceAll(FIXTURE_ROOT, dir));
    return { ...adapted, data: record.event === 'admitted' ? { ...data, pin } : data };
  });
  const before = recordsIn(journal);
  // The interruption was a second ago: limits in time are not over.
  const behindMs = Date.now() - (before.at(-1)?.at ?? 0) - 1000;
  const clock = { ...systemClock, now: () => Date.now() - behindMs };
  return {
    dir,
    job,
    written: () => recordsIn(journal).slice(before.length),
    async run(config) {
      const path = join(dir, 'config.yaml');
      const folders = [{ inbox: 'inbox', outbox: 'outbox', settle: '50ms', scan: '1s' }];
      writeFileSync(path, JSON.stringify({ folders, http: { listen: 'off' }, ...config }));
      const readFile = (file: string) => readFileSync(file, 'utf8');
      const loaded = await loadConfig({ path, env: {}, cwd: dir, home: dir, readFile });
      const parts = { clock, log: silentLogger, version: '0.1.0', env: {}, once: true };
      const daemon = await startDaemon({ ...parts, config: loaded, secrets: {} });
      try {
        await daemon.idle();
      } finally {
        await daemon.stop();
      }
    },
  };
}

/** The source where the journal says it is; of one that was uploaded long ago only size and times are compared. */
function putSource(path: string, { pin, createdAt }: Job): Job['pin'] {
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) writeFileSync(path, Buffer.alloc(pin.sizeBytes, 'v'));
  utimesSync(path, createdAt / 1000, createdAt / 1000);
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return {
    ...{ dev: String(dev), ino: String(ino), sizeBytes: Number(size) },
    ...{ mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) },
  };
}

/** The version that begins the stamp of a local checkpoint; empty for records without one. */
function stampVersions({ event, data }: JournalRecord): number[] {
  const { value } = (event === 'checkpoint' ? data : {}) as { value?: { stamp?: string } };
  const version = /^\[(\d+),/.exec(value?.stamp ?? '')?.[1];
  return version === undefined ? [] : [Number(version)];
}

/** Changes the stamp of a checkpoint of 0.1.0: version of the checkpoints, of ffmpeg, bytes of the source, target. */
function withStamps(record: JournalRecord, change: (stamp: unknown[]) => unknown[]): JournalRecord {
  const { value } = (record.event === 'checkpoint' ? record.data : {}) as { value?: { stamp?: string } };
  if (typeof value?.stamp !== 'string') return record;
  const stamp = JSON.stringify(change(JSON.parse(value.stamp)));
  return { ...record, data: { ...(record.data as object), value: { ...value, stamp } } };
}

/** The real ffmpeg by way of a script that notes what it is called with. */
function recordingFfmpeg(dir: string, real: string): { ffmpeg: string; calls(): string[] } {
  const ffmpeg = join(dir, 'ffmpeg');
  const log = join(dir, 'calls.txt');
  writeFileSync(ffmpeg, `#!/bin/sh\nprintf '%s\\n' "$*" >> '${log}'\nexec '${real}' "$@"\n`, { mode: 0o755 });
  return { ffmpeg, calls: () => readFileSync(log, 'utf8').split('\n') };
}

/** What the service still knows of a job: its session, and its render, which is through by now. */
async function remembered(dir: string, { checkpoints, facts, relative }: Job) {
  const path = join(dir, 'result.mp4');
  const { ffmpeg } = await realTools();
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x64:rate=8:duration=2'];
  await promisify(execFile)(ffmpeg, ['-v', 'error', ...source, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', path]);
  const id = facts['nemo session'] ?? '';
  const { id: renderId } = checkpoints['render.1'] as { id: string };
  const file = { id: 'file_0001', name: relative, type: 'video/mp4', bytes: 5000, durationS: 10 };
  return {
    session: { id, task: facts['nemo task'] ?? '', files: [file], messages: [], usedAt: Date.now(), seen: 1 },
    render: {
      ...{ id: renderId, session: id, verbatim: true, output: undefined, startedAt: 0, polls: 0 },
      ...{ status: 'completed' as const, path, bytes: statSync(path).size },
    },
  };
}
