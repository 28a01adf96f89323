/** A whole daemon with a user id of its own, and others on the machine who may write into its folders. */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Box } from '../../../support/box.ts';
import { descendants } from '../../../support/descendants.ts';
import { exchanging, NEIGHBOUR, noNeighbours, STRANGER } from '../../../support/exchanger.ts';
import { eventually } from '../../../support/eventually.ts';
import { footage } from '../../../support/footage.ts';
import { demand, inBox, Originals, seconds, sleep } from '../arena.ts';
import type { Case } from '../suite.ts';

const DAEMON = 4601;
/** A group that the daemon is in and the neighbour is not: what they must not get through it. */
const FAMILY = 4610;
const ATTACK_MS = 60_000;

const HOUSE: Pick<Case, 'cannot'> = noNeighbours === undefined ? {} : { cannot: noNeighbours };

type Policy = 'keep' | 'delete' | 'archive';

/** A box whose daemon is a user of its own; the neighbour owns the inbox, and may write into outbox and archive. */
function inHouse(originals: Policy, act: (box: Box) => Promise<string>, more: object = {}): Promise<string> {
  const folder = {
    ...{ inbox: 'inbox', outbox: 'outbox', settle: '300ms', scan: '1s', reports: 'always', originals },
    ...(originals === 'archive' && { archive: 'archive', archive_days: 30 }),
  };
  const config = { folders: [folder], rules: [{ name: 'fits', size: '50MB' }], limits: { local: 2 }, ...more };
  const wrap = ['setpriv', `--reuid=${DAEMON}`, `--regid=${DAEMON}`, `--groups=${FAMILY}`, '--inh-caps=-all'];
  return inBox({ config, wrap }, async box => {
    mkdirSync(join(box.dir, 'archive'));
    mkdirSync(box.state);
    chownSync(box.state, DAEMON, DAEMON);
    for (const path of [box.dir, box.inbox, box.outbox, join(box.dir, 'archive')]) chmodSync(path, 0o755);
    for (const path of [box.inbox, box.outbox, join(box.dir, 'archive')]) forNeighbour(path);
    return act(box);
  });
}

/** Theirs, and the daemon may write there. */
function forNeighbour(path: string): void {
  chownSync(path, NEIGHBOUR, NEIGHBOUR);
  chmodSync(path, 0o777);
}

/** A film that the daemon may read, because somebody of its group let it, and the neighbour may not: two seconds long. */
async function privateFilm(box: Box): Promise<{ dir: string; film: string; lasts: number }> {
  const dir = join(box.dir, 'private');
  mkdirSync(dir);
  const film = join(dir, 'clip0.mp4');
  const from = await footage('faststart');
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-nostdin', '-i', from, '-t', '2', '-c', 'copy', film]);
  for (let n = 1; n < 100; n += 1) copyFileSync(film, join(dir, `clip${n}.mp4`));
  for (const name of readdirSync(dir)) {
    chownSync(join(dir, name), STRANGER, FAMILY);
    chmodSync(join(dir, name), 0o640);
  }
  chownSync(dir, STRANGER, FAMILY);
  // The daemon could remove and write there: only its care keeps it from that.
  chmodSync(dir, 0o770);
  return { dir, film, lasts: seconds(film) };
}

function exchangedCase(originals: Policy): Case {
  return {
    name: `folders exchanged for links for a minute, originals: ${originals}`,
    keeps: 'nobody gets at the files of others',
    ...HOUSE,
    run: ({ random }) =>
      inHouse(originals, async box => {
        const { dir, lasts } = await privateFilm(box);
        const theirs = new Originals();
        for (const name of readdirSync(dir)) theirs.remember(join(dir, name));
        const own = new Folders(box, dir);
        const film = await footage('plain');
        await box.start();
        const pauseS = [0.0001, 0.0003, 0.003][random.between(0, 2)] ?? 0;
        const others = await own.exchange(pauseS);
        let dropped = 0;
        for (const until = performance.now() + ATTACK_MS; performance.now() < until; ) {
          await sleep(200 + random.between(0, 800));
          // As many as it can do meanwhile, however busy the machine is.
          const waiting = (await box.jobs()).filter(({ state }) => BUSY.has(state)).length;
          if (waiting > 3) continue;
          own.drop(film, `clip${dropped % 100}.mp4`);
          dropped += 1;
        }
        let exchanges = 0;
        for (const other of others) exchanges += await other.stop();
        const jobs = await settled(box);
        theirs.mustBeUntouched();
        demand(
          readdirSync(dir).length === theirs.count,
          `something was put to the private films: ${readdirSync(dir).join(', ')}`,
        );
        mustNotShow(box, lasts);
        own.mustBeTrue(box);
        own.close();
        return `${dropped} films, ${exchanges} exchanges, ${summary(jobs)}`;
      }),
  };
}

