/**
 * The cloud engine against a stand-in service on this machine: throughput of uploads and downloads beside curl's in the same run,
 * memory while 500 MB go up, and 1,000 small files through a service that allows so many requests a minute.
 *
 *   npm run bench:nemo            all of it
 *   npm run bench:nemo -- --mb 100 --files 200
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import PQueue from 'p-queue';
import { parseConfig } from '../../../dist/config/load.js';
import { Secret } from '../../../dist/config/secrets.js';
import { createAddressPolicy } from '../../../dist/engine/nemo/http/address-policy.js';
import { download } from '../../../dist/engine/nemo/render/download.js';
import { createNemoEngine } from '../../../dist/engine/nemo/engine.js';
import { ownFile } from '../../../dist/platform/files/files.js';
import { systemClock } from '../../../dist/platform/clock.js';
import { createHttp } from '../../../dist/platform/http.js';
import { silentLogger } from '../../../dist/platform/log.js';
import { buildNemoServer } from '../../support/nemo-server/build.mjs';

const never = new AbortController().signal;
const bytes = numberAfter('--mb', 500) * 1e6;
const files = numberAfter('--files', 1000);
const rounds = numberAfter('--rounds', 9);
const dir = mkdtempSync(join(tmpdir(), 'nemo-bench-'));
const build = buildNemoServer();
/** Most that time may run faster than it does, and of what the processor manages, what a limit is tried with. */
const FASTEST = 60;
const PROCESSOR_SHARE = 0.5;
let failed = false;
try {
  await transfers();
  if (files > 0) await manyFiles();
} finally {
  rmSync(dir, { recursive: true, force: true });
  build.remove();
}
process.exitCode = failed ? 1 : 0;

async function transfers() {
  const server = await startProcess({
    keepUploads: 'briefly',
    tinyBytes: bytes,
    tokens: { bench: 'user_1' },
    maxUploadBytes: 2e9,
  });
  const engine = createNemoEngine(options(server.url, systemClock, dir));
  const source = join(dir, 'big.mp4');
  const file = openSync(source, 'w');
  ftruncateSync(file, bytes);
  closeSync(file);
  const session = await newSession(server.url);
  const refs = { session };

  // Once for the code to be compiled and the caches to be warm, then what is counted.
  await engine.credits(never);
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  await engine.upload({ refs, source, signal: never });
  clearInterval(watch);
  verdict(
    'memory while uploading',
    `${mb(peak - before)} MB more than before, for ${mb(bytes)} MB`,
    peak - before <= 40e6,
  );

  await inTurns('upload', {
    ours: () => engine.upload({ refs, source, signal: never }),
    curl: () =>
      curl([
        '-o',
        '/dev/null',
        '-H',
        'Authorization: Bearer bench',
        '-F',
        `files=@${source}`,
        `${server.url}/api/upload-video/nemo_agent/me/${session}`,
      ]),
  });

  const url = await renderedAt(server, session);
  const http = createHttp();
  const policy = createAddressPolicy(server.url);
  const path = join(dir, 'result.mp4');
  await inTurns('download', {
    before: () => rmSync(path, { force: true }),
    async ours() {
      await download({
        ...{ url, what: 'render_1', path, http, policy, apiOrigin: server.url, openOwn: undefined, atMost: 1e12 },
        ...{ clock: systemClock, signal: never, silenceMs: 60_000, log: silentLogger, onProgress: () => {} },
      });
      if (statSync(path).size !== bytes) throw new Error('the download is not whole');
    },
    // Ours counts once it is on the disk, so curl's does as well.
    async curl() {
      await curl(['-o', path, url]);
      spawnSync('sync', [path]);
    },
  });
  await http.close();
  await engine.close();
  server.stop();
}

