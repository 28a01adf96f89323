/** What `shrinkbox doctor` says of a fleet's queue. */
import type { Config } from '../config/load.ts';
import { isShrinkError } from '../core/errors.ts';
import { isLoopback } from '../config/loopback.ts';
import { prefixOf, type QueueAccess, reasonOf, redisFor } from '../fleet/doorbells.ts';
import { queueAccess } from './fleet.ts';
import type { Redis } from 'ioredis';

export interface Finding {
  about: string;
  result: 'ok' | 'warn' | 'bad';
  said: string;
  fix?: string;
}

const about = 'fleet queue';
const PATIENCE_MS = 5_000;
const LEAST = [6, 2] as const;
const SLOW_MS = 20;
const PINGS = 5;

/** What is behind an answer of the queue, and what helps. */
const REASONS: readonly [RegExp, string, string][] = [
  [
    /^WRONGPASS/,
    'it does not know this user and password',
    'Compare fleet.password_file (USER:PASSWORD) with the users of the queue.',
  ],
  [/^NOAUTH/, 'it wants a password', 'Put USER:PASSWORD into a file and name it in fleet.password_file.'],
  [/^NOPERM/, 'its user may not do what is needed', 'Give it "~* &* +@all", as docs/fleet.md shows.'],
  [
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    'its certificate is not valid at the time of this machine',
    'Look at the clock of this machine first (timedatectl), then renew the certificate.',
  ],
  [
    /ALTNAME/,
    'its certificate is for another name',
    'Make one whose subjectAltName is the host of fleet.queue, as docs/fleet.md shows.',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_|CERT/,
    'nobody this machine trusts has signed its certificate',
    'Name that certificate, or the one of its authority, in fleet.queue_ca.',
  ],
  [/ENOTFOUND|EAI_AGAIN/, 'its host has no address', 'Correct the host in fleet.queue, or let this machine find it.'],
];

/** A reason of `reasonOf` in words, and what to do. */
export function queueTrouble(reason: string): { said: string; fix: string } {
  const [, said, fix] = REASONS.find(([pattern]) => pattern.test(reason)) ?? [];
  return {
    said: said === undefined ? reason : `${said} (${reason})`,
    fix: fix ?? 'Start it, let this machine reach it (bind, firewall), or correct fleet.queue.',
  };
}

export async function* queueFindings(
  fleet: NonNullable<Config['fleet']>,
  cluster: string | undefined,
): AsyncGenerator<Finding> {
  let access: QueueAccess;
  try {
    access = queueAccess(fleet);
  } catch (error) {
    if (!isShrinkError(error)) throw error;
    return void (yield { about, result: 'bad', said: error.message, ...(error.hint && { fix: error.hint }) });
  }
  const redis = redisFor(access);
  let why = 'it does not answer';
  redis.on('error', error => {
    why = reasonOf(error);
  });
  const timer = setTimeout(() => redis.disconnect(), PATIENCE_MS);
  try {
    await redis.connect();
    const info = await redis.info();
    const read = (key: string) => new RegExp(`^${key}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
    const server = read('valkey_version') ? `Valkey ${read('valkey_version')}` : `Redis ${read('redis_version')}`;
    const [major = 0, minor = 0] = read('redis_version').split('.').map(Number);
    const isOld = major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1]);
    if (isOld)
      yield { about, result: 'bad', said: `${server} is too old`, fix: 'Redis 6.2 or newer, or Valkey, is needed.' };
    const started = performance.now();
    for (let n = 0; n < PINGS; n += 1) await redis.ping();
    const ms = (performance.now() - started) / PINGS;
    const said = `${server} at ${fleet.queue} answers within ${ms.toFixed(1)} ms`;
    yield ms > SLOW_MS
      ? { about, result: 'warn', said, fix: 'A queue beside the daemon answers within a millisecond.' }
      : { about, result: 'ok', said };
    yield* settings(read, String(await redis.call('ACL', 'WHOAMI').catch(() => 'default')));
    yield* openDoor(access);
    yield* emptied(redis, cluster);
  } catch (error) {
    const { said, fix } = queueTrouble(why === 'it does not answer' ? reasonOf(error) : why);
    const meanwhile = 'Films with fallback: local are done here meanwhile.';
    yield { about, result: 'bad', said: `${fleet.queue}: ${said}`, fix: `${fix} ${meanwhile}` };
  } finally {
    clearTimeout(timer);
    redis.disconnect();
  }
}

/** How it is set up. `read` gives what it says of itself, as INFO names it. */
function* settings(read: (key: string) => string, user: string): Generator<Finding> {
  if (read('maxmemory_policy') && read('maxmemory_policy') !== 'noeviction')
    yield {
      about,
      result: 'bad',
      said: `it may throw entries away (maxmemory-policy ${read('maxmemory_policy')})`,
      fix: 'Set maxmemory-policy noeviction.',
    };
  if (read('aof_enabled') === '0')
    yield {
      about,
      result: 'warn',
      said: 'a restart empties it (appendonly no); what was queued is rung again',
      fix: 'Set appendonly yes.',
    };
  if (user === 'default')
    yield {
      about,
      result: 'warn',
      said: 'the daemon uses the user "default"',
      fix: 'Give it a user of its own that may use ACL SETUSER, in fleet.password_file as USER:PASSWORD.',
    };
}

/** Who needs no password may read the doorbells and give out others: no film is lost, but work can be held up. */
async function* openDoor({ url, ca }: QueueAccess): AsyncGenerator<Finding> {
  const stranger = redisFor({ url, ca });
  try {
    await stranger.connect();
    await stranger.ping();
    const isHere = url.startsWith('unix:') || isLoopback(new URL(url).hostname);
    yield {
      about,
      result: isHere ? 'warn' : 'bad',
      said: 'it lets anybody in without a password',
      fix: 'Set "user default off" and a user with a password, as docs/fleet.md shows.',
    };
  } catch {
    // It asks for a password.
  } finally {
    stranger.disconnect();
  }
}

async function* emptied(redis: Redis, cluster: string | undefined): AsyncGenerator<Finding> {
  if (cluster === undefined || (await redis.get(`${prefixOf(cluster)}:cluster`)) === cluster) return;
  yield {
    about,
    result: 'warn',
    said: 'it knows nothing of this fleet: it was emptied, or the daemon rings at another',
    fix: 'A running daemon rings again within ten seconds; if this stays, restart it.',
  };
}
