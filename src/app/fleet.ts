/** The daemon's side of a fleet, built where the configuration has one; nothing of this is loaded otherwise. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Config } from '../config/load.ts';
import { ShrinkError } from '../core/errors.ts';
import type { JobEvent } from '../core/events.ts';
import { type Job, RESTING } from '../core/job.ts';
import { Coordinator, type FleetMeter } from '../fleet/coordinator.ts';
import { type QueueAccess, RedisDoorbells } from '../fleet/doorbells.ts';
import { Listener } from '../fleet/listener.ts';
import { type Cluster, Roster, type RosterEntry } from '../fleet/roster.ts';
import { type FleetView, withInvited } from '../fleet/views.ts';
import { WelcomeDesk } from '../fleet/welcome.ts';
import { say } from '../messages/say.ts';
import { every } from '../platform/async.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Ledger } from '../queue/ledger.ts';
import type { Lifetime } from './lifetime.ts';

export type FleetConfig = NonNullable<Config['fleet']>;

export interface FleetOptions {
  fleet: FleetConfig;
  stateDir: string;
  ledger: Ledger;
  clock: Clock;
  log: Logger;
  life: Lifetime;
  meter?: FleetMeter | undefined;
}

export interface Fleet {
  readonly coordinator: Coordinator;
  /** Where workers find it, and what they see there. */
  readonly address: { host: string; port: number };
  view(): FleetView;
}

/** How often it is looked who was invited, revoked and sent away meanwhile. */
const LOOK_MS = 5_000;

/** @throws ShrinkError `config-invalid` for an address or a file that cannot be used */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const { fleet, stateDir, ledger, clock, log, life, meter } = options;
  const roster = new Roster(stateDir, log);
  const cluster = await roster.cluster(hostname());
  const access = queueAccess(fleet);
  const doorbells = new RedisDoorbells({ access, cluster: cluster.id, clock, log });
  life.defer(() => doorbells.close());
  const coordinator = new Coordinator({
    ...{ clusterKey: cluster.key, leaseMs: fleet.lease, clock, log, doorbells, meter },
    commit: (job, events) => commitLeases(ledger, job, events),
    isActive: job => isActive(ledger, job),
  });
  coordinator.start([...ledger.all()].flatMap(({ leases }) => leases ?? []));
  life.defer(() => coordinator.stop());
  life.defer(forgetDone(ledger, coordinator));
  const desk = new WelcomeDesk({
    ...{ cluster: cluster.id, access, redis: doorbells.redis, leaseMs: fleet.lease, log },
    films: () => filmsOf(ledger),
  });
  const listener = new Listener({
    ...{
      listen: fleet.listen as { host: string; port: number },
      tls: tlsOf(fleet, cluster),
      roster,
      coordinator,
      meter,
      clock,
      log,
    },
    welcome: worker => desk.welcome(worker),
    sharedToken: fleet.tokenFile === undefined ? undefined : secretIn(fleet.tokenFile),
  });
  const address = await listener.open().catch((error: NodeJS.ErrnoException) => {
    throw new ShrinkError('config-invalid', say('fleet.cannot-listen', { why: error.message }), {
      hint: say('fleet.cannot-listen-hint'),
      cause: error,
    });
  });
  life.defer(() => listener.close());
  const follower = new RosterFollower({ roster, coordinator, desk, log });
  await follower.look();
  life.defer(every(clock, LOOK_MS, () => void follower.look()));
  if (fleet.verify === 'elsewhere')
    log.warn('fleet.verify: elsewhere is not there yet; this machine checks finished films');
  log.info({ ...address, cluster: cluster.id }, 'the fleet listens for workers');
  return { coordinator, address, view: () => withInvited(coordinator.view(), follower.invited) };
}

async function commitLeases(
  ledger: Ledger,
  job: string,
  { lease, ends }: Parameters<ConstructorParameters<typeof Coordinator>[0]['commit']>[1],
): Promise<void> {
  if (!ledger.get(job)) return;
  const ended = ends.map((data): JobEvent => ({ event: 'lease-ended', data }));
  const events: JobEvent[] = lease ? [...ended, { event: 'leased', data: lease }] : ended;
  if (events.length > 0) await ledger.commit(job, ...events);
}

function isActive(ledger: Ledger, id: string): boolean {
  const job = ledger.get(id);
  return job !== undefined && !RESTING.has(job.state.name);
}

function forgetDone(ledger: Ledger, coordinator: Coordinator): () => void {
  return ledger.subscribe(change => {
    if ('forgotten' in change) coordinator.forget(change.forgotten.id);
    else if ('job' in change && change.job.state.name === 'done') coordinator.forget(change.job.id);
  });
}

/** @throws ShrinkError `config-invalid` */
function secretIn(path: string): string {
  return readText(path).trim();
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? '';
    throw new ShrinkError('config-invalid', say('fleet.cannot-read', { path, why }), {
      subject: path,
      hint: say('fleet.cannot-read-hint'),
    });
  }
}

function tlsOf({ tlsCert, tlsKey }: FleetConfig, { tls }: Cluster) {
  return tlsCert === undefined || tlsKey === undefined ? tls : { cert: readText(tlsCert), key: readText(tlsKey) };
}

/** @throws ShrinkError `config-invalid` */
export function queueAccess({
  queue,
  queueCa,
  passwordFile,
}: Pick<FleetConfig, 'queue' | 'queueCa' | 'passwordFile'>): QueueAccess {
  const ca = queueCa === undefined ? undefined : readText(queueCa);
  if (passwordFile === undefined) return { url: queue, ca };
  const [, username, password] = /^(?:([^:]+):)?(.+)$/.exec(secretIn(passwordFile)) ?? [];
  return { url: queue, username, password, ca };
}

interface RosterFollowerOptions {
  roster: Roster;
  coordinator: Coordinator;
  desk: WelcomeDesk;
  log: Logger;
}

/** Follows what a person does with the roster while the daemon runs. */
class RosterFollower {
  readonly #options: RosterFollowerOptions;
  invited: readonly RosterEntry[] = [];

  constructor(options: RosterFollowerOptions) {
    this.#options = options;
  }

  async look(): Promise<void> {
    const { roster, coordinator, desk, log } = this.#options;
    try {
      this.invited = await roster.all();
      coordinator.dismiss(new Set(this.invited.filter(({ benched }) => benched).map(({ name }) => name)));
      const known = new Set(this.invited.map(({ name }) => name));
      for (const { name } of coordinator.view().workers.filter(worker => !known.has(worker.name)))
        await coordinator.expel(name);
      await desk.keepOnly(known);
    } catch (error) {
      log.warn({ err: error }, 'the list of workers cannot be read; it is tried again');
    }
  }
}

/** Films whose parts workers may still be asked for. */
function filmsOf(ledger: Ledger): string[] {
  const isBegun = ({ state, decision, checkpoints }: Job) =>
    decision.kind === 'do' &&
    decision.engine === 'fleet' &&
    !RESTING.has(state.name) &&
    Object.keys(checkpoints).length > 0;
  return [...ledger.all()].filter(isBegun).map(({ id }) => id);
}
