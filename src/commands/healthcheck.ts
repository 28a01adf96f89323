/**
 * `healthcheck`: whether the daemon of this configuration is well, for containers and supervisors. It asks `/healthz` and
 * nothing else, by the control socket, else at `http.listen`: in a container a check without capabilities may not enter a
 * state directory of another user.
 */
import { request } from 'node:http';
import { InvalidArgumentError } from 'commander';
import type { Config } from '../config/load.ts';
import { isShrinkError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/escape.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

export const defineHealthcheck: Define = (program, action) => {
  program
    .command('healthcheck')
    .description('whether the daemon is running and its work goes on: exit code 0, else 1 and why')
    .option('--timeout <seconds>', 'how long it may take to answer', seconds, DEFAULT_SECONDS)
    .action(action((context, options: { timeout: number }) => healthcheck(context, options.timeout * 1000)));
};

const DEFAULT_SECONDS = 5;

function seconds(written: string): number {
  const value = Number(written);
  if (value > 0 && value <= 600) return value;
  throw new InvalidArgumentError('Use a number of seconds, at most 600.');
}

async function healthcheck(context: Context, timeoutMs: number): Promise<number> {
  // Of a file with mistakes only the state directory counts: the daemon runs on with the one before.
  const { config, guesses } = await context.loadConfigLeniently();
  const health = await lookAt(config, guesses ?? [config.stateDir], timeoutMs);
  const said = escapeForTerminal(health.said);
  if (context.json) context.printJson(health);
  else if (health.ok) context.print(said);
  else context.printErr(`shrinkbox: ${said}`);
  return health.ok ? EXIT.fine : EXIT.unexpected;
}

interface Health {
  ok: boolean;
  /** A sentence, for people. */
  said: string;
}

/** Where to ask, in words and for `node:http`. */
interface Door {
  name: string;
  at: { socketPath: string } | { host: string; port: number };
}

/** All in `timeoutMs`, whatever hangs. */
async function lookAt(config: Config, stateDirs: readonly string[], timeoutMs: number): Promise<Health> {
  const signal = AbortSignal.timeout(timeoutMs);
  for (const door of await doorsOf(config, stateDirs)) {
    const answer = await ask(door, signal);
    if (answer === 'silent') return { ok: false, said: silence(door, timeoutMs) };
    if (answer !== 'nobody') return judge(answer, door);
  }
  return { ok: false, said: `no daemon is running for ${config.stateDir}` };
}

/** The socket first: whoever answers there is the daemon of this state directory, whoever has the port. */
async function doorsOf({ http: { listen } }: Config, stateDirs: readonly string[]): Promise<Door[]> {
  const { controlSocket, locateSocket } = await import('../api/socket.ts');
  const places = stateDirs.map(controlSocket);
  // Left open: this process ends with the answer.
  const sockets = await Promise.all(places.map(place => locateSocket(place).catch(mayNotEnter)));
  const doors = sockets.flatMap((found, i) =>
    found ? [{ name: places[i] ?? found.path, at: { socketPath: found.path } }] : [],
  );
  if (listen === 'off') return doors;
  const host = EVERYWHERE[listen.host] ?? listen.host;
  return [...doors, { name: `${host}:${listen.port}`, at: { host, port: listen.port } }];
}

function mayNotEnter(error: unknown): undefined {
  if (!isShrinkError(error, 'denied')) throw error;
}

const EVERYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

interface Answer {
  status: number;
  text: string;
}

/** `nobody`: no daemon there, or none that we may ask. */
function ask({ at }: Door, signal: AbortSignal): Promise<Answer | 'nobody' | 'silent'> {
  return new Promise(resolve => {
    const asking = request(
      { ...at, path: '/healthz', headers: { host: 'localhost' }, signal, agent: false },
      response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text = (text + chunk).slice(0, MAX_ANSWER);
        });
        response.on('error', () => resolve('silent'));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    asking.on('error', () => resolve(signal.aborted ? 'silent' : 'nobody'));
    asking.end();
  });
}

/** Characters; ours has fewer than a hundred. */
const MAX_ANSWER = 4096;

function silence({ name }: Door, timeoutMs: number): string {
  return `the daemon hangs: no answer at ${name} for ${timeoutMs / 1000} s`;
}

function judge({ status, text }: Answer, { name }: Door): Health {
  const { ok, mode, stuck } = parse(text);
  if (typeof ok !== 'boolean' || typeof mode !== 'string') {
    return { ok: false, said: `what answers at ${name} is not shrinkbox (status ${status})` };
  }
  if (ok) return { ok, said: `${mode}, asked at ${name}` };
  return {
    ok,
    said: stuck === true ? 'the daemon answers, but its work is stuck; the log says why' : `the daemon is ${mode}`,
  };
}

function parse(text: string): { ok?: unknown; mode?: unknown; stuck?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as object;
  } catch {
    return {};
  }
}
