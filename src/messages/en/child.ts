import { formatBytes, formatDuration } from '../../core/units.ts';

/** Every message begins with what the program was doing, as in "while …". */
interface Doing {
  doing: string;
}
type Of = Doing & { command: string };
type CannotStart = Of & { said: string };

export const CHILD_EN = {
  'child.not-found': ({ doing, command }: Of) => `${doing}: ${command} was not found or cannot be run`,
  'child.cannot-start': ({ doing, command, said }: CannotStart) => `${doing}: ${command} cannot be started: ${said}`,
  'child.cannot-start-now': ({ doing, command, said }: CannotStart) =>
    `${doing}: ${command} cannot be started at the moment: ${said}`,
  'child.cannot-start-now-hint':
    'This machine has too many open files or processes (see ulimit -n and -u), or too little memory.',
  'child.no-work-folder': ({ doing, folder }: Doing & { folder: string }) => `${doing}: ${folder} is missing`,
  'child.no-work-folder-hint':
    'Mount the disk of the state directory again, or restart shrinkbox if the directory was moved.',

  'child.stopped': ({ doing }: Doing) => `${doing}: stopped`,
  'child.timed-out': ({ doing, ms }: Doing & { ms: number }) => `${doing}: gave up after ${formatDuration(ms)}`,
  'child.stalled': ({ doing, ms }: Doing & { ms: number }) => `${doing}: no progress for ${formatDuration(ms)}`,
  'child.too-much-output': ({ doing, bytes }: Doing & { bytes: number }) =>
    `${doing}: it printed more than ${formatBytes(bytes)}`,

  'child.disk-full': ({ doing }: Doing) => `${doing}: the disk is full`,
  'child.disk-full-hint': 'Free some space on the disk of state_dir; shrinkbox then continues by itself.',
  'child.out-of-memory': ({ doing }: Doing) => `${doing}: there was not enough memory`,
  'child.killed-outside': ({ doing }: Doing) => `${doing}: it was killed from outside, usually because memory ran out`,
  'child.cpu-limit': ({ doing }: Doing) => `${doing}: it used more processor time than it is allowed`,
  'child.file-limit': ({ doing }: Doing) => `${doing}: it wrote far more than the source can contain`,
  'child.file-limit-hint': 'The file claims to be much longer than it is; copy or export it again.',
  'child.own-file-limit': ({ doing, bytes }: Doing & { bytes: number }) =>
    `${doing}: shrinkbox may write no file larger than ${formatBytes(bytes)} here`,
  'child.own-file-limit-hint':
    'Raise that limit, "ulimit -f unlimited" in a shell or LimitFSIZE=infinity in a systemd unit, and restart shrinkbox.',
  'child.signalled': ({ doing, signal }: Doing & { signal: string }) => `${doing}: it was ended by ${signal}`,
  'child.signalled-outside': ({ doing }: Doing) => `${doing}: it was ended by a signal from outside`,
  'child.failed': ({ doing, said }: Doing & { said: string }) => `${doing}: ${said}`,
  'child.flock-missing': 'the program flock is missing, which keeps two daemons apart',
  'child.flock-missing-hint': 'Install util-linux, or a busybox with flock.',
  'child.flock-failed': ({ said }: { said: string }) => `flock failed: ${said}`,
  'child.exit-code': ({ doing, exit }: Doing & { exit: number }) => `${doing}: exit code ${exit}`,
};
