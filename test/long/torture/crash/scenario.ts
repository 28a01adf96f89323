/**
 * One job from the drop to the end, in a daemon that is killed at a given point and started again; and what must be true
 * afterwards, whatever the point.
 */
import { once } from 'node:events';
import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readJournal } from '../../../../src/journal/replay.ts';
import { Box, listing } from '../../../support/box.ts';
import { eventually } from '../../../support/eventually.ts';
import { footage } from '../../../support/footage.ts';
import { NemoServer } from '../../../support/nemo-server/server.ts';
import { processesNaming, sha256Of, whereItStands } from '../facts.ts';

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'points.mjs')).href;

export interface Scenario {
  name: string;
  engine: 'local' | 'nemo';
  /** Of the folder, over inbox and outbox. */
  folder?: Record<string, unknown>;
  /** Puts things into the box before its first start. */
  prepare?(box: Box): Promise<void>;
  /** Ids of jobs that were there before. */
  keeps?: string[];
  /** Points worth dying at; all unless given. */
  only?: RegExp;
  /** The point at which its first start is told to stop (SIGTERM). */
  stopAt?: string;
  /** So many bytes are appended that no player looks at; the cloud gives them back as they are. */
  grownBy?: number;
}

/** What a run came to, as far as it must not depend on where it was killed. */
export interface Result {
  outputs: string[];
  sha256: string;
  messages: number;
  renders: number;
}

export interface Run extends Result {
  /** Points of the first life, in order. */
  points: string[];
  /** Of the points asked for, those that were reached. */
  killed: number;
  /** A person had to say go on, because nobody could know. */
  held: boolean;
}

/** Quick enough; the order and number of requests are those of the real timings. */
const NEMO = {
  poll_interval: '100ms',
  poll_limit: '60s',
  message_timeout: '30s',
  heartbeat_timeout: '20s',
  recovery: { first: '100ms', every: '100ms', checks: 5 },
  retry_after: '200ms',
};
/** Small, so that a run takes seconds; the cloud's needs a few bits more. */
const CLIPS = { local: 'tiny', nemo: 'silent' } as const;
const SIZES = { local: '40kB', nemo: '200kB' } as const;
/** Far more than a busy machine needs. */
const PATIENCE_MS = 240_000;
const NAME = 'trip/clip.mp4';
const OUTPUTS = ['trip/clip.mp4', 'trip/clip.report.txt'];

/**
 * Runs the scenario in a box of its own, its n-th start killed at the n-th point; or that act fails with an errno instead.
 * @throws Error saying what was broken.
 */
