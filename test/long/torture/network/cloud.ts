/** One job through the cloud over a bad network: a stand-in service behind two proxies, and a daemon whose time runs faster. */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import type { JobView } from '../../../../src/api/types.ts';
import type { Box } from '../../../support/box.ts';
import { ChaosProxy } from '../../../support/chaos-proxy.ts';
import { eventually } from '../../../support/eventually.ts';
import { type FootageName, footage } from '../../../support/footage.ts';
import { NemoServer, type NemoServerOptions } from '../../../support/nemo-server/server.ts';
import { demand, inBox, mustHoldOnly, mustPlay, Originals, seconds } from '../arena.ts';

export interface CloudArena {
  box: Box;
  server: NemoServer;
  /** In front of the API, and of the host results are fetched from. */
  api: ChaosProxy;
  files: ChaosProxy;
  originals: Originals;
  drop(clip: FootageName, name: string): Promise<void>;
}

const LIBRARY = ['x86_64', 'aarch64']
  .map(arch => `/usr/lib/${arch}-linux-gnu/faketime/libfaketimeMT.so.1`)
  .find(path => existsSync(path));

export const cannotHurry = LIBRARY ? {} : { cannot: 'libfaketime is not installed' };

/**
 * How much faster than real time the daemon lives: what it waits five minutes for takes 15 s. Slower where others keep the
 * machine busy, or what is only slow would look like what has stopped.
 */
export const SPEED = (loadavg()[0] ?? 0) > 3 * availableParallelism() ? 4 : 20;

export interface CloudArenaOptions {
  server?: NemoServerOptions;
  nemo?: Record<string, unknown>;
  env?: Record<string, string>;
  speed?: number;
}

export async function inCloud<T>(options: CloudArenaOptions, act: (cloud: CloudArena) => Promise<T>): Promise<T> {
  const server = new NemoServer({ render: 'copy', renderMs: 200, ...options.server });
  await server.start();
  const api = await new ChaosProxy(server.url).start();
  const files = await new ChaosProxy(server.filesUrl).start();
  server.resultUrl = (_render, url) => url.replace(server.filesUrl, files.url);
  const config = {
    engine: 'nemo',
    folders: [{ inbox: 'inbox', outbox: 'outbox', settle: '5s', scan: '60s' }],
    rules: [{ name: 'cloud', size: '50MB', instruction: 'compress this video to under 50MB', min_saving: '0%' }],
    nemo: { api_url: api.url, poll_interval: '10s', ...options.nemo },
  };
  const env = { LD_PRELOAD: LIBRARY ?? '', FAKETIME: `+0 x${options.speed ?? SPEED}`, ...options.env };
  try {
    return await inBox({ config, env }, async box => {
      const originals = new Originals();
      const drop = async (clip: FootageName, name: string) => originals.remember(box.drop(await footage(clip), name));
      const result = await act({ box, server, api, files, originals, drop });
      originals.mustBeUntouched();
      return result;
    });
  } finally {
    await api.stop();
    await files.stop();
    await server.stop();
  }
}

/**
 * Waits until the job is done. Held because nobody knows whether its message arrived, it is retried, as a person would; until
 * then at most one message was sent. @returns what happened, for the report
 */
export async function ends({ box, server }: CloudArena, clip: FootageName, name: string): Promise<string> {
  const at = join(box.inbox, name);
  const rest = () =>
    eventually(
      async () => {
        const found = (await box.jobs()).find(job => job.source === at);
        if (found && ['done', 'held', 'failed', 'cancelled', 'skipped'].includes(found.state)) return found;
        throw new Error(`${found?.state}: ${found?.reason}`);
      },
      { what: `${name} to come to an end`, withinMs: 400_000 },
    );
  let job: JobView = await rest();
  // The service gives one token per installation in seven days: where its answer was lost, only a person can help.
  if (job.state === 'held' && (job.reason ?? '').includes('issues no free token')) {
    demand(server.accounts.size > 0, 'held for a token that the service never gave');
    const identity = readFileSync(join(box.state, 'identity.json'), 'utf8');
    demand(![...server.accounts.keys()].some(token => identity.includes(token)), 'held with a token at hand');
    demand(server.messages.length === 0, `${server.messages.length} messages without a token`);
    return `held: ${job.reason}`;
  }
  let asked = 0;
  const sentTo = () => server.messages.length;
  const before = sentTo();
  const why: string[] = [];
  while (job.state === 'held' && asked < 3) {
    demand((job.reason ?? '').length > 20, `${name} is held without a reason`);
    demand(sentTo() <= asked + 1, `${sentTo()} messages while nobody asked for another`);
    why.push(job.reason ?? '');
    asked += 1;
    const { code, stderr } = await box.run('retry', job.id);
    demand(code === 0, `retry: ${stderr}`);
    job = await rest();
  }
  demand(job.state === 'done', `${name} is ${job.state}: ${job.reason}`);
  demand(sentTo() <= 1 + asked, `${sentTo()} messages, ${asked} of them asked for by a person (${before} before)`);
  demand(server.renders.size <= 1 + asked, `${server.renders.size} renders for one job, retried ${asked} times`);
  await mustPlay(job.output ?? '', seconds(await footage(clip)));
  await mustHoldOnly(box, [name]);
  return `${sentTo()} message, ${server.renders.size} render${asked > 0 ? `, held and retried ${asked} times (${why[0]?.slice(0, 80)})` : ''}`;
}

/** Looks again and again until the service has seen such a request. */
export function seen({ server }: CloudArena, method: string, path: RegExp): Promise<boolean> {
  return eventually(() => server.count(method, path) > 0, { what: `${method} ${path}`, withinMs: 300_000 });
}