async function manyFiles() {
  const perMinute = 600;
  // Client and service share one process and one clock: run faster than the processor can follow, every request would seem to take minutes.
  const free = await pushThrough(Math.min(files, 100), FASTEST, undefined);
  const perSecond = free.requests / free.seconds;
  const factor = Math.max(1, Math.min(FASTEST, (PROCESSOR_SHARE * perSecond * 60) / perMinute));
  console.log(
    `     without a limit ${perSecond.toFixed(0)} requests a second (${((1000 * free.cpuSeconds) / free.requests).toFixed(1)} ms of processor each, both sides): time runs ${factor.toFixed(1)} times faster, so that the limit is what counts`,
  );
  const { done, messages, requests, minutes, late, refused, cpuSeconds, seconds } = await pushThrough(
    files,
    factor,
    perMinute,
  );
  const ideal = requests / perMinute;
  const share = late === 0 ? 0 : refused / late;
  verdict(
    `${files} files, ${perMinute} requests a minute allowed`,
    `${done} delivered, ${messages} messages, ${requests} requests in ${minutes.toFixed(1)} min, ${(minutes / ideal).toFixed(2)} times the ${ideal.toFixed(1)} the limit allows (${cpuSeconds.toFixed(0)} s of processor in ${seconds.toFixed(0)} s), ${refused} refused after the first minute (${(100 * share).toFixed(2)} %)`,
    done === files && messages === files && share <= 0.02 && minutes <= 1.2 * ideal + 1,
  );
}

/** Runs `count` small files through a stand-in whose time, and the client's, runs `factor` times as fast as real time. */
async function pushThrough(count, factor, requestsPerMinute) {
  const { startNemoServer } = await import(build.url('server.js'));
  const { scaledClock } = await import(build.url('clock.js'));
  const clock = scaledClock(factor);
  const server = await startNemoServer({ clock, ...(requestsPerMinute ? { requestsPerMinute } : {}) });
  const state = mkdtempSync(join(dir, 'many-'));
  const engine = createNemoEngine({
    ...options(server.url, clock, state),
    token: undefined,
    timeouts: { readingMs: 1e9, stallMs: 1e9, silenceMs: 1e9 },
  });
  const source = join(state, 'small.mp4');
  writeFileSync(source, Buffer.alloc(20_000, 'v'));
  const began = clock.now();
  const cpu = process.cpuUsage();
  const real = performance.now();
  let done = 0;
  const queue = new PQueue({ concurrency: 64 });
  await queue.addAll(
    Array.from({ length: count }, (_, n) => async () => {
      for (let records = {}; ; ) {
        const kept = { ...records };
        try {
          await engine.run(order(`job${n}`, source), context(kept, join(state, `w${n}`), source));
          done += 1;
          return;
        } catch (error) {
          if (!['rate-limited', 'unreachable'].includes(error.code)) throw error;
          records = kept;
          await new Promise(resolve => clock.after(error.retryAfterMs ?? 30_000, resolve));
        }
      }
    }),
  );
  const { user, system } = process.cpuUsage(cpu);
  const late = server.requests.filter(({ at }) => at - began > 60_000);
  const said = {
    ...{ done, messages: server.messages.length, requests: server.requests.length },
    ...{ minutes: (clock.now() - began) / 60_000, seconds: (performance.now() - real) / 1000 },
    ...{ cpuSeconds: (user + system) / 1e6, late: late.length },
    refused: late.filter(({ status }) => status === 429).length,
  };
  await engine.close();
  await server.stop();
  return said;
}

function options(apiUrl, clock, stateDir) {
  const { nemo, limits } = parseConfig('{}', { env: {}, cwd: stateDir, home: stateDir, source: null });
  return {
    nemo: { ...nemo, apiUrl, maxUpload: 2e9, oversize: 'hold' },
    limits,
    stateDir,
    token: new Secret('bench'),
    skill: { source: 'video-compressor-download', version: '1.0.0' },
    installPath: '/opt/shrinkbox',
    clock,
    log: silentLogger,
  };
}

