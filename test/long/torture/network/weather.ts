/** What the network itself does. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { demand, sleep } from '../arena.ts';
import type { Case, Trial } from '../suite.ts';
import { type CloudArena, type CloudArenaOptions, cannotHurry, ends, inCloud, seen } from './cloud.ts';

const over = (
  name: string,
  keeps: string,
  act: (cloud: CloudArena, trial: Trial) => Promise<string>,
  options: CloudArenaOptions = {},
): Case => ({
  name,
  keeps,
  ...cannotHurry,
  run: trial => inCloud(options, cloud => act(cloud, trial)),
});

/** Where in a job something may go wrong: the first request of each kind. */
const PHASES: readonly [name: string, method: string, path: RegExp][] = [
  ['the token', 'POST', /anonymous-token/],
  ['the session', 'POST', /with-session/],
  ['the upload', 'POST', /upload-video/],
  ['the message', 'POST', /run_sse/],
  ['the render', 'POST', /proxy\/lambda$/],
  ['the poll', 'GET', /proxy\/lambda\//],
];

/** Something happens to all connections in the middle of each phase, one job each. */
const inEveryPhase = (name: string, does: (cloud: CloudArena) => void | Promise<void>): Case[] =>
  [...PHASES, undefined].map(phase =>
    over(`${name} during ${phase?.[0] ?? 'the download'}`, 'watch 72; promises 2, 4', async cloud => {
      const { box, server, drop } = cloud;
      server.fault({
        match: { method: phase?.[1] ?? 'GET', ...(phase ? { path: phase[2] } : {}) },
        delayMs: phase ? 1500 : 0,
      });
      if (!phase) cloud.files.toxics = { bytesPerSecond: 400_000 };
      await box.start();
      await drop('plain', 'film.mp4');
      if (phase) await seen(cloud, phase[1], phase[2]);
      else await downloading(cloud);
      await sleep(300);
      await does(cloud);
      cloud.files.toxics = {};
      return ends(cloud, 'plain', 'film.mp4');
    }),
  );

async function downloading({ files }: CloudArena): Promise<void> {
  while (files.accepted === 0) await sleep(50);
}

export const weather: readonly Case[] = [
  over('latency of 400 ms each way', 'watch 72', async cloud => {
    cloud.api.toxics = { latencyMs: 400 };
    cloud.files.toxics = { latencyMs: 400 };
    await cloud.box.start();
    await cloud.drop('plain', 'film.mp4');
    return ends(cloud, 'plain', 'film.mp4');
  }),
  over('10 kB/s', 'watch 72', async cloud => {
    cloud.api.toxics = { bytesPerSecond: 10_000 };
    cloud.files.toxics = { bytesPerSecond: 10_000 };
    await cloud.box.start();
    await cloud.drop('tiny', 'film.mp4');
    return ends(cloud, 'tiny', 'film.mp4');
  }),
  over('loss: everything stalls for one to six seconds, again and again', 'watch 72', async (cloud, { random }) => {
    await cloud.box.start();
    await cloud.drop('plain', 'film.mp4');
    let going = true;
    const stalling = (async () => {
      for (let n = 0; going && n < 12; n += 1) {
        await sleep(random.between(100, 800));
        const ms = random.between(1000, 6000);
        await Promise.all([cloud.api.stall(ms), cloud.files.stall(ms)]);
      }
    })();
    const said = await ends(cloud, 'plain', 'film.mp4');
    going = false;
    await stalling;
    return said;
  }),
  over('reset again and again, at random', 'watch 72', async (cloud, { random }) => {
    // So slow that there is something to reset at most moments.
    const slow = { latencyMs: 200, bytesPerSecond: 300_000 };
    cloud.api.toxics = slow;
    cloud.files.toxics = slow;
    await cloud.box.start();
    await cloud.drop('plain', 'film.mp4');
    let resets = 0;
    for (let n = 0; n < 40 && resets < 8; n += 1) {
      await sleep(random.between(50, 800));
      resets += cloud.api.reset() + cloud.files.reset();
    }
    demand(resets >= 4, `only ${resets} connections were there to be reset`);
    return `${resets} connections reset; ${await ends(cloud, 'plain', 'film.mp4')}`;
  }),
  ...inEveryPhase('reset', cloud => void (cloud.api.reset() + cloud.files.reset())),
  ...inEveryPhase('half open: the other side is gone and nobody says so', cloud => {
    cloud.api.freeze();
    cloud.files.freeze();
  }),
  over('the service restarts: nobody answers for five minutes', 'watch 72', async cloud => {
    await cloud.box.start();
    await cloud.drop('plain', 'film.mp4');
    await seen(cloud, 'POST', /upload-video/);
    cloud.api.toxics = { refuse: true };
    cloud.api.reset();
    await sleep(15_000);
    cloud.api.toxics = {};
    return ends(cloud, 'plain', 'film.mp4');
  }),
  // With a token of one's own: a free one whose answer is lost is not given again, and nothing else would be tried.
  ...(['the session', 'the message'] as const).map(from =>
    over(
      `slow-loris: answers of a few bytes a second, from ${from} on`,
      'watch 72',
      async cloud => {
        const trickle = () => (cloud.api.toxics = { bytesPerSecond: 5, answersOnly: true });
        if (from === 'the session') trickle();
        await cloud.box.start();
        await cloud.drop('plain', 'film.mp4');
        if (from === 'the message') {
          await seen(cloud, 'POST', /run_sse/);
          trickle();
        }
        await sleep(40_000);
        const alive = await cloud.box.status();
        demand(alive.running, 'it hangs');
        cloud.api.toxics = {};
        cloud.api.reset();
        return ends(cloud, 'plain', 'film.mp4');
      },
      { server: { tokens: { nmv_own: 'u1' } }, env: { NEMO_TOKEN: 'nmv_own' } },
    ),
  ),
  {
    name: 'DNS is gone, and comes back',
    keeps: 'watch 72; promise 5',
    ...cannotHurry,
    run: () =>
      inCloud({ nemo: { api_url: 'https://nemo.invalid' } }, async cloud => {
        const { box, api } = cloud;
        await box.start();
        await cloud.drop('plain', 'film.mp4');
        const waiting = await box.job('film.mp4', 'waiting', 'held', 'failed');
        demand(waiting.state === 'waiting', `it is ${waiting.state}: ${waiting.reason}`);
        await box.kill('SIGTERM');
        const text = readFileSync(join(box.dir, 'config.yaml'), 'utf8');
        box.configure({});
        execFileSync('sh', [
          '-c',
          'printf %s "$1" > "$0"',
          join(box.dir, 'config.yaml'),
          text.replace('https://nemo.invalid', api.url),
        ]);
        await box.start();
        return `waited: "${waiting.reason}"; then ${await ends(cloud, 'plain', 'film.mp4')}`;
      }),
  },
  { name: 'a certificate nobody vouches for', keeps: 'watch 72; promise 5', ...cannotHurry, run: badCertificate },
];

/** TLS in front of the service, with a certificate made on the spot. */
async function badCertificate(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-tls-'));
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const how = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost';
  execFileSync('openssl', [...how.split(' '), '-keyout', key, '-out', cert], { stdio: 'ignore' });
  let behind = 0;
  let reached = 0;
  const tls = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, client => {
    reached += 1;
    const service = connect(behind, '127.0.0.1');
    client.pipe(service).pipe(client);
    for (const socket of [client, service]) socket.on('error', () => void (client.destroy(), service.destroy()));
  });
  tls.on('tlsClientError', () => {});
  tls.listen(0, '127.0.0.1');
  await once(tls, 'listening');
  const address = `https://localhost:${(tls.address() as AddressInfo).port}`;
  try {
    return await inCloud({ nemo: { api_url: address }, speed: 20 }, async cloud => {
      behind = Number(new URL(cloud.server.url).port);
      await cloud.box.start();
      await cloud.drop('plain', 'film.mp4');
      const waiting = await cloud.box.job('film.mp4', 'waiting', 'held', 'failed');
      demand(waiting.state === 'waiting', `it is ${waiting.state}: ${waiting.reason}`);
      demand(cloud.server.requests.length === 0, 'something was sent to a service nobody vouches for');
      demand(/certificate/i.test(waiting.reason ?? ''), `the reason says nothing of a certificate: ${waiting.reason}`);
      return `nothing sent, waiting: "${waiting.reason}" (${reached} connections refused by us)`;
    });
  } finally {
    tls.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