export async function run(scenario: Scenario, points: readonly string[] = [], failure?: string): Promise<Run> {
  const server =
    scenario.engine === 'nemo'
      ? new NemoServer({ render: scenario.grownBy ? 'copy' : 'ffmpeg', renderMs: 150, costPerMessage: 1 })
      : undefined;
  await server?.start();
  const env: Record<string, string> = {};
  const box = new Box({ config: configFor(scenario, server), env });
  try {
    await scenario.prepare?.(box);
    const original = join(box.dir, 'original');
    copyFileSync(await footage(CLIPS[scenario.engine]), original);
    if (scenario.grownBy) appendFileSync(original, freeBox(scenario.grownBy));
    box.drop(original, NAME);
    const seen: string[] = [];
    let killed = 0;
    for (const at of points.length > 0 ? points : ['']) {
      const life = await live(box, env, at, scenario.stopAt, failure);
      if (seen.length === 0) seen.push(...life.points);
      if (life.killed) killed += 1;
      await eventually(() => processesNaming(box.dir).length === 0, { what: 'every child to be gone' });
    }
    const { id, held } = await recover(box, server);
    const result = await check(box, scenario, id, sha256Of(original), server);
    return { ...result, points: seen, killed, held };
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${tail(box)}`, { cause: error });
  } finally {
    await box.dispose();
    await server?.stop();
  }
}

function freeBox(bytes: number): Buffer {
  const box = Buffer.alloc(bytes);
  box.writeUInt32BE(bytes, 0);
  box.write('free', 4, 'latin1');
  return box;
}

function configFor(scenario: Scenario, server: NemoServer | undefined): Record<string, unknown> {
  const size = scenario.grownBy ? '500MB' : SIZES[scenario.engine];
  return {
    folders: [{ inbox: 'inbox', outbox: 'outbox', settle: '250ms', scan: '1s', reports: 'always', ...scenario.folder }],
    rules: [
      {
        name: 'small',
        size,
        ...(scenario.grownBy ? { min_saving: '0%' } : {}),
        ...(server ? { instruction: `compress this video to under ${size}` } : {}),
      },
    ],
    engine: scenario.engine,
    limits: { min_free: '1MB' },
    log: { level: 'info' },
    ...(server ? { nemo: { api_url: server.url, ...NEMO } } : {}),
  };
}

/** One start with the points counted: until it dies, or has done its work and was told to stop. */
async function live(
  box: Box,
  env: Record<string, string>,
  at: string,
  stopAt: string | undefined,
  failure: string | undefined,
): Promise<{ points: string[]; killed: boolean }> {
  const log = pointsLog(box);
  Object.assign(env, {
    NODE_OPTIONS: `--import ${PRELOAD}`,
    CRASH_ROOT: box.dir,
    CRASH_LOG: log,
    CRASH_AT: at,
    ...(stopAt ? { CRASH_STOP: stopAt } : {}),
    ...(failure ? { CRASH_FAIL: failure } : {}),
  });
  const before = pointsOf(box).length;
  const child = box.spawn('run');
  for (const name of Object.keys(env)) delete env[name];
  let hasGone = false;
  const gone = once(child, 'close').then(() => (hasGone = true));
  const helped = new Set<number>();
  try {
    // Nobody helps any more once it is gone: what the next life asks for is for that one's test.
    const over = () => hasGone || isOver(box) || (failure === undefined ? waitsForPerson(box) : goOn(box, helped));
    await Promise.race([gone, eventually(over, { what: 'the job to be over', withinMs: PATIENCE_MS })]);
    child.kill('SIGTERM');
  } catch (error) {
    const standing = child.pid === undefined ? '' : whereItStands(child.pid);
    child.kill('SIGKILL');
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${standing}`, { cause: error });
  } finally {
    await gone;
  }
  const points = pointsOf(box);
  // Stopped before it did anything, or when its work was already done.
  if (child.signalCode === 'SIGTERM' && points.length === before) return { points, killed: false };
  if (failure) return { points, killed: checkFailed(box, points, at, child.exitCode) };
  if (child.signalCode !== 'SIGKILL' && child.exitCode !== 0) throw new Error(`it ended with ${child.exitCode}`);
  return { points, killed: child.signalCode === 'SIGKILL' };
}

/** As where an earlier life was killed before it kept its token: nothing more happens by itself. */
function waitsForPerson(box: Box): boolean {
  return box.journal().findLast(({ job, event }) => job !== null && event !== 'reported')?.event === 'held';
}

/** Saves the half minute a job waits for the disk, or does what the hold asks a person for; once for each time. */
async function goOn(box: Box, helped: Set<number>): Promise<boolean> {
  const stopped = box.journal().findLast(record => ['waiting', 'held', 'failed', 'queued'].includes(record.event));
  if (!stopped || stopped.event === 'queued' || helped.has(stopped.seq)) return false;
  if (stopped.event === 'failed') throw new Error(`failed for good: ${JSON.stringify(stopped.data)}`);
  await box.post(`/api/jobs/${stopped.job}/retry`);
  helped.add(stopped.seq);
  return false;
}

/** Ended or not, it said what was wrong; and what could not be synced is not synced again, nor written after. */
function checkFailed(box: Box, points: readonly string[], at: string, exitCode: number | null): boolean {
  const reached = points.indexOf(at);
  if (reached < 0) return false;
  const journal = /(write|datasync) (state\/journal\/\d+\.jsonl) /.exec(at)?.[2];
  const after = points.slice(reached + 1).filter(point => journal && point.includes(` ${journal} `));
  if (after.length > 0) throw new Error(`after that it went on with the journal: ${after.join(', ')}`);
  if (journal && exitCode === 0) throw new Error('it went on without its journal');
  if (exitCode !== 0 && !/made to fail|bytes were written/.test(box.logText()))
    throw new Error('it did not say why it ended');
  if (/\n +at .*\.js:\d+/.test(box.logText())) throw new Error(`it ended with a trace: ${box.logText().slice(-1500)}`);
  return true;
}

const pointsLog = (box: Box) => join(box.dir, 'points.log');

