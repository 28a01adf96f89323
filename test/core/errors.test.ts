import { describe, expect, it } from 'vitest';
import {
  type Advice,
  backoffMs,
  type ErrorCode,
  type Policy,
  policyFor,
  policyOfReason,
} from '../../src/core/errors.ts';

type Flag = { [K in keyof Policy]: Policy[K] extends boolean ? K : never }[keyof Policy];
const FLAGS: readonly Flag[] = [
  'heldInCloud',
  'endsWithSuccessOfOthers',
  'localCanHelp',
  'keepsProgress',
  'retriesDisposal',
  'retriedInOneShot',
  'endsTheSame',
];

/** The whole table by hand: what is done, HTTP status, exit code, and the flags that are set. A new code does not compile without a row. */
const GOLDEN: Record<ErrorCode, [advice: Advice, httpStatus: number, exitCode: number, ...flags: Flag[]]> = {
  gone: [{ kind: 'superseded' }, 404, 1],
  'changed-underneath': [{ kind: 'superseded' }, 500, 1],
  'no-space': [{ kind: 'wait', firstMs: 30_000, maxMs: 300_000 }, 500, 1, 'keepsProgress', 'retriesDisposal'],
  denied: [{ kind: 'hold' }, 500, 1, 'keepsProgress'],
  unavailable: [{ kind: 'wait', firstMs: 10_000, maxMs: 300_000 }, 503, 1, 'keepsProgress', 'retriesDisposal'],
  io: [{ kind: 'wait', firstMs: 60_000, maxMs: 1_800_000 }, 500, 1, 'retriesDisposal'],
  'bad-name': [{ kind: 'fail' }, 400, 1, 'endsTheSame'],
  'tool-missing': [{ kind: 'wait', firstMs: 30_000, maxMs: 900_000 }, 500, 13],
  'child-failed': [{ kind: 'fail' }, 500, 1],
  'child-killed': [{ kind: 'retry', times: 2, firstMs: 5_000 }, 500, 1, 'retriedInOneShot'],
  'child-stalled': [{ kind: 'retry', times: 1, firstMs: 5_000 }, 500, 1, 'retriedInOneShot'],
  'timed-out': [{ kind: 'retry', times: 1, firstMs: 30_000 }, 408, 1, 'localCanHelp', 'retriedInOneShot'],
  'out-of-memory': [{ kind: 'retry', times: 2, firstMs: 30_000 }, 500, 1],
  cancelled: [{ kind: 'cancel' }, 409, 130],
  'not-media': [{ kind: 'fail' }, 500, 1, 'endsTheSame'],
  'no-video': [{ kind: 'fail' }, 500, 1, 'endsTheSame'],
  'unsafe-media': [{ kind: 'fail' }, 500, 1, 'endsTheSame'],
  'incomplete-media': [{ kind: 'fail' }, 500, 1, 'endsTheSame'],
  'cannot-do': [{ kind: 'hold' }, 500, 1, 'endsTheSame'],
  'cannot-fit': [{ kind: 'hold' }, 500, 1, 'localCanHelp', 'endsTheSame'],
  'verify-failed': [
    { kind: 'retry', times: 1, firstMs: 5_000 },
    500,
    1,
    'heldInCloud',
    'localCanHelp',
    'retriedInOneShot',
  ],
  unreachable: [{ kind: 'wait', firstMs: 30_000, maxMs: 900_000 }, 500, 1, 'endsWithSuccessOfOthers'],
  'rate-limited': [{ kind: 'wait', firstMs: 30_000, maxMs: 900_000 }, 500, 1, 'endsWithSuccessOfOthers'],
  'auth-expired': [{ kind: 'hold' }, 500, 12, 'localCanHelp'],
  'auth-missing': [{ kind: 'hold' }, 500, 12, 'localCanHelp'],
  'session-gone': [{ kind: 'hold' }, 500, 1, 'localCanHelp'],
  'out-of-credits': [{ kind: 'pause-engine', forMs: 3_600_000 }, 500, 1, 'localCanHelp'],
  'plan-blocked': [{ kind: 'pause-engine', forMs: 3_600_000 }, 500, 1, 'localCanHelp'],
  'unsupported-file': [{ kind: 'fail' }, 500, 1, 'localCanHelp', 'endsTheSame'],
  'file-too-large': [{ kind: 'hold' }, 500, 1, 'localCanHelp', 'endsTheSame'],
  'outcome-unknown': [{ kind: 'ask' }, 500, 1],
  unconfirmed: [{ kind: 'hold' }, 500, 1],
  'still-rendering': [{ kind: 'hold' }, 500, 1],
  'render-failed': [{ kind: 'hold' }, 500, 1, 'localCanHelp'],
  'bad-answer': [{ kind: 'hold' }, 500, 1, 'localCanHelp'],
  'bad-request': [{ kind: 'fail' }, 400, 1, 'localCanHelp'],
  locked: [{ kind: 'stop' }, 500, 11],
  damaged: [{ kind: 'stop' }, 500, 14],
  'newer-version': [{ kind: 'stop' }, 500, 14],
  'journal-write': [{ kind: 'stop' }, 500, 1],
  usage: [{ kind: 'stop' }, 400, 2],
  'config-invalid': [{ kind: 'stop' }, 500, 10],
};

describe('the policy', () => {
  it.each(Object.entries(GOLDEN))('of %s', (code, [advice, httpStatus, exitCode, ...flags]) => {
    const policy = policyFor(code as ErrorCode);
    const set = Object.fromEntries(FLAGS.map(flag => [flag, flags.includes(flag)]));
    expect(policy).toEqual({ advice, httpStatus, exitCode, ...set });
    expect(policyOfReason(code)).toBe(policy);
  });

  it.each(['replaced', 'crashed', 'held', 'toString'])('is none of the reason %s', code => {
    expect(policyOfReason(code)).toBeUndefined();
  });
});

it('a wait doubles up to its limit', () => {
  const waits = [0, 1, 2, 3, 4, 99].map(n => backoffMs({ firstMs: 30, maxMs: 300 }, n));
  expect(waits).toEqual([30, 60, 120, 240, 300, 300]);
  expect(backoffMs({ firstMs: 5 }, 3)).toBe(40);
});
