/** What a torture suite is made of. A case throws when a promise was broken; what it returns is printed beside its name. */
import { crc32 } from 'node:zlib';
import { type Random, randomFrom } from './random.ts';

/** What a case is given for one run. */
export interface Trial {
  /** All its chance comes from here. */
  random: Random;
  /** Tells whoever waits how far it is; said now and then, not every time. */
  progress(done: number, of: number): void;
}

export interface Case {
  /** What is done to shrinkbox, in a few words; unique in its suite. */
  name: string;
  /** Promises it watches over: numbers of the test cases in the README's table, or of design.md section 1. */
  keeps?: string;
  /** Set on machines that cannot do it (not root, a tool missing): printed, never silently passed over. */
  cannot?: string;
  /** Resolves with what was observed, for the report. */
  run(trial: Trial): Promise<string | void>;
}

export interface Suite {
  name: string;
  about: string;
  /** In the order they run. */
  cases: readonly Case[];
}

/** What a case gets under a seed: the same whether it runs alone or after others. */
export function trialOf(seed: number, { name }: Case, progress: Trial['progress'] = () => {}): Trial {
  return { random: randomFrom(seed ^ crc32(name)), progress };
}
