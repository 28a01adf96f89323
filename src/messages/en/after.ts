import { formatDuration } from '../../core/units.ts';

/** About the commands of `after`. */
export const AFTER_EN = {
  'after.running': 'running a command',
  'after.failed': ({ command, why }: { command: string; why: string }) => `the command ${command} failed: ${why}`,
  'after.not-found': 'there is no such program',
  'after.exit-code': ({ exit }: { exit: number }) => `it ended with exit code ${exit}; the log has what it said`,
  'after.signalled': ({ signal }: { signal: string }) => `it was ended by ${signal}; the log has what it said`,
  'after.too-slow': ({ ms }: { ms: number }) =>
    `it took longer than ${formatDuration(ms)} and was ended; see "timeout" under "after"`,
  'after.interrupted': 'shrinkbox was stopped while it ran; it is not run again',
};
