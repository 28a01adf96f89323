/** What a torture suite is made of. A case throws when a promise was broken; what it returns is printed beside its name. */
import type { Random } from './random.ts';

export interface Case {
  /** What is done to shrinkbox, in a few words; unique in its suite. */
  name: string;
  /** Promises it watches over: numbers of the test cases in the README's table, or of design.md section 1. */
  keeps?: string;
  /** Set on machines that cannot do it (not root, a tool missing): printed, never silently passed over. */
  cannot?: string;
  /** Resolves with what was observed, for the report. */
  run(): Promise<string | void>;
}

export interface Suite {
  name: string;
  about: string;
  /** Cases in the order they run. All chance comes from `random`, so that a seed repeats the run. */
  cases(random: Random): Case[] | Promise<Case[]>;
}