function order(job, source) {
  const target = { size: { kind: 'bytes', bytes: 10_000 }, audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 };
  return { job, source, sourceBytes: 20_000, target };
}

function context(kept, workDir, source) {
  mkdirSync(workDir, { recursive: true });
  const nothing = async () => {};
  return {
    source: ownFile(source),
    record: async (key, value) => {
      kept[key] = value;
    },
    resume: { ...kept },
    ...{
      step: nothing,
      doubt: nothing,
      fact: nothing,
      cloud: nothing,
      progress: () => {},
      signal: new AbortController().signal,
      workDir,
      log: silentLogger,
    },
    gate: { closed: false, onChange: () => () => {} },
  };
}

async function newSession(url) {
  const headers = { authorization: 'Bearer bench', 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/tasks/me/with-session/nemo_agent`, {
    method: 'POST',
    headers,
    body: '{"task_name":"bench"}',
  });
  return (await answer.json()).data.session_id;
}

/** Has the stand-in make one large result; resolves with its address. */
async function renderedAt(server, session) {
  const headers = {
    authorization: 'Bearer bench',
    'content-type': 'application/json',
    'x-skill-source': 'b',
    'x-skill-version': '1',
    'x-skill-platform': 'b',
  };
  const body = JSON.stringify({ id: 'render_1', sessionId: session, draft: {}, output: {} });
  await fetch(`${server.url}/api/render/proxy/lambda`, { method: 'POST', headers, body });
  for (;;) {
    const { data } = await (await fetch(`${server.url}/api/render/proxy/lambda/render_1`, { headers })).json();
    if (data.status === 'completed') return data.outputUrl;
    if (data.status === 'failed') throw new Error(data.error);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

async function startProcess(serverOptions) {
  const child = spawn(process.execPath, [join(build.dir, 'standalone.js'), JSON.stringify(serverOptions)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), once(child, 'exit')]);
  return { ...JSON.parse(line), stop: () => child.kill('SIGTERM') };
}

function once(emitter, event) {
  return new Promise(resolve => emitter.once(event, (...values) => resolve(values)));
}

function curl(args) {
  return new Promise((resolve, reject) => {
    const child = spawn('curl', ['-sS', '-f', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('close', code => (code === 0 ? resolve() : reject(new Error(`curl ended with ${code}`))));
  });
}

async function seconds(act) {
  const began = performance.now();
  await act();
  return (performance.now() - began) / 1000;
}

/** Each as often as the other, who goes first changing, with nothing left to be written from before. */
async function inTurns(what, { before, ...sides }) {
  const times = { ours: [], curl: [] };
  for (let n = 0; n < rounds; n += 1) {
    for (const side of n % 2 === 0 ? ['ours', 'curl'] : ['curl', 'ours']) {
      before?.();
      spawnSync('sync', [dir]);
      times[side].push(await seconds(sides[side]));
    }
  }
  // The best of each: what else the machine has to do only ever takes away, and not from both alike.
  const rate = (list, pick) => bytes / 1e6 / pick(list);
  const ratio = pick => pick(times.curl) / pick(times.ours);
  const said = `${rate(times.ours, best).toFixed(0)} MB/s, curl ${rate(times.curl, best).toFixed(0)} MB/s: ${ratio(best).toFixed(2)} of curl, best of ${rounds} each (medians: ${ratio(median).toFixed(2)}; ${loadavg()[0].toFixed(0)} at work on ${availableParallelism()} processors)`;
  verdict(what, said, ratio(best) >= 0.9);
}

function verdict(what, said, holds) {
  if (!holds) failed = true;
  console.log(`${holds ? 'ok  ' : 'MISS'} ${what}: ${said}`);
}

function best(list) {
  return Math.min(...list);
}

function median(list) {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
}

function mb(count) {
  return (count / 1e6).toFixed(1);
}

function numberAfter(flag, otherwise) {
  const at = process.argv.indexOf(flag);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}
