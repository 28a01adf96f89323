/** Planted secrets, looked for everywhere shrinkbox writes or answers; and who may read what it keeps. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { request } from 'undici';
import { eventually } from '../../../support/eventually.ts';
import { footage } from '../../../support/footage.ts';
import { NemoServer } from '../../../support/nemo-server/server.ts';
import { demand, inBox } from '../arena.ts';
import { descendants } from '../../../support/descendants.ts';
import type { Case } from '../suite.ts';

const PLANTED = {
  nemo: 'planted-nemo-token-5f1e0c',
  http: 'planted-http-token-9a77d2',
  webhook: 'planted-webhook-key-c0ffee',
};

export const planted: Case = {
  name: 'planted tokens are in no log, journal, report, page, answer, argument, error or core file',
  keeps: 'nemo-api; style: secrets never reach a log',
  run: async () => {
    const server = new NemoServer({ render: 'copy', tokens: { [PLANTED.nemo]: 'user-1' } });
    await server.start();
    let hooked = 0;
    const hook = createServer((_asked, answer) => {
      hooked += 1;
      answer.writeHead(500).end(`no such hook ${PLANTED.webhook}`);
    });
    hook.listen(0, '127.0.0.1');
    await once(hook, 'listening');
    const hookUrl = `http://user:${PLANTED.webhook}@127.0.0.1:${(hook.address() as AddressInfo).port}/${PLANTED.webhook}?key=${PLANTED.webhook}`;
    const config = {
      engine: 'nemo',
      rules: [{ name: 'cloud', size: '50MB', instruction: 'compress this video to under 50MB', min_saving: '0%' }],
      nemo: { api_url: server.url, poll_interval: '200ms', retry_after: '200ms' },
      http: { listen: '127.0.0.1:0', token_file: 'http-token' },
      notify: [{ url: hookUrl, on: ['done', 'failed', 'held'] }],
      folders: [{ inbox: 'inbox', outbox: 'outbox', settle: '300ms', scan: '1s', reports: 'always' }],
      log: { level: 'debug' },
    };
    try {
      // Started where core files are allowed, and would be written into the box.
      const wrap = ['sh', '-c', 'ulimit -c unlimited 2>/dev/null; cd "$HOME"; exec "$@"', 'sh'];
      return await inBox({ config, wrap, env: { NEMO_TOKEN: PLANTED.nemo } }, async box => {
        const tokenFile = join(box.dir, 'http-token');
        writeFileSync(tokenFile, `${PLANTED.http}\n`, { mode: 0o600 });
        await box.start();
        const said = new Map<string, string>();
        const listen = (name: string, text: string) => said.set(`${name} #${said.size}`, text);
        const look = () => {
          for (const pid of [box.pid, ...descendants(box.pid)])
            listen(`arguments of ${pid}`, spawnSync('cat', [`/proc/${pid}/cmdline`], { encoding: 'utf8' }).stdout);
        };
        look();
        box.drop(await footage('plain'), 'film.mp4');
        await eventually(async () => (look(), (await box.jobs()).length > 0), { what: 'a job' });
        // All three are in use, or nothing would be looked for.
        await box.job('film.mp4', 'done');
        await eventually(() => hooked > 0, { what: 'the webhook to be called' });
        // A service that repeats the token in its errors, in a body and in a header.
        server.fault({
          match: {},
          times: 1e6,
          status: 403,
          body: `{"code":1003,"message":"token ${PLANTED.nemo} may not do this"}`,
          headers: { 'x-token': PLANTED.nemo, location: `https://x.example/?token=${PLANTED.nemo}` },
        });
        box.drop(await footage('vfr'), 'refused.mkv');
        writeFileSync(join(box.inbox, 'text.mp4'), 'not a film');
        await box.job('refused.mkv', 'held', 'failed', 'waiting');
        await box.job('text.mp4', 'failed', 'held');
        for (const path of ['/api/status', '/api/jobs', '/healthz']) listen(path, JSON.stringify(await box.get(path)));
        for (const job of await box.jobs()) listen(job.id, JSON.stringify(await box.get(`/api/jobs/${job.id}`)));
        for (const args of [
          ['status'],
          ['jobs'],
          ['check'],
          ['doctor'],
          ['credits'],
          ['notify-test'],
          ['explain', join(box.inbox, 'film.mp4')],
        ]) {
          const { stdout, stderr } = await box.run(...args);
          listen(args.join(' '), stdout + stderr);
        }
        const address = (await box.status()).page?.replace(/\/$/, '');
        for (const path of ['/', '/metrics', '/api/jobs']) {
          for (const token of [undefined, 'wrong', PLANTED.http]) {
            const headers = token ? { authorization: `Bearer ${token}` } : {};
            const { body, headers: answered, statusCode } = await request(`${address}${path}`, { headers });
            if (path === '/api/jobs')
              demand((statusCode === 200) === (token === PLANTED.http), `${path}: ${statusCode}`);
            listen(
              `${path} as ${token === PLANTED.http ? 'the owner' : token}`,
              (await body.text()) + JSON.stringify(answered),
            );
          }
        }
        await box.kill('SIGABRT');
        listen('log', box.logText());
        for (const file of everyFile(box.dir)) {
          // The person put it there themselves.
          if (file === tokenFile || file === join(box.dir, 'config.yaml')) continue;
          listen(file, readFileSync(file).toString('latin1'));
        }
        const leaks = [...said].filter(([, text]) => Object.values(PLANTED).some(secret => text.includes(secret)));
        demand(
          leaks.length === 0,
          `secrets in: ${leaks.map(([name, text]) => `${name} (${around(text)})`).join('; ')}`,
        );
        return `${said.size} places looked into, page and API included`;
      });
    } finally {
      hook.close();
      await server.stop();
    }
  },
};

function around(text: string): string {
  const at = Math.min(
    ...Object.values(PLANTED)
      .map(secret => text.indexOf(secret))
      .filter(index => index >= 0),
  );
  return text.slice(Math.max(0, at - 60), at + 12);
}

function everyFile(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}

export const modes: Case = {
  name: 'the state directory is 0700 and its files 0600, whatever the umask',
  keeps: 'design 6',
  run: async () => {
    const server = new NemoServer({ render: 'copy' });
    await server.start();
    let looked = 0;
    try {
      for (const umask of ['000', '022', '777']) {
        const config = {
          engine: 'nemo',
          rules: [{ name: 'cloud', size: '50MB', instruction: 'compress this video to under 50MB', min_saving: '0%' }],
          nemo: { api_url: server.url, poll_interval: '200ms' },
        };
        // A umask that takes every right away from us as well is for root alone.
        if (umask === '777' && process.getuid?.() !== 0) continue;
        await inBox({ config, wrap: ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh'] }, async box => {
          await box.start();
          box.drop(await footage('plain'), 'film.mp4');
          const open: string[] = [];
          const look = () => {
            for (const path of ['', ...readdirSync(box.state, { recursive: true }).map(String)]) {
              const stat = lstatSync(join(box.state, path), { throwIfNoEntry: false });
              if (!stat || stat.isSymbolicLink()) continue;
              looked += 1;
              if ((stat.mode & 0o077) !== 0) open.push(`${path || '.'} ${(stat.mode & 0o777).toString(8)}`);
            }
          };
          /** At rest the owner can enter as well; a folder just made under umask 777 cannot be entered by anybody. */
          const lookAtRest = () => {
            for (const path of ['', ...readdirSync(box.state, { recursive: true }).map(String)]) {
              const stat = lstatSync(join(box.state, path));
              if (stat.isDirectory() && (stat.mode & 0o777) !== 0o700)
                open.push(`${path || '.'} ${(stat.mode & 0o777).toString(8)}`);
            }
          };
          await eventually(
            async () => {
              look();
              const [job] = await box.jobs();
              return job !== undefined && ['done', 'held', 'failed'].includes(job.state);
            },
            { what: 'the job to end', withinMs: box.patienceMs },
          );
          look();
          lookAtRest();
          demand(open.length === 0, `umask ${umask}: others may see ${[...new Set(open)].join(', ')}`);
        });
      }
      return `${looked} looks at files and folders under umask 000, 022 and 777`;
    } finally {
      await server.stop();
    }
  },
};

