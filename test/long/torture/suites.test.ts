import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { everyToken } from '../../support/nemo-server/world.ts';
import { mustHoldNoSecret } from '../../support/secrets.ts';
import { trialOf } from './suite.ts';
import { files } from './suites/files.ts';
import { network } from './suites/network.ts';
import { peers } from './suites/peers.ts';
import { security } from './suites/security.ts';

/** A slice of the longer suites. All of them: `npm run torture -- --suite NAME`. */
const SLICE = [
  [peers, 'd: '],
  [files, 'same content under two names'],
  [network, 'reset during the upload'],
  [security, '.. in templates'],
] as const;

describe.each(SLICE)('$0.name', (suite, part) => {
  it(`keeps its promise: ${part}`, async () => {
    const chosen = suite.cases.filter(({ name }) => name.includes(part));
    expect(chosen).toHaveLength(1);
    for (const one of chosen) if (one.cannot === undefined) await one.run(trialOf(1, one));
  }, 600_000);
});

// Was: nothing was tried, nothing lost, and the exit code 0.
it('a case, a suite or an option that there is not is said, and nothing counts as won', () => {
  for (const [args, says] of [
    [['--case', 'clok'], 'no case of any suite has "clok" in its name'],
    [['--suite', 'disc'], 'no suite is called "disc"'],
    [['--seeds', '1'], "Unknown option '--seeds'"],
    [['--seed', ''], '--seed takes a whole number'],
  ] as const) {
    const { status, stdout } = spawnSync(
      process.execPath,
      ['test/support/run-ts.mjs', 'test/long/torture/run.ts', ...args],
      {
        encoding: 'utf8',
      },
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: expect.stringContaining(says) as string });
    expect(stdout).toContain('usage: npm run torture');
  }
});

it('a case gets the same chance whether it runs alone or after others', () => {
  const [one, other] = peers.cases;
  if (!one || !other) throw new Error('no cases');
  const first = trialOf(7, other).random.next();
  trialOf(7, one).random.next();
  expect(trialOf(7, other).random.next()).toBe(first);
  expect(trialOf(8, other).random.next()).not.toBe(first);
  expect(trialOf(7, one).random.next()).not.toBe(first);
});

describe('the search for tokens that every box goes through', () => {
  it('finds one in a file deep in the state, and lets identity.json have it', async () => {
    const box = new Box({});
    const token = 'nmv_usr_planted-in-a-core';
    everyToken.add(token);
    mkdirSync(join(box.state, 'work/job'), { recursive: true });
    writeFileSync(join(box.state, 'identity.json'), token);
    mustHoldNoSecret(box.dir);
    writeFileSync(join(box.state, 'work/job/core'), Buffer.from(`\0\xff ${token}\0`, 'latin1'));
    await expect(box.dispose()).rejects.toThrow('a token stands in');
    rmSync(box.dir, { recursive: true });
  });
});
