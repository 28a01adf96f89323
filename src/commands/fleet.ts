import { hostname } from 'node:os';
import { InvalidArgumentError } from 'commander';
import type { StatusView } from '../api/types.ts';
import type { Config } from '../config/load.ts';
import { ShrinkError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { WORKER_NAME } from '../core/lease.ts';
import { formatDuration } from '../core/units.ts';
import { connect } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { table } from './support/terminal.ts';

export const defineFleet: Define = (program, action) => {
  const fleet = program.command('fleet').description('the workers that take parts of films: who they are, and who may');
  fleet
    .command('status', { isDefault: true })
    .description('the queue, and what each worker does')
    .action(action(status));
  fleet
    .command('invite')
    .description('print the line with which a worker called NAME joins, once, within a day')
    .argument('<name>', 'what it will be called', workerName)
    .option('--address <url>', 'the address at which it finds this daemon (default: the name of this machine)')
    .action(action(invite));
  fleet
    .command('revoke')
    .description('take the token of a worker back; what it is making goes to another')
    .argument('<name>', 'the worker', workerName)
    .action(action(revoke));
  fleet
    .command('bench')
    .description('give a worker nothing more, until --off')
    .argument('<name>', 'the worker', workerName)
    .option('--off', 'give it work again')
    .action(action(bench));
};

function workerName(written: string): string {
  if (WORKER_NAME.test(written)) return written;
  throw new InvalidArgumentError('Use up to 32 small letters, digits and hyphens.');
}

async function rosterOf(context: Context) {
  const config = await context.loadConfig();
  const { fleet } = config;
  if (!fleet) {
    throw new ShrinkError('config-invalid', 'the configuration has no section "fleet"', {
      hint: 'Add "fleet: {queue: rediss://HOST:6380, listen: 0.0.0.0:8789}"; docs/fleet.md says more.',
    });
  }
  const [{ Roster }, { createLogger }] = await Promise.all([
    import('../fleet/roster.ts'),
    import('../platform/log.ts'),
  ]);
  return { config, fleet, roster: new Roster(config.stateDir, createLogger({ ...config.log, level: 'warn' })) };
}

async function invite(context: Context, name: string, options: { address?: string }): Promise<number> {
  const { fleet, roster } = await rosterOf(context);
  const [{ pinOf }, { writeTicket }, { readFile }] = await Promise.all([
    import('../fleet/certificate.ts'),
    import('../fleet/roster.ts'),
    import('node:fs/promises'),
  ]);
  const cluster = await roster.cluster(hostname());
  const cert = fleet.tlsCert === undefined ? cluster.tls.cert : await readFile(fleet.tlsCert, 'utf8');
  const secret = await roster.invite(name, context.io.clock.now());
  const url = addressOf(fleet, options.address);
  const line = writeTicket({ url, pin: pinOf(cert), secret, isInvitation: true });
  if (context.json) context.printJson({ name, ticket: line });
  else context.print(line);
  context.printErr(`shrinkbox: put this line into worker.token_file on ${name}; it is good once, for a day`);
  if (fleet.listen !== 'off' && /^(127\.|localhost$|::1$)/.test(fleet.listen.host))
    context.printErr('shrinkbox: fleet.listen is for this machine alone; 0.0.0.0:8789 lets others in');
  return EXIT.fine;
}

function addressOf({ listen }: NonNullable<Config['fleet']>, asked: string | undefined): string {
  if (asked !== undefined) {
    const url = URL.canParse(asked) ? new URL(asked) : undefined;
    if (url?.protocol === 'https:') return url.origin;
    throw new ShrinkError('usage', 'the address must begin with https://', {
      hint: 'Like --address https://nas:8789.',
    });
  }
  if (listen === 'off') throw new ShrinkError('config-invalid', 'fleet.listen is off', { hint: 'Give it an address.' });
  const isEverywhere = listen.host === '0.0.0.0' || listen.host === '::';
  const host = isEverywhere ? hostname() : listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return `https://${host}:${listen.port}`;
}

async function revoke(context: Context, name: string): Promise<number> {
  const { roster } = await rosterOf(context);
  return answer(context, await roster.revoke(name), name, `${name} is revoked; the daemon notices within seconds`);
}

async function bench(context: Context, name: string, { off = false }: { off?: boolean }): Promise<number> {
  const { roster } = await rosterOf(context);
  const said = off ? `${name} gets work again` : `${name} gets nothing more; what it is making it finishes`;
  return answer(context, await roster.bench(name, !off), name, said);
}

function answer(context: Context, isKnown: boolean, name: string, said: string): number {
  if (!isKnown)
    throw new ShrinkError('usage', `there is no worker called ${name}`, { hint: 'shrinkbox fleet lists them.' });
  if (context.json) context.printJson({ name, done: said });
  else context.print(said);
  return EXIT.fine;
}

async function status(context: Context): Promise<number> {
  const { roster, config } = await rosterOf(context);
  const invited = await roster.all();
  const view = await liveView(config);
  if (context.json) {
    context.printJson({
      ...view,
      invited: invited.map(({ name, token, benched }) => ({
        name,
        joined: token !== undefined,
        benched: benched === true,
      })),
    });
    return EXIT.fine;
  }
  if (!view) context.print('the daemon is not running, or was started without a fleet');
  else {
    const { queue, queued, leased } = view;
    const since = formatDuration(context.io.clock.now() - queue.since);
    context.print(
      queue.up
        ? 'queue      answers'
        : `queue      away for ${since}${queue.why ? ` (${queue.why})` : ''}; running parts go on`,
    );
    context.print(`parts      ${leased} being made, ${queued} waiting`);
  }
  const rows = invited.map(({ name, token, benched }) => {
    const live = view?.workers.find(worker => worker.name === name);
    const tasks = (live?.tasks ?? []).map(
      ({ task, step, fraction, fps }) => `${task} ${step} ${Math.round(fraction * 100)} %, ${Math.round(fps)} fps`,
    );
    const state = benched ? 'benched' : token === undefined ? 'invited' : (live?.state ?? 'away');
    const hours = live?.hours ? `works ${live.hours}` : '';
    const remark = live?.benched_because ?? (benched ? 'by a person' : [...tasks, hours].filter(Boolean).join('; '));
    return [name, state, live?.version ?? '', escapeForTerminal(remark)];
  });
  for (const line of table(rows, context.columns)) context.print(line);
  if (rows.length === 0) context.print('no workers yet: shrinkbox fleet invite NAME');
  return EXIT.fine;
}

/** `undefined` while no daemon runs, or one that has no fleet yet. */
async function liveView(config: Config): Promise<StatusView['fleet']> {
  const daemon = await connect(config);
  try {
    return (await daemon?.status())?.fleet;
  } finally {
    await daemon?.close();
  }
}
