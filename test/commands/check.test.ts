import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { runCli, spawnCli } from '../support/cli.ts';
import { tempDir } from '../support/serving.ts';

let dir: string;
beforeEach(async () => {
  dir = await tempDir();
});

const run = (...argv: string[]) => runCli(argv, { cwd: dir });
const config = (text: string) => writeFile(join(dir, 'config.yaml'), text);

describe('check', () => {
  it('says when every user of this machine can use the page', async () => {
    await config('{}');
    expect((await run('check')).out).toContain('open to every user of this machine: no http.token_file');
    await writeFile(join(dir, 'token'), '0123456789abcdef0123\n', { mode: 0o600 });
    await config('http: { token_file: token }\n');
    expect((await run('check')).out).not.toContain('open to every user');
  });

  it('says what would be watched', async () => {
    await config(
      'folders: [{ inbox: ./a, outbox: ./b, originals: delete }]\nrules: [{ name: mail, match: "*.mov", size: 25%, audio: mute }]\n',
    );
    const { code, out } = await run('check');
    expect(code).toBe(0);
    for (const said of [
      join(dir, 'a'),
      join(dir, 'b'),
      'deleted after delivery',
      'mail (*.mov): at most 25 % of the original, without sound, engine local',
    ])
      expect(out).toContain(said);
    expect(JSON.parse((await run('check', '--json')).out)).toMatchObject({
      ok: true,
      source: join(dir, 'config.yaml'),
    });
  });

  it('says every mistake at once, each with its place, and ends with 10', async () => {
    await config('engin: local\nrules:\n  - { name: a, size: 50 }\n  - { name: b, resolution: big }\n');
    const { code, out, err } = await run('check');
    expect([code, out]).toEqual([10, '']);
    expect(err).toContain('the configuration has 3 mistakes');
    for (const said of ['config.yaml:1:1', 'did you mean "engine"?', 'config.yaml:3:', 'config.yaml:4:'])
      expect(err).toContain(said);
    const json = JSON.parse((await run('check', '--json')).err);
    expect(json.error).toMatchObject({
      code: 'config-invalid',
      exit_code: 10,
      problems: [{ line: 1 }, { line: 3 }, { line: 4 }],
    });
  });

  it('names the time zone of local_hours, and the time there', async () => {
    await config('limits: { local_hours: "22:00-07:00" }\n');
    const { code, out } = await spawnCli(['check'], { cwd: dir, env: { TZ: 'Asia/Shanghai' } });
    expect([code, out]).toEqual([0, expect.stringMatching(/22:00-07:00, time zone Asia\/Shanghai \(now \d\d:\d\d\)/)]);
  });

  it('prints a schema editors can read', async () => {
    const schema = JSON.parse((await run('check', '--schema')).out);
    expect(schema).toMatchObject({ $schema: expect.stringContaining('json-schema.org'), properties: { rules: {} } });
  });

  it('ends with 12 when a token file gives no token', async () => {
    await config('nemo: { token_file: ./token }\n');
    expect(await run('check')).toMatchObject({ code: 12, err: expect.stringContaining('does not exist') });
  });

  it('says that a token of one letter can be guessed, and takes a long one', async () => {
    await config('http: { token_file: ./token }\n');
    await writeFile(join(dir, 'token'), 'x\n');
    expect(await run('check')).toMatchObject({ code: 0, err: expect.stringContaining('can be guessed') });
    await writeFile(join(dir, 'token'), 'a-token-of-some-length\n');
    expect(await run('check')).toMatchObject({ code: 0, err: '' });
  });

  it('ends with 10 when the file named is not there', async () => {
    expect(await run('check', '--config', 'nope.yaml')).toMatchObject({
      code: 10,
      err: expect.stringContaining('nope.yaml'),
    });
  });
});
