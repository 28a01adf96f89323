/** What the service behind the network does: errors for an hour, storms of 429, strange streams, results of another length. */
import { gzipSync } from 'node:zlib';
import { eventually } from '../../../support/eventually.ts';
import type { AgentEvent } from '../../../support/nemo-server/sse.ts';
import { demand, sleep } from '../arena.ts';
import { peakRssOf } from '../process.ts';
import type { Case } from '../suite.ts';
import { type CloudArena, cannotHurry, ends, inCloud, SPEED } from './cloud.ts';
import type { Fault } from '../../../support/nemo-server/faults.ts';

const HOUR_MS = 3_600_000;
/** Twice what was seen with a frame of 30 MB that never ends. */
const MAX_MEMORY = 300e6;
const mb = (bytes: number) => (bytes / 1e6).toFixed(0);

const meets = (
  name: string,
  arrange: (cloud: CloudArena) => void,
  then?: (cloud: CloudArena) => Promise<string>,
): Case => ({
  name,
  keeps: 'promises 2, 3, 5',
  ...cannotHurry,
  run: () =>
    inCloud({}, async cloud => {
      arrange(cloud);
      await cloud.box.start();
      await cloud.drop('plain', 'film.mp4');
      const said = then ? `${await then(cloud)}; ` : '';
      const ended = await ends(cloud, 'plain', 'film.mp4');
      const { faults, fetchFaults, scripts } = cloud.server;
      demand(faults.unused + fetchFaults.unused + scripts.length === 0, 'what was to go wrong never came up');
      const peak = peakRssOf(cloud.box.pid);
      demand(peak < MAX_MEMORY, `RSS ${mb(peak)} MB at most`);
      return `${said}RSS ${mb(peak)} MB at most; ${ended}`;
    }),
});

/** Every request is refused for an hour of the daemon's time; how often it asked meanwhile is bounded and told. */
const forAnHour = (name: string, fault: Omit<Fault, 'match'>, after?: string): Case =>
  meets(
    after ? `${name} for an hour, from the first ${after} on` : `${name} for an hour`,
    ({ server }) => server.fault({ match: after ? { path: new RegExp(after) } : {}, times: 1e9, ...fault }),
    async ({ box, server }) => {
      await sleep(HOUR_MS / SPEED);
      const asked = server.requests.length;
      // Between two waits it asks once more.
      const job = await eventually(async () => (await box.jobs()).find(({ reason }) => (reason ?? '').length > 10), {
        what: 'the reason it waits for',
      });
      // Once a minute would be impolite enough.
      demand(asked < 120, `${asked} requests in an hour of refusals`);
      demand(server.messages.length <= 1, `${server.messages.length} messages`);
      demand(server.faults.unused === 0, 'nothing was refused');
      server.faults.clear();
      return `${asked} requests in that hour, ${job.state}: "${job.reason}"`;
    },
  );

const usual: AgentEvent[] = [
  { think: 'hm' },
  { call: 'edit_multitrack', id: 'a' },
  { result: 'edit_multitrack', id: 'a', changed: true },
  { say: 'Compressed film.mp4 as asked. Click the Export button to download it.' },
];

const stream = (name: string, events: AgentEvent[]): Case =>
  meets(`a stream ${name}`, ({ server }) => void server.scripts.push({ events }));

const [think, call, result, say] = usual as [AgentEvent, AgentEvent, AgentEvent, AgentEvent];
const GIGANTIC = 30_000_000;

/** The first answer of the host results are fetched from is not what it says. */
const result1 = (name: string, fault: Omit<Fault, 'match'>): Case =>
  meets(`a download ${name}`, ({ server }) => server.fetchFaults.add({ match: { method: 'GET' }, ...fault }));

export const service: readonly Case[] = [
  forAnHour('500s', { status: 500, body: 'Internal Server Error' }),
  forAnHour('503s', { status: 503, body: '' }, 'lambda'),
  // Of the token 429 means something else: one a week, and the job is held at once (test/engine/nemo/account/auth.test.ts).
  forAnHour('429s', { status: 429, body: '{"code":429}', headers: { 'retry-after': '60' } }, 'with-session'),
  forAnHour('429s without a word', { status: 429, body: '' }, 'run_sse'),
  stream(
    'with every frame twice',
    usual.flatMap(event => [event, event]),
  ),
  stream('in another order', [say, result, call, think]),
  stream('with the reply first and twice at the end', [say, think, call, result, say, say]),
  stream('with a frame of 30 MB', [think, call, result, { raw: `data: ${'x'.repeat(GIGANTIC)}\n\n` }, say]),
  stream('with a frame of 30 MB that never ends', [think, call, result, { raw: `data: ${'y'.repeat(GIGANTIC)}` }]),
  meets('answers that say they are compressed and are not', ({ server }) => {
    server.fault({ match: { path: /lambda\// }, times: 2, carryOut: true, headers: { 'content-encoding': 'gzip' } });
  }),
  result1('that says it is compressed and is not', { headers: { 'content-encoding': 'gzip' } }),
  result1('that is a gzip of zeros, a thousand times larger than sent', {
    status: 200,
    headers: { 'content-encoding': 'gzip', 'content-type': 'video/mp4' },
    body: gzipSync(Buffer.alloc(50_000_000)).toString('latin1'),
  }),
  result1('shorter than it says', { hangUp: { atByte: 100_000 } }),
  result1('that ends early and says that was all', { truncated: 100_000 }),
  result1('longer than it says', { headers: { 'content-length': '1000' } }),
  result1('of another type (a web page)', {
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<h1>hi</h1>',
  }),
];
