import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createCloudEngine } from '../../../src/app/engines.ts';
import { runCli } from '../../support/cli.ts';
import { type NemoServerOptions, startNemoServer } from '../../support/nemo-server/server.ts';
import { serving, tempDir } from '../../support/serving.ts';

let dir: string;
beforeEach(async () => {
  dir = await tempDir();
});

const run = (...argv: string[]) => runCli(argv, { cwd: dir, parts: { createCloudEngine } });
const config = (text: string) => writeFile(join(dir, 'config.yaml'), text);

describe('doctor', () => {
  const WELL = 'http: { listen: "off" }\n';

  it('finds a fresh set-up ready, and leaves nothing behind', async () => {
    await config(WELL);
    await mkdir(join(dir, 'inbox'));
    await mkdir(join(dir, 'outbox'));
    const { code, out } = await run('doctor');
    expect(out).toContain('ready to run');
    expect(out).not.toContain('[object');
    expect(code).toBe(0);
    for (const about of [
      'program',
      'configuration',
      'ffmpeg',
      'daemon',
      'state',
      'journal',
      'inbox',
      'outbox',
      'watching',
    ])
      expect(out).toMatch(new RegExp(`^(ok  |warn)  ${about} `, 'm'));
    expect((await readdir(dir, { recursive: true })).sort()).toEqual(['config.yaml', 'inbox', 'outbox']);
  });

  it.each<[string, string, number, string]>([
    ['no ffmpeg', 'local: { ffmpeg: /nonexistent/ffmpeg }\n', 13, 'apt install ffmpeg'],
    ['no token where one is named', 'nemo: { token_file: ./none }\n', 12, 'does not exist'],
    ['an outbox that cannot be', 'folders: [{ inbox: ./inbox, outbox: ./missing/disk/outbox }]\n', 3, 'mkdir -p'],
    ['no program to run afterwards', 'after: [{ run: [no-such-program] }]\n', 3, 'there is no program no-such-program'],
    ['an outbox that is a file', 'folders: [{ inbox: ./inbox, outbox: ./config.yaml }]\n', 3, 'is not a folder'],
  ])('finds %s', async (_, text, code, said) => {
    await config(WELL + text);
    await mkdir(join(dir, 'inbox'));
    const ran = await run('doctor');
    expect(ran.out).toContain(said);
    expect(ran.out).toContain('not ready');
    expect(ran.code).toBe(code);
    const json = JSON.parse((await run('doctor', '--json')).out);
    expect(json).toMatchObject({ ok: false, exit_code: code });
    expect(json.findings.some((finding: { result: string }) => finding.result === 'bad')).toBe(true);
  });

  describe('with the cloud engine', () => {
    const cloud = async (server: NemoServerOptions = {}, text = '') => {
      const stand = await startNemoServer({ tokens: { nmv_usr_mine: 'user_1' }, ...server });
      onTestFinished(() => stand.stop());
      await config(`${WELL}engine: nemo\nnemo: { api_url: "${stand.url}" }\n${text}`);
      await mkdir(join(dir, 'inbox'));
      return stand;
    };
    const asked = async (token?: string) => {
      const env = { PATH: process.env['PATH'], ...(token ? { NEMO_TOKEN: token } : {}) };
      const ran = await runCli(['doctor'], { cwd: dir, env, parts: { createCloudEngine } });
      return { ...ran, cloud: ran.out.split('\n').filter(line => /^\S+ +(cloud|clock) /.test(line)) };
    };

    it('asks whether the service is there, takes the token, and what is left, and spends nothing', async () => {
      const server = await cloud();
      const { code, cloud: lines } = await asked('nmv_usr_mine');
      expect(lines).toEqual([
        expect.stringMatching(/^ok +cloud +127\.0\.0\.1:\d+ answers, your token is valid, 100 credits left$/),
        expect.stringMatching(/^ok +clock +agrees with the cloud service's clock$/),
      ]);
      expect(code).toBe(0);
      expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
        'GET /api/credits/balance/simple',
      ]);
    });

    it('asks for no token of its own', async () => {
      const server = await cloud();
      const { code, cloud: lines } = await asked();
      expect(lines[0]).toContain('a free token will be requested with the first file');
      expect(code).toBe(0);
      expect(server.count('POST', /./)).toBe(0);
      expect(await readdir(dir)).toEqual(['config.yaml', 'inbox']);
    });

    it('says what is wrong with the token, and never what it is', async () => {
      await cloud();
      const { code, out, err } = await asked('nmv_usr_wrong');
      expect(out).toMatch(/^bad +cloud .*the service rejected the token in NEMO_TOKEN/m);
      expect(code).toBe(12);
      expect(out + err).not.toContain('nmv_usr_wrong');
    });

    it('says that there are no credits left', async () => {
      await cloud({ credits: 0 });
      expect((await asked('nmv_usr_mine')).out).toMatch(/^warn +cloud .*0 credits left\n +Top up/m);
    });

    it('says that nobody answers, or somebody else does', async () => {
      const server = await cloud();
      server.fault({ match: {}, status: 404, body: '{"detail":"Not Found"}' });
      expect((await asked('nmv_usr_mine')).out).toMatch(
        /^bad +cloud .*the reply contains no balance\n +Check nemo\.api_url/m,
      );
      await server.stop();
      const { code, out } = await asked();
      expect(out).toMatch(/^bad +cloud .*cannot be reached/m);
      expect(code).toBe(3);
    });

    it('says that the clocks are apart', async () => {
      const server = await cloud();
      server.fault({
        match: {},
        body: '{"code":0,"data":{"available":9}}',
        headers: { date: 'Thu, 01 Jan 2026 00:00:00 GMT' },
      });
      expect((await asked('nmv_usr_mine')).out).toMatch(/^warn +clock +this machine's clock is .* ahead of/m);
    });
  });

  it('finds a damaged journal', async () => {
    await config(WELL);
    await mkdir(join(dir, 'state/journal'), { recursive: true });
    await writeFile(join(dir, 'state/journal/000001.jsonl'), 'rubbish\nrubbish\n');
    expect((await run('doctor')).code).toBe(14);
  });

  it('finds a daemon that runs, and a port that is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    onTestFinished(() => void squatter.close());
    const { port } = squatter.address() as { port: number };
    await config(`http: { listen: "127.0.0.1:${port}" }\n`);
    await mkdir(join(dir, 'state'));
    expect((await run('doctor')).out).toContain(`cannot listen on 127.0.0.1:${port} (EADDRINUSE)`);
    const { control } = await serving({ stateDir: join(dir, 'state') });
    const { out } = await run('doctor');
    expect(out).toContain('running, pid 4242');
    expect(out).not.toContain('cannot listen');
    control.pageUnavailable = 'the page is not available: another program uses the port';
    expect((await run('doctor')).out).toContain(control.pageUnavailable);
    expect((await run('status')).out).toContain(control.pageUnavailable);
  });
});
