/**
 * How fast the journal is here: `npm run bench:journal`. Needs a build; writes about 500 MB under TMPDIR and removes it.
 * Replay and opening run in processes of their own, so that the memory shown is theirs.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { openJournal } from '../../../dist/journal/journal.js';
import { encodeRecord } from '../../../dist/journal/records.js';
import { readJournal } from '../../../dist/journal/replay.js';

const RECORDS = 1_000_000;
const JOBS = 100_000;
const SEGMENT_BYTES = 16 * 1024 * 1024;

const clock = { now: () => Date.now(), monotonic: () => performance.now(), after: () => () => {} };
const log = { debug() {}, info() {}, warn: console.warn, error: console.error };

const [task, dir] = process.argv.slice(2);
if (task === 'read' || task === 'open') await replayAlone(task, dir);
else await main();

async function main() {
  const root = mkdtempSync(join(tmpdir(), 'shrinkbox-bench-journal-'));
  try {
    await benchReplay(join(root, 'replay'));
    for (const concurrency of [1, 8, 64, 512]) await benchAppend(join(root, `append-${concurrency}`), concurrency);
    await benchCompact(join(root, 'compact'));
  } finally {
    rmSync(root, { recursive: true });
  }
}

async function benchReplay(where) {
  mkdirSync(where);
  const bytes = generate(where);
  const size = `${(bytes / 1e6).toFixed(0)} MB, ${Math.round(bytes / RECORDS)} B a record`;
  for (const how of ['read', 'open']) {
    const child = fork(fileURLToPath(import.meta.url), [how, where]);
    const [{ ms, cpuMs, rss, held }] = await once(child, 'message');
    await once(child, 'exit');
    const name = how === 'read' ? 'replay of 1,000,000 records' : 'the same, opened for writing';
    row(
      name,
      `${(ms / 1000).toFixed(2)} s (CPU ${(cpuMs / 1000).toFixed(2)} s), ${Math.round(RECORDS / ms)} k/s, ${rss} MB peak, longest pause ${held} ms`,
      size,
    );
  }
}

/** What the ledger does at start: one value a job, replaced by each of its records. */
async function replayAlone(how, where) {
  const jobs = new Map();
  const onRecord = record => jobs.set(record.job, record.at);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = process.cpuUsage();
  const started = performance.now();
  if (how === 'read') await readJournal({ dir: where, onRecord });
  else await (await openJournal({ dir: where, clock, log, onRecord, onFatal })).close();
  const ms = performance.now() - started;
  if (jobs.size !== JOBS) throw new Error(`${jobs.size} jobs`);
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000;
  const rss = Math.round(process.resourceUsage().maxRSS / 1024);
  process.send({ ms, cpuMs, rss, held: Math.round(delay.max / 1e6) });
  process.disconnect();
}

async function benchAppend(where, concurrency) {
  mkdirSync(where);
  const journal = await openJournal({ dir: where, clock, log, onRecord() {}, onFatal });
  const total = Math.min(40_000, Math.max(2000, concurrency * 150));
  const latencies = [];
  let n = 0;
  const worker = async () => {
    while (n < total) {
      const entry = sample(n++);
      const started = performance.now();
      await journal.append([entry]);
      latencies.push(performance.now() - started);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - started) / 1000;
  const { count } = journal.fsyncStats();
  await journal.close();
  latencies.sort((a, b) => a - b);
  const at = share => latencies[Math.floor(latencies.length * share)].toFixed(2);
  row(
    `append, synced, ${concurrency} at once`,
    `${Math.round(total / seconds)} records/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
    `${(total / count).toFixed(1)} records a sync`,
  );
}

async function benchCompact(where) {
  mkdirSync(where);
  const journal = await openJournal({ dir: where, clock, log, onRecord() {}, onFatal });
  await journal.append([sample(0)]);
  const history = Array.from({ length: 8 }, (_, k) => ({
    at: 1_700_000_000_000 + k,
    event: 'step',
    note: 'local: pass 1',
  }));
  const jobs = Array.from({ length: JOBS }, (_, n) => ({
    job: idOf(n),
    event: 'snapshot',
    data: { ...sample(n).data, history },
  }));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const started = performance.now();
  const compacting = journal.compact(jobs);
  const appended = journal.append([sample(1)]).then(() => performance.now() - started);
  await compacting;
  const ms = performance.now() - started;
  const waited = await appended;
  const size = `${(journal.size / 1e6).toFixed(0)} MB`;
  await journal.close();
  row('compaction of 100,000 jobs', `${Math.round(ms)} ms, longest pause ${Math.round(delay.max / 1e6)} ms`, size);
  row('an append meanwhile', `${Math.round(waited)} ms`, '');
}

/** Segments as the journal writes them, without the syncs. */
function generate(where) {
  let bytes = 0;
  let segment = 1;
  let inSegment = 0;
  let chunk = '';
  const flush = () => {
    appendFileSync(join(where, `${String(segment).padStart(6, '0')}.jsonl`), chunk);
    inSegment += chunk.length;
    bytes += chunk.length;
    chunk = '';
    if (inSegment < SEGMENT_BYTES) return;
    segment += 1;
    inSegment = 0;
  };
  for (let n = 0; n < RECORDS; n += 1) {
    chunk += encodeRecord({ seq: n + 1, at: 1_700_000_000_000 + n, ...sample(n) });
    if (chunk.length > 1e6) flush();
  }
  if (chunk) flush();
  return bytes;
}

/** The events of a job's life, as large as they are. */
function sample(n) {
  const job = idOf(n % JOBS);
  const name = `2024-07-${(n % 28) + 1} Ferien am Meer/GX01${String(n % 9973).padStart(4, '0')}.MP4`;
  switch (n % 5) {
    case 0:
      return {
        job,
        event: 'admitted',
        data: {
          arrival: n,
          inbox: '/srv/media/inbox',
          relative: name,
          fingerprint: 'b1946ac92492d2347c6235b4d2611184',
          pin: { dev: '64769', ino: String(n), sizeBytes: 3_145_728 + n, mtimeNs: '1700000000000000000' },
        },
      };
    case 1:
      return { job, event: 'started', data: { engine: 'local', step: 'probing', source: `/srv/media/inbox/${name}` } };
    case 2:
      return {
        job,
        event: 'checkpoint',
        data: { key: 'pass-1', value: { log: `work/${job}/pass-1.log`, bitrate: 1_234_567 } },
      };
    case 3:
      return {
        job,
        event: 'verified',
        data: { evidence: `decoded 4321 frames, 144.1 s; 49,812,331 bytes of at most 50,000,000; h264, aac (${name})` },
      };
    default:
      return {
        job,
        event: 'published',
        data: { delivery: { output: `/srv/media/outbox/${name}`, bytes: 49_812_331 } },
      };
  }
}

function idOf(n) {
  return `job${n.toString(36).padStart(5, '0')}`;
}

function onFatal(error) {
  throw error;
}

function row(what, measured, note) {
  console.log(`${what.padEnd(30)} ${measured}${note ? `  (${note})` : ''}`);
}
