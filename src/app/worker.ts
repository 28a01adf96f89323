/** Builds a worker from its configuration; what works is in worker/ and the engine. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Config } from '../config/load.ts';
import { Secret } from '../config/secrets.ts';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { workerNameFrom } from '../core/lease.ts';
import { CODECS, ENCODER_OF } from '../fleet/protocol.ts';
import { asking, readTicket, type Ticket, writeTicket } from '../fleet/roster.ts';
import { encoderBuilds } from '../media/ffmpeg/encoder-builds.ts';
import { findTools, type Tools } from '../media/ffmpeg/tools.ts';
import { say } from '../messages/say.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import { replaceDurably } from '../platform/files/durable.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, nodeFiles } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { Agent } from '../worker/agent.ts';
import { DaemonClient, SaysNo } from '../worker/client.ts';
import { Scratch } from '../worker/scratch.ts';
import { createPartMaker } from './engines.ts';

export type WorkerConfig = NonNullable<Config['worker']>;

export interface WorkerOptions {
  config: Config;
  clock: Clock;
  log: Logger;
  version: string;
}

const JOIN_MS = 30_000;
const RETRY_MS = 2_000;

export interface RunningWorker {
  /** Resolves once it has ended. @throws ShrinkError where the daemon will never let it in */
  ended: Promise<void>;
  drain(): void;
  stop(): void;
}

/** @throws ShrinkError `auth-missing`, `tool-missing`, `unreachable`, ... */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { config, clock, log, version } = options;
  const worker = workerOf(config);
  const ticket = await ticketOf(worker);
  const tools = await findTools({ ...config.local, hardware: 'off', cacheDir: worker.scratch });
  const encoders = await allowedEncoders(tools, worker);
  if (worker.mounts.length > 0) log.warn('worker.mounts is not there yet; everything is fetched from the daemon');
  const client = new DaemonClient(await admitted(ticket, options));
  const scratch = new Scratch({ dir: worker.scratch, maxBytes: worker.scratchMax });
  await scratch.open();
  const agent = new Agent({
    ...{ client, scratch, slots: worker.slots, hours: worker.hours, clock, log },
    about: { version, ffmpeg: tools.version.split(/\s/)[0] ?? '', encoders },
    maker: await createPartMaker({ tools, threads: worker.threads, clock }),
  });
  const ended = agent.run().finally(() => client.close());
  return { ended, drain: () => agent.drain(), stop: () => agent.stop() };
}

/** @throws ShrinkError `config-invalid` */
export function workerOf({ worker }: Config): WorkerConfig {
  if (worker) return worker;
  throw new ShrinkError('config-invalid', say('fleet.no-worker-section'), {
    hint: say('fleet.no-worker-section-hint'),
  });
}

/** The builds of what this worker may encode. */
export async function allowedEncoders(
  tools: Tools,
  { codecs }: Pick<WorkerConfig, 'codecs'>,
): Promise<Record<string, string>> {
  const builds = await encoderBuilds(tools);
  const allowed = (codecs ?? CODECS).map(codec => ENCODER_OF[codec]);
  return Object.fromEntries(Object.entries(builds).filter(([encoder]) => allowed.includes(encoder)));
}

/** @throws ShrinkError `auth-missing` */
export async function ticketOf({ tokenFile, daemon }: Pick<WorkerConfig, 'tokenFile' | 'daemon'>): Promise<Ticket> {
  const text = await readFile(tokenFile, 'utf8').catch((error: unknown) => {
    throw noToken(tokenFile, say('fleet.cannot-read', { path: tokenFile, why: errnoOf(error) ?? '' }));
  });
  const ticket = readTicket(text, daemon);
  if (!ticket) throw noToken(tokenFile, say('fleet.no-ticket', { path: tokenFile }));
  // Never in a log.
  for (const secret of [ticket.secret, ticket.own]) if (secret !== undefined) new Secret(secret);
  return ticket;
}

/**
 * An invitation is good once: the token it is exchanged for takes its place. That is written down before it is asked for, so that the
 * same worker can ask again after a lost answer or a crash; and a file that cannot be written uses up no invitation.
 * @throws ShrinkError `auth-missing`, `unreachable`, or of the file
 */
async function admitted(ticket: Ticket, { config, clock, log }: WorkerOptions): Promise<Ticket> {
  if (!ticket.isInvitation) return ticket;
  const { tokenFile, name = workerNameFrom(hostname()) } = workerOf(config);
  const keep = async (one: Ticket) => {
    await replaceDurably(tokenFile, `${writeTicket(one)}\n`, { files: nodeFiles, log, mode: 0o600 }).catch(
      (error: unknown) => {
        throw fileError(error, say('files.writing', { path: tokenFile }), tokenFile);
      },
    );
  };
  const asked = asking(ticket, name);
  new Secret(asked.own);
  await keep(asked);
  const client = new DaemonClient(ticket);
  try {
    const joined = await untilReached(client, { name, token: asked.own }, { clock, log });
    // That of a daemon of before is its own.
    new Secret(joined.token);
    const { own: _own, ...rest } = asked;
    const mine = { ...rest, secret: joined.token, isInvitation: false };
    await keep(mine);
    log.info({ worker: joined.name }, `joined as ${joined.name}; the token is in ${tokenFile}`);
    return mine;
  } catch (error) {
    if (error instanceof SaysNo) throw noToken(tokenFile, say('fleet.not-let-in', { why: error.message }));
    throw error;
  } finally {
    await client.close();
  }
}

/** A daemon that does not answer yet is waited for: both may be starting. */
async function untilReached(
  client: DaemonClient,
  asked: { name: string; token: string },
  { clock, log }: Pick<WorkerOptions, 'clock' | 'log'>,
) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await client.join(asked, AbortSignal.timeout(JOIN_MS));
    } catch (error) {
      if (!isShrinkError(error, 'unreachable')) throw error;
      if (attempt === 1) log.warn(`${error.message}; trying again until it answers`);
      await sleep(clock, RETRY_MS);
    }
  }
}

function noToken(path: string, message: Sentence): ShrinkError {
  return new ShrinkError('auth-missing', message, { subject: path, hint: say('fleet.invite-again-hint') });
}