/** Points of all lives so far. */
function pointsOf(box: Box): string[] {
  return existsSync(pointsLog(box)) ? readFileSync(pointsLog(box), 'utf8').split('\n').filter(Boolean) : [];
}

function isOver(box: Box): boolean {
  return (
    box.journal().some(record => record.event === 'done') &&
    box.outputs().join() === OUTPUTS.join() &&
    readdirSync(join(box.state, 'work')).length === 0
  );
}

/** Started as usual. Resolves with the job, and whether a person had to help where nobody could know better. */
async function recover(box: Box, server: NemoServer | undefined): Promise<{ id: string; held: boolean }> {
  await box.start().catch((error: unknown) => {
    throw new Error(`${String(error)}\n${whereItStands(box.pid)}`, { cause: error });
  });
  let job = await box.job(NAME);
  const held = job.state === 'held';
  if (held) {
    if (!server) throw new Error(`held: ${job.reason}`);
    const changed = [...server.sessions.values()].some(session => session.draft !== undefined);
    if (server.messages.length > 0 || changed) throw new Error(`held although the service shows it: ${job.reason}`);
    if (server.sessions.size === 0) {
      // The free token was given and its answer lost: the service gives one in seven days. They pass.
      server.options.oneTokenPerClient = false;
      await box.kill('SIGTERM');
      await box.start();
    }
    const { code, stderr } = await box.run('retry', job.id);
    if (code !== 0) throw new Error(`retry: ${stderr}`);
    job = await box.job(NAME, 'done', 'failed');
  }
  if (job.state !== 'done') throw new Error(`${job.state}: ${job.reason}`);
  await eventually(() => isOver(box), { what: 'the outbox to hold the results alone, and no working files' });
  const jobs = (await box.jobs()).filter(found => found.source === job.source);
  if (jobs.length !== 1) throw new Error(`${jobs.length} jobs`);
  const code = await box.kill('SIGTERM');
  if (code !== 0) throw new Error(`it stopped with ${code}`);
  return { id: job.id, held };
}

/** What may be in the state directory of a daemon that was stopped. */
const STATE =
  /^(journal\/\d{6}\.jsonl(\.broken(-\d+)?)?|identity\.json|ffmpeg-abilities\.json|mounts\.json|clock\.json|lock)$/;

async function check(
  box: Box,
  scenario: Scenario,
  id: string,
  original: string,
  server: NemoServer | undefined,
): Promise<Result> {
  const originals = scenario.folder?.['originals'] ?? 'keep';
  const places: string[] = [];
  if (originals === 'keep') places.push(join(box.inbox, NAME));
  if (originals === 'archive') places.push(join(box.dir, 'archive', NAME));
  for (const place of places) if (sha256Of(place) !== original) throw new Error(`${place} is not the original`);
  const kept = [...listing(box.inbox), ...(originals === 'archive' ? listing(join(box.dir, 'archive')) : [])];
  if (kept.length !== places.length) throw new Error(`beside the original there is ${kept.join(', ')}`);
  const strange = listing(box.state).filter(name => !STATE.test(name));
  if (strange.length > 0) throw new Error(`left in the state directory: ${strange.join(', ')}`);
  const events: string[] = [];
  const known = new Set<string>();
  await readJournal({
    dir: join(box.state, 'journal'),
    onRecord({ event, job }) {
      if (job !== null) known.add(job);
      if (job === id) events.push(event);
    },
  });
  // A compaction in between leaves the job as it was then.
  const least = events.includes('snapshot') ? 0 : 1;
  for (const event of ['admitted', 'published', 'done']) {
    const count = events.filter(found => found === event).length;
    if (count > 1 || count < least) throw new Error(`the journal has "${event}" ${count} times`);
  }
  for (const old of scenario.keeps ?? []) if (!known.has(old)) throw new Error(`job ${old} is no longer known`);
  return {
    outputs: box.outputs(),
    sha256: sha256Of(join(box.outbox, NAME)),
    messages: server?.messages.length ?? 0,
    renders: server?.renders.size ?? 0,
  };
}

function tail(box: Box): string {
  const journal = join(box.state, 'journal');
  const events = existsSync(journal) ? box.journal().map(record => record.event) : [];
  return `  journal: ${events.slice(-12).join(' ')}\n  last points: ${pointsOf(box).slice(-5).join('; ')}\n  outbox: ${box.outputs().join(' ')}\n  log: ${box.logText().slice(-1500)}`;
}
