import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/core/events.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { aDecision, aPin, TO_DONE } from '../support/builders.ts';
import { runCli } from '../support/cli.ts';
import type { FakeControl } from '../support/fake-control.ts';
import { serving, tempDir } from '../support/serving.ts';

let dir: string;
let stateDir: string;

beforeEach(async () => {
  dir = await tempDir();
  stateDir = join(dir, 'state');
  await mkdir(join(dir, 'inbox'));
  await writeFile(join(dir, 'config.yaml'), 'log: { level: silent }\n');
});

const run = (...argv: string[]) => runCli(['--config', join(dir, 'config.yaml'), ...argv], { cwd: dir });

/** A daemon with a few jobs, answering at this test's state directory. */
async function daemon(): Promise<FakeControl> {
  await mkdir(stateDir);
  const { control } = await serving({ stateDir });
  control.add({ id: 'run1', state: 'running', step: 'pass 2 of 2', progress: 0.417, source: '/in/long.mov' });
  control.add({ id: 'done1', state: 'done', output: '/out/done1.mp4', output_bytes: 1_000_000, how: 'two passes' });
  control.add({ id: 'fail1', state: 'failed', reason: 'it is a text file', hint: 'Drop a video.' });
  return control;
}

/** The contract: scripts rely on exactly these. */
const KEYS = [
  'id',
  'source',
  'folder',
  'rule',
  'engine',
  'state',
  'reason',
  'action',
  'step',
  'progress',
  'source_bytes',
  'target_bytes',
  'target_firm',
  'output',
  'output_bytes',
  'created_at',
  'updated_at',
];

describe('with a daemon', () => {
  it('archive lists the originals that can be brought back, and until when they are kept', async () => {
    const control = await daemon();
    expect((await run('archive')).out).toBe('no original is in an archive\n');
    const at = Date.UTC(2026, 10, 1);
    const original = '/archive/old.mov';
    control.add({
      id: 'old1',
      state: 'done',
      source: '/in/old.mov',
      source_bytes: 5_000_000,
      original,
      updated_at: at,
    });
    const { code, out } = await run('archive');
    expect(code).toBe(0);
    expect(out).toMatch(/old1 +5\.00 MB +2026-11-01.* 2026-12-01.* +\/in\/old\.mov\n1 original, 5\.00 MB/);
    expect(JSON.parse((await run('archive', '--json')).out)).toMatchObject({ bytes: 5e6, files: [{ job: 'old1' }] });
  });

  it('job finds by the name of the file, and asks where several have it', async () => {
    const control = await daemon();
    expect((await run('job', 'long.mov')).out).toContain('run1');
    expect((await run('job', '/in/long.mov')).out).toContain('run1');
    control.add({ id: 'run2', source: '/in/tapes/long.mov' });
    expect((await run('job', 'tapes/long.mov')).out).toContain('run2');
    const both = await run('job', 'long.mov');
    expect(both).toMatchObject({
      code: 2,
      err: expect.stringMatching(/2 files are called long\.mov.*run[12], run[12]/s),
    });
    expect(await run('job', 'ong.mov')).toMatchObject({ code: 2, err: expect.stringContaining('there is no job') });
  });

  it('jobs lists them for people', async () => {
    await daemon();
    const { code, out, err } = await run('jobs');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^ID +STATE/);
    expect(out).toMatch(/run1 .*running.*pass 2 of 2 41 %/);
    expect(out).toMatch(/done1 .*4\.00 MB -> 1\.00 MB \(75 % smaller\): \/out\/done1\.mp4/);
    expect(out).toMatch(/fail1 .*failed.*it is a text file/);
  });

  it('jobs --json is an array with exactly the keys of the contract', async () => {
    await daemon();
    const jobs = JSON.parse((await run('jobs', '--json')).out) as object[];
    expect(jobs).toHaveLength(3);
    for (const job of jobs) expect(Object.keys(job)).toEqual(KEYS);
    expect(JSON.parse((await run('jobs', '--state', 'failed', '--json')).out)).toMatchObject([{ id: 'fail1' }]);
    expect(JSON.parse((await run('jobs', '--state', 'held', '--json')).out)).toEqual([]);
    expect((await run('jobs', '--state', 'held')).out).toBe('no job is held\n');
  });

  it('job tells everything, with the reason and what to do', async () => {
    await daemon();
    const { code, out } = await run('job', 'fail1');
    expect(code).toBe(0);
    for (const said of ['it is a text file', 'Drop a video.', 'admitted', 'rule default']) expect(out).toContain(said);
    expect(JSON.parse((await run('job', 'fail1', '--json')).out)).toMatchObject({
      id: 'fail1',
      history: [{ event: 'admitted' }],
    });
  });

  it('a result of 404 MB "at most 50.0 MB" had its size given up, and says so', async () => {
    const control = await daemon();
    control.add({ id: 'big1', state: 'done', target_bytes: 50e6, output_bytes: 404e6 });
    expect((await run('job', 'big1')).out).toMatch(/at most +50\.0 MB, given up \(see note\)/);
    expect((await run('job', 'done1')).out).not.toContain('given up');
  });

  it('an unknown job ends with 2', async () => {
    await daemon();
    expect(await run('job', 'nope')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('there is no job nope'),
    });
  });

  it('names from outside cannot touch the terminal, and stay what they are in JSON', async () => {
    const control = await daemon();
    const evil = '/in/\u001b]0;owned\u0007\u001b[2J\r\n\u009b31m\u202egpj.mp4 "quoted" \'é\' 🎬';
    control.add({
      id: 'evil1',
      source: evil,
      state: 'held',
      reason: `${evil} is odd`,
      hint: evil,
      step: evil,
      notes: [evil],
      facts: { [evil]: evil },
      history: [{ at: 1, event: evil, note: evil }],
    });
    for (const argv of [['jobs'], ['status'], ['job', 'evil1'], ['explain', evil]]) {
      const { code, out } = await run(...argv);
      expect(code).toBe(0);
      expect(out).toContain('\\u{1b}]0;owned\\u{7}');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
      expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
      const json = (await run(...argv, '--json')).out;
      expect(json.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
      JSON.parse(json);
    }
    expect(JSON.parse((await run('job', 'evil1', '--json')).out).source).toBe(evil);
  });

  it('a terminal gets colours and lines that fit, unless NO_COLOR says no', async () => {
    const control = await daemon();
    control.add({ id: 'long1', source: `/in/${'very-'.repeat(60)}long.mp4`, state: 'failed', reason: 'r'.repeat(300) });
    const config = ['--config', join(dir, 'config.yaml')];
    const { out } = await runCli([...config, 'jobs'], { cwd: dir, columns: 80 });
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const coloured = await runCli([...config, 'status'], { columns: 80 });
    expect(coloured.out).toContain('\u001b[32mrunning');
    const plain = await runCli([...config, 'status'], { columns: 80, env: { NO_COLOR: '1' } });
    expect(plain.out).not.toContain('\u001b');
  });
});

