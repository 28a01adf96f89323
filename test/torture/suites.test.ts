import { describe, expect, it } from 'vitest';
import { randomFrom } from './random.ts';
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
    const cases = await suite.cases(randomFrom(1));
    const chosen = cases.filter(({ name }) => name.includes(part));
    expect(chosen).toHaveLength(1);
    for (const one of chosen) if (one.cannot === undefined) await one.run();
  }, 600_000);
});
