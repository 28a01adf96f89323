/** Exit codes: the one table behind `process.exit` and `--help`; the README repeats it. */
import { policyFor, ShrinkError } from '../../core/errors.ts';

export const EXIT = {
  fine: 0,
  unexpected: 1,
  usage: 2,
  unfinished: 3,
  config: 10,
  locked: 11,
  credentials: 12,
  tool: 13,
  damaged: 14,
  interrupted: 130,
} as const;

/** What each code means, in the order of `--help`. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.fine, 'fine'],
  [EXIT.unexpected, 'it did not work (a disk, a network, no daemon running), or a bug, which says so'],
  [EXIT.usage, 'the command line is wrong, or names a job or file that does not exist'],
  [
    EXIT.unfinished,
    'finished, but a job failed or is held (run --once, compress), some of several files or ids could not be used, or doctor found a problem',
  ],
  [EXIT.config, 'the configuration is invalid'],
  [EXIT.locked, 'another shrinkbox uses the state directory or watches one of the inboxes'],
  [EXIT.credentials, 'credentials are missing or were refused'],
  [EXIT.tool, 'ffmpeg is missing or unusable'],
  [EXIT.damaged, 'the journal is damaged beyond its last record'],
  [EXIT.interrupted, 'interrupted (Ctrl-C)'],
];

/** The exit code when a command threw `error`. */
export function exitCodeFor(error: unknown): number {
  return error instanceof ShrinkError ? policyFor(error.code).exitCode : EXIT.unexpected;
}