describe('without a daemon', () => {
  async function journaled(): Promise<void> {
    await mkdir(join(stateDir, 'journal'), { recursive: true });
    const ledger: Ledger = new Ledger({ append: entries => journal.append(entries) }, systemClock);
    const fail = (error: unknown) => {
      throw error;
    };
    const options = { dir: join(stateDir, 'journal'), clock: systemClock, log: silentLogger, onFatal: fail };
    const journal = await openJournal({ ...options, onRecord: () => {} });
    await ledger.commit('abcdefgh', admitted(1, 'one.mp4'), ...TO_DONE);
    await ledger.commit('abcxyzzz', admitted(2, 'two.mp4'));
    await ledger.commit('abcxyzzz', {
      event: 'failed',
      data: { reason: { code: 'not-media', text: 'it is a text file' } },
    });
    await ledger.commit('xyzabcde', admitted(3, 'three.mp4'));
    await journal.close();
  }

  function admitted(arrival: number, name: string): JobEvent {
    const inbox = join(dir, 'inbox');
    const pin = aPin({ sizeBytes: 1_000_000 });
    const path = join(inbox, name);
    return {
      event: 'admitted',
      data: { arrival, inbox, path, relative: name, pin, fingerprint: name, version: 1, decision: aDecision() },
    };
  }

  it('the journal is read, and nothing is written', async () => {
    await journaled();
    const before = await snapshot();
    expect(JSON.parse((await run('jobs', '--json')).out)).toMatchObject([
      { id: 'xyzabcde', state: 'queued' },
      { id: 'abcxyzzz', state: 'failed', reason: 'it is a text file' },
      { id: 'abcdefgh', state: 'done', output: '/out/clip.mp4', output_bytes: 400_000, progress: 1 },
    ]);
    for (const job of JSON.parse((await run('jobs', '--json')).out) as object[]) expect(Object.keys(job)).toEqual(KEYS);
    expect(JSON.parse((await run('status', '--json')).out)).toMatchObject({
      running: false,
      mode: 'stopped',
      counts: { done: 1, failed: 1, queued: 1 },
      totals: {
        done: 1,
        source_bytes: 1_000_000,
        output_bytes: 400_000,
        saved_bytes: 600_000,
        freed_bytes: 0,
        originals_left: { files: 1, bytes: 1_000_000 },
      },
    });
    expect((await run('status')).out).toContain('no daemon is running');
    expect((await run('job', 'abcdef')).out).toContain('two passes');
    expect(await run('job', 'abc')).toMatchObject({ code: 2 });
    expect(await run('job', 'xyz')).toMatchObject({ code: 0 });
    expect(await run('job', 'xy')).toMatchObject({ code: 2 });
    expect(await run('job', '')).toMatchObject({ code: 2 });
    expect(await snapshot()).toEqual(before);
  });

  it('explain says which rule a file would get, and what happened to it', async () => {
    await journaled();
    await writeFile(join(dir, 'inbox/one.mp4'), 'x'.repeat(5000));
    const { code, out } = await run('explain', 'inbox/one.mp4');
    expect(code).toBe(0);
    for (const said of ['default', 'before: job abcdefgh, done']) expect(out).toContain(said);
  });

  it('a state directory that never was is not made', async () => {
    expect(await run('jobs')).toMatchObject({ code: 0, out: 'no jobs yet: drop a video into an inbox\n' });
    expect(JSON.parse((await run('jobs', '--json')).out)).toEqual([]);
    expect((await readdir(dir)).sort()).toEqual(['config.yaml', 'inbox']);
  });

  it('a damaged journal ends with 14 and names the line', async () => {
    await journaled();
    const [segment = ''] = await readdir(join(stateDir, 'journal'));
    await writeFile(join(stateDir, 'journal', segment), 'rubbish\n{"more":"rubbish"}\n');
    const { code, err } = await run('jobs');
    expect(code).toBe(14);
    expect(err).toContain('000001.jsonl');
  });

  /** Every path below the state directory with what would change if somebody wrote. */
  async function snapshot(): Promise<string[]> {
    const names = await readdir(stateDir, { recursive: true });
    const stats = await Promise.all(names.map(name => stat(join(stateDir, name))));
    return names.map((name, i) => `${name} ${stats[i]?.size} ${stats[i]?.mtimeMs} ${stats[i]?.ino}`);
  }
});