export const dependencies: Case = {
  name: 'dependencies: none wants to run a script at its installation, none has a known hole',
  keeps: 'issue 5',
  run: async () => {
    const root = join(import.meta.dirname, '../../../..');
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean; dev?: boolean }>;
    };
    const scripts = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript);
    demand(scripts.length === 0, `install scripts: ${scripts.map(([name]) => name).join(', ')}`);
    const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { cwd: root, encoding: 'utf8' });
    const said = parsed(stdout);
    const found = said?.metadata?.vulnerabilities;
    if (!found)
      return `${Object.keys(lock.packages).length} packages without install scripts; the registry audits nothing here`;
    demand(found['total'] === 0, `npm audit: ${JSON.stringify(found)}`);
    return `${Object.keys(lock.packages).length} packages without install scripts, npm audit: 0 of what is shipped`;
  },
};

function parsed(text: string): { metadata?: { vulnerabilities?: Record<string, number> } } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const twoDaemons: Case = {
  name: 'two daemons on one state, however they are started, or on overlapping inboxes',
  keeps: 'watch 38; exit code 11',
  run: () =>
    inBox({}, async box => {
      await box.start();
      const { code, stderr } = await box.run('run');
      demand(code === 11, `the second ended with ${code}: ${stderr}`);
      // A state of its own does not make it another's inbox.
      await inBox({ config: { folders: [{ inbox: join(box.inbox, 'within'), outbox: 'outbox' }] } }, async other => {
        const overlapping = await other.run('run');
        const isNamed = overlapping.stderr.includes(`watches ${box.inbox}, which lies around`);
        demand(overlapping.code === 11 && isNamed, `on an inbox within: ${overlapping.code} ${overlapping.stderr}`);
      });
      // Five at once, after the first is gone: exactly one lives.
      await box.kill('SIGKILL');
      const racing = Array.from({ length: 5 }, () => box.spawn('run'));
      const ends = await Promise.all(
        racing.map(child =>
          Promise.race([
            once(child, 'exit').then(([ended]) => ended as number | null),
            eventually(async () => (await box.status()).pid === child.pid && 'lives', {
              what: 'one to live',
              withinMs: box.patienceMs,
            }).catch(() => 'neither'),
          ]),
        ),
      );
      const lives = ends.filter(end => end === 'lives').length;
      const refused = ends.filter(end => end === 11).length;
      for (const child of racing) child.kill('SIGKILL');
      demand(lives === 1 && refused === 4, `of five at once: ${ends.join(', ')}`);
      const said = stderr.trim().split('\n', 1)[0] ?? '';
      return `the second: exit 11, "${said.slice(0, 120)}"; on an inbox within: exit 11; of five at once one lives, four exit 11`;
    }),
};
