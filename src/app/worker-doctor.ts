/** What `shrinkbox worker doctor` looks at. Each check is a sentence; only a bug throws. */
import { cpus } from 'node:os';
import type { Config } from '../config/load.ts';
import { isShrinkError } from '../core/errors.ts';
import { formatBytes, formatDuration } from '../core/units.ts';
import { prefixOf, reasonOf, redisFor } from '../fleet/doorbells.ts';
import { PROTOCOL, type Welcome } from '../fleet/protocol.ts';
import { findTools } from '../media/ffmpeg/tools.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import { DaemonClient, SaysNo } from '../worker/client.ts';
import { Scratch } from '../worker/scratch.ts';
import { type Finding, queueTrouble } from './fleet-doctor.ts';
import { allowedEncoders, ticketOf, workerOf } from './worker.ts';

const SPEED_BYTES = 64 * 1024 * 1024;
const PATIENCE_MS = 60_000;
const CLOCK_OFF_MS = 2 * 60_000;

/** What helps where the daemon refuses. */
const REFUSED_HINTS: Readonly<Record<number, string>> = {
  401: say('fleet.invite-again-hint').text,
  426: say('fleet.update-hint').text,
};
/** Below so many bytes a second, fetching takes longer than encoding. */
const SLOW = 5_000_000;

export async function* workerFindings(
  config: Config,
  { clock, version }: { clock: Clock; version: string },
): AsyncGenerator<Finding> {
  const worker = workerOf(config);
  const tools = await findTools(config.local).catch((error: unknown) => error);
  if (tools instanceof Error || !isTools(tools)) {
    return void (yield bad('ffmpeg', textOf(tools), isShrinkError(tools) ? tools.hint : undefined));
  }
  const encoders = await allowedEncoders(tools, worker);
  const names = Object.entries(encoders).map(([name, build]) => `${name} ${build}`);
  yield names.length > 0
    ? ok('encoders', `${names.join(', ')} (each tried with a second of picture)`)
    : bad(
        'encoders',
        'none that worker.codecs allows works',
        'Install an ffmpeg with libx264, or remove worker.codecs.',
      );
  yield await scratchFinding(worker);
  const ticket = await ticketOf(worker).catch((error: unknown) => error);
  if (ticket instanceof Error || !isTicket(ticket)) {
    return void (yield bad('token', textOf(ticket), isShrinkError(ticket) ? ticket.hint : undefined));
  }
  const client = new DaemonClient(ticket);
  try {
    if (ticket.isInvitation) {
      yield await reachFinding(client, ticket.url);
      yield warn(
        'token',
        'an invitation that was not used yet',
        'Start the worker: it joins and keeps its token. Then this says more.',
      );
      return;
    }
    const about = { version, ffmpeg: tools.version.split(/\s/)[0] ?? '', encoders, cores: cpus().length };
    const hello = { ...about, name: 'doctor', protocol: PROTOCOL, scratch_free: 0, slots: worker.slots };
    const welcome = await client.hello({ ...hello, probe: true }, AbortSignal.timeout(PATIENCE_MS));
    yield ok(
      'daemon',
      `${ticket.url} knows this worker as ${welcome.worker}; ${ticket.pin ? 'its key is the one that was pinned' : 'its certificate is trusted'}`,
    );
    if (client.clockAheadMs !== undefined) yield clockFinding(client.clockAheadMs);
    yield await speedFinding(client, clock);
    yield await queueFinding(welcome);
  } catch (error) {
    if (!(error instanceof SaysNo) && !isShrinkError(error)) throw error;
    const hint = isShrinkError(error) ? error.hint : REFUSED_HINTS[error.status];
    yield bad('daemon', `${ticket.url}: ${error.message}`, hint ?? 'On the daemon: shrinkbox fleet status.');
  } finally {
    await client.close();
  }
}

