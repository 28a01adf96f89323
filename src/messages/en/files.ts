import { formatBytes } from '../../core/units.ts';

/** `doing` is what was being done, as in "while …". */
interface On {
  path: string;
}

export const FILES_EN = {
  /** `said` is the system's own name for the error. */
  'files.failed': ({ doing, said, errno }: { doing: string; said: string; errno: string }) =>
    `${doing}: ${said}${errno === '' ? '' : ` (${errno})`}`,
  'files.hint-no-space':
    'Free some space. If `df -h` shows some, it is files that are too many (`df -i`): delete a few. shrinkbox then continues by itself.',
  'files.hint-quota': 'Free some space, or raise the quota; shrinkbox then continues by itself.',
  'files.hint-leased': 'Another program holds a lease on the file; shrinkbox continues by itself when it lets go.',
  'files.hint-being-run': 'The file is being run as a program; shrinkbox continues by itself when that has ended.',
  'files.hint-read-only':
    'That file system is mounted read-only, which the kernel also does after errors ("dmesg" tells). Check the disk, and mount it writable.',
  'files.hint-stale':
    'The server no longer knows what was open there. Check the share, or mount it again; shrinkbox continues by itself when it is back.',
  'files.hint-append-only':
    'Names can be added there and not taken away. "lsattr -d" on the folder shows an "a" or "i" if that is why: "chattr -a -i" removes it. On a share, allow it for the user shrinkbox runs as.',
  'files.hint-denied':
    'Check the permissions of that path for the user shrinkbox runs as ("shrinkbox doctor" tests every folder).',
  'files.hint-unavailable': 'Check that the disk or share is mounted; shrinkbox continues by itself when it is back.',
  'files.hint-bad-name': 'Rename the file to a shorter, plain name.',

  'files.working': 'working on the file',
  'files.identifying': ({ path }: On) => `checking ${path}`,
  'files.opening': ({ path }: On) => `opening ${path}`,
  'files.creating': ({ path }: On) => `creating ${path}`,
  'files.reading': ({ path }: On) => `reading ${path}`,
  'files.writing': ({ path }: On) => `writing ${path}`,
  'files.dating': ({ path }: On) => `setting the date of ${path}`,
  'files.copying-attributes': 'copying access lists and attributes',
  'files.syncing': ({ path }: On) => `syncing ${path}`,
  'files.closing': ({ path }: On) => `closing ${path}`,
  'files.measuring': ({ path }: On) => `checking the free space of ${path}`,

  'files.not-a-name': ({ path, name }: On & { name: string }) => `${JSON.stringify(name)} is not a name in ${path}`,
  'files.is-link': ({ path }: On) => `${path} is a link; links are not followed there`,
  'files.is-folder': ({ path }: On) => `${path} is a folder`,
  'files.is-pipe': ({ path }: On) => `${path} is a named pipe, not a file`,
  'files.is-socket': ({ path }: On) => `${path} is a socket, not a file`,
  'files.is-device': ({ path }: On) => `${path} is a device, not a file`,
  'files.not-the-same-file': ({ path }: On) => `${path} is no longer the file it was`,
  'files.folder-exchanged': ({ path }: On) => `${path} is no longer the folder that was opened`,

  'files.copy-stopped': 'stopped while copying',
  'files.copy-changed': ({ path, before, after }: { path: string; before: number; after: number }) =>
    `${path} changed while it was being copied: ${before} bytes at first, ${after} at the end`,
  'files.truncated': ({ path }: On) => `${path} became shorter while it was being read`,

  'files.not-enough-space': ({ path, needed, missing }: { path: string; needed: number; missing: number }) =>
    `${path} needs ${formatBytes(needed)} of free space and is ${formatBytes(missing)} short`,
  'files.not-enough-space-hint': 'Free some space there, or lower limits.min_free; shrinkbox then continues by itself.',
  'files.no-more-files': ({ folder }: { folder: string }) =>
    `${folder} has no room for more files, though it may have free bytes`,
  'files.no-more-files-hint':
    'Remove some files there ("df -i" shows how many fit); shrinkbox then continues by itself.',
  'files.not-a-folder': ({ path }: On) => `${path} is not a folder`,
  'files.not-a-folder-hint': 'Move or rename what is there, and create the folder; shrinkbox then continues by itself.',
  'files.missing-folder': ({ path }: On) => `${path} is missing`,
  'files.missing-folder-hint': 'Mount the disk or share, or create the folder; shrinkbox then continues by itself.',

  'files.mount-silent': ({ path }: On) => `${path} does not answer`,
  'files.mount-silent-hint':
    'Check the server or process behind that mount; shrinkbox continues by itself when it answers.',
  'files.mount-crowded': ({ path }: On) => `${path} cannot be used at the moment: other mounts do not answer`,
  'files.mount-crowded-hint': ({ shares }: { shares: number }) =>
    `Check the servers behind those mounts. ${
      shares === 1 ? 'One hung share uses' : `${shares} hung shares use`
    } up the available threads; set UV_THREADPOOL_SIZE=16 in the environment of shrinkbox to allow more.`,
  'files.attributes-lost': ({ path }: On) => `the owner, the access rights or the attributes of ${path} cannot be kept`,
  'files.attributes-lost-hint':
    'Run shrinkbox as the owner of the files, or as root, on a system with cp of GNU coreutils.',
};