/** The neighbour's folders, held: nobody can exchange those. */
class Folders {
  readonly #box: Box;
  readonly #inbox: number;

  constructor(box: Box, elsewhere: string) {
    this.#box = box;
    for (const path of [box.inbox, box.outbox, join(box.dir, 'archive')]) {
      mkdirSync(join(path, 'd'));
      forNeighbour(join(path, 'd'));
      symlinkSync(elsewhere, join(path, 'l'));
    }
    this.#inbox = openSync(join(box.inbox, 'd'), 'r');
  }

  exchange(pauseS: number) {
    return Promise.all(
      [this.#box.inbox, this.#box.outbox, join(this.#box.dir, 'archive')].map((path, seed) =>
        exchanging(join(path, 'd'), join(path, 'l'), { uid: NEIGHBOUR, pauseS, seed }),
      ),
    );
  }

  drop(film: string, name: string): void {
    const to = this.#path(name);
    if (existsSync(to)) return;
    copyFileSync(film, `${to}.part`);
    chownSync(`${to}.part`, NEIGHBOUR, NEIGHBOUR);
    renameSync(`${to}.part`, to);
  }

  /** What the journal says was put away is no longer there, unless it was dropped again since. */
  mustBeTrue(box: Box): void {
    const events = box.journal().filter(({ event }) => event === 'disposed' || event === 'admitted');
    const last = new Map<string, { event: string; path: string }>();
    for (const { job, event, data } of events) {
      const path = String(event === 'admitted' ? data['path'] : (last.get(job ?? '')?.path ?? ''));
      last.set(job ?? '', { event, path });
    }
    const disposed = [...last.values()].filter(({ event }) => event === 'disposed');
    const still = disposed.filter(({ path }) => existsSync(this.#path(path.slice(path.lastIndexOf('/') + 1))));
    const again = new Set([...last.values()].filter(({ event }) => event === 'admitted').map(({ path }) => path));
    const lies = still.filter(({ path }) => !again.has(path));
    demand(lies.length === 0, `said to be put away, and still there: ${lies.map(({ path }) => path).join(', ')}`);
  }

  #path(name: string): string {
    return `/proc/self/fd/${this.#inbox}/${name}`;
  }

  close(): void {
    closeSync(this.#inbox);
  }
}

const BUSY: ReadonlySet<string> = new Set(['queued', 'running', 'verifying', 'delivering', 'waiting']);

/** All jobs, once none of them is under way any more. */
async function settled(box: Box) {
  return eventually(
    async () => {
      const jobs = await box.jobs();
      const busy = jobs.filter(({ state }) => BUSY.has(state));
      demand(busy.length === 0, `${busy.length} jobs are under way: ${busy[0]?.source} ${busy[0]?.state}`);
      return jobs;
    },
    { what: 'all jobs to rest', withinMs: box.patienceMs },
  );
}

function mustNotShow(box: Box, lasts: number): void {
  for (const name of box.outputs().filter(one => one.endsWith('.mp4'))) {
    const is = seconds(join(box.outbox, name));
    demand(Math.abs(is - lasts) > 0.5, `${name} lasts ${is} s: it was made from the private film`);
  }
}

function summary(jobs: readonly { state: string }[]): string {
  const counts = new Map<string, number>();
  for (const { state } of jobs) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

/** Everything that is no file, under the name of one. */
const KINDS = ['pipe', 'device', 'link', 'dangling link', 'socket', 'folder'] as const;

function put(kind: (typeof KINDS)[number], path: string, target: string): void {
  if (kind === 'pipe') execFileSync('mkfifo', [path]);
  else if (kind === 'device') execFileSync('mknod', [path, 'c', '1', '5']);
  else if (kind === 'socket')
    execFileSync('python3', ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', path]);
  else if (kind === 'folder') mkdirSync(path);
  else symlinkSync(kind === 'link' ? target : '/nowhere', path);
}

const strangeFiles: Case = {
  name: 'pipes, devices, links, sockets and folders as films, words, link files, results, reports, folders, originals',
  keeps: 'nobody gets at the files of others; nothing stands still',
  ...HOUSE,
  run: () =>
    inHouse('archive', async box => {
      const { dir, film, lasts } = await privateFilm(box);
      const theirs = new Originals();
      for (const name of readdirSync(dir)) theirs.remember(join(dir, name));
      const good = await footage('tiny');
      const secret = join(box.state, 'identity.json');
      writeFileSync(secret, '{"token":"nobody-may-read-this"}');
      chownSync(secret, DAEMON, DAEMON);
      chmodSync(secret, 0o600);
      for (const kind of KINDS) {
        const name = kind.replace(' ', '-');
        put(kind, join(box.inbox, `film-${name}.mp4`), film);
        put(kind, join(box.inbox, `words-${name}.mp4.txt`), secret);
        put(kind, join(box.inbox, `linked-${name}.url`), secret);
        put(kind, join(box.outbox, `result-${name}.mp4`), film);
        put(kind, join(box.outbox, `result-${name}.report.txt`), secret);
        if (kind !== 'folder') put(kind, join(box.outbox, `into-${name}`), dir);
        put(kind, join(box.dir, 'archive', `result-${name}.mp4`), film);
        for (const each of ['words', 'result']) copyFileSync(good, join(box.inbox, `${each}-${name}.mp4`));
        if (kind !== 'folder') {
          mkdirSync(join(box.inbox, `into-${name}`));
          forNeighbour(join(box.inbox, `into-${name}`));
          copyFileSync(good, join(box.inbox, `into-${name}`, 'clip.mp4'));
        }
      }
      await box.start();
      // Its explanation is asked for again and again, which once took every thread.
      const asked = KINDS.flatMap(kind =>
        [`words-${kind}.mp4`, `film-${kind}.mp4`, `linked-${kind}.url`].map(name => name.replace(' ', '-')),
      );
      const answers = await Promise.all(
        asked.map(name =>
          box
            .get<unknown>(`/api/explain?path=${encodeURIComponent(join(box.inbox, name))}`)
            .then(answer => JSON.stringify(answer), String),
        ),
      );
      demand(!answers.some(answer => answer.includes('nobody-may-read-this')), 'an explanation quotes a secret');
      const jobs = await settled(box);
      const done = await box.job('result-pipe.mp4', 'done');
      demand(done.output === join(box.outbox, 'result-pipe (2).mp4'), `delivered as ${done.output}`);
      theirs.mustBeUntouched();
      demand(
        readdirSync(dir).length === theirs.count,
        `something was put to the private films: ${readdirSync(dir).join(', ')}`,
      );
      mustNotShow(box, lasts);
      await mustEnd(box);
      return `${asked.length} explanations, ${summary(jobs)}; stopped in time`;
    }),
};

/** SIGTERM ends it in time, whatever lies around. */
async function mustEnd(box: Box): Promise<void> {
  const began = performance.now();
  await Promise.race([
    box.kill('SIGTERM'),
    sleep(20_000).then(() => {
      throw new Error('SIGTERM did not end it within 20 s');
    }),
  ]);
  const took = performance.now() - began;
  demand(took < 15_000, `it took ${Math.round(took)} ms to stop`);
}

const pipesInPlace: Case = {
  name: 'films replaced by pipes and links the moment their writer closes them, for a minute',
  keeps: 'nothing stands still',
  ...HOUSE,
  run: ({ random }) =>
    inHouse('keep', async box => {
      const { dir, film, lasts } = await privateFilm(box);
      const good = await footage('tiny');
      await box.start();
      let n = 0;
      for (const until = performance.now() + ATTACK_MS; performance.now() < until; n += 1) {
        const path = join(box.inbox, `clip${n}.mp4`);
        copyFileSync(good, path);
        await sleep(random.between(0, 899));
        rmSync(path, { force: true });
        put(random.between(0, 1) === 0 ? 'pipe' : 'link', path, film);
        if (n % 10 === 9) rmSync(join(box.inbox, `clip${n - 9}.mp4`), { force: true });
      }
      // A film of somebody honest is done all the same.
      copyFileSync(good, join(box.inbox, 'honest.mp4'));
      await box.job('honest.mp4', 'done');
      mustNotShow(box, lasts);
      demand(readdirSync(dir).length === 100, 'something was put to the private films');
      await mustEnd(box);
      return `${n} films replaced; an honest one was done, and it stopped in time`;
    }),
};

/** A program of the stranger: storms of requests, cut off, slow, malformed. Ends after the milliseconds it is told. */
const STORM = `
const [port, file, forMs, seed, token] = process.argv.slice(1);
const net = require('node:net');
let sent = 0, answered = 0, chance = Number(seed) || 1;
const random = of => (chance = (chance * 1103515245 + 12345) % 2147483648) % of;
const until = Date.now() + Number(forMs);
const path = encodeURIComponent(file);
const KINDS = [
  () => 'GET /api/explain?path=' + path + ' HTTP/1.1\\r\\nHost: localhost:' + port + '\\r\\nAuthorization: Bearer ' + token + '\\r\\n\\r\\n',
  () => 'GET /api/explain?path=' + path + ' HTTP/1.1\\r\\nHost: localhost:' + port + '\\r\\n\\r\\n',
  () => 'GET /api/explain?path=' + path + ' HTTP/1.1\\r\\nHost: localhost:' + port + '\\r\\nSec-Fetch-Site: cross-site\\r\\n\\r\\n',
  () => 'GET /api/status HTTP/1.1\\r\\nHost: evil.example\\r\\n\\r\\n',
  () => 'POST /api/pause HTTP/1.1\\r\\nHost: localhost:' + port + '\\r\\nOrigin: http://evil.example\\r\\nContent-Length: 0\\r\\n\\r\\n',
  () => 'POST /api/drop?inbox=x&name=..%2F..%2Fx.mp4 HTTP/1.1\\r\\nHost: localhost:' + port + '\\r\\nContent-Length: 1000000\\r\\n\\r\\nslow',
  () => 'GET /api/events HTTP/1.1\\r\\nHost: localhost:' + port + '\\r\\n\\r\\n',
  () => 'GET / HTTP/1.1\\r\\nHost: localhost\\r\\nTransfer-Encoding: chunked\\r\\nContent-Length: 5\\r\\n\\r\\n0\\r\\n\\r\\nX',
  () => Buffer.from(Array.from({ length: 200 }, () => random(256))),
];
function one() {
  if (Date.now() > until) return;
  const socket = net.connect(Number(port), '127.0.0.1', () => { sent += 1; socket.write(KINDS[random(KINDS.length)]()); });
  socket.on('data', () => (answered += 1)).on('error', () => {});
  setTimeout(() => socket.destroy(), 50 + random(1500)).unref();
  socket.on('close', () => setTimeout(one, random(20)));
}
for (let n = 0; n < 60; n += 1) one();
setTimeout(() => { console.log(sent + ' ' + answered); process.exit(); }, Number(forMs) + 500);
`;

/** Every other one who storms may come in. */
const TOKEN = 'a-token-of-forty-characters-nobody-guesses';

const requests: Case = {
  name: 'storms of requests from another user for a minute: explanations, uploads, events, nonsense',
  keeps: 'nothing stands still',
  ...HOUSE,
  run: ({ random }) => {
    const port = 20_000 + random.between(0, 19999);
    return inHouse(
      'keep',
      async box => {
        const good = await footage('plain');
        const film = join(box.inbox, 'asked.mp4');
        copyFileSync(good, film);
        writeFileSync(join(box.dir, 'token'), TOKEN);
        chownSync(join(box.dir, 'token'), DAEMON, DAEMON);
        chmodSync(join(box.dir, 'token'), 0o600);
        await box.start();
        const [command, ...words] = ['setpriv', `--reuid=${STRANGER}`, `--regid=${STRANGER}`, '--clear-groups'];
        const args = [
          ...words,
          process.execPath,
          '-e',
          STORM,
          String(port),
          film,
          String(ATTACK_MS),
          String(random.between(1, 999_999)),
          TOKEN,
        ];
        const storm = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        let said = '';
        storm.stdout.on('data', chunk => (said += String(chunk)));
        let [slowest, children] = [0, 0];
        for (const until = performance.now() + ATTACK_MS; performance.now() < until; ) {
          const began = performance.now();
          demand((await box.status()).running, 'it died');
          slowest = Math.max(slowest, performance.now() - began);
          children = Math.max(children, descendants(box.pid).length);
          await sleep(200);
        }
        await eventually(() => said !== '', { what: 'the storm to end' });
        copyFileSync(good, join(box.inbox, 'after.mp4'));
        await box.job('after.mp4', 'done');
        demand(
          readdirSync(box.inbox).every(name => /^(asked|after)\.mp4$/.test(name)),
          `uploaded: ${readdirSync(box.inbox).join(', ')}`,
        );
        demand(children <= 12, `${children} children at once`);
        await mustEnd(box);
        const [sent = '', answered = ''] = said.trim().split(' ');
        return `${sent} requests, ${answered} answers; the slowest answer to us took ${Math.round(slowest)} ms, ${children} children at most`;
      },
      { http: { listen: `127.0.0.1:${port}`, token_file: 'token' } },
    );
  },
};

export const daemonCases: readonly Case[] = [
  exchangedCase('delete'),
  exchangedCase('archive'),
  strangeFiles,
  pipesInPlace,
  requests,
];