async function scratchFinding({ scratch, scratchMax }: { scratch: string; scratchMax: number }): Promise<Finding> {
  const free = await new Scratch({ dir: scratch, maxBytes: scratchMax }).free().catch(() => undefined);
  if (free === undefined) return warn('scratch', `${scratch} is not there yet; it is made with the first start`);
  if (free === 0)
    return bad(
      'scratch',
      `${scratch} is full`,
      'Free some of its disk, raise worker.scratch_max, or name another disk.',
    );
  const said = `${scratch} has room for ${formatBytes(free)} of at most ${formatBytes(scratchMax)}`;
  return free < 1_000_000_000
    ? warn('scratch', said, 'A part of a 4K film takes a few gigabytes: free some, or name another disk.')
    : ok('scratch', said);
}

/** Nobody is let in by an invitation but once, and a doctor must not use it up: a refusal says that everything before it works. */
async function reachFinding(client: DaemonClient, url: string): Promise<Finding> {
  await client.speed(0, AbortSignal.timeout(PATIENCE_MS)).catch((error: unknown) => {
    if (!(error instanceof SaysNo)) throw error;
  });
  return ok('daemon', `${url} answers`);
}

/** Leases count durations only; but hours of the day, and the certificate of the queue, are by the clock. */
function clockFinding(aheadMs: number): Finding {
  const off = formatDuration(Math.abs(aheadMs));
  if (Math.abs(aheadMs) < CLOCK_OFF_MS) return ok('clock', 'the same as that of the daemon');
  const said = `${off} ${aheadMs > 0 ? 'ahead of' : 'behind'} that of the daemon`;
  return warn(
    'clock',
    said,
    'Parts are made all the same; but worker.hours and the certificate of the queue go by it. Set it (timedatectl set-ntp true).',
  );
}

async function speedFinding(client: DaemonClient, clock: Clock): Promise<Finding> {
  const started = clock.monotonic();
  await client.speed(SPEED_BYTES, AbortSignal.timeout(PATIENCE_MS));
  const bytesPerS = SPEED_BYTES / Math.max(0.001, (clock.monotonic() - started) / 1000);
  const said = `${formatBytes(SPEED_BYTES)} came at ${formatBytes(bytesPerS)} a second`;
  return bytesPerS < SLOW
    ? warn('line', said, 'Parts are fetched before they are made; a wire helps.')
    : ok('line', said);
}

/** Whether the queue this worker listens at is the one its daemon rings. */
async function queueFinding({ queue, cluster }: Welcome): Promise<Finding> {
  const redis = redisFor(queue);
  let why: string | undefined;
  redis.on('error', error => {
    why ??= reasonOf(error);
  });
  const timer = setTimeout(() => redis.disconnect(), 10_000);
  try {
    await redis.connect();
    const seen = await redis.get(`${prefixOf(cluster)}:cluster`);
    if (seen === cluster) return ok('queue', `${queue.url} is that of the daemon (cluster ${cluster})`);
    return bad(
      'queue',
      `${queue.url} is another queue than the daemon's`,
      'fleet.queue must be an address that leads to the same server from both machines.',
    );
  } catch (error) {
    const { said, fix } = queueTrouble(why ?? reasonOf(error));
    return bad('queue', `${queue.url} does not let this worker in: ${said}`, `On the daemon's side: ${fix}`);
  } finally {
    clearTimeout(timer);
    redis.disconnect();
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const isTools = (value: unknown): value is Awaited<ReturnType<typeof findTools>> =>
  typeof value === 'object' && value !== null && 'ffmpeg' in value;
const isTicket = (value: unknown): value is Awaited<ReturnType<typeof ticketOf>> =>
  typeof value === 'object' && value !== null && 'secret' in value;

const ok = (about: string, said: string): Finding => ({ about, result: 'ok', said });
const warn = (about: string, said: string, fix?: string): Finding => ({
  about,
  result: 'warn',
  said,
  ...(fix && { fix }),
});
const bad = (about: string, said: string, fix?: string): Finding => ({
  about,
  result: 'bad',
  said,
  ...(fix && { fix }),
});
