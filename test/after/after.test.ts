import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AfterCommand, AfterCommands, commandsDue, keyOf } from '../../src/after/after.ts';
import type { JobEvent } from '../../src/core/events.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Ledger, replayInto } from '../../src/queue/ledger.ts';
import { aDecision, aPin, REASON, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { microtasks } from '../support/microtasks.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'after-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A command that is this script; `$1` is the folder of the test. */
function script(text: string, more: Partial<AfterCommand> = {}): AfterCommand {
  const path = join(dir, 'script');
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return { run: [path, dir], timeout: 20_000, on: ['done'], ...more };
}

const SECRETS = {
  ...{ NEMO_TOKEN: 's3cret', MY_API_KEY: 's3cret', PASSPHRASE: 's3cret', PRIVATE_KEY: 's3cret', DB_PASS: 's3cret' },
  ...{ SMTP_PWD: 's3cret', GH_PAT: 's3cret', DATABASE_URL: 'postgres://u:s3cret@host/db' },
  ...{
    AUTHORIZATION: 's3cret',
    COOKIE: 's3cret',
    JWT: 's3cret',
    BEARER: 's3cret',
    SENTRY_DSN: 'https://s3cret@sentry.io/1',
  },
  ...{ https_proxy: 'http://u:s3cret@proxy:3128', ALL_PROXY: 'socks5://s3cret@proxy' },
};
const NEEDED = {
  ...{ LANG: 'de_DE.UTF-8', LC_TIME: 'C', TZ: 'Europe/Berlin', XDG_CONFIG_HOME: '/home/ann/.config' },
  http_proxy: 'http://proxy:3128',
};
const ENV = { PATH: process.env['PATH'], HOME: '/home/ann', PWD: '/srv', ...NEEDED, ...SECRETS };

/** A ledger that records what is due, and the commands at work on it. */
function setup(commands: AfterCommand[], journal = new MemoryJournal()) {
  const clock = new FakeClock();
  const ledger = new Ledger(journal, clock);
  for (const line of journal.lines) replayInto(ledger, JSON.parse(line), { file: 'journal', line: 1 });
  ledger.alsoRecord((job, before) => commandsDue(job, before, commands));
  const fatal: unknown[] = [];
  const after = new AfterCommands({
    ...{ commands: () => commands, ledger, env: ENV, clock, log: silentLogger },
    onFatal: error => void fatal.push(error),
  });
  const endAs = async (more: { library?: true }, id: string, ...events: readonly JobEvent[]) => {
    const place = { inbox: '/in', path: `/in/${id}.mp4`, relative: `${id}.mp4`, ...more };
    const data = { ...place, arrival: 1, pin: aPin(), fingerprint: id, version: 1, decision: aDecision() };
    await ledger.commit(id, { event: 'admitted', data }, ...events);
  };
  const end = (id: string, ...events: readonly JobEvent[]) => endAs({}, id, ...events);
  return {
    ledger,
    journal,
    after,
    clock,
    end,
    endAs,
    fatal,
    read: (name: string) => readFileSync(join(dir, name), 'utf8'),
  };
}

const notesOf = (ledger: Ledger, id: string) => {
  const { state } = ledger.expect(id);
  return state.name === 'done' ? state.notes : undefined;
};

describe('a command', () => {
  it('is run once for a folder of a library, when nothing was done there for a minute', async () => {
    const { after, clock, endAs, ledger, read, fatal } = setup([script('echo ran >> "$1/runs"')]);
    await after.start();
    for (const id of ['one', 'two', 'three']) await endAs({ library: true }, id, ...TO_DONE);
    await clock.advance(59_000);
    await endAs({ library: true }, 'four', ...TO_DONE);
    await clock.advance(59_000);
    expect(ledger.expect('one').commands).toBeDefined();
    await clock.advance(1_000);
    await after.onIdle();
    expect(read('runs')).toBe('ran\n');
    for (const id of ['one', 'two', 'three', 'four']) expect(ledger.expect(id).commands, id).toBeUndefined();
    expect(fatal).toEqual([]);
  });

  it('gets the job on its standard input, its words as they are, and none of our secrets (was: AUTHORIZATION, JWT, SENTRY_DSN)', async () => {
    const words = ['$HOME; touch /tmp/x', '*', '"quoted"'];
    const command = script('cat > "$1/stdin"; env > "$1/env"; shift; printf "%s|" "$@" > "$0.args"');
    const { after, end, ledger, read, fatal } = setup([{ ...command, run: [...command.run, ...words] }]);
    await after.start();
    await end('clip', ...TO_DONE);
    await after.onIdle();
    expect(JSON.parse(read('stdin'))).toMatchObject({ id: 'clip', state: 'done', output: '/out/clip.mp4' });
    expect(read('script.args')).toBe(words.map(word => `${word}|`).join(''));
    expect(read('env').split('\n')).toEqual(expect.arrayContaining(Object.entries(NEEDED).map(each => each.join('='))));
    expect(read('env')).toContain('HOME=/home/ann');
    expect(read('env')).not.toContain('s3cret');
    expect(ledger.expect('clip').commands).toBeUndefined();
    expect([notesOf(ledger, 'clip'), fatal]).toEqual([[], []]);
  });

  it('that fails leaves a note on the job, which stays done', async () => {
    const command = script('echo "cannot reach nas" >&2; exit 3');
    const { after, end, ledger } = setup([command, { ...command, run: ['no-such-program-here'] }]);
    await after.start();
    await end('clip', ...TO_DONE);
    await after.onIdle();
    expect(notesOf(ledger, 'clip')?.sort()).toEqual([
      'the command no-such-program-here failed: there is no such program',
      'the command script failed: it ended with exit code 3; the log has what it said',
    ]);
    expect(ledger.expect('clip').commands).toBeUndefined();
  });

  it('that takes too long is ended with all that it has started, even what does not want to', async () => {
    const stubborn = `sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null 2>&1 & echo $! > "$1/pid"; exec sleep 100`;
    const { after, end, ledger, read } = setup([script(stubborn, { timeout: 500 })]);
    await after.start();
    await end('clip', ...TO_DONE);
    await after.onIdle();
    expect(notesOf(ledger, 'clip')).toEqual([
      'the command script failed: it took longer than 0.5s and was ended; see "timeout" under "after"',
    ]);
    const isAlive = () => existsSync(`/proc/${read('pid').trim()}/exe`);
    await expect.poll(isAlive).toBe(false);
  });

  it('that prints without end fills no memory, and one that reads nothing is no trouble', async () => {
    const { after, end, ledger } = setup([
      script('exec 0<&-; head -c 20000000 /dev/zero; yes | head -n 300000; exit 1'),
    ]);
    await after.start();
    const before = process.memoryUsage().rss;
    await end('clip', ...TO_DONE);
    await after.onIdle();
    expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
    expect(notesOf(ledger, 'clip')).toHaveLength(1);
  });

  it('runs once at a time, for every job', async () => {
    const { after, end, read } = setup([
      script('mkdir "$1/busy" || echo twice >> "$1/log"; sleep 0.05; rmdir "$1/busy"; echo ran >> "$1/log"'),
    ]);
    await after.start();
    await Promise.all(['one', 'two', 'three'].map(id => end(id, ...TO_DONE)));
    await after.onIdle();
    expect(read('log')).toBe('ran\nran\nran\n');
  });

  it('runs for a job that ends in the very moment in which the one before is over', async () => {
    const { after, end, ledger } = setup([{ run: ['/bin/true'], timeout: 20_000, on: ['done'] }]);
    await after.start();
    let ending = Promise.resolve();
    for (let turns = 0; turns < 12; turns += 1) {
      const unsubscribe = ledger.subscribe(change => {
        if (!('job' in change) || change.job.id !== `one${turns}` || change.job.commands) return;
        unsubscribe();
        ending = microtasks(turns).then(() => end(`two${turns}`, ...TO_DONE));
      });
      await end(`one${turns}`, ...TO_DONE);
      await after.onIdle();
      await ending;
      await after.onIdle();
      expect(ledger.expect(`two${turns}`).commands, `${turns} turns later`).toBeUndefined();
    }
  });

  it('runs for the ends it is for, and no others', async () => {
    const { after, end, read } = setup([
      script('grep -o "\\"state\\":\\"[a-z]*" >> "$1/log"', { on: ['held', 'failed'] }),
    ]);
    await after.start();
    await end('clip', ...TO_DONE);
    await end('bad', { event: 'held', data: { reason: REASON } });
    await after.onIdle();
    expect(read('log')).toBe('"state":"held\n');
  });
});

describe('a restart', () => {
  it('runs what was due and had not begun, once', async () => {
    const command = script('echo ran >> "$1/log"');
    const { end, journal } = setup([command]);
    await end('clip', ...TO_DONE);
    for (let start = 0; start < 2; start += 1) {
      const again = setup([command], journal);
      await again.after.start();
      await again.after.onIdle();
      expect(again.read('log')).toBe('ran\n');
      await again.after.stop();
    }
  });

  it('does not run again what had begun, and says so', async () => {
    const command = script('echo ran >> "$1/log"');
    const { end, ledger, journal } = setup([command]);
    await end('clip', ...TO_DONE);
    await ledger.commit('clip', { event: 'command-begun', data: { command: keyOf(command) } });
    const again = setup([command], journal);
    await again.after.start();
    await again.after.onIdle();
    expect(existsSync(join(dir, 'log'))).toBe(false);
    expect(notesOf(again.ledger, 'clip')).toEqual([
      'the command script failed: shrinkbox was stopped while it ran; it is not run again',
    ]);
  });

  it('leaves out what is no longer configured', async () => {
    const { end, journal } = setup([script('echo ran >> "$1/log"')]);
    await end('clip', ...TO_DONE);
    const again = setup([], journal);
    await again.after.start();
    await again.after.onIdle();
    expect([existsSync(join(dir, 'log')), again.ledger.expect('clip').commands]).toEqual([false, undefined]);
  });

  it('waits for no command: one under way is ended, and the rest is left for the next start', async () => {
    const command = script('echo ran >> "$1/log"; sleep 100');
    const { after, end, ledger } = setup([command]);
    await after.start();
    await end('one', ...TO_DONE);
    await end('two', ...TO_DONE);
    await expect.poll(() => existsSync(join(dir, 'log'))).toBe(true);
    await after.stop();
    expect(notesOf(ledger, 'one')).toHaveLength(1);
    expect(ledger.expect('two').commands).toEqual({ [keyOf(command)]: 'due' });
  });
});
